/** A warm broker that differs from the bytes is seen, whatever differs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeCheckpoint } from '../../../src/journal/checkpoint.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { replayFromCheckpoint } from '../../support/replayed-broker.js';
import { ChecksRig, type MessageNode, SEGMENT_BYTES } from './checks-rig.js';

/** Of all that is there a warm broker knows the first `known` queues. */
async function compare(known: 'all' | 'all but the last'): Promise<ChecksRig> {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  for (let count = 0; count < 5; count += 1) await rig.confirm(a, `queue ${count}`);
  await warm(rig, a, known === 'all' ? 0 : 1);
  assert.equal(await rig.checks.compareWithReplay(a), true);
  return rig;
}

async function warm(rig: ChecksRig, node: MessageNode, lacks: number): Promise<void> {
  const { cursor } = rig.liveEvent(node);
  const { broker } = await replayFromCheckpoint(rig.directory, cursor.sequence - lacks);
  node.broker = broker;
}

test('a broker that has what the bytes say breaks nothing', async () => {
  assert.deepEqual((await compare('all')).sentences, []);
});

test('a broker that lacks something is seen', async () => {
  const rig = await compare('all but the last');
  assert.deepEqual(rig.breaches, ['replay-equality']);
  assert.match(rig.sentences[0] ?? '', /queue|counters/);
});

test('a checkpoint that lacks something is seen, while the first block is still there', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  for (let count = 0; count < 5; count += 1) await rig.confirm(a, `queue ${count}`);
  await warm(rig, a, 0);
  const { cursor } = rig.liveEvent(a);
  const { broker } = await replayFromCheckpoint(rig.directory, cursor.sequence - 1);
  await writeCheckpoint(rig.directory, nodeClock, cursor.epoch, cursor, broker.snapshot());
  await rig.checks.compareWithReplay(a);
  assert.deepEqual(rig.breaches, ['replay-equality']);
});

test('nothing is compared while a batch is under way', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  await warm(rig, a, 0);
  rig.sendBatch(a);
  assert.equal(await rig.checks.compareWithReplay(a), false);
});

test('P7: a directory that is much larger than what is needed', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  await rig.checks.finish([a]);
  assert.deepEqual(rig.sentences, []);
  for (let number = 2; number < 12; number += 1) {
    const path = `/store/journal/${String(number).padStart(10, '0')}-0000000001.segment`;
    rig.fileSystem.put(path, new Uint8Array(SEGMENT_BYTES));
  }
  await rig.checks.finish([a]);
  assert.deepEqual(rig.breaches, ['P7']);
});
