import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { LockTurn } from '../../../src/node/lock-turn.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { ManualClock } from '../../support/manual-clock.js';

const TIMEOUT_MS = 10_000;

let clock: ManualClock;
let turn: LockTurn;

beforeEach(() => {
  clock = new ManualClock();
  turn = new LockTurn({
    clock,
    node: 'b',
    lockPollIntervalMs: 100,
    handoverTimeoutMs: TIMEOUT_MS,
  });
});

function live(epoch: number, state: LiveDocument['state'], successor: string | null): LiveDocument {
  return {
    epoch,
    node: 'a',
    host: 'host',
    pid: 1,
    bootId: 'boot',
    sinceMs: 0,
    addresses: {},
    position: { segment: 1, offset: 512, sequence: 0 },
    beat: 1,
    verifiedAtMs: 0,
    state,
    successor,
  };
}

test('a backup may try the lock at any time, whatever was left behind before it came', () => {
  assert.equal(turn.isMine(), true);
  turn.seen(live(3, 'released', 'c'));
  assert.equal(turn.isMine(), true);
});

test('whoever saw a handover to another node lets it go first, but not for ever', () => {
  turn.seen(live(3, 'live', null));
  turn.seen(live(3, 'released', 'c'));
  assert.equal(turn.isMine(), false);
  clock.nowMs += TIMEOUT_MS;
  assert.equal(turn.isMine(), true);
});

test('the named successor goes first', () => {
  turn.seen(live(3, 'handing-over', 'b'));
  turn.seen(live(3, 'released', 'b'));
  assert.equal(turn.isMine(), true);
});

test('a tenure that just stopped has no successor, and anybody may follow', () => {
  turn.seen(live(3, 'live', null));
  turn.seen(live(3, 'released', null));
  assert.equal(turn.isMine(), true);
});

test('the node that handed over waits until somebody else was live', () => {
  turn.seen(live(2, 'live', null));
  turn.handedOver(3);
  assert.equal(turn.isMine(), false);
  turn.seen(live(3, 'released', 'c'));
  assert.equal(turn.isMine(), false);
  turn.seen(live(4, 'live', null));
  assert.equal(turn.isMine(), true);
});

test('the lock is tried often while a handover is under way, and at the usual pace after it', () => {
  assert.equal(turn.pollIntervalMs, 100);
  turn.seen(live(3, 'live', null));
  turn.seen(live(3, 'handing-over', 'b'));
  assert.ok(turn.pollIntervalMs <= 10);
  clock.nowMs += 3_000;
  assert.equal(turn.pollIntervalMs, 100);
});
