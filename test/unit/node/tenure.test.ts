import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { StorageEvent } from '../../../src/node/storage-protocol.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { interceptedFileSystem } from '../../support/intercepted-file-system.js';
import { FIRST_SEGMENT, TenureRig } from './tenure-rig.js';

describe('the beginning of a tenure', () => {
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
});
