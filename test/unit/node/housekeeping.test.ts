import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Housekeeping } from '../../../src/node/housekeeping.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Rig } from '../broker/broker-rig.js';

const LIMIT_MS = 1_000;

let clock: ManualClock;
let rig: Rig;
let isStorageSilent: boolean;
let hasEnded: boolean;
let looks: number;
let stalls: number[];
let failures: unknown[];
let housekeeping: Housekeeping;

beforeEach(() => {
  clock = new ManualClock();
  rig = new Rig();
  isStorageSilent = false;
  hasEnded = false;
  looks = 0;
  stalls = [];
  failures = [];
  housekeeping = new Housekeeping({
    clock,
    broker: rig.broker,
    pipeline: { flush: () => rig.settle() },
    space: {
      consider: () => {
        looks += 1;
      },
    },
    storeStallLimitMs: LIMIT_MS,
    isStorageSilent: () => isStorageSilent,
    isOver: () => hasEnded,
    onStall: (silentMs) => stalls.push(silentMs),
    onFailure: (error) => failures.push(error),
  });
});

/** Good checks come all the time. */
function advanceVerified(byMs: number): void {
  for (let ms = 0; ms < byMs; ms += 50) {
    clock.advance(50);
    housekeeping.verified();
  }
}

test('what has expired is taken out, and room is looked after, every 50 ms of a tenure', () => {
  housekeeping.start();
  const producer = rig.connect();
  producer.send('/queue/q', 'gone', { expiresAtMs: rig.nowMs + 100 });
  rig.settle();
  rig.nowMs += 200;
  advanceVerified(50);
  assert.equal(rig.broker.statistics().messages, 0);
  advanceVerified(950);
  assert.equal(looks, 20);
  assert.deepEqual([stalls, failures], [[], []]);
});

test('drained is what was asked for before it, once that is committed', async () => {
  housekeeping.start();
  const producer = rig.connect();
  producer.send('/queue/q', 'a', { token: 'sent' });
  let isDrained = false;
  const drained = housekeeping.drained().then(() => {
    isDrained = true;
  });
  await Promise.resolve();
  assert.equal(isDrained, false);
  rig.settle();
  assert.deepEqual(producer.confirmations, ['sent']);
  await drained;
});

test('without a tenure nothing is to be waited for, and nothing is done', async () => {
  await housekeeping.drained();
  housekeeping.start();
  housekeeping.stop();
  await housekeeping.drained();
  clock.advance(10 * LIMIT_MS);
  assert.deepEqual([looks, stalls, clock.pendingTimers], [0, [], 0]);
});

test('a tenure without a good check for longer than the limit is a stall', () => {
  housekeeping.start();
  advanceVerified(5 * LIMIT_MS);
  clock.advance(LIMIT_MS);
  assert.deepEqual(stalls, []);
  clock.advance(50);
  assert.deepEqual(stalls, [LIMIT_MS + 50]);
});

test('a storage thread that hangs is left to the watchdog', () => {
  isStorageSilent = true;
  housekeeping.start();
  clock.advance(2 * LIMIT_MS);
  assert.deepEqual(stalls, []);
});

test('a new tenure counts anew, and in one timer', () => {
  housekeeping.start();
  clock.advance(LIMIT_MS);
  housekeeping.stop();
  housekeeping.start();
  clock.advance(LIMIT_MS);
  assert.deepEqual([stalls, clock.pendingTimers], [[], 1]);
});

test('a failure is told, and a node that has ended does no more', () => {
  housekeeping.start();
  rig.broker.sweep = () => {
    throw new Error('a defect');
  };
  clock.advance(50);
  assert.match(String(failures), /a defect/);
  hasEnded = true;
  clock.advance(LIMIT_MS);
  assert.deepEqual([failures.length, clock.pendingTimers], [1, 0]);
});
