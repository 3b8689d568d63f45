import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Socket } from '../../../src/platform/ports.js';
import { AttemptQueue } from '../../../src/security/attempt-queue.js';
import { FloodGate } from '../../../src/security/flood-gate.js';
import { ManualClock } from '../../support/manual-clock.js';

const ADDRESS = '10.0.0.5';

class FakeSocket implements Socket {
  readonly remoteAddress = `${ADDRESS}:4711`;
  readonly bufferedBytes = 0;
  calls: string[] = [];
  write(): void {
    this.calls.push('write');
  }
  end(): void {
    this.calls.push('end');
  }
  destroy(): void {
    this.calls.push('destroy');
  }
  pauseReading(): void {
    this.calls.push('pause');
  }
  resumeReading(): void {
    this.calls.push('resume');
  }
  peek(): Promise<void> {
    return Promise.resolve();
  }
  receive(): void {
    this.calls.push('receive');
  }
}

test('a connection of an address that floods is left unread for a while, then closed without a word', () => {
  const clock = new ManualClock();
  const gate = new FloodGate(clock, () => true);
  const socket = new FakeSocket();
  assert.equal(gate.takes(socket), true);
  clock.advance(999);
  assert.deepEqual(socket.calls, ['pause']);
  clock.advance(1);
  assert.deepEqual(socket.calls, ['pause', 'destroy']);
});

test('a thousand are held at a time, and what comes beyond is closed at once', () => {
  const clock = new ManualClock();
  const gate = new FloodGate(clock, () => true);
  const sockets = Array.from({ length: 1_001 }, () => new FakeSocket());
  for (const socket of sockets) assert.equal(gate.takes(socket), true);
  assert.deepEqual(sockets.at(-1)?.calls, ['destroy']);
  clock.advance(1_000);
  const later = new FakeSocket();
  gate.takes(later);
  assert.deepEqual(later.calls, ['pause']);
});

test('others are not taken', () => {
  const gate = new FloodGate(new ManualClock(), (address) => address !== `${ADDRESS}:4711`);
  const socket = new FakeSocket();
  assert.equal(gate.takes(socket), false);
  assert.deepEqual(socket.calls, []);
});

test('many attempts are a flood once one of them was wrong: clients that come back are none', async () => {
  const queue = new AttemptQueue(new ManualClock());
  const attempt = (isRight: boolean): void => {
    queue.attempt({ address: ADDRESS, user: 'ann' }, async () => isRight).catch(() => undefined);
  };
  for (let number = 0; number < 200; number += 1) attempt(true);
  assert.equal(queue.isFlooded(ADDRESS), false);
  const wrong = new AttemptQueue(new ManualClock());
  const guess = (): void =>
    void wrong.attempt({ address: ADDRESS, user: 'ann' }, async () => false).catch(() => undefined);
  guess();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(wrong.isFlooded(ADDRESS), false, 'a slip is no flood');
  for (let number = 0; number < 200; number += 1) guess();
  assert.equal(wrong.isFlooded(ADDRESS), true);
  assert.equal(wrong.isFlooded('10.0.0.6'), false);
});
