/** P1 and P3 at the moment of a confirmation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChecksRig, FRESH_MS } from './checks-rig.js';

test('batches that are released by the rule break nothing', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  await rig.confirm(a, 'fresh');
  await rig.pass(2 * FRESH_MS);
  rig.sendBatch(a);
  rig.arrives(a, await rig.append(a, 'waits', 0));
  rig.arrives(a, { kind: 'verified', beganMs: rig.scheduler.nowMs });
  const cursor = await rig.confirm(a, 'goes on');
  rig.commands(a, { kind: 'confirmed', cursor });
  rig.commands(a, { kind: 'quiesced', cursor });
  assert.deepEqual(rig.sentences, []);
});

test('P1: a block that is not on stable storage when it could be confirmed', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  rig.unstablePath = rig.tailPath(a);
  await rig.confirm(a, 'in a cache');
  assert.deepEqual(rig.breaches, ['P1']);
});

for (const isCheckedSince of [false, true]) {
  const what = isCheckedSince ? 'P1: a block that is confirmed' : 'a block may be confirmed';
  const when = isCheckedSince ? 'after a check that must have seen it' : 'until the next check';
  test(`${what} in a segment that somebody has deleted, ${when}`, async () => {
    const rig = await ChecksRig.make();
    const a = rig.start('a');
    await rig.takeOver(a);
    rig.sendBatch(a);
    const appended = await rig.append(a, 'into nowhere');
    rig.fileSystem.put(rig.tailPath(a), new Uint8Array(0));
    await rig.fileSystem.unlink(rig.tailPath(a));
    rig.checks.onSegmentsRemoved(0, rig.scheduler.nowMs);
    await rig.pass(1);
    if (isCheckedSince) rig.arrives(a, { kind: 'verified', beganMs: rig.scheduler.nowMs });
    rig.arrives(a, appended);
    assert.deepEqual(rig.breaches, isCheckedSince ? ['P1'] : []);
  });
}

test('P1: a batch that is released before its block was written', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  rig.sendBatch(a);
  rig.sendBatch(a);
  assert.deepEqual(rig.breaches, ['P1']);
});

test('P3: a batch that is released though ownership was not verified since', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  await rig.pass(FRESH_MS + 1);
  rig.sendBatch(a);
  rig.arrives(a, await rig.append(a, 'stale', 0));
  rig.sendBatch(a);
  assert.deepEqual(rig.breaches, ['P3']);
});

test('P3: a position that is called confirmed before it could be', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  rig.sendBatch(a);
  const { cursor } = await rig.append(a, 'under way');
  rig.commands(a, { kind: 'confirmed', cursor });
  rig.commands(a, { kind: 'checkpoint', covers: cursor, payloads: [] });
  assert.deepEqual(rig.breaches, ['P3', 'P3']);
});

test('P3: two nodes that could confirm at once', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  await rig.takeOver(b);
  assert.deepEqual(rig.breaches, ['P3']);
});

const ENDINGS: {
  readonly [name: string]: (rig: ChecksRig, a: ReturnType<ChecksRig['start']>) => Promise<void>;
} = {
  died: async (_, a) => a.process.die(),
  'was not verified for a while': async (rig) => rig.pass(FRESH_MS),
  'is paused': async (_, a) => a.process.pause(60_000),
  'ended its tenure': async (rig, a) => {
    const { cursor } = rig.liveEvent(a);
    rig.commands(a, { kind: 'quiesced', cursor });
  },
  'was told by its storage thread': async (rig, a) => {
    rig.arrives(a, { kind: 'ended', code: 'OWNERSHIP_LOST', sentence: '' });
  },
};
for (const [name, end] of Object.entries(ENDINGS)) {
  test(`P3: another node may confirm when the last one ${name}`, async () => {
    const rig = await ChecksRig.make();
    const [a, b] = [rig.start('a'), rig.start('b')];
    await rig.takeOver(a);
    await end(rig, a);
    await rig.takeOver(b);
    assert.deepEqual(rig.sentences, []);
  });
}

test('P3: a node that goes on after a pause counts again', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  a.process.pause(10);
  await rig.takeOver(b);
  await rig.pass(11);
  rig.arrives(b, { kind: 'verified', beganMs: rig.scheduler.nowMs });
  assert.deepEqual(rig.breaches, ['P3']);
});
