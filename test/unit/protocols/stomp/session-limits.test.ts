import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Connection, connected, STOMP_CONFIG } from './connection.js';

describe('Heart-beats', () => {
  it('go out when nothing else does, in time', () => {
    const connection = connected('1.2', 'heart-beat:0,1000\n');
    connection.clock.advance(10_000);
    const beats = connection.answer();
    assert.match(beats, /^\n+$/);
    assert.ok(beats.length >= 10, `${beats.length} in 10 s at one a second`);
    assert.equal(connection.socket.ended, false);
  });

  it('are not sent to a client that did not ask', () => {
    const connection = connected('1.2');
    connection.clock.advance(10_000);
    assert.equal(connection.answer(), '');
  });

  it('a client that missed twice its promise is told and closed', () => {
    const connection = connected('1.2', 'heart-beat:1000,0\n');
    connection.clock.advance(1_900);
    assert.equal(connection.answer(), '');
    connection.clock.advance(600);
    assert.match(connection.answer(), /^ERROR\nmessage:No heart-beat for 2 times 1000 ms\n/);
  });

  it('a client that keeps its promise stays', () => {
    const connection = connected('1.2', 'heart-beat:1000,0\n');
    for (let beats = 0; beats < 20; beats++) {
      connection.clock.advance(1_000);
      connection.socket.push(Uint8Array.of(0x0a));
    }
    assert.equal(connection.answer(), '');
    assert.equal(connection.socket.ended, false);
  });

  it('are not missed while the broker itself does not read', () => {
    const connection = connected('1.2', 'heart-beat:500,0\n');
    connection.broker.events?.pauseReading('The queue is full.');
    connection.clock.advance(10_000);
    connection.broker.events?.resumeReading();
    connection.clock.advance(900);
    assert.equal(connection.socket.ended, false);
    connection.clock.advance(1_000);
    assert.equal(connection.socket.ended, true);
  });

  it('are not missed when this process was stopped for a while', () => {
    const connection = connected('1.2', 'heart-beat:500,0\n');
    connection.clock.nowMs += 60_000;
    connection.clock.advance(300);
    assert.equal(connection.socket.ended, false);
  });
});

