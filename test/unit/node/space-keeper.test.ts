import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cursor, Epoch, SegmentNumber, Sequence } from '../../../src/journal/format.js';
import { SegmentLedger } from '../../../src/journal/space.js';
import { SpaceKeeper } from '../../../src/node/space-keeper.js';
import type { StorageCommand } from '../../../src/node/storage-protocol.js';

const SEGMENT_BYTES = 1_000_000;
const SPARE_BYTES = SEGMENT_BYTES;

const cursorIn = (segment: number): Cursor => ({
  segment: segment as SegmentNumber,
  offset: 512,
  sequence: 10 as Sequence,
  checksum: 0,
  epoch: 2 as Epoch,
});

/** A keeper at the beginning of a tenure in segment 5; nothing is needed of the segments before. */
function beginTenure(): { keeper: SpaceKeeper; posted: StorageCommand[] } {
  const ledger = new SegmentLedger();
  const posted: StorageCommand[] = [];
  const keeper = new SpaceKeeper({
    ledger,
    segmentBytes: SEGMENT_BYTES,
    broker: { snapshot: () => [new Uint8Array(10)], snapshotBytes: () => 10, relocate: () => 0 },
    post: (command) => posted.push(command),
    loadBlocks: () => Promise.resolve([]),
    drained: () => Promise.resolve(),
    applied: () => cursorIn(5),
    onRoom: () => undefined,
    onFailure: (error) => assert.fail(String(error)),
  });
  for (const number of [2, 3, 4]) ledger.setSize(number, SEGMENT_BYTES);
  keeper.start({
    kind: 'live',
    epoch: 2,
    cursor: cursorIn(5),
    tail: {
      segment: 5 as SegmentNumber,
      usedBytes: SEGMENT_BYTES / 2,
      sizeBytes: SEGMENT_BYTES,
      spareBytes: SPARE_BYTES,
    },
    checkpointCovers: cursorIn(4),
    checkpointBytes: 10,
    verifiedBeganMs: 0,
  });
  return { keeper, posted };
}

test('P1: a checkpoint that was found deletes nothing: it may not be on stable storage', async () => {
  const { keeper, posted } = beginTenure();
  assert.deepEqual(
    posted.map(({ kind }) => kind),
    ['checkpoint'],
  );
  keeper.onEvent({ kind: 'checkpoint-written', covers: cursorIn(5), bytes: 10 });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(posted.at(-1), { kind: 'delete-segments', segments: [2, 3, 4] });
});
