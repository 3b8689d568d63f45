import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from '../../../src/platform/histogram.js';

test('each observation is in the first step that is not below it, and above all in the count alone', () => {
  const histogram = new Histogram([0.001, 0.01]);
  for (const ms of [0, 1, 1.5, 10, 10.5, 99_000]) histogram.observeMs(ms);
  assert.deepEqual([...histogram.counts], [2, 2]);
  assert.equal(histogram.count, 6);
  assert.equal(histogram.sumSeconds.toFixed(3), '99.023');
});
