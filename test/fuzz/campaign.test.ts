/** The fuzzing itself: it sees a broken promise, shrinks it, keeps it and replays it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeTemporaryDirectory } from '../support/temporary-directory.js';
import { runCampaign } from './campaign.js';
import { decodeInput, encodeInput, readFoundInputs } from './found.js';
import { defineTarget } from './target.js';

const holds = defineTarget({
  name: 'holds',
  promise: 'numbers are numbers',
  inputsInTests: 10,
  inputs: fc.integer(),
  check: (input) => assert.equal(typeof input, 'number'),
});

/** The canary: whoever does not find this finds nothing. */
const breaks = defineTarget({
  name: 'breaks',
  promise: 'there are never seven bytes',
  inputsInTests: 10,
  inputs: fc.record({ bytes: fc.uint8Array({ maxLength: 40 }) }),
  check: ({ bytes }) => assert.ok(bytes.length < 7, `${bytes.length} bytes`),
});

test('a broken promise is found, shrunk, kept as a file, and breaks again when replayed', async () => {
  const { path, remove } = await makeTemporaryDirectory();
  const turns: string[] = [];
  const tallies = await runCampaign({
    targets: [breaks, holds],
    minutes: 0.001,
    firstSeed: 5,
    turnMs: 20,
    foundDirectory: path,
    onTurn: ({ target }) => turns.push(target.name),
  });
  const [broken, whole] = tallies;
  assert.ok(broken !== undefined && whole !== undefined);
  assert.equal(whole.failure, null);
  assert.ok(whole.inputs > 0);
  assert.equal(turns.filter((name) => name === 'breaks').length, 1);
  assert.deepEqual(broken.failure?.input, { bytes: new Uint8Array(7) });
  const found = [...(await readFoundInputs(path)).values()];
  assert.equal(found.length, 1);
  assert.equal(found[0]?.target, 'breaks');
  assert.match(found[0]?.error ?? '', /7 bytes/);
  await assert.rejects(breaks.replay(found[0]?.input), /7 bytes/);
  await remove();
});

test('the same seed makes the same inputs', async () => {
  const options = { seed: 9, maxInputs: 1000, maxMs: 10_000 };
  const [one, other] = [await breaks.run(options), await breaks.run(options)];
  assert.equal(one.failure?.path, other.failure?.path);
  assert.equal(one.inputs, other.inputs);
});

test('a directory without anything found is no error', async () => {
  assert.equal((await readFoundInputs('/nonexistent/found')).size, 0);
});

test('an input is kept with its bytes, whatever else it holds', () => {
  const input = { list: [1, 'text', null], bytes: Uint8Array.of(0, 255), nested: { deep: [true] } };
  assert.deepEqual(decodeInput(encodeInput(input)), input);
});
