import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { connectStomp, type StompClient } from '../../../src/client/stomp-client.js';
import { parseStompUrl } from '../../../src/client/stomp-url.js';
import { HoldfastError } from '../../../src/platform/errors.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { NodeNetwork } from '../../../src/platform/node/network.js';
import type { HostPort, Listener } from '../../../src/platform/ports.js';
import { StompSession } from '../../../src/protocols/stomp/session.js';
import { refusal, ScriptedBroker } from '../protocols/shared/scripted-broker.js';
import { STOMP_CONFIG } from '../protocols/stomp/connection.js';

const network = new NodeNetwork((error) => {
  throw error;
});
const LOCAL: HostPort = { host: '127.0.0.1', port: 0 };
const OPTIONS = { network, clock: nodeClock, connectTimeoutMs: 2_000, heartbeatMs: 0 };

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** A real listener whose sessions all belong to one scripted broker. */
async function serve(broker: ScriptedBroker): Promise<Listener> {
  const listener = await network.listen(LOCAL, (socket) => {
    new StompSession({
      socket,
      broker,
      clock: nodeClock,
      config: STOMP_CONFIG,
      serverName: 'holdfast/0.1.0',
      sessionId: 's',
      nodeName: 'a',
      convert: (message) => message,
      onClosed: () => undefined,
    });
    opened.push({ close: () => socket.destroy() });
  });
  opened.push(listener);
  return listener;
}

function confirmingBroker(): ScriptedBroker {
  const broker = new ScriptedBroker();
  broker.confirmsByItself = true;
  return broker;
}

async function connect(listener: Listener): Promise<StompClient> {
  const client = await connectStomp([listener.address], OPTIONS);
  opened.push({ close: () => client.destroy() });
  return client;
}

describe('StompClient', () => {
  it('sends, subscribes, receives, acknowledges and disconnects', async () => {
    const broker = confirmingBroker();
    const client = await connect(await serve(broker));
    await client.send({ destination: '/queue/a', body: 'hi', headers: { 'x:y': 'z\n' } });
    const message = await new Promise<string>((resolve, reject) => {
      client
        .subscribe({
          destination: '/queue/a',
          ack: 'client-individual',
          onMessage: (received) => {
            client.acknowledgeConfirmed(received).then(() => {
              resolve(`${received.header('x:y')} ${received.text()} ${received.messageId}`);
            }, reject);
          },
        })
        .then(() => broker.deliver(0, { headers: 'x\\cy:z\\n\n' }), reject);
    });
    assert.equal(message, 'z\n hello 7');
    client.begin('t');
    client.sendUnconfirmed({ destination: '/queue/a', body: 'x', transaction: 't' });
    await client.commit('t');
    await client.disconnect();
    assert.equal(await client.closed, null);
    assert.deepEqual(broker.takeCalls().slice(0, 8), [
      'send queue a in null (confirm)',
      'subscribe queue a ack 2 prefetch 0 (confirm)',
      'ack 0 7 in null (confirm)',
      'begin t',
      'send queue a in t',
      'commit t (confirm)',
      'barrier (confirm)',
      'close',
    ]);
  });

  it('connects to the first server that answers', async () => {
    const listener = await serve(confirmingBroker());
    const gone = await network.listen(LOCAL, () => undefined);
    await gone.close();
    const client = await connectStomp([gone.address, listener.address], OPTIONS);
    opened.push({ close: () => client.destroy() });
    assert.deepEqual(client.server, listener.address);
  });

  it('says which server did not answer', async () => {
    const gone = await network.listen(LOCAL, () => undefined);
    await gone.close();
    await assert.rejects(connectStomp([gone.address], OPTIONS), {
      code: 'CLIENT_FAILED',
      message: new RegExp(`^Cannot connect to 127.0.0.1:${gone.address.port} \\(ECONNREFUSED\\)`),
    });
  });

  it('says of each server why it does not serve, and ends as the one that said so itself', async () => {
    const gone = await network.listen(LOCAL, () => undefined);
    await gone.close();
    const broker = new ScriptedBroker();
    broker.refuses.set('open', new HoldfastError('ACCESS_DENIED', 'Not with that password.'));
    const refusing = await serve(broker);
    const mute = await network.listen(LOCAL, (socket) => {
      opened.push({ close: () => socket.destroy() });
    });
    opened.push(mute);
    const options = { ...OPTIONS, connectTimeoutMs: 100 };
    for (const servers of [
      [refusing.address, mute.address, gone.address],
      [mute.address, gone.address, refusing.address],
    ]) {
      await assert.rejects(connectStomp(servers, options), (error: HoldfastError) => {
        assert.equal(error.code, 'ACCESS_DENIED');
        assert.match(error.message, /Not with that password\./);
        assert.match(error.message, new RegExp(`Cannot connect to .*:${gone.address.port}`));
        assert.match(error.message, /did not answer CONNECT within 100 ms\. /);
        return true;
      });
    }
  });

  it('does not wait for ever for a server that accepts and says nothing', async () => {
    const mute = await network.listen(LOCAL, (socket) => {
      opened.push({ close: () => socket.destroy() });
    });
    opened.push(mute);
    await assert.rejects(connectStomp([mute.address], { ...OPTIONS, connectTimeoutMs: 100 }), {
      message: /did not answer CONNECT within 100 ms/,
    });
  });

  it('passes on what the broker answers with ERROR, and rejects what was not confirmed', async () => {
    const broker = new ScriptedBroker();
    broker.refuses.set('commit', refusal('Transaction t is not open.'));
    const client = await connect(await serve(broker));
    const sent = client.send({ destination: '/queue/a', body: 'x' });
    const committed = client.commit('t');
    const outcomes = await Promise.allSettled([sent, committed]);
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'rejected');
      assert.match(String(outcome.reason), /answered with an error: Transaction t is not open\./);
    }
    assert.ok((await client.closed) instanceof HoldfastError);
  });

  it('rejects what was not confirmed when the connection breaks', async () => {
    const client = await connect(await serve(new ScriptedBroker()));
    const sent = client.send({ destination: '/queue/a', body: 'x' });
    client.destroy();
    await assert.rejects(sent, { code: 'CLIENT_FAILED' });
    await assert.rejects(client.send({ destination: '/queue/a', body: 'x' }), {
      code: 'CLIENT_FAILED',
    });
  });
});

