/** Constants and branded numbers of the journal's bytes. docs/journal-format.md is the specification. */

export type Epoch = number & { readonly brand: 'Epoch' };
/** Counts blocks; one higher with every block, across segments and tenures, for the life of a store. */
export type Sequence = number & { readonly brand: 'Sequence' };
export type SegmentNumber = number & { readonly brand: 'SegmentNumber' };

export const FORMAT_VERSION = 1;
export const SECTOR_BYTES = 512;
export const BLOCK_HEADER_BYTES = 64;
export const SEGMENT_HEADER_BYTES = SECTOR_BYTES;
/** "HFB1" read as a little-endian number. */
export const BLOCK_MAGIC = 0x31424648;
export const SEGMENT_MAGIC = 0x31534648;
export const CHECKPOINT_MAGIC = 0x31434648;

/** Zero is no type, so bytes that were never written are never a block. */
export const BLOCK_TYPE = { records: 1, tenure: 2, checkpoint: 3 } as const;
export type BlockType = (typeof BLOCK_TYPE)[keyof typeof BLOCK_TYPE];
