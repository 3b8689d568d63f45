/** Constants, branded numbers and file names of the journal. docs/journal-format.md is the specification. */

export type Epoch = number & { readonly brand: 'Epoch' };
/** Counts blocks; one higher with every block, across segments and tenures, for the life of a store. */
export type Sequence = number & { readonly brand: 'Sequence' };
export type SegmentNumber = number & { readonly brand: 'SegmentNumber' };

export const FORMAT_VERSION = 1;
export const SECTOR_BYTES = 512;
export const BLOCK_HEADER_BYTES = 64;
export const SEGMENT_HEADER_BYTES = 512;
/** "HFB1", "HFS1" and "HFC1" read as little-endian numbers. */
export const BLOCK_MAGIC = 0x31424648;
export const SEGMENT_MAGIC = 0x31534648;
export const CHECKPOINT_MAGIC = 0x31434648;

/** Zero is no type, so bytes that were never written are never a block. */
export const BLOCK_TYPE = { records: 1, tenure: 2, checkpoint: 3 } as const;
export type BlockType = (typeof BLOCK_TYPE)[keyof typeof BLOCK_TYPE];

/** The place right after a block: where the next one must continue. */
export interface Cursor {
  readonly segment: SegmentNumber;
  readonly offset: number;
  /** Of the block before this place; 0 before the first one. */
  readonly sequence: Sequence;
  readonly checksum: number;
  readonly epoch: Epoch;
}

export const JOURNAL_START: Cursor = Object.freeze({
  segment: 1 as SegmentNumber,
  offset: SEGMENT_HEADER_BYTES,
  sequence: 0 as Sequence,
  checksum: 0,
  epoch: 0 as Epoch,
});

export function alignToSector(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

const digits = (value: number, count: number): string => String(value).padStart(count, '0');

export interface SegmentName {
  readonly name: string;
  readonly number: SegmentNumber;
  readonly epoch: Epoch;
}

export function segmentName(number: SegmentNumber, epoch: Epoch): SegmentName {
  return { name: `${digits(number, 10)}-${digits(epoch, 10)}.segment`, number, epoch };
}

export function parseSegmentName(name: string): SegmentName | null {
  const match = /^(\d{10})-(\d{10})\.segment$/.exec(name);
  if (match === null) return null;
  return { name, number: Number(match[1]) as SegmentNumber, epoch: Number(match[2]) as Epoch };
}

export interface CheckpointName {
  readonly name: string;
  readonly epoch: Epoch;
  readonly sequence: Sequence;
}

export function checkpointName(epoch: Epoch, sequence: Sequence): CheckpointName {
  return { name: `${digits(epoch, 10)}-${digits(sequence, 16)}.checkpoint`, epoch, sequence };
}

export function parseCheckpointName(name: string): CheckpointName | null {
  const match = /^(\d{10})-(\d{16})\.checkpoint$/.exec(name);
  if (match === null) return null;
  return { name, epoch: Number(match[1]) as Epoch, sequence: Number(match[2]) as Sequence };
}
