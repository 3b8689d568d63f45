/**
 * Appends blocks to the last segment, and goes on in the next one when it is full. One caller, one
 * write at a time. After any failure it must not be used again: the tenure is over.
 */

import type { Clock } from '../platform/ports.js';
import { encodeBlock } from './block.js';
import type { JournalDirectory } from './directory.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  type BlockType,
  type Cursor,
  type Epoch,
  SEGMENT_HEADER_BYTES,
  type SegmentNumber,
  type Sequence,
} from './format.js';
import { createSegment, finishSegment, type OwnSegment } from './segment-file.js';

export interface WriterOptions {
  readonly directory: JournalDirectory;
  readonly clock: Clock;
  readonly epoch: Epoch;
  readonly segmentBytes: number;
  readonly tail: OwnSegment;
  /** A copy made by a takeover has no zeros behind its end: writing goes on in the next segment as soon as one is ready. */
  readonly tailIsCopy: boolean;
  readonly cursor: Cursor;
}

export interface AppendedBlock {
  readonly segment: SegmentNumber;
  readonly offset: number;
  readonly cursor: Cursor;
}

export class JournalWriter {
  readonly #options: WriterOptions;
  #tail: OwnSegment;
  #tailIsCopy: boolean;
  #cursor: Cursor;
  #spare: OwnSegment | null = null;
  #preparing: Promise<void> | null = null;
  /** While it is pending, the next segment is neither the spare nor the tail. */
  #rolling: Promise<void> = Promise.resolve();

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#tail = options.tail;
    this.#tailIsCopy = options.tailIsCopy;
    this.#cursor = options.cursor;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  get tail(): OwnSegment {
    return this.#tail;
  }

  /** Bytes of the segment that lies ready as the next one; 0 when none does. */
  get spareBytes(): number {
    return this.#spare?.sizeBytes ?? 0;
  }

  /** Goes on to the next segment when the block that ends at `end` of its buffer does not fit into this one. */
  async makeRoom(end: number): Promise<void> {
    const lengthBytes = alignToSector(end);
    const isFull = this.#cursor.offset + lengthBytes > this.#tail.sizeBytes;
    if (!isFull && !(this.#tailIsCopy && this.#spare !== null)) return;
    this.#rolling = this.#roll(lengthBytes);
    await this.#rolling;
  }

  /** Makes room and writes. */
  async append(
    type: BlockType,
    bytes: Uint8Array,
    end: number,
    recordCount: number,
  ): Promise<AppendedBlock> {
    await this.makeRoom(end);
    return this.write(type, bytes, end, recordCount);
  }

  /**
   * Writes one block, for which there must be room. `bytes` has the payload at BLOCK_HEADER_BYTES and
   * must reach to the sector end behind `end`. When it resolves, the block is on stable storage.
   */
  async write(
    type: BlockType,
    bytes: Uint8Array,
    end: number,
    recordCount: number,
  ): Promise<AppendedBlock> {
    const lengthBytes = alignToSector(end);
    const { segment, offset, checksum, sequence } = this.#cursor;
    const next = (sequence + 1) as Sequence;
    const ownChecksum = encodeBlock(bytes, {
      type,
      payloadLength: end - BLOCK_HEADER_BYTES,
      recordCount,
      epoch: this.#options.epoch,
      sequence: next,
      previousChecksum: checksum,
      segment,
      offset,
    });
    await this.#tail.handle.write(bytes.subarray(0, lengthBytes), offset);
    this.#cursor = {
      segment,
      offset: offset + lengthBytes,
      sequence: next,
      checksum: ownChecksum,
      epoch: this.#options.epoch,
    };
    return { segment, offset, cursor: this.#cursor };
  }

  /**
   * Makes the next segment ready in the background: nothing when `after` is not the tail any more,
   * for whoever asked knew less. Fails with ENOSPC and leaves nothing behind on a full disk.
   */
  prepareNext(after: SegmentNumber | null = null): Promise<void> {
    this.#preparing ??= this.#prepare(after).finally(() => {
      this.#preparing = null;
    });
    return this.#preparing;
  }

  /** Drops the locks. What was appended stays. */
  async close(): Promise<void> {
    await this.#preparing?.catch(() => undefined);
    await this.#tail.handle.close();
    await this.#spare?.handle.close();
  }

  async #prepare(after: SegmentNumber | null): Promise<void> {
    await this.#rolling;
    if (this.#spare !== null) return;
    if (after !== null && after !== this.#tail.number) return;
    const { directory, clock, epoch, segmentBytes } = this.#options;
    const number = (this.#tail.number + 1) as SegmentNumber;
    this.#spare = await createSegment(directory, clock, number, epoch, segmentBytes);
  }

  async #roll(neededBytes: number): Promise<void> {
    const { directory, epoch } = this.#options;
    const next = await this.#takeSpare(SEGMENT_HEADER_BYTES + neededBytes);
    await finishSegment(directory, next, {
      epoch,
      firstSequence: (this.#cursor.sequence + 1) as Sequence,
      previousEnd: this.#cursor.offset,
      previousChecksum: this.#cursor.checksum,
      sealedEnd: 0,
    });
    const { handle } = this.#tail;
    this.#tail = next;
    this.#tailIsCopy = false;
    this.#cursor = { ...this.#cursor, segment: next.number, offset: SEGMENT_HEADER_BYTES };
    // Last, so that whoever looks at the tail meanwhile sees an open one.
    await handle.close();
  }

  async #takeSpare(atLeastBytes: number): Promise<OwnSegment> {
    const { directory, clock, epoch, segmentBytes } = this.#options;
    await this.#preparing;
    const number = (this.#tail.number + 1) as SegmentNumber;
    const next =
      this.#spare ?? (await createSegment(directory, clock, number, epoch, segmentBytes));
    this.#spare = null;
    // A block that is larger makes its segment larger when it is written; zeros before it would be written twice.
    return { ...next, sizeBytes: Math.max(next.sizeBytes, alignToSector(atLeastBytes)) };
  }
}
