/**
 * Reads a journal from a place onwards, for replay and for following a live writer. It yields
 * whole, checked blocks that continue each other, and stops where none does. What stopping means is
 * decided by journal-end.ts, and only by a node that holds the locks.
 */

import { HoldfastError } from '../platform/errors.js';
import type { FileHandle } from '../platform/ports.js';
import { type Block, claimedLength, decodeBlock } from './block.js';
import { isGone, type JournalDirectory } from './directory.js';
import type { SegmentHeader } from './file-header.js';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_TYPE,
  type Cursor,
  type Epoch,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentName,
  type SegmentNumber,
} from './format.js';

const FIRST_READ_BYTES = 64 * 1024;
export const LARGE_READ_BYTES = 1024 * 1024;

export interface LocatedBlock extends Block {
  /** Where the payload begins in the run's bytes. */
  readonly payloadStart: number;
}

/** Consecutive blocks of one segment, lying in one buffer. */
export interface BlockRun {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly blocks: readonly LocatedBlock[];
}

const CUT_OFF = 'a takeover cut off blocks that had been read';

/** What was read is gone or no longer part of the journal: start again from the newest checkpoint. */
export class JournalGap extends Error {}

export class JournalReader {
  readonly #directory: JournalDirectory;
  #cursor: Cursor;
  /** The file that the cursor is in; null before the first read and after it went away. */
  #file: SegmentName | null = null;
  #handle: FileHandle | null = null;
  #readBytes = FIRST_READ_BYTES;
  /** Of a read that brought nothing. */
  #emptyBuffer: Uint8Array<ArrayBuffer> | null = null;
  /** As they were when nothing more could be read of the current one. */
  #listed: readonly SegmentName[] = [];

