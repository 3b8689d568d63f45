import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeJson } from '../../../src/cli/commands/receive.js';
import { fitToSize, parseHeaders } from '../../../src/cli/commands/send.js';
import { Receiver } from '../../../src/cli/stomp/receiver.js';
import { ReconnectingClient } from '../../../src/cli/stomp/reconnecting-client.js';
import { Sender } from '../../../src/cli/stomp/sender.js';
import type { SendRequest } from '../../../src/client/stomp-client.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { NodeNetwork } from '../../../src/platform/node/network.js';
import { agree, ScriptedBroker } from './scripted-broker.js';

function connectionTo(broker: ScriptedBroker, troubles: string[] = [], retryMs = 5_000) {
  return new ReconnectingClient({
    servers: [{ host: '127.0.0.1', port: broker.port }],
    client: {
      network: new NodeNetwork((error) => assert.fail(error)),
      clock: nodeClock,
      connectTimeoutMs: 1_000,
      heartbeatMs: 0,
    },
    retryMs,
    onTrouble: (sentence) => troubles.push(sentence),
  });
}

async function* requests(...bodies: string[]): AsyncGenerator<SendRequest> {
  for (const body of bodies) {
    yield { destination: '/queue/q', body, headers: {} };
  }
}

function bodiesSent(broker: ScriptedBroker): string[] {
  return broker.frames.filter(({ command }) => command === 'SEND').map(({ body }) => body);
}

test('send ends when every message is confirmed, and counts them', async () => {
  const broker = await ScriptedBroker.start(agree);
  assert.equal(await new Sender(connectionTo(broker)).sendAll(requests('1', '2', '3')), 3);
  assert.deepEqual(bodiesSent(broker), ['1', '2', '3']);
  await broker.stop();
});

test('send repeats in order what a lost connection left unconfirmed, and nothing else', async () => {
  const broker = await ScriptedBroker.start((frame, socket, connection) => {
    if (connection === 1 && frame.body === '2') {
      return;
    }
    if (connection === 1 && frame.body === '3') {
      socket.end();
      return;
    }
    agree(frame, socket);
  });
  const troubles: string[] = [];
  const sender = new Sender(connectionTo(broker, troubles));
  assert.equal(await sender.sendAll(requests('1', '2', '3')), 3);
  assert.deepEqual(bodiesSent(broker), ['1', '2', '3', '2', '3']);
  assert.deepEqual(troubles, [
    `The connection to 127.0.0.1:${broker.port} is closed. Connecting again.`,
  ]);
  await broker.stop();
});

test('send does not repeat what the broker refused', async () => {
  const broker = await ScriptedBroker.start((frame, socket) => {
    if (frame.command === 'SEND') {
      socket.end('ERROR\nmessage:no\n\nThe destination is wrong.\n\0');
      return;
    }
    agree(frame, socket);
  });
  await assert.rejects(new Sender(connectionTo(broker)).sendAll(requests('1')), {
    code: 'CLIENT_FAILED',
    message: `The broker at 127.0.0.1:${broker.port} answered with an error: The destination is wrong.`,
  });
  assert.deepEqual(bodiesSent(broker), ['1']);
  await broker.stop();
});

test('a broker that refuses the first connection is tried again until it takes it', async () => {
  const broker = await ScriptedBroker.start((frame, socket, connection) => {
    if (connection === 1) {
      socket.end('ERROR\nmessage:nobody is live\n\n\0');
      return;
    }
    agree(frame, socket);
  });
  assert.equal(await new Sender(connectionTo(broker)).sendAll(requests('1')), 1);
  await broker.stop();
});

test('connecting is given up when the time for it is over', async () => {
  const broker = await ScriptedBroker.start(agree);
  const connection = connectionTo(broker, [], 150);
  const { port } = broker;
  await broker.stop();
  await assert.rejects(connection.connect(), {
    code: 'CLIENT_FAILED',
    message: new RegExp(`^Cannot connect to 127\\.0\\.0\\.1:${port} \\(ECONNREFUSED\\)`),
  });
});

test('receive ends after its count and acknowledges exactly what it handed over', async () => {
  const broker = await ScriptedBroker.start((frame, socket) => {
    agree(frame, socket);
    if (frame.command === 'SUBSCRIBE') {
      for (const number of [1, 2, 3]) {
        socket.write(message(number));
      }
    }
  });
  const texts: string[] = [];
  const receiver = new Receiver({
    connection: connectionTo(broker),
    destination: '/queue/q',
    ack: 'client-individual',
    count: 2,
    timeoutMs: 5_000,
    onMessage: (received, done) => {
      texts.push(received.text());
      done();
    },
  });
  assert.equal(await receiver.receiveAll(), 2);
  assert.deepEqual(texts, ['text 1', 'text 2']);
  const acknowledged = broker.frames.filter(({ command }) => command === 'ACK');
  assert.deepEqual(
    acknowledged.map(({ headers }) => headers.get('id')),
    ['ack-1', 'ack-2'],
  );
  const subscribe = broker.frames.find(({ command }) => command === 'SUBSCRIBE');
  assert.equal(subscribe?.headers.get('prefetch-count'), '2');
  await broker.stop();
});