describe('Slow and hostile clients', () => {
  it('one byte a second does not keep a frame open for ever', () => {
    const connection = connected('1.2');
    for (const byte of Buffer.from('SEND\nde')) {
      connection.socket.push(Uint8Array.of(byte));
      connection.clock.advance(1_000);
    }
    assert.match(connection.answer(), /^ERROR\nmessage:A frame was not complete within 2000 ms\n/);
  });

  it('an idle client without heart-beats stays', () => {
    const connection = connected('1.2');
    connection.exchange('BEGIN\ntransaction:t\n\n^@');
    connection.clock.advance(3_600_000);
    assert.equal(connection.socket.ended, false);
  });

  it('one that never reads gets nothing more and is cut off', () => {
    const connection = connected('1.2');
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@');
    connection.socket.takesBytes = false;
    let delivered = 0;
    while (connection.session.writable) {
      connection.broker.deliver(0, { body: 'x'.repeat(10_000) });
      delivered += 1;
      if (delivered % 3 === 0) connection.clock.endTurn();
    }
    connection.clock.endTurn();
    assert.ok(connection.socket.bufferedBytes < STOMP_CONFIG.socketBufferMaxBytes + 12_000);
    connection.clock.advance(STOMP_CONFIG.frameTimeoutMs + 1_500);
    assert.equal(connection.socket.destroyed, true);
  });

  it('one that reads again gets the rest', () => {
    const connection = connected('1.2');
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@');
    connection.socket.takesBytes = false;
    while (connection.session.writable) connection.broker.deliver(0, { body: 'x'.repeat(9_999) });
    connection.clock.endTurn();
    assert.equal(connection.session.writable, false);
    connection.broker.takeCalls();
    connection.socket.drain();
    assert.deepEqual(connection.broker.takeCalls(), ['resumeDelivery']);
    assert.equal(connection.session.writable, true);
  });

  it('delivery goes on by itself when the kernel took all of a full slab', () => {
    const connection = connected('1.2');
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@');
    connection.broker.takeCalls();
    connection.broker.deliver(0, { body: 'x'.repeat(70_000) });
    assert.equal(connection.session.writable, false);
    connection.clock.endTurn();
    assert.deepEqual(connection.broker.takeCalls(), ['resumeDelivery']);
  });

  it('one that asks for receipts faster than they can be given is not read from', () => {
    const connection = connected('1.2');
    const receipt = 'r'.repeat(3_000);
    const frame = `SEND\ndestination:/queue/a\nreceipt:${receipt}\n\n^@`;
    for (let sent = 0; sent < 21; sent++) connection.exchange(frame);
    assert.equal(connection.socket.paused, false);
    connection.exchange(frame);
    assert.equal(connection.socket.paused, true);
    connection.confirm();
    assert.equal(connection.socket.paused, false);
  });

  const send = (body: string) => `SEND\ndestination:/queue/a\n\n${body}^@`;
  const sentTo = ({ broker }: Connection) =>
    broker.sent.map(({ body }) => Buffer.from(body).toString());

  it('one that the broker holds back is carried out once there is room, in its order', () => {
    const connection = connected('1.2');
    connection.exchange(send('1'));
    connection.broker.events?.pauseReading('The queue is full.');
    connection.exchange(`${send('2')}${send('3')}SEND\ndest`);
    connection.exchange('ination:/queue/a\n\n4^@');
    assert.deepEqual(sentTo(connection), ['1']);
    connection.broker.events?.resumeReading();
    assert.deepEqual(sentTo(connection), ['1'], 'not while the broker is the caller');
    connection.exchange(send('5'));
    assert.deepEqual(sentTo(connection), ['1', '2', '3', '4', '5']);
  });

  it('one that is held back again by what it had sent goes on from there', () => {
    const connection = connected('1.2');
    const { broker, clock } = connection;
    broker.events?.pauseReading('The queue is full.');
    connection.exchange([1, 2, 3].map((number) => send(`${number}`)).join(''));
    broker.onSend = () => broker.events?.pauseReading('The queue is full again.');
    for (const taken of [1, 2, 3]) {
      broker.events?.resumeReading();
      clock.endTurn();
      assert.equal(sentTo(connection).length, taken);
    }
  });

  it('one that the broker holds back is read a little further, to see its end, and no more', () => {
    const connection = connected('1.2');
    connection.broker.events?.pauseReading('The queue is full.');
    let frames = 0;
    for (; !connection.socket.paused; frames += 1) connection.exchange(send('x'.repeat(1_000)));
    assert.ok(frames > 10 && frames < 17, `${frames} KiB`);
    connection.broker.events?.resumeReading();
    connection.clock.endTurn();
    assert.equal(connection.socket.paused, false);
    assert.equal(sentTo(connection).length, frames);
  });

  it('heart-beats of one that is held back take no memory without end', () => {
    const connection = connected('1.2');
    connection.broker.events?.pauseReading('The queue is full.');
    let beats = 0;
    for (; !connection.socket.paused && beats < 1_000; beats += 1) connection.exchange('\n');
    assert.ok(beats > 50 && beats < 200, `${beats} beats`);
  });

  it('what one that is held back said before it went away is taken', () => {
    const connection = connected('1.2');
    connection.broker.events?.pauseReading('The queue is full.');
    connection.exchange(`${send('1')}${send('2')}SEND\ndest`);
    connection.broker.onSend = () => connection.broker.events?.pauseReading('It is still full.');
    connection.socket.destroy();
    assert.deepEqual(sentTo(connection), ['1', '2']);
    assert.equal(connection.broker.takeCalls().at(-1), 'close');
    assert.equal(connection.closedCount, 1);
  });

  it('is not read from while either the broker or its receipts hold it back', () => {
    const connection = connected('1.2');
    const receipt = 'r'.repeat(3_000);
    connection.broker.events?.pauseReading('The store is full.');
    connection.exchange(`SEND\ndestination:/queue/a\nreceipt:${receipt}\n\n^@`.repeat(25));
    assert.equal(connection.socket.paused, true);
    connection.broker.events?.resumeReading();
    connection.clock.endTurn();
    assert.equal(connection.socket.paused, true);
    connection.confirm();
    assert.equal(connection.socket.paused, false);
  });

  for (const [what, bytes, message] of [
    ['headers', `SEND\na:${'x'.repeat(5000)}`, 'Header bytes of SEND over the limit of 4096'],
    ['a body', `SEND\n\n${'x'.repeat(100_001)}`, 'Body bytes of SEND over the limit of 100000'],
    ['header lines', `SEND\n${'a:b\n'.repeat(33)}`, 'Header lines of SEND over the limit of 32'],
  ] as const) {
    it(`${what} over the limit are answered with an ERROR that names it`, () => {
      const connection = connected('1.2');
      const answer = connection.exchange(bytes);
      assert.ok(answer.startsWith(`ERROR\nmessage:${message}\n`), answer);
      assert.match(answer, /The limit is set by stomp\.max/);
    });
  }
});
