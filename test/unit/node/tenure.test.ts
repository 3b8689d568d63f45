import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  BLOCK_HEADER_BYTES,
  SECTOR_BYTES,
  type SegmentNumber,
} from '../../../src/journal/format.js';
import type { StorageEvent } from '../../../src/node/storage-protocol.js';
import type { Tenure } from '../../../src/node/tenure.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import { interceptedFileSystem, systemError } from '../../support/intercepted-file-system.js';
import { SEGMENT_BYTES } from '../journal/journal-rig.js';
import { FIRST_SEGMENT, FRESH_MS, TenureRig } from './tenure-rig.js';

describe('a tenure', () => {
  let rig: TenureRig;

  beforeEach(async () => {
    rig = await TenureRig.make();
  });
  afterEach(() => rig.remove());

  /** The segments that it tells of; `meanwhile` happens before it first looks at the journal. */
  async function segmentsTold(meanwhile: () => Promise<void>): Promise<number[]> {
    let hasHappened = false;
    const fileSystem = interceptedFileSystem(nodeFileSystem, async ({ operation, path }, run) => {
      if (operation === 'list' && path === rig.journal.path && !hasHappened) {
        hasHappened = true;
        await meanwhile();
      }
      return run();
    });
    return new Promise((resolve, reject) => {
      const post = (event: StorageEvent): void => {
        if (event.kind === 'segments') resolve(event.sizes.map(({ segment }) => segment));
      };
      const tenure = rig.tenure(fileSystem, post);
      tenure.failed.catch(reject);
      tenure.begin().catch(reject);
    });
  }

  it('tells which segments there are, so that one that somebody removed is missed (P6)', async () => {
    assert.deepEqual(await segmentsTold(() => rig.journal.unlink(FIRST_SEGMENT)), [2, 3]);
  });

  it('ends, and misses nothing, when a successor was there to delete it (P5)', async () => {
    const successor = async (): Promise<void> => {
      await rig.claimEpoch(3);
      await rig.journal.unlink(FIRST_SEGMENT);
    };
    await assert.rejects(segmentsTold(successor), { code: 'OWNERSHIP_LOST' });
  });

  /** It serves, and has cleared up: nothing of it is under way but what the test does. */
  async function begunTenure(
    fileSystem: FileSystem,
    post: (event: StorageEvent) => void = () => undefined,
  ): Promise<Tenure> {
    let clearedUp!: () => void;
    const hasClearedUp = new Promise<void>((resolve) => {
      clearedUp = resolve;
    });
    const tenure = rig.tenure(fileSystem, (event) => {
      post(event);
      if (event.kind === 'segments') clearedUp();
    });
    tenure.failed.catch(() => undefined);
    await tenure.begin();
    await Promise.race([hasClearedUp, tenure.failed]);
    return tenure;
  }

  /** One block of one record: what the main thread sends. */
  function appendCommand(): Parameters<Tenure['append']>[0] {
    const slab = new ArrayBuffer(SECTOR_BYTES);
    return { kind: 'append', slab, end: BLOCK_HEADER_BYTES + 1, recordCount: 1 };
  }

  it('writes at once what comes while its ownership is fresh', async () => {
    const tenure = await begunTenure(nodeFileSystem);
    const before = rig.writer.cursor.sequence;
    rig.clock.nowMs += FRESH_MS - 1;
    await tenure.append(appendCommand());
    assert.equal(rig.writer.cursor.sequence, before + 1);
  });

  it('P2: writes nothing that waited behind a call which hung for as long as a takeover takes', async () => {
    const tenure = await begunTenure(nodeFileSystem);
    const before = rig.writer.cursor;
    rig.clock.nowMs += FRESH_MS;
    await rig.claimEpoch(3);
    await assert.rejects(tenure.append(appendCommand()), { code: 'OWNERSHIP_LOST' });
    assert.deepEqual(rig.writer.cursor, before);
  });

  it('verifies its ownership first, and writes then, when nobody took over meanwhile', async () => {
    let verifications = 0;
    const tenure = await begunTenure(nodeFileSystem, ({ kind }) => {
      if (kind === 'verified') verifications += 1;
    });
    const before = { sequence: rig.writer.cursor.sequence, verifications };
    rig.clock.nowMs += FRESH_MS;
    await tenure.append(appendCommand());
    assert.ok(verifications > before.verifications);
    assert.equal(rig.writer.cursor.sequence, before.sequence + 1);
  });

  it('P2: writes nothing that waited for the next segment for as long as a takeover takes', async () => {
    await rig.remove();
    let hangs = false;
    const fileSystem = interceptedFileSystem(nodeFileSystem, async ({ operation }, run) => {
      if (hangs && operation === 'sync-directory') {
        rig.clock.nowMs += FRESH_MS;
        await rig.claimEpoch(3);
      }
      return run();
    });
    rig = await TenureRig.make(fileSystem);
    const tenure = await begunTenure(nodeFileSystem);
    const { segment, sequence } = rig.writer.cursor;
    hangs = true;
    const slab = new ArrayBuffer(SEGMENT_BYTES - SECTOR_BYTES);
    const command = { kind: 'append', slab, end: slab.byteLength, recordCount: 1 } as const;
    await assert.rejects(tenure.append(command), { code: 'OWNERSHIP_LOST' });
    assert.equal(rig.writer.cursor.segment, segment + 1);
    assert.equal(rig.writer.cursor.sequence, sequence);
  });

  it('writes nothing after something else of the tenure has failed while it looked who the owner is', async () => {
    const unlinks = interceptedFileSystem(nodeFileSystem, async ({ operation }, run) => {
      if (operation === 'unlink') throw systemError('EIO', 'unlink (injected)');
      return run();
    });
    const tenure = await begunTenure(unlinks);
    const before = rig.writer.cursor;
    rig.clock.nowMs += FRESH_MS;
    const appended = tenure.append(appendCommand());
    await assert.rejects(tenure.deleteSegments([1 as SegmentNumber]), { code: 'EIO' });
    await assert.rejects(appended);
    assert.deepEqual(rig.writer.cursor, before);
  });

  it('takes half a rewrite of `live` for no proof of its ownership', async () => {
    let isTorn = false;
    const fileSystem = interceptedFileSystem(nodeFileSystem, async ({ operation, path }, run) => {
      const result = await run();
      if (isTorn && operation === 'read' && path === rig.liveFilePath) {
        isTorn = false;
        await rig.claimEpoch(3);
      }
      return result;
    });
    const tenure = await begunTenure(fileSystem);
    await rig.tearLiveFile();
    isTorn = true;
    rig.clock.nowMs += 1;
    await assert.rejects(tenure.verifyOwnership(), { code: 'OWNERSHIP_LOST' });
  });
});
