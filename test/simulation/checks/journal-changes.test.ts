/** P4, and what may not be done to bytes that were confirmed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeCheckpoint } from '../../../src/journal/checkpoint.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { ChecksRig } from './checks-rig.js';

const SEGMENT = '/store/journal/0000000009-0000000009.segment';

test('P4: a backup that changes the journal in any way', async () => {
  for (const kind of ['create', 'write', 'unlink'] as const) {
    const rig = await ChecksRig.make();
    const b = rig.start('b');
    rig.becomes(b, 'backup');
    rig.change(b, { kind, path: SEGMENT });
    assert.deepEqual(rig.breaches, ['P4'], kind);
  }
});

test('P4: a node that got the lock and has not claimed an epoch', async () => {
  const rig = await ChecksRig.make();
  const b = rig.start('b');
  rig.becomes(b, 'taking-over');
  rig.change(b, { kind: 'create', path: SEGMENT });
  assert.deepEqual(rig.breaches, ['P4']);
});

test('P4: a node that was live and is a backup again', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  rig.change(a, { kind: 'create', path: SEGMENT });
  assert.deepEqual(rig.breaches, []);
  rig.becomes(a, 'backup');
  rig.change(a, { kind: 'unlink', path: SEGMENT });
  assert.deepEqual(rig.breaches, ['P4']);
});

test('P4: what a dead node sent while it was live may come late, and a backup may change the rest', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  a.process.die();
  rig.change(a, { kind: 'write', path: SEGMENT });
  rig.becomes(b, 'backup');
  for (const path of ['/store/nodes/b', '/store/lock', '/store/requests/handover']) {
    rig.change(b, { kind: 'write', path });
  }
  assert.deepEqual(rig.sentences, []);
});

test('P2: a block that is appended through a descriptor without the lock', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  rig.change(a, { kind: 'write', path: SEGMENT, isLocked: false });
  assert.deepEqual(rig.breaches, ['P2']);
});

test('P1: confirmed bytes that are written over, unless with the same bytes', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  const { offset } = await rig.confirm(a, 'here');
  rig.change(a, { kind: 'write', path: rig.tailPath(a), at: offset - 512 });
  await rig.settle();
  assert.deepEqual(rig.breaches, [], 'sent again');
  const handle = await rig.fileSystem.open(rig.tailPath(a), 'update');
  await handle.write(Uint8Array.of(255), offset - 512 + 8);
  rig.change(a, { kind: 'write', path: rig.tailPath(a), at: offset - 512 });
  await rig.settle();
  assert.deepEqual(rig.breaches, ['P1']);
});

test('P1: a segment that is removed before a durable checkpoint goes beyond it', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  const first = rig.tailPath(a);
  while (rig.tailPath(a) === first) await rig.confirm(a, `queue ${rig.scheduler.eventCount}`);
  rig.change(a, { kind: 'unlink', path: first });
  await rig.settle();
  assert.deepEqual(rig.breaches, ['P1']);
});

test('P1: a segment may go when a durable checkpoint covers it', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  const first = rig.tailPath(a);
  while (rig.tailPath(a) === first) await rig.confirm(a, 'a queue');
  const { cursor } = rig.liveEvent(a);
  await writeCheckpoint(rig.directory, nodeClock, cursor.epoch, cursor, [new Uint8Array(100)]);
  rig.change(a, { kind: 'unlink', path: first });
  await rig.settle();
  assert.deepEqual(rig.sentences, []);
});

test('P1: a checkpoint that a power cut would take away covers nothing', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  const first = rig.tailPath(a);
  while (rig.tailPath(a) === first) await rig.confirm(a, 'a queue');
  const { cursor } = rig.liveEvent(a);
  await writeCheckpoint(rig.directory, nodeClock, cursor.epoch, cursor, [new Uint8Array(100)]);
  const { checkpoints } = await rig.directory.list();
  rig.unstablePath = rig.directory.pathOf(checkpoints[0]?.name ?? '');
  rig.change(a, { kind: 'unlink', path: first });
  await rig.settle();
  assert.deepEqual(rig.breaches, ['P1']);
});

test('P1: the checkpoint beyond a removed segment may go when another one took its place, and only then', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  await rig.takeOver(a);
  const first = rig.tailPath(a);
  while (rig.tailPath(a) === first) await rig.confirm(a, 'a queue');
  const writeOne = async (): Promise<string> => {
    const { cursor } = rig.liveEvent(a);
    await writeCheckpoint(rig.directory, nodeClock, cursor.epoch, cursor, [new Uint8Array(100)]);
    const { checkpoints } = await rig.directory.list();
    return checkpoints.at(-1)?.name ?? '';
  };
  const older = await writeOne();
  rig.change(a, { kind: 'unlink', path: first });
  await rig.settle();
  await rig.confirm(a, 'another queue');
  const newer = await writeOne();
  assert.notEqual(newer, older);
  rig.change(a, { kind: 'unlink', path: rig.directory.pathOf(older) });
  await rig.settle();
  assert.deepEqual(rig.sentences, []);
  await rig.directory.unlink(newer);
  rig.change(a, { kind: 'unlink', path: rig.directory.pathOf(newer) });
  await rig.settle();
  assert.deepEqual(rig.breaches, ['P1']);
});
