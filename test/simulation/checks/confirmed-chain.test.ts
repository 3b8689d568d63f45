/** P1, P2 and P6: a chain that loses, changes or passes over what was confirmed is seen, and no other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeCheckpoint } from '../../../src/journal/checkpoint.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { replayFromCheckpoint } from '../../support/replayed-broker.js';
import { ChecksRig, FRESH_MS } from './checks-rig.js';

test('tenures that take over what was confirmed break nothing', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  for (let count = 0; count < 40; count += 1) await rig.confirm(a, `message ${count}`);
  await rig.follow(b);
  a.process.die();
  await rig.takeOver(b);
  await rig.confirm(b, 'goes on');
  await rig.checks.finish([b]);
  assert.deepEqual(rig.sentences, []);
});

test('a block that was written and not confirmed may be cut off', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  await rig.confirm(a, 'confirmed');
  await rig.follow(b);
  rig.becomes(b, 'taking-over');
  await rig.seal(b);
  await rig.append(a, 'never confirmed');
  a.process.die();
  await rig.goLive(b);
  assert.deepEqual(rig.sentences, []);
});

test('P1: a tenure that begins without a confirmed block', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  await rig.follow(b);
  await rig.confirm(a, 'lost');
  rig.becomes(b, 'taking-over');
  await rig.seal(b);
  await rig.goLive(b);
  assert.deepEqual(rig.breaches.slice(0, 1), ['P1']);
});

test('P1: a block that is confirmed in a tenure which another one has ended', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  rig.sendBatch(a);
  await rig.follow(b);
  rig.becomes(b, 'taking-over');
  await rig.seal(b);
  const appended = await rig.append(a, 'into the old file');
  rig.fileSystem.put(rig.tailPath(a), new Uint8Array(0));
  await rig.fileSystem.unlink(rig.tailPath(a));
  await rig.goLive(b);
  rig.arrives(a, appended);
  assert.ok(rig.breaches.includes('P1'), rig.sentences.join('\n'));
});

test('P1: a confirmed block that is replaced is seen in what a follower reads', async () => {
  const rig = await ChecksRig.make();
  const [a, b, c] = [rig.start('a'), rig.start('b'), rig.start('c')];
  await rig.takeOver(a);
  await rig.follow(b);
  await rig.confirm(a, 'replaced');
  rig.becomes(b, 'taking-over');
  await rig.seal(b);
  await rig.follow(c);
  assert.deepEqual(rig.breaches.slice(0, 1), ['P1']);
});

test('P2: what another epoch has cut off is not replayed where the server fences', async () => {
  const rig = await ChecksRig.make();
  const late = await strayFollower(rig);
  assert.deepEqual(rig.breaches, ['P2']);
  assert.match(rig.sentences[0] ?? '', new RegExp(`${late.name} replays block`));
});

test('P2: where no server fences, a follower that went astray must start again before the end', async () => {
  const rig = await ChecksRig.make({ isFencedByServer: false });
  const late = await strayFollower(rig);
  assert.deepEqual(rig.breaches, []);
  await rig.checks.finish([late]);
  assert.deepEqual(rig.breaches, ['P2']);
});

test('P2: a follower that went astray and started again is in order', async () => {
  const rig = await ChecksRig.make({ isFencedByServer: false });
  const late = await strayFollower(rig);
  late.reader = null;
  await rig.follow(late);
  await rig.checks.finish([late]);
  assert.deepEqual(rig.sentences, []);
});

/** It goes on in a file that a takeover has replaced, behind the place of the takeover. */
async function strayFollower(rig: ChecksRig): Promise<ReturnType<ChecksRig['start']>> {
  const [a, b, late] = [rig.start('a'), rig.start('b'), rig.start('late')];
  await rig.takeOver(a);
  await rig.follow(late);
  await rig.follow(b);
  await rig.append(a, 'cut off');
  const oldPath = rig.tailPath(a);
  const kept = rig.fileSystem.contents().get(oldPath) as Uint8Array;
  await rig.pass(FRESH_MS);
  rig.becomes(b, 'taking-over');
  await rig.seal(b);
  await rig.goLive(b);
  const newPath = rig.tailPath(b);
  const sealed = rig.fileSystem.contents().get(newPath) as Uint8Array;
  await rig.fileSystem.unlink(newPath);
  rig.fileSystem.put(oldPath, kept);
  await rig.follow(late);
  await rig.fileSystem.unlink(oldPath);
  rig.fileSystem.put(newPath, sealed);
  return late;
}

test('P2: a second tenure in one epoch', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  rig.posts(b, rig.liveEvent(a));
  await rig.settle();
  assert.deepEqual(rig.breaches, ['P2']);
});