describe('NodeNetwork', () => {
  it('says who holds an address and how to go on', async () => {
    const listener = await network.listen(LOCAL, () => undefined);
    opened.push(listener);
    await assert.rejects(
      network.listen(listener.address, () => undefined),
      {
        code: 'ADDRESS_IN_USE',
        message: new RegExp(
          `^Cannot listen on 127.0.0.1:${listener.address.port}\\. Another program`,
        ),
      },
    );
  });

  it('frees the port with close although connections stay', async () => {
    const listener = await network.listen(LOCAL, (socket) => {
      opened.push({ close: () => socket.destroy() });
    });
    const socket = await network.connect(listener.address, 1_000);
    opened.push({ close: () => socket.destroy() });
    await listener.close();
    opened.push(await network.listen(listener.address, () => undefined));
  });

  it('counts what the other side does not read, and says when it is gone', async () => {
    const listener = await network.listen(LOCAL, (socket) => {
      socket.receive({
        onData: () => undefined,
        onDrain: () => undefined,
        onClose: () => undefined,
      });
      socket.pauseReading();
      opened.push({ close: () => socket.destroy() });
      setImmediate(() => socket.resumeReading());
    });
    opened.push(listener);
    const socket = await network.connect(listener.address, 1_000);
    opened.push({ close: () => socket.destroy() });
    await new Promise<void>((resolve) => {
      socket.receive({ onData: () => undefined, onDrain: resolve, onClose: () => undefined });
      socket.write(new Uint8Array(32 * 1024 * 1024));
      assert.ok(socket.bufferedBytes > 0);
    });
    assert.equal(socket.bufferedBytes, 0);
  });
});

describe('parseStompUrl', () => {
  for (const [url, host, port] of [
    ['stomp://127.0.0.1:61614', '127.0.0.1', 61614],
    ['stomp://broker', 'broker', 61613],
    ['stomp+ssl://broker', 'broker', 61612],
    ['stomp+ssl://broker:1', 'broker', 1],
    ['stomp://[::1]:1', '::1', 1],
  ] as const) {
    it(`reads ${url}`, () => assert.deepEqual(parseStompUrl(url), { host, port }));
  }

  for (const url of ['tcp://a:1', 'stomp://', 'stomp://a:0', 'stomp://a:70000', 'a:61613']) {
    it(`refuses ${url}`, () => assert.throws(() => parseStompUrl(url), { code: 'CONFIG_INVALID' }));
  }
});
