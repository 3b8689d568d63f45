import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONDITION } from '../../../../src/protocols/amqp/amqp-error.js';
import { PROTOCOL_ID } from '../../../../src/protocols/amqp/frame-decoder.js';
import {
  ACCEPTED_STATE,
  BEGIN,
  CLOSE,
  END,
  FLOW,
  OPEN,
  SASL_INIT,
  SASL_RESPONSE,
  TRANSFER,
} from '../../../../src/protocols/amqp/performatives.js';
import { errorOf, frameBytes } from '../../../support/amqp-frames.js';
import { endOfMicrotasks, KnownUser } from '../shared/known-user.js';
import { begin, begun, Peer } from './peer.js';

function plain(peer: Peer, text: string): void {
  peer.send(0, SASL_INIT, { mechanism: 'PLAIN', initialResponse: Buffer.from(text) }, undefined, 1);
}

describe('opening an AMQP connection', () => {
  it('agrees on frames, channels and idle times', () => {
    const peer = new Peer();
    peer.protocol(PROTOCOL_ID.amqp);
    peer.send(0, OPEN, { containerId: 'me', maxFrameSize: 100_000 });
    const [open] = peer.answers();
    assert.deepEqual(peer.protocols, [PROTOCOL_ID.amqp]);
    const { containerId, maxFrameSize, channelMax, idleTimeOut } = open?.fields ?? {};
    assert.deepEqual([containerId, maxFrameSize, channelMax, idleTimeOut], ['a', 4_096, 3, 1_000]);
  });

  for (const mechanism of ['ANONYMOUS', 'PLAIN']) {
    it(`lets a client in with SASL ${mechanism}`, () => {
      const peer = new Peer();
      peer.protocol(PROTOCOL_ID.sasl);
      const initialResponse = mechanism === 'PLAIN' ? Buffer.from('\0me\0secret') : null;
      peer.send(0, SASL_INIT, { mechanism, initialResponse }, undefined, 1);
      peer.protocol(PROTOCOL_ID.amqp);
      peer.send(0, OPEN, { containerId: 'me' });
      assert.deepEqual(peer.answerNames(), ['sasl-mechanisms', 'sasl-outcome', 'open']);
      assert.deepEqual(peer.protocols, [PROTOCOL_ID.sasl, PROTOCOL_ID.amqp]);
    });
  }

  it('asks for the password when it has to, and closes after a wrong one', async () => {
    const authentication = new KnownUser('me', 'secret');
    const wrong = new Peer({ authentication });
    wrong.protocol(PROTOCOL_ID.sasl);
    plain(wrong, '\0me\0guess');
    const [mechanisms] = wrong.answers();
    assert.deepEqual(mechanisms?.fields.saslServerMechanisms, ['PLAIN']);
    await endOfMicrotasks();
    assert.equal(wrong.answers()[0]?.fields.code, 1);
    assert.ok(wrong.socket.ended);
    const without = new Peer({ authentication });
    without.protocol(PROTOCOL_ID.amqp);
    without.answers();
    assert.deepEqual(without.protocols, [PROTOCOL_ID.sasl], 'what it should have begun with');
    assert.ok(without.socket.ended);
  });

  it('reads nothing more until it knows who the client is', async () => {
    const authentication = new KnownUser('me', 'secret');
    const peer = new Peer({ authentication });
    authentication.broker = peer.broker;
    peer.protocol(PROTOCOL_ID.sasl);
    plain(peer, '\0me\0secret');
    peer.protocol(PROTOCOL_ID.amqp);
    peer.send(0, OPEN, { containerId: 'me' });
    assert.deepEqual(peer.answerNames(), ['sasl-mechanisms']);
    assert.ok(peer.socket.paused);
    await endOfMicrotasks();
    assert.deepEqual(peer.answerNames(), ['sasl-outcome', 'open']);
    assert.ok(!peer.socket.paused);
  });

  it('lets nobody be anonymous, or act for another, where there are users', () => {
    for (const [mechanism, text] of [
      ['ANONYMOUS', ''],
      ['PLAIN', 'other\0me\0secret'],
    ] as const) {
      const peer = new Peer({ authentication: new KnownUser('me', 'secret') });
      peer.protocol(PROTOCOL_ID.sasl);
      const initialResponse = Buffer.from(text);
      peer.send(0, SASL_INIT, { mechanism, initialResponse }, undefined, 1);
      assert.equal(peer.answers()[1]?.fields.code, 1, mechanism);
      assert.ok(peer.socket.ended);
    }
  });

  for (const [what, commonName, initial, code] of [
    ['lets in the user in the certificate', 'me', '', 0],
    ['lets in the user in the certificate who says so', 'me', 'me', 0],
    ['refuses another identity than that of the certificate', 'me', 'you', 1],
    ['refuses the certificate of nobody', 'stranger', '', 1],
    ['refuses a certificate without a name', null, '', 1],
  ] as const) {
    it(`EXTERNAL ${what}`, async () => {
      const certificate = { subject: `CN=${commonName}`, commonName };
      const authentication = new KnownUser('me', 'secret', certificate);
      const peer = new Peer({ authentication });
      authentication.broker = peer.broker;
      peer.protocol(PROTOCOL_ID.sasl);
      const initialResponse = Buffer.from(initial);
      peer.send(0, SASL_INIT, { mechanism: 'EXTERNAL', initialResponse }, undefined, 1);
      const [offer] = peer.answers();
      const offered = commonName === 'me' ? ['EXTERNAL', 'PLAIN'] : ['PLAIN'];
      assert.deepEqual(offer?.fields.saslServerMechanisms, offered);
      await endOfMicrotasks();
      assert.equal(peer.answers()[0]?.fields.code, code);
      assert.equal(peer.socket.ended, code !== 0);
    });
  }

  it('EXTERNAL without a certificate is refused', async () => {
    const peer = new Peer({ authentication: new KnownUser('me', 'secret') });
    peer.protocol(PROTOCOL_ID.sasl);
    const initialResponse = Buffer.alloc(0);
    peer.send(0, SASL_INIT, { mechanism: 'EXTERNAL', initialResponse }, undefined, 1);
    await endOfMicrotasks();
    assert.equal(peer.answers()[1]?.fields.code, 1);
    assert.ok(peer.socket.ended);
  });

  it('EXTERNAL whose client waits to be asked is asked', async () => {
    const certificate = { subject: 'CN=me', commonName: 'me' };
    const authentication = new KnownUser('me', 'secret', certificate);
    const peer = new Peer({ authentication });
    authentication.broker = peer.broker;
    peer.protocol(PROTOCOL_ID.sasl);
    peer.send(0, SASL_INIT, { mechanism: 'EXTERNAL' }, undefined, 1);
    assert.deepEqual(peer.answerNames(), ['sasl-mechanisms', 'sasl-challenge']);
    peer.send(0, SASL_RESPONSE, { response: Buffer.alloc(0) }, undefined, 1);
    await endOfMicrotasks();
    assert.equal(peer.answers()[0]?.fields.code, 0);
  });

  it('takes no frame of AMQP in the middle of SASL', () => {
    const peer = new Peer({ authentication: new KnownUser('me', 'secret') });
    peer.protocol(PROTOCOL_ID.sasl);
    peer.send(0, OPEN, { containerId: 'sneaky' });
    assert.deepEqual(peer.answerNames(), ['sasl-mechanisms']);
    assert.ok(peer.socket.ended);
    assert.deepEqual(peer.broker.calls, []);
  });

  it('answers another protocol with its own header, and closes', () => {
    const peer = new Peer();
    peer.push(Buffer.from('GET / HTTP/1.1\r\n'));
    peer.answers();
    assert.deepEqual(peer.protocols, [PROTOCOL_ID.amqp]);
    assert.ok(peer.socket.ended);
    assert.deepEqual(peer.broker.calls, []);
  });

  it('does not wait for ever', () => {
    const peer = new Peer();
    peer.protocol(PROTOCOL_ID.amqp);
    peer.clock.advance(1_001);
    const frames = peer.answers();
    assert.match(errorOf(frames.at(-1))?.description ?? '', /openTimeoutMs/);
    assert.ok(peer.socket.ended);
  });
});