test('receive ends only when all that it took was done and is acknowledged', async () => {
  const broker = await ScriptedBroker.start((frame, socket) => {
    agree(frame, socket);
    if (frame.command === 'SUBSCRIBE') {
      for (const number of [1, 2]) socket.write(message(number));
    }
  });
  const taken: (() => void)[] = [];
  const receiver = new Receiver({
    connection: connectionTo(broker),
    destination: '/queue/q',
    ack: 'client-individual',
    count: 2,
    timeoutMs: 5_000,
    onMessage: (_message, done) => {
      if (taken.push(done) < 2) return;
      receiver.stop();
      setImmediate(() => {
        for (const each of taken) each();
      });
    },
  });
  assert.equal(await receiver.receiveAll(), 2);
  const commands = broker.frames.map(({ command }) => command);
  assert.deepEqual(commands.slice(-3), ['ACK', 'ACK', 'DISCONNECT']);
  await broker.stop();
});

test('receive does not acknowledge on a connection that was lost meanwhile, and goes on', async () => {
  const broker = await ScriptedBroker.start((frame, socket, connection) => {
    agree(frame, socket);
    if (frame.command !== 'SUBSCRIBE') return;
    socket.write(message(connection));
    if (connection === 1) socket.end();
  });
  const texts: string[] = [];
  let finishFirst = (): void => assert.fail('the second message came first');
  const receiver = new Receiver({
    connection: connectionTo(broker),
    destination: '/queue/q',
    ack: 'client-individual',
    count: 2,
    timeoutMs: 5_000,
    onMessage: (received, done) => {
      if (texts.push(received.text()) === 1) {
        finishFirst = done;
        return;
      }
      finishFirst();
      done();
    },
  });
  assert.equal(await receiver.receiveAll(), 2);
  assert.deepEqual(texts, ['text 1', 'text 2']);
  const acknowledged = broker.frames.filter(({ command }) => command === 'ACK');
  assert.deepEqual(
    acknowledged.map(({ headers }) => headers.get('id')),
    ['ack-2'],
  );
  await broker.stop();
});

test('receive that is stopped while nobody takes its connection ends at once', async () => {
  const broker = await ScriptedBroker.start(agree);
  const troubles: string[] = [];
  const anHourMs = 3_600_000;
  const connection = connectionTo(broker, troubles, anHourMs);
  await broker.stop();
  const receiver = new Receiver({
    connection,
    destination: '/queue/q',
    ack: 'client-individual',
    count: 1,
    timeoutMs: Number.POSITIVE_INFINITY,
    onMessage: () => assert.fail('there is no message'),
  });
  const received = receiver.receiveAll();
  receiver.stop();
  assert.equal(await received, 0);
});

test('receive subscribes again after a lost connection', async () => {
  const broker = await ScriptedBroker.start((frame, socket, connection) => {
    agree(frame, socket);
    if (frame.command === 'SUBSCRIBE') {
      socket.write(message(connection));
    }
    if (frame.command === 'ACK' && connection === 1) {
      socket.end();
    }
  });
  const texts: string[] = [];
  const receiver = new Receiver({
    connection: connectionTo(broker),
    destination: '/queue/q',
    ack: 'client-individual',
    count: 2,
    timeoutMs: 5_000,
    onMessage: (received, done) => {
      texts.push(received.text());
      done();
    },
  });
  assert.equal(await receiver.receiveAll(), 2);
  assert.deepEqual(texts, ['text 1', 'text 2']);
  await broker.stop();
});

test('receive gives up when nothing comes for its timeout', async () => {
  const broker = await ScriptedBroker.start(agree);
  const receiver = new Receiver({
    connection: connectionTo(broker),
    destination: '/queue/q',
    ack: 'auto',
    count: 1,
    timeoutMs: 50,
    onMessage: () => assert.fail('there is no message'),
  });
  await assert.rejects(receiver.receiveAll(), {
    code: 'CLIENT_FAILED',
    message: 'No message came from /queue/q within 0.05 s.',
  });
  await broker.stop();
});

function message(number: number): string {
  const headers = `subscription:1\nmessage-id:${number}\ndestination:/queue/q\nack:ack-${number}`;
  return `MESSAGE\n${headers}\n\ntext ${number}\0`;
}

test('headers are given as NAME=VALUE, and a value may hold anything', () => {
  assert.deepEqual(parseHeaders(['a=1', 'b=x=y', 'c='], false), { a: '1', b: 'x=y', c: '' });
  assert.deepEqual(parseHeaders([], true), { persistent: 'false' });
  for (const line of ['a', '=1', '']) {
    assert.throws(() => parseHeaders([line], false), {
      code: 'CONFIG_INVALID',
      message: `--header must be NAME=VALUE, but is "${line}".`,
    });
  }
});

test('a message of a given size is cut or filled up', () => {
  const body = new TextEncoder().encode('hello');
  assert.equal(new TextDecoder().decode(fitToSize(body, 2)), 'he');
  assert.equal(new TextDecoder().decode(fitToSize(body, 7)), 'helloxx');
});

test('a body that is not text is printed as base64', () => {
  const headers = () => new Map([['destination', '/queue/q']]);
  const json = (body: Uint8Array): unknown => JSON.parse(writeJson({ headers, body }));
  assert.deepEqual(json(new TextEncoder().encode('grün')), {
    headers: { destination: '/queue/q' },
    body: 'grün',
  });
  assert.deepEqual(json(Uint8Array.of(0xff, 0)), {
    headers: { destination: '/queue/q' },
    bodyBase64: '/wA=',
  });
});
