/** Reads bodies back for the main thread: the block at a place that a message lies in, and some that follow it. Storage thread. */

import { BLOCK_TYPE } from '../journal/format.js';
import { LARGE_READ_BYTES, readBlocksAt } from '../journal/reader.js';
import type { SegmentHandles } from './segment-handles.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';
import type { StorageSettings } from './storage-world.js';

/** @returns the answer, and the buffers that go with it. */
export async function loadBlocks(
  handles: SegmentHandles,
  command: Extract<StorageCommand, { kind: 'load' }>,
  { segmentBytes }: Pick<StorageSettings, 'segmentBytes'>,
): Promise<[StorageEvent, ArrayBuffer[]]> {
  const { requestId, segment, offset, mayBeEnd } = command;
  const readBytes = Math.min(LARGE_READ_BYTES, segmentBytes);
  const run = await handles.use(segment, (handle) =>
    readBlocksAt(handle, segment, offset, { mayBeEnd, readBytes }),
  );
  if (run === null) return [{ kind: 'load-missed', requestId, segment }, []];
  const blocks = run.blocks.map((block) => ({
    start: block.payloadStart,
    length: block.payloadLength,
    recordCount: block.recordCount,
    hasRecords: block.type === BLOCK_TYPE.records,
    segment,
    offset: block.offset,
  }));
  const bytes = run.bytes.buffer;
  return [{ kind: 'loaded', requestId, bytes, blocks }, [bytes]];
}
