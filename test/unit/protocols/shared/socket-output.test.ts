import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { SocketOutput } from '../../../../src/protocols/shared/socket-output.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { FakeSocket } from './fake-socket.js';

const MAX_WAITING_BYTES = 100;

describe('what goes into a socket', () => {
  let socket: FakeSocket;
  let clock: ManualClock;
  let output: SocketOutput;
  let calls: string[];
  let isWritable: boolean;

  beforeEach(() => {
    socket = new FakeSocket();
    clock = new ManualClock();
    calls = [];
    isWritable = true;
    output = new SocketOutput({
      socket,
      clock,
      maxWaitingBytes: MAX_WAITING_BYTES,
      beforeFlush: () => {
        calls.push('before');
        append('!');
      },
      afterFlush: () => calls.push('after'),
      isWritable: () => isWritable,
      onWritable: () => calls.push('writable'),
    });
  });

  function append(text: string): void {
    output.gathered.reserve(text.length);
    output.gathered.bytes(Buffer.from(text));
  }

  it('is handed over once at the end of a turn, with what was left for it', () => {
    for (const text of ['one ', 'two ', 'three']) {
      append(text);
      output.flushSoon();
    }
    assert.equal(socket.writes, 0);
    clock.endTurn();
    assert.deepEqual([socket.writes, socket.takeText()], [1, 'one two three!']);
    assert.deepEqual(calls, ['before', 'after']);
    output.flushSoon();
    clock.endTurn();
    assert.equal(socket.takeText(), '!');
  });

  it('waits for its client up to the limit, counted where it waits', () => {
    socket.takesBytes = false;
    append('x'.repeat(60));
    output.flushSoon();
    clock.endTurn();
    append('x'.repeat(39));
    assert.equal(output.waitingBytes, MAX_WAITING_BYTES);
    assert.ok(output.takesMore());
    append('x');
    assert.ok(!output.takesMore());
  });

  it('tells once that it can be written again, and only whoever was told that it could not', () => {
    output.offerDelivery();
    assert.deepEqual(calls, []);
    socket.bufferedBytes = MAX_WAITING_BYTES + 1;
    assert.ok(!output.takesMore());
    isWritable = false;
    output.offerDelivery();
    assert.deepEqual(calls, []);
    isWritable = true;
    output.offerDelivery();
    output.offerDelivery();
    assert.deepEqual(calls, ['writable']);
    output.refuses();
    output.flushSoon();
    clock.endTurn();
    assert.deepEqual(calls, ['writable', 'before', 'after', 'writable']);
  });

  it('ends with what is gathered, reads on for the close of the client, and cuts off one that does not', () => {
    append('the last word');
    output.flushSoon();
    socket.pauseReading();
    output.end();
    assert.deepEqual(
      [socket.takeText(), socket.ended, socket.paused],
      ['the last word', true, false],
    );
    append('too late');
    clock.endTurn();
    assert.equal(socket.takeText(), '');
    clock.advance(4_999);
    assert.ok(!socket.destroyed);
    clock.advance(1);
    assert.ok(socket.destroyed);
  });

  it('hands nothing over once its socket is gone', () => {
    append('nobody reads it');
    output.flushSoon();
    output.stop();
    clock.endTurn();
    assert.deepEqual([socket.writes, calls], [0, []]);
  });
});
