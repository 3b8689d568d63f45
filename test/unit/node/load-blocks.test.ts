/** P5 and P6: what a body is missed for. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { checksumOf } from '../../../src/journal/checksum.js';
import {
  BLOCK_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentNumber,
} from '../../../src/journal/format.js';
import { type LoadContext, loadBlocks, loadPart } from '../../../src/node/load-blocks.js';
import { SegmentHandles } from '../../../src/node/segment-handles.js';
import type { StorageEvent } from '../../../src/node/storage-protocol.js';
import type { Tenure } from '../../../src/node/tenure.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { SEGMENT_BYTES } from '../journal/journal-rig.js';
import { FIRST_SEGMENT, TenureRig } from './tenure-rig.js';

const FIRST = 1 as SegmentNumber;

let rig: TenureRig;
let tenure: Tenure;
let handles: SegmentHandles;

beforeEach(async () => {
  rig = await TenureRig.make();
  handles = new SegmentHandles(rig.journal.directory());
  await new Promise<void>((resolve, reject) => {
    const post = ({ kind }: StorageEvent): void => {
      if (kind === 'segments') resolve();
    };
    tenure = rig.tenure(nodeFileSystem, post);
    tenure.begin().catch(reject);
  });
});
afterEach(async () => {
  await handles.close();
  await rig.remove();
});

function contextOf(isTenureOver: boolean): LoadContext {
  return {
    handles,
    segmentBytes: SEGMENT_BYTES,
    verifyOwnership: () => tenure.verifyOwnership(),
    isTenureOver: () => isTenureOver,
  };
}

/** Loads the first block of the first segment. */
async function load(isTenureOver = false): Promise<StorageEvent> {
  const context = contextOf(isTenureOver);
  const place = { segment: FIRST, offset: SEGMENT_HEADER_BYTES, mayBeEnd: false };
  const [answer] = await loadBlocks(context, { kind: 'load', requestId: 7, ...place });
  return answer;
}

test('a block is loaded with those that follow it', async () => {
  const answer = await load();
  assert.equal(answer.kind, 'loaded');
  assert.ok(answer.kind === 'loaded' && answer.blocks.length > 1);
});

test('P6: a segment that somebody removed is missed', async () => {
  await rig.journal.unlink(FIRST_SEGMENT);
  assert.deepEqual(await load(), { kind: 'load-missed', requestId: 7, segment: 1 });
});

test('P6: a block that is damaged is told of', async () => {
  await rig.journal.flipBit(FIRST_SEGMENT, SEGMENT_HEADER_BYTES + 70);
  await assert.rejects(load(), { code: 'JOURNAL_CORRUPT' });
});

test('P5: a segment that a successor deleted is not missed: the node was deposed', async () => {
  await rig.claimEpoch(3);
  await rig.journal.unlink(FIRST_SEGMENT);
  const failed = assert.rejects(tenure.failed, { code: 'OWNERSHIP_LOST' });
  await assert.rejects(load(), { code: 'OWNERSHIP_LOST' });
  await failed;
});

test('P5: what is not as it was written tells a deposed node nothing of the journal', async () => {
  await rig.claimEpoch(3);
  await rig.journal.flipBit(FIRST_SEGMENT, SEGMENT_HEADER_BYTES + 70);
  await assert.rejects(load(), { code: 'OWNERSHIP_LOST' });
});

test('P5: what the next tenure did to the file is no damage to a node that has handed over', async () => {
  await tenure.release();
  await rig.journal.flipBit(FIRST_SEGMENT, SEGMENT_HEADER_BYTES + 70);
  assert.equal((await load(true)).kind, 'load-missed');
});

/** A part of the payload of that block, as it was loaded. */
async function partOf(start: number, length: number) {
  const loaded = await load();
  assert.ok(loaded.kind === 'loaded');
  const first = loaded.blocks[0];
  assert.ok(first);
  const bytes = new Uint8Array(loaded.bytes, first.start + start, length);
  const command = {
    kind: 'load-part',
    requestId: 8,
    segment: FIRST,
    offset: SEGMENT_HEADER_BYTES + BLOCK_HEADER_BYTES + start,
    length,
    checksum: checksumOf(bytes, 0),
  } as const;
  return { bytes, load: () => loadPart(contextOf(false), command) };
}

test('a part of a block is loaded as it was in the whole', async () => {
  const part = await partOf(2, 5);
  const [answer, transferred] = await part.load();
  assert.ok(answer.kind === 'part-loaded' && answer.requestId === 8);
  assert.deepEqual(new Uint8Array(answer.bytes), part.bytes.slice());
  assert.deepEqual(transferred, [answer.bytes]);
});

test('P6: a part that was damaged since is told of, and missed when its segment is gone', async () => {
  const part = await partOf(2, 5);
  await rig.journal.flipBit(FIRST_SEGMENT, SEGMENT_HEADER_BYTES + BLOCK_HEADER_BYTES + 3);
  await assert.rejects(part.load(), { code: 'JOURNAL_CORRUPT' });
  await rig.journal.unlink(FIRST_SEGMENT);
  assert.deepEqual(await part.load(), [{ kind: 'load-missed', requestId: 8, segment: 1 }, []]);
});
