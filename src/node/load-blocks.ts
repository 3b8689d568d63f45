/** Reads bodies back for the main thread: the block at a place that a message lies in, and some that follow it. Storage thread. */

import { isGone } from '../journal/directory.js';
import { BLOCK_TYPE } from '../journal/format.js';
import { type BlockRun, LARGE_READ_BYTES, readBlocksAt } from '../journal/reader.js';
import { isCorrupt } from '../journal/walk.js';
import type { SegmentHandles } from './segment-handles.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';

type LoadCommand = Extract<StorageCommand, { kind: 'load' }>;

export interface LoadContext {
  readonly handles: SegmentHandles;
  readonly segmentBytes: number;
  /** Rejects when this node was deposed. */
  readonly verifyOwnership: () => Promise<void>;
  /** It was handed over since: whatever the next one did to the file, nobody waits for the body any more. */
  readonly isTenureOver: () => boolean;
}

/** @returns the answer, and the buffers that go with it. */
export async function loadBlocks(
  context: LoadContext,
  command: LoadCommand,
): Promise<[StorageEvent, ArrayBuffer[]]> {
  const { requestId, segment } = command;
  const run = await readOwnRun(context, command);
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

/**
 * Null when there is no such segment. A successor deletes and replaces segments: what is missing, or is
 * not as it was written, tells something of the journal only if this node is still the owner after that.
 */
async function readOwnRun(context: LoadContext, command: LoadCommand): Promise<BlockRun | null> {
  try {
    const run = await readRun(context, command);
    if (run === null) await context.verifyOwnership();
    return run;
  } catch (error) {
    if (isGone(error) || isCorrupt(error)) await context.verifyOwnership();
    if (context.isTenureOver()) return null;
    throw error;
  }
}

function readRun(
  { handles, segmentBytes }: LoadContext,
  { segment, offset, mayBeEnd }: LoadCommand,
): Promise<BlockRun | null> {
  const readBytes = Math.min(LARGE_READ_BYTES, segmentBytes);
  return handles.use(segment, (handle) =>
    readBlocksAt(handle, segment, offset, { mayBeEnd, readBytes }),
  );
}
