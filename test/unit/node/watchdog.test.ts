import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PULSE, PULSE_BYTES, Watchdog } from '../../../src/node/watchdog.js';
import { ManualClock } from '../../support/manual-clock.js';

const LIMIT_MS = 5_000;

class Pair {
  readonly clock = new ManualClock();
  readonly pulses = new Int32Array(new SharedArrayBuffer(PULSE_BYTES));
  readonly silences: number[] = [];
  isArmed = true;
  readonly watchdog: Watchdog;

  constructor() {
    this.watchdog = new Watchdog({
      clock: this.clock,
      pulses: this.pulses,
      mine: PULSE.main,
      other: PULSE.storage,
      limitMs: LIMIT_MS,
      isArmed: () => this.isArmed,
      onSilence: (silentMs) => {
        this.silences.push(silentMs);
        this.watchdog.stop();
      },
    });
  }

  /** Both threads run for a while. */
  runBoth(forMs: number): void {
    for (let passed = 0; passed < forMs; passed += 250) {
      Atomics.add(this.pulses, PULSE.storage, 1);
      this.clock.advance(250);
    }
  }
}

test('as long as the other thread beats nothing happens', () => {
  const pair = new Pair();
  pair.runBoth(60_000);
  assert.deepEqual(pair.silences, []);
  assert.equal(pair.watchdog.silentMs, 0);
});

test('a silent thread is reported once it has been silent for longer than the limit', () => {
  const pair = new Pair();
  pair.runBoth(1_000);
  pair.clock.advance(LIMIT_MS - 250);
  assert.deepEqual(pair.silences, []);
  pair.clock.advance(1_000);
  assert.equal(pair.silences.length, 1);
  assert.ok(Math.max(...pair.silences) > LIMIT_MS);
  assert.equal(pair.clock.timerCount, 0);
});

test('a beat in between starts the count again', () => {
  const pair = new Pair();
  for (let round = 0; round < 5; round += 1) {
    pair.clock.advance(LIMIT_MS - 1_000);
    pair.runBoth(500);
  }
  assert.deepEqual(pair.silences, []);
});

test('silence counts only while it matters', () => {
  const pair = new Pair();
  pair.isArmed = false;
  pair.clock.advance(10 * LIMIT_MS);
  assert.deepEqual(pair.silences, []);
  assert.equal(pair.watchdog.silentMs, 10 * LIMIT_MS);
  pair.isArmed = true;
  pair.clock.advance(LIMIT_MS + 1_000);
  assert.equal(pair.silences.length, 1);
});

test('a pause of the whole process counts for little', () => {
  const pair = new Pair();
  pair.runBoth(1_000);
  // The timer fires a minute late, because nothing of this process ran.
  pair.clock.nowMs += 60_000;
  pair.clock.advance(250);
  assert.deepEqual(pair.silences, []);
  assert.ok(pair.watchdog.silentMs <= 750, `${pair.watchdog.silentMs}`);
});

test('each thread beats by watching', () => {
  const pair = new Pair();
  const before = Atomics.load(pair.pulses, PULSE.main);
  pair.runBoth(1_000);
  assert.equal(Atomics.load(pair.pulses, PULSE.main), before + 4);
});
