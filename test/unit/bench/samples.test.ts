import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Samples } from '../../../bench/samples.js';

describe('the samples of the benchmark', () => {
  it('give exact percentiles, whatever the order they came in', () => {
    const samples = new Samples();
    for (let value = 10_000; value > 0; value -= 1) samples.add(value);
    assert.equal(samples.percentile(0.5), 5_000);
    assert.equal(samples.percentile(0.95), 9_500);
    assert.equal(samples.percentile(1), 10_000);
  });

  it('take more after they were asked', () => {
    const samples = new Samples();
    samples.add(2);
    assert.equal(samples.percentile(1), 2);
    samples.add(1);
    assert.equal(samples.percentile(0.5), 1);
  });

  it('have no percentile without values', () => {
    const samples = new Samples();
    assert.ok(Number.isNaN(samples.percentile(0.5)));
    samples.add(1);
    samples.clear();
    assert.equal(samples.count, 0);
  });
});
