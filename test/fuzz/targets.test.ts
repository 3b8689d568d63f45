/** Every target with a fixed seed and a modest number of inputs, and everything that was found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFoundInputs } from './found.js';
import { TARGETS, targetNamed } from './targets.js';

const SEED = 1;
const NO_TIME_LIMIT_MS = 100_000;

for (const target of TARGETS) {
  test(`${target.name}: ${target.promise}`, async () => {
    const { inputsInTests: maxInputs } = target;
    const { inputs, failure } = await target.run({
      seed: SEED,
      maxInputs,
      maxMs: NO_TIME_LIMIT_MS,
    });
    if (failure !== null) throw failure.error;
    assert.equal(inputs, maxInputs);
  });
}

for (const [name, { target, input, error }] of await readFoundInputs()) {
  test(`found once, and mended: ${name} (${error})`, () => targetNamed(target).replay(input));
}