describe('an AMQP connection', () => {
  it('sends something at least as often as its client asks', () => {
    const peer = new Peer();
    peer.protocol(PROTOCOL_ID.amqp);
    peer.send(0, OPEN, { containerId: 'me', idleTimeOut: 400 });
    peer.answers();
    for (let elapsed = 0; elapsed < 1_200; elapsed += 400) {
      peer.clock.advance(400);
      assert.ok(peer.answerNames().includes('heartbeat'));
      peer.push(frameBytes(0, new Uint8Array(0)));
    }
    assert.ok(!peer.socket.ended);
  });

  it('ends when nothing comes for twice its idle time', () => {
    const peer = begun();
    peer.clock.advance(3_000);
    const close = peer.answers().at(-1);
    assert.equal(close?.name, 'close');
    assert.equal(errorOf(close)?.condition, CONDITION.resourceLimitExceeded);
    assert.ok(peer.socket.ended);
  });

  it('is cut off when its client asks and asks, and takes no answer', () => {
    const peer = begun();
    peer.socket.takesBytes = false;
    for (let round = 0; round < 5_000 && !peer.socket.paused; round += 1) {
      peer.send(0, FLOW, { incomingWindow: 9, nextOutgoingId: 0, outgoingWindow: 9, echo: true });
      peer.clock.endTurn();
    }
    assert.ok(peer.socket.paused, 'nothing more is read');
    peer.socket.drain();
    assert.ok(!peer.socket.paused);
    peer.socket.bufferedBytes = 1e9;
    peer.send(0, FLOW, { incomingWindow: 9, nextOutgoingId: 0, outgoingWindow: 9, echo: true });
    peer.clock.endTurn();
    assert.ok(peer.socket.paused);
    for (let round = 0; round < 10; round += 1) {
      peer.clock.advance(1_000);
      peer.socket.bufferedBytes -= 1_000;
    }
    assert.ok(!peer.socket.destroyed, 'it is slow, and not silent');
    peer.clock.advance(5_000);
    assert.ok(peer.socket.destroyed);
    assert.equal(peer.closedCount, 1);
  });

  it('closes when it is asked to, and lets the broker go', () => {
    const peer = begun();
    peer.send(0, CLOSE, {});
    const [close] = peer.answers();
    assert.equal(close?.name, 'close');
    assert.equal(close?.fields.error, null);
    assert.ok(peer.socket.ended);
    assert.deepEqual(peer.broker.takeCalls(), ['close']);
  });

  it('ends a session alone, and begins another one on its channel', () => {
    const peer = begun();
    peer.send(0, END, {});
    begin(peer, 0);
    begin(peer, 3);
    assert.deepEqual(peer.answerNames(), ['end', 'begin', 'begin']);
  });

  it('ends a session for an error of the session; what was under way is passed over', () => {
    const peer = begun();
    peer.send(0, TRANSFER, { handle: 7, deliveryId: 0 });
    peer.send(0, TRANSFER, { handle: 7, deliveryId: 1 });
    const [end, ...others] = peer.answers();
    assert.equal(errorOf(end)?.condition, CONDITION.unattachedHandle);
    assert.deepEqual(others, []);
    peer.send(0, END, {});
    begin(peer, 0);
    assert.deepEqual(peer.answerNames(), ['begin']);
  });

  const FATAL: readonly (readonly [string, (peer: Peer) => void, string])[] = [
    [
      'a frame of 2 GiB',
      (peer) => peer.push(Uint8Array.of(0x80, 0, 0, 0, 2, 0, 0, 0)),
      CONDITION.framingError,
    ],
    ['a channel above channel-max', (peer) => begin(peer, 4), CONDITION.framingError],
    ['a session on a channel in use', (peer) => begin(peer, 0), CONDITION.illegalState],
    [
      'a frame on a channel without a session',
      (peer) => peer.send(2, END, {}),
      CONDITION.notAllowed,
    ],
    [
      'a second open',
      (peer) => peer.send(0, OPEN, { containerId: 'again' }),
      CONDITION.illegalState,
    ],
    [
      'a performative that does not exist',
      (peer) => peer.push(frameBytes(0, Uint8Array.of(0, 0x53, 0x3f, 0x45))),
      CONDITION.notImplemented,
    ],
    [
      'a delivery state in place of a performative',
      (peer) => peer.push(frameBytes(0, ACCEPTED_STATE)),
      CONDITION.notImplemented,
    ],
    [
      'a begin without its mandatory fields',
      (peer) => peer.push(frameBytes(1, Uint8Array.of(0, 0x53, BEGIN.code, 0x45))),
      CONDITION.invalidField,
    ],
    [
      'bytes that are no value',
      (peer) => peer.push(frameBytes(0, Uint8Array.of(0, 0x53, FLOW.code, 0xc0, 200, 1))),
      CONDITION.decodeError,
    ],
  ];
  for (const [what, attack, condition] of FATAL) {
    it(`closes with ${condition} after ${what}`, () => {
      const peer = begun();
      attack(peer);
      const close = peer.answers().at(-1);
      assert.equal(close?.name, 'close');
      assert.equal(errorOf(close)?.condition, condition);
      assert.notEqual(errorOf(close)?.description, '');
      assert.ok(peer.socket.ended);
    });
  }
});
