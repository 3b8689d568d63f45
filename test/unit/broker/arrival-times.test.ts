import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArrivalTimes } from '../../../src/broker/arrival-times.js';

test('nothing is known before the first pair', () => {
  assert.equal(new ArrivalTimes().arrivedAtMs(1), null);
});

test('an entry came after the last pair with an id that is not higher', () => {
  const times = new ArrivalTimes();
  for (const [id, timeMs] of [
    [10, 1_000],
    [20, 2_000],
    [30, 3_000],
  ] as const) {
    times.note(id, timeMs);
  }
  const found = [1, 10, 19, 20, 29, 30, 99].map((id) => times.arrivedAtMs(id));
  assert.deepEqual(found, [1_000, 1_000, 1_000, 2_000, 2_000, 3_000, 3_000]);
});

test('while nobody sends, the last pair moves on, and what came before the first one stays as old', () => {
  const times = new ArrivalTimes();
  times.note(10, 1_000);
  times.note(10, 60_000);
  assert.equal(times.arrivedAtMs(10), 60_000);
  assert.equal(times.arrivedAtMs(9), 1_000);
});

test('a clock that goes back makes nothing younger', () => {
  const times = new ArrivalTimes();
  times.note(10, 5_000);
  times.note(10, 4_000);
  times.note(20, 4_000);
  assert.equal(times.arrivedAtMs(25), 5_000);
});

test('a year of seconds is remembered in bounded memory, the further apart the longer', () => {
  const times = new ArrivalTimes();
  const seconds = 365 * 86_400;
  for (let second = 0; second < seconds; second += 1) times.note(second * 10, second * 1_000);
  let worstMs = 0;
  for (let second = 0; second < seconds; second += 9_973) {
    const error = second * 1_000 - (times.arrivedAtMs(second * 10) as number);
    assert.ok(error >= 0, 'never younger than it is');
    worstMs = Math.max(worstMs, error);
  }
  const stepMs = (seconds * 1_000) / 2_048;
  assert.ok(worstMs <= 2 * stepMs, `off by ${worstMs} ms`);
});