test('P2: a node that begins a tenure without having replayed all of the journal', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  await rig.confirm(a, 'one');
  a.process.die();
  await rig.follow(b);
  rig.posts(b, { kind: 'reset' });
  rig.becomes(b, 'taking-over');
  await rig.seal(b);
  await rig.goLive(b);
  assert.deepEqual(rig.breaches, ['P2']);
});

test('P6: a tenure that begins past a damaged block', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  await damageBeforeLast(rig, a);
  a.process.die();
  await rig.takeOver(b);
  assert.deepEqual(rig.breaches.slice(0, 1), ['P6']);
});

test('P6: a backup that read the bytes while they were whole may begin a tenure', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  const damaged = await rig.confirm(a, 'damaged');
  while (rig.liveEvent(a).cursor.segment === damaged.segment) await rig.confirm(a, 'behind it');
  await rig.follow(b);
  const first = rig.directory.pathOf('0000000001-0000000001.segment');
  rig.checks.onDamage();
  await flip(rig, first, damaged.offset - 1);
  a.process.die();
  await rig.takeOver(b);
  await rig.confirm(b, 'goes on');
  await rig.checks.finish([b]);
  assert.deepEqual(rig.sentences, []);
});

test('P6: a node may go live over a block that was damaged when its own tenure block already lay behind it', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  const damaged = await rig.confirm(a, 'damaged');
  a.process.die();
  await rig.follow(b);
  rig.becomes(b, 'taking-over');
  await rig.seal(b);
  rig.checks.onDamage();
  await flip(rig, rig.tailPath(b), damaged.offset - 1);
  await rig.goLive(b);
  await rig.checks.finish([b]);
  assert.deepEqual(rig.sentences, []);
});

test('P6: a tenure that begins past a damaged block behind which another was only written', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  const damaged = await rig.confirm(a, 'damaged');
  await rig.append(a, 'never confirmed');
  rig.checks.onDamage();
  await flip(rig, rig.tailPath(a), damaged.offset - 1);
  a.process.die();
  await rig.takeOver(b);
  assert.deepEqual(rig.breaches, ['P6']);
});

for (const isCovered of [true, false]) {
  const what = isCovered
    ? 'an older file of a segment may come late when'
    : 'P1: it may not, unless';
  test(`${what} a checkpoint covers what was deleted`, async () => {
    const rig = await ChecksRig.make();
    const [a, b] = [rig.start('a'), rig.start('b')];
    await rig.takeOver(a);
    await rig.follow(b);
    await rig.append(a, 'never confirmed');
    const path = rig.tailPath(a);
    const late = rig.fileSystem.contents().get(path);
    assert.ok(late);
    a.process.die();
    rig.becomes(b, 'taking-over');
    await rig.seal(b);
    await rig.goLive(b);
    const deleted = rig.tailPath(b);
    for (let count = 0; rig.tailPath(b) === deleted; count += 1)
      await rig.confirm(b, `queue ${count}`);
    await rig.confirm(b, 'in the next segment');
    if (isCovered) {
      const { broker, cursor } = await replayFromCheckpoint(rig.directory);
      await writeCheckpoint(rig.directory, nodeClock, cursor.epoch, cursor, broker.snapshot());
    }
    await rig.fileSystem.unlink(deleted);
    rig.fileSystem.put(path, late);
    await rig.checks.finish([b]);
    assert.equal(rig.breaches.includes('P1'), !isCovered, rig.sentences.join('\n'));
  });
}

for (const isLater of [false, true]) {
  const what = isLater ? 'P6: a tenure that begins' : 'a tenure may begin';
  test(`${what} without what was confirmed ${isLater ? 'since' : 'before'} somebody deleted the segments`, async () => {
    const rig = await ChecksRig.make();
    const [a, b] = [rig.start('a'), rig.start('b')];
    await rig.takeOver(a);
    await rig.follow(b);
    const kept = rig.liveEvent(a).cursor.sequence;
    if (!isLater) await rig.confirm(a, 'lost');
    rig.checks.onSegmentsRemoved(kept, rig.scheduler.nowMs);
    if (isLater) await rig.confirm(a, 'lost');
    a.process.die();
    rig.becomes(b, 'taking-over');
    await rig.seal(b);
    await rig.goLive(b);
    assert.deepEqual(rig.breaches, isLater ? ['P6'] : []);
  });
}

async function damageBeforeLast(
  rig: ChecksRig,
  node: ReturnType<ChecksRig['start']>,
): Promise<void> {
  const damaged = await rig.confirm(node, 'damaged');
  await rig.confirm(node, 'behind it');
  rig.checks.onDamage();
  await flip(rig, rig.tailPath(node), damaged.offset - 1);
}

async function flip(rig: ChecksRig, path: string, at: number): Promise<void> {
  const handle = await rig.fileSystem.open(path, 'update');
  const byte = new Uint8Array(1);
  await handle.read(byte, at);
  await handle.write(Uint8Array.of((byte[0] ?? 0) ^ 1), at);
}
