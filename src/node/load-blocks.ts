/** Reads bodies back for the main thread: the block at a place that a message lies in, and some that follow it. Storage thread. */

import { checksumOf } from '../journal/checksum.js';
import { isGone } from '../journal/directory.js';
import { BLOCK_TYPE } from '../journal/format.js';
import { type BlockRun, LARGE_READ_BYTES, readBlocksAt } from '../journal/reader.js';
import { isCorrupt } from '../journal/walk.js';
import { HoldfastError } from '../platform/errors.js';
import type { SegmentHandles } from './segment-handles.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';

type LoadCommand = Extract<StorageCommand, { kind: 'load' }>;
type LoadPartCommand = Extract<StorageCommand, { kind: 'load-part' }>;

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
  const run = await readOwn(context, () => readRun(context, command));
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

/** A part of a block that was loaded before; see `loadBlocks`. */
export async function loadPart(
  context: LoadContext,
  command: LoadPartCommand,
): Promise<[StorageEvent, ArrayBuffer[]]> {
  const { requestId, segment } = command;
  const bytes = await readOwn(context, () => readPart(context, command));
  if (bytes === null) return [{ kind: 'load-missed', requestId, segment }, []];
  return [{ kind: 'part-loaded', requestId, bytes: bytes.buffer }, [bytes.buffer]];
}

/**
 * Null when there is no such segment. A successor deletes and replaces segments: what is missing, or is
 * not as it was written, tells something of the journal only if this node is still the owner after that.
 */
async function readOwn<Result>(
  context: LoadContext,
  read: () => Promise<Result | null>,
): Promise<Result | null> {
  try {
    const result = await read();
    if (result === null) await context.verifyOwnership();
    return result;
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

function readPart(
  { handles }: LoadContext,
  { segment, offset, length, checksum }: LoadPartCommand,
): Promise<Uint8Array<ArrayBuffer> | null> {
  return handles.use(segment, async (handle) => {
    const bytes = new Uint8Array(length);
    const filled = await handle.read(bytes, offset);
    if (filled === length && checksumOf(bytes, 0) === checksum) return bytes;
    throw new HoldfastError(
      'JOURNAL_CORRUPT',
      `${handle.path} is not as it was a moment ago between offsets ${offset} and ${offset + length}, where a ` +
        'message lies. The file was damaged after it was written; restore the store from a copy.',
    );
  });
}
