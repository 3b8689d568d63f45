import assert from 'node:assert/strict';
import { rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ElectionLock } from '../../../src/ownership/election.js';
import { isFileAtPath } from '../../../src/ownership/file-at-path.js';
import { OwnershipCheck, type TailSegment } from '../../../src/ownership/freshness.js';
import { type ErrorCode, HoldfastError } from '../../../src/platform/errors.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import type { Clock, FileHandle } from '../../../src/platform/ports.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { openLiveFile } from '../../../src/store/known-documents.js';
import { LIVE_SAMPLE, makeStore, type TemporaryStore } from '../../support/store-samples.js';

describe('the ownership check', () => {
  let store: TemporaryStore;
  let lock: ElectionLock;
  let segment: FileHandle;
  let tail: TailSegment;
  let nowMs: number;
  let check: OwnershipCheck;
  const clock: Clock = { ...nodeClock, monotonicMs: () => nowMs };

  beforeEach(async () => {
    store = await makeStore();
    nowMs = 1_000;
    lock = new ElectionLock(nodeFileSystem, store.layout.lockFile);
    assert.equal(await lock.tryAcquire(), true);
    const path = join(store.layout.journalDirectory, 'tail');
    segment = await nodeFileSystem.open(path, 'create-new');
    tail = { name: 'tail', isInPlace: () => isFileAtPath(nodeFileSystem, segment, path) };
    check = new OwnershipCheck({
      fileSystem: nodeFileSystem,
      clock,
      layout: store.layout,
      electionLock: lock,
      node: 'a',
      epoch: LIVE_SAMPLE.epoch,
    });
    await writeLive({});
  });
  afterEach(async () => {
    await lock.release();
    await segment.close();
    await store.remove();
  });

  async function writeLive(change: Partial<LiveDocument>): Promise<void> {
    const file = await openLiveFile(nodeFileSystem, store.layout);
    await file.write({ ...LIVE_SAMPLE, ...change });
    await file.close();
  }

  async function refuses(code: ErrorCode, message: RegExp): Promise<void> {
    await assert.rejects(check.run(tail), (error) => {
      assert.ok(error instanceof HoldfastError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
    assert.equal(check.isFresh(1e12), false);
  }

  it('is not fresh before the first good one (P3)', () => {
    assert.equal(check.isFresh(Number.MAX_VALUE), false);
  });

  it('sees a successor that has claimed its epoch, though `live` names this node (P3)', async () => {
    const later = String(LIVE_SAMPLE.epoch + 1).padStart(10, '0');
    await writeFile(join(store.layout.epochsDirectory, later), '');
    await refuses('OWNERSHIP_LOST', /claimed epoch/);
  });

  it('counts from when it began, and only for so long', async () => {
    const slowTail = {
      name: tail.name,
      isInPlace: () => {
        nowMs += 600;
        return tail.isInPlace();
      },
    };
    assert.equal(await check.run(slowTail), 'owned');
    assert.equal(check.lastGoodBeganMs, 1_000);
    nowMs = 1_999;
    assert.equal(check.isFresh(1_000), true);
    nowMs = 2_000;
    assert.equal(check.isFresh(1_000), false);
  });

  it('ends the tenure when the lock file is gone', async () => {
    await unlink(store.layout.lockFile);
    await refuses('OWNERSHIP_LOST', /lock file .* was removed or replaced/);
  });

  it('ends the tenure when another node unlinked the tail segment (fence 3)', async () => {
    await unlink(segment.path);
    await refuses('OWNERSHIP_LOST', /tail was removed or replaced/);
  });

  it('ends the tenure when another file has the name of the tail segment', async () => {
    await writeFile(`${segment.path}.copy`, '');
    await rename(`${segment.path}.copy`, segment.path);
    await refuses('OWNERSHIP_LOST', /tail was removed or replaced/);
  });

  it('takes a name that opens, of a file that has none any more, for one that is gone', async () => {
    // As an NFS client does that remembers the name, while the server keeps the file for it.
    const open = async (): Promise<FileHandle> => {
      const found = await nodeFileSystem.open(segment.path, 'read');
      const stat = await found.stat();
      found.stat = () => Promise.resolve({ ...stat, linkCount: 0 });
      return found;
    };
    const remembering = { ...nodeFileSystem, open };
    assert.equal(await isFileAtPath(remembering, segment, segment.path), false);
  });

  it('does not believe the link count that a client remembers of a file under constant writes', async () => {
    const { linkCount, ...rest } = await segment.stat();
    assert.equal(linkCount, 1);
    const remembered = { stat: () => Promise.resolve({ ...rest, linkCount }) };
    await unlink(segment.path);
    assert.equal(await isFileAtPath(nodeFileSystem, remembered, segment.path), false);
  });

  it('ends the tenure when a higher epoch is live', async () => {
    await writeLive({ epoch: LIVE_SAMPLE.epoch + 1, node: 'b', host: 'beta' });
    await refuses('OWNERSHIP_LOST', /node "b" on host beta is live with epoch 4/);
  });

  it('ends the tenure when another node uses the same epoch', async () => {
    await writeLive({ node: 'b' });
    await refuses('OWNERSHIP_LOST', /is live with epoch 3/);
  });

  it('asks for a rewrite, and gets no fresher, when `live` is torn or older', async () => {
    const damages = [
      () => writeFile(store.layout.liveFile, ''),
      () => writeFile(store.layout.liveFile, 'holdfast-document 1 000'),
      () => writeLive({ epoch: LIVE_SAMPLE.epoch - 1, node: 'b' }),
    ];
    for (const damage of damages) {
      await damage();
      assert.equal(await check.run(tail), 'rewrite-live-file');
      assert.equal(check.isFresh(Number.MAX_VALUE), false);
    }
    await writeLive({});
    assert.equal(await check.run(tail), 'owned');
  });

  it('ends the tenure when a file is stale, and when the check itself fails', async () => {
    const failing = (code: string) => ({
      name: tail.name,
      isInPlace: () => Promise.reject(Object.assign(new Error(`${code}: fstat`), { code })),
    });
    await assert.rejects(check.run(failing('ESTALE')), { code: 'OWNERSHIP_LOST' });
    await assert.rejects(check.run(failing('EIO')), { code: 'JOURNAL_IO_FAILED' });
    await assert.rejects(check.run(failing('ETIMEDOUT')), { code: 'JOURNAL_IO_FAILED' });
  });
});