  constructor(directory: JournalDirectory, cursor: Cursor) {
    this.#directory = directory;
    this.#cursor = cursor;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  /** The file that the cursor lies in; null when no such file is finished yet. */
  get file(): SegmentName | null {
    return this.#file;
  }

  /**
   * The next blocks, or null when nothing continues the journal at the cursor now. After null the
   * next call opens the file afresh, since an open file may show stale bytes on a network mount.
   *
   * @throws JournalGap when the segment of the cursor was deleted.
   */
  async next(): Promise<BlockRun | null> {
    for (;;) {
      const run = await this.#readHere();
      if (run !== null) return run;
      this.#listed = (await this.#directory.list()).segments;
      const moved = (await this.#moveToSealedFile()) || (await this.#moveToNextSegment());
      if (!moved) return null;
    }
  }

  /**
   * For a follower whose `next` found nothing more: a segment that is still needed may stay while
   * those after it, which this reader has not seen, were deleted under a checkpoint.
   *
   * @throws JournalGap when the next segment is gone though later ones are there and finished.
   */
  async requireNoGapAhead(): Promise<void> {
    const { segment, epoch } = this.#cursor;
    const next = segment + 1;
    if (this.#listed.some(({ number }) => number === next)) return;
    for (const later of this.#listed) {
      // What a node of an earlier tenure left there can never be read from here.
      if (later.number <= next || later.epoch < epoch) continue;
      if ((await this.#directory.segmentHeader(later)) === null) continue;
      throw new JournalGap(`segment ${next} was deleted before it was read`);
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  async #readHere(): Promise<BlockRun | null> {
    try {
      const handle = await this.#open();
      if (handle === null) return null;
      const run = await this.#readRun(handle);
      if (run === null) await this.close();
      return run;
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.close();
      this.#file = null;
      return null;
    }
  }

  async #open(): Promise<FileHandle | null> {
    if (this.#handle !== null) return this.#handle;
    this.#file ??= await this.#findCurrentFile();
    if (this.#file === null) return null;
    await this.#refuseCutOff(this.#file);
    this.#handle = await this.#directory.openIfThere(this.#file.name);
    if (this.#handle === null) this.#file = null;
    return this.#handle;
  }

  async #readRun(handle: FileHandle): Promise<BlockRun | null> {
    const { offset } = this.#cursor;
    let bytes = this.#takeBuffer();
    let filled = await handle.read(bytes, offset);
    const claimed = claimedLength(bytes.subarray(0, filled), 0);
    if (claimed > filled) {
      const { sizeBytes } = await handle.stat();
      if (offset + claimed > sizeBytes) return null;
      bytes = new Uint8Array(claimed);
      filled = await handle.read(bytes, offset);
    }
    const blocks = this.#takeBlocks(bytes.subarray(0, filled));
    // A read that came back short reached the end of the file: a large buffer would stay empty.
    const hasMore = blocks.length > 0 && filled === bytes.byteLength;
    this.#readBytes = hasMore ? LARGE_READ_BYTES : FIRST_READ_BYTES;
    if (blocks.length > 0) return { bytes, blocks };
    this.#emptyBuffer = bytes;
    return null;
  }

  #takeBuffer(): Uint8Array<ArrayBuffer> {
    const kept = this.#emptyBuffer;
    this.#emptyBuffer = null;
    return kept?.byteLength === this.#readBytes ? kept : new Uint8Array(this.#readBytes);
  }

  #takeBlocks(bytes: Uint8Array): LocatedBlock[] {
    const blocks: LocatedBlock[] = [];
    let at = 0;
    for (;;) {
      const block = decodeBlock(bytes, at);
      if (block === null || !continues(block, this.#cursor)) return blocks;
      blocks.push({ ...block, payloadStart: at + BLOCK_HEADER_BYTES });
      this.#cursor = cursorAfter(block);
      at += block.lengthBytes;
    }
  }

  /** A takeover replaced the file by a copy with a higher epoch, equal up to the cursor and beyond. */
  async #moveToSealedFile(): Promise<boolean> {
    const { segment, epoch } = this.#cursor;
    const newer = this.#file === null ? epoch : Math.max(epoch, this.#file.epoch + 1);
    const sealed = await this.#findFinished(segment, newer as Epoch);
    if (sealed === null) return false;
    await this.#refuseCutOff(sealed.name);
    await this.close();
    this.#file = sealed.name;
    return true;
  }

  /** A file of a later tenure must have been copied at least up to the cursor, or begin at it. */
  async #refuseCutOff(file: SegmentName): Promise<void> {
    const { epoch, offset, sequence, checksum } = this.#cursor;
    if (file.epoch <= epoch) return;
    const header = await this.#directory.segmentHeader(file);
    if (header === null) return;
    const goesOn =
      offset === SEGMENT_HEADER_BYTES
        ? header.firstSequence === sequence + 1 && header.previousChecksum === checksum
        : header.sealedEnd >= offset;
    if (!goesOn) throw new JournalGap(CUT_OFF);
  }

  async #moveToNextSegment(): Promise<boolean> {
    const cursor = this.#cursor;
    const number = (cursor.segment + 1) as SegmentNumber;
    const next = await this.#findFinished(number, cursor.epoch);
    const connects =
      next !== null &&
      next.header.previousEnd === cursor.offset &&
      next.header.previousChecksum === cursor.checksum &&
      next.header.firstSequence === cursor.sequence + 1;
    if (!connects) {
      await this.#refuseGap();
      return false;
    }
    await this.close();
    this.#file = next.name;
    this.#cursor = { ...cursor, segment: number, offset: SEGMENT_HEADER_BYTES };
    return true;
  }

  async #refuseGap(): Promise<void> {
    const segments = this.#listed;
    const isHere = segments.some(({ number }) => number === this.#cursor.segment);
    const goesOn = segments.some(({ number }) => number > this.#cursor.segment);
    if (!isHere && goesOn) {
      throw new JournalGap(`segment ${this.#cursor.segment} was deleted while it was being read`);
    }
    for (const segment of segments) {
      if (segment.number >= this.#cursor.segment || segment.epoch <= this.#cursor.epoch) continue;
      if ((await this.#directory.segmentHeader(segment)) !== null) throw new JournalGap(CUT_OFF);
    }
  }

  async #findCurrentFile(): Promise<SegmentName | null> {
    this.#listed = (await this.#directory.list()).segments;
    return (await this.#findFinished(this.#cursor.segment, 0 as Epoch))?.name ?? null;
  }

  /** Of the finished files of one segment number the one with the highest epoch, which must not be below `atLeast`. */
  async #findFinished(
    number: SegmentNumber,
    atLeast: Epoch,
  ): Promise<{ name: SegmentName; header: SegmentHeader } | null> {
    for (const name of this.#listed.toReversed()) {
      if (name.number !== number || name.epoch < atLeast) continue;
      const header = await this.#directory.segmentHeader(name);
      if (header !== null) return { name, header };
    }
    return null;
  }
}

function cursorAfter(block: Block): Cursor {
  return {
    segment: block.segment,
    offset: block.offset + block.lengthBytes,
    sequence: block.sequence,
    checksum: block.checksum,
    epoch: block.epoch,
  };
}

/** Whether `block`, found at the cursor's place, is the next block of the journal. */
function continues(block: Block, cursor: Cursor): boolean {
  return (
    block.segment === cursor.segment &&
    block.offset === cursor.offset &&
    block.sequence === cursor.sequence + 1 &&
    block.previousChecksum === cursor.checksum &&
    (block.epoch === cursor.epoch ||
      (block.type === BLOCK_TYPE.tenure && block.epoch > cursor.epoch)) &&
    block.type !== BLOCK_TYPE.checkpoint
  );
}

/**
 * Reads the block at a known place, for a message's body, and the whole blocks that follow it in
 * the same read. No blocks at all where nothing was written, when the caller says it may be so.
 */
export async function readBlocksAt(
  handle: FileHandle,
  segment: SegmentNumber,
  offset: number,
  options: { readonly mayBeEnd: boolean; readonly readBytes?: number },
): Promise<BlockRun> {
  let bytes = new Uint8Array(options.readBytes ?? LARGE_READ_BYTES);
  let filled = await handle.read(bytes, offset);
  const claimed = claimedLength(bytes.subarray(0, filled), 0);
  if (claimed > filled && offset + claimed <= (await handle.stat()).sizeBytes) {
    bytes = new Uint8Array(claimed);
    filled = await handle.read(bytes, offset);
  }
  const blocks: LocatedBlock[] = [];
  for (let at = 0; ; ) {
    const block = decodeBlock(bytes.subarray(0, filled), at);
    if (block === null || block.segment !== segment || block.offset !== offset + at) break;
    blocks.push({ ...block, payloadStart: at + BLOCK_HEADER_BYTES });
    at += block.lengthBytes;
  }
  const isUnwritten = bytes.subarray(0, Math.min(filled, SECTOR_BYTES)).every((byte) => byte === 0);
  if (blocks[0]?.offset !== offset && !(options.mayBeEnd && isUnwritten)) {
    throw new HoldfastError(
      'JOURNAL_CORRUPT',
      `${handle.path} has no whole block at offset ${offset}, where a stored message lies. ` +
        'The file was damaged after it was written; restore the store from a copy.',
    );
  }
  return { bytes, blocks };
}
