/** P5 and P7: ends that nothing explains, by when somebody must be live, and what must stay small. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES, type ErrorCode } from '../../../src/platform/errors.js';
import type { StorageKind } from '../storage/shared-storage.js';
import { ChecksRig, PROFILE, SEGMENT_BYTES } from './checks-rig.js';
import { type FaultFacts, judgeEnd, noFaults } from './ends.js';
import { type LivenessFacts, mustBeLiveWithinMs } from './liveness.js';

type Facts = Partial<FaultFacts> & {
  readonly kind?: StorageKind;
  readonly lostWhatItRead?: boolean;
};

function breaches(code: ErrorCode | null, facts: Facts): number {
  let count = 0;
  const end = { exitCodeReason: code, sentence: '' };
  judgeEnd('a', end, { ...noFaults(), kind: 'nfs4', lostWhatItRead: false, ...facts }, () => {
    count += 1;
  });
  return count;
}

test('P5: without a fault a node ends in good order or not at all', () => {
  assert.equal(breaches(null, {}), 0);
  for (const code of Object.keys(ERROR_CODES)) {
    assert.equal(breaches(code as ErrorCode, {}), 1, code);
  }
});

test('P5: an end must be explained by a fault of its own kind', () => {
  const anything = { anyFault: true, storageFault: true, serverPowerCut: true, damage: true };
  assert.equal(breaches('UNEXPECTED', anything), 1);
  assert.equal(breaches('JOURNAL_IO_FAILED', { anyFault: true }), 1);
  assert.equal(breaches('JOURNAL_IO_FAILED', { storageFault: true }), 0);
  assert.equal(breaches('JOURNAL_IO_FAILED', { segmentsRemoved: true }), 0);
  assert.equal(breaches('JOURNAL_CORRUPT', { anyFault: true, storageFault: true }), 1);
  assert.equal(breaches('JOURNAL_CORRUPT', { damage: true }), 0);
  assert.equal(breaches('JOURNAL_CORRUPT', { serverPowerCut: true }), 1);
  assert.equal(breaches('JOURNAL_CORRUPT', { lostWhatItRead: true }), 0);
  assert.equal(breaches('OWNERSHIP_LOST', { anyFault: true }), 0);
  assert.equal(breaches('LOCK_NOT_SHARED', { kind: 'nfs4-local-locks' }), 0);
});

test('P5: after a power cut of the server only who has read what is gone may refuse the journal', async () => {
  const refusal = { exitCodeReason: 'JOURNAL_CORRUPT', sentence: '' } as const;
  const rig = await ChecksRig.make();
  const [live, lost, whole, cold] = [
    rig.start('live'),
    rig.start('lost'),
    rig.start('whole'),
    rig.start('cold'),
  ];
  await rig.takeOver(live);
  await rig.confirm(live, 'one');
  await rig.follow(whole);
  const { offset } = await rig.append(live, 'never synced');
  await rig.follow(lost);
  const path = rig.tailPath(live);
  rig.fileSystem.put(
    path,
    rig.fileSystem.contents().get(path)?.slice(0, offset) ?? new Uint8Array(),
  );
  rig.checks.facts.serverPowerCut = true;
  for (const [node, breaches] of [
    [lost, 0],
    [whole, 1],
    [cold, 2],
  ] as const) {
    rig.checks.onEnded(node, refusal);
    await rig.settle();
    assert.equal(rig.breaches.length, breaches, `${node.name}: ${rig.sentences}`);
  }
});

const FACTS: LivenessFacts = {
  profile: PROFILE,
  isFencedByServer: true,
  lockPollIntervalMs: 200,
  checkIntervalMs: 200,
  freshMs: 1_000,
  statusIntervalMs: 1_000,
  storeStallLimitMs: 5_000,
  handoverTimeoutMs: 5_000,
  restartAfterMs: 1_000,
  nodesUp: 2,
  deadHostMayHoldLock: false,
  isDamaged: false,
};

test('P5: somebody must be live, later where more must be waited for, unless nobody can be', () => {
  const within = mustBeLiveWithinMs(FACTS) ?? 0;
  assert.ok(within > FACTS.profile.leaseMs && within < 180_000, String(within));
  const unfenced = mustBeLiveWithinMs({ ...FACTS, isFencedByServer: false }) ?? 0;
  assert.ok(unfenced > within);
  assert.equal(mustBeLiveWithinMs({ ...FACTS, nodesUp: 0 }), null);
  assert.equal(mustBeLiveWithinMs({ ...FACTS, isDamaged: true }), null);
  const nfs3 = { ...FACTS, profile: { ...FACTS.profile, kind: 'nfs3' as const } };
  assert.ok((mustBeLiveWithinMs(nfs3) ?? 0) >= within);
  assert.equal(mustBeLiveWithinMs({ ...nfs3, deadHostMayHoldLock: true }), null);
});

test('P7: a backup that had caught up may read the tail and no more', async () => {
  for (const [readBytes, expected] of [
    [4 * SEGMENT_BYTES, []],
    [100 * SEGMENT_BYTES, ['P7']],
  ] as const) {
    const rig = await ChecksRig.make();
    const [a, b] = [rig.start('a'), rig.start('b')];
    await rig.takeOver(a);
    await rig.confirm(a, 'one');
    await rig.follow(b);
    a.process.die();
    rig.becomes(b, 'taking-over');
    rig.bytesRead += readBytes;
    await rig.seal(b);
    await rig.goLive(b);
    assert.deepEqual(rig.breaches, expected);
  }
});

test('P7: a backup that had not caught up may read everything', async () => {
  const rig = await ChecksRig.make();
  const [a, b] = [rig.start('a'), rig.start('b')];
  await rig.takeOver(a);
  for (let count = 0; count < 20; count += 1) await rig.confirm(a, `queue ${count}`);
  a.process.die();
  rig.becomes(b, 'taking-over');
  rig.bytesRead += 100 * SEGMENT_BYTES;
  await rig.follow(b);
  await rig.seal(b);
  await rig.goLive(b);
  assert.deepEqual(rig.sentences, []);
});

test('P7: what a main thread has not applied is bounded', async () => {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  const megabyte = new ArrayBuffer(1024 * 1024);
  for (let count = 0; count < 8; count += 1) rig.posts(a, { kind: 'restore', payload: megabyte });
  assert.deepEqual(rig.breaches, []);
  for (let count = 0; count < 8; count += 1) rig.posts(a, { kind: 'restore', payload: megabyte });
  assert.equal(rig.breaches[0], 'P7');
});
