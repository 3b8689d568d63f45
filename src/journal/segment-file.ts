/** Creates segment files: all bytes written, durable, and locked by the descriptor that will write them. */

import { errnoOf, HoldfastError } from '../platform/errors.js';
import type { Clock, FileHandle } from '../platform/ports.js';
import type { JournalDirectory } from './directory.js';
import { encodeSegmentHeader, type SegmentHeader } from './file-header.js';
import { type Epoch, type SegmentNumber, segmentName } from './format.js';

const ZEROS = new Uint8Array(256 * 1024);
/** No call for a whole file carries more, or one on a slow file server would take as long as a stalled one. A multiple of the zeros. */
export const SLICE_BYTES = 8 * 1024 * 1024;

/** A segment file that this node writes, or will write. */
export interface OwnSegment {
  readonly name: string;
  readonly number: SegmentNumber;
  readonly sizeBytes: number;
  /** Opened to write only, with O_DSYNC, and holding the file's flock. */
  readonly handle: FileHandle;
}

/**
 * Creates an unfinished segment, its name and its zeros on stable storage. Lets other work of this
 * thread in between, so a commit never waits for more than one slice of it.
 */
export async function createSegment(
  directory: JournalDirectory,
  clock: Clock,
  number: SegmentNumber,
  epoch: Epoch,
  sizeBytes: number,
): Promise<OwnSegment> {
  const { name } = segmentName(number, epoch);
  const path = directory.pathOf(name);
  const plain = await directory.fileSystem.open(path, 'create-new');
  try {
    for (let at = 0; at < sizeBytes; at += ZEROS.byteLength) {
      await plain.write(ZEROS.subarray(0, Math.min(ZEROS.byteLength, sizeBytes - at)), at);
      await new Promise<void>((resolve) => clock.soon(resolve));
      if ((at + ZEROS.byteLength) % SLICE_BYTES === 0) await plain.syncInBackground();
    }
    await plain.syncInBackground();
    await directory.sync();
  } catch (error) {
    await plain.close();
    await directory.unlink(name);
    throw error;
  }
  await plain.close();
  return { name, number, sizeBytes, handle: await openLocked(directory, name) };
}

/** Views of `bytes` for one call each. */
export function* slicesOf(bytes: Uint8Array): Generator<{ slice: Uint8Array; at: number }> {
  for (let at = 0; at < bytes.byteLength; at += SLICE_BYTES) {
    yield { slice: bytes.subarray(at, at + SLICE_BYTES), at };
  }
}

/** Opens a segment to write it, holding its lock through the very descriptor that writes (fence 1). */
export async function openLocked(directory: JournalDirectory, name: string): Promise<FileHandle> {
  const handle = await directory.fileSystem.open(directory.pathOf(name), 'write-durable');
  if (await handle.tryLockExclusive()) return handle;
  await handle.close();
  throw new HoldfastError(
    'OWNERSHIP_LOST',
    `${directory.pathOf(name)} is locked by another process, though this node holds the election lock.`,
  );
}

/** Writes the header: from now on the segment is part of the journal. Its name has to be on stable storage before. */
export async function finishSegment(
  directory: JournalDirectory,
  segment: OwnSegment,
  header: Omit<SegmentHeader, 'storeId' | 'number' | 'sizeBytes'>,
): Promise<void> {
  const { number, sizeBytes } = segment;
  const storeId = directory.storeId;
  await segment.handle.write(encodeSegmentHeader({ ...header, storeId, number, sizeBytes }), 0);
}

/** A file system without room, or with a used-up quota. */
export function isFull(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}
