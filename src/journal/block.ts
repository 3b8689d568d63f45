/** One block: header, payload, padding. See docs/journal-format.md, section 1.2. */

import { checksumOf } from './checksum.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  BLOCK_TYPE,
  type BlockType,
  type Epoch,
  type SegmentNumber,
  type Sequence,
} from './format.js';

const AT = {
  magic: 0,
  type: 4,
  payloadLength: 8,
  recordCount: 12,
  epoch: 16,
  sequence: 24,
  previousChecksum: 32,
  segment: 36,
  offset: 40,
  checksum: 60,
} as const;

export interface BlockHeader {
  readonly type: BlockType;
  readonly payloadLength: number;
  readonly recordCount: number;
  readonly epoch: Epoch;
  readonly sequence: Sequence;
  readonly previousChecksum: number;
  readonly segment: SegmentNumber;
  readonly offset: number;
}

export interface Block extends BlockHeader {
  readonly checksum: number;
  /** Header, payload and padding. */
  readonly lengthBytes: number;
}

const TYPES: ReadonlySet<number> = new Set(Object.values(BLOCK_TYPE));

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function readUint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

export function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/**
 * Fills in the header before a payload that already lies at BLOCK_HEADER_BYTES, and zeros the
 * padding behind it. `bytes` must reach to the padded end. Returns the block's checksum.
 */
export function encodeBlock(bytes: Uint8Array, header: BlockHeader): number {
  const payloadEnd = BLOCK_HEADER_BYTES + header.payloadLength;
  const paddedEnd = alignToSector(payloadEnd);
  const view = viewOf(bytes);
  bytes.fill(0, 0, BLOCK_HEADER_BYTES);
  bytes.fill(0, payloadEnd, paddedEnd);
  view.setUint32(AT.magic, BLOCK_MAGIC, true);
  view.setUint8(AT.type, header.type);
  view.setUint32(AT.payloadLength, header.payloadLength, true);
  view.setUint32(AT.recordCount, header.recordCount, true);
  writeUint64(view, AT.epoch, header.epoch);
  writeUint64(view, AT.sequence, header.sequence);
  view.setUint32(AT.previousChecksum, header.previousChecksum, true);
  view.setUint32(AT.segment, header.segment, true);
  view.setUint32(AT.offset, header.offset, true);
  const checksum = blockChecksum(bytes, paddedEnd);
  view.setUint32(AT.checksum, checksum, true);
  return checksum;
}

function blockChecksum(block: Uint8Array, paddedEnd: number): number {
  const ofHeader = checksumOf(block.subarray(0, AT.checksum), 0);
  return checksumOf(block.subarray(BLOCK_HEADER_BYTES, paddedEnd), ofHeader);
}

/**
 * How many bytes the block that seems to begin at `at` takes, by its own word; 0 when nothing there
 * looks like a block. The word is not to be trusted before `decodeBlock` has checked it.
 */
export function claimedLength(bytes: Uint8Array, at: number): number {
  if (at + BLOCK_HEADER_BYTES > bytes.byteLength) return 0;
  const view = viewOf(bytes);
  if (view.getUint32(at + AT.magic, true) !== BLOCK_MAGIC) return 0;
  return alignToSector(BLOCK_HEADER_BYTES + view.getUint32(at + AT.payloadLength, true));
}

/** The whole, checked block at `at`, or null when there is none. Its place and chain are the caller's to judge. */
export function decodeBlock(bytes: Uint8Array, at: number): Block | null {
  const lengthBytes = claimedLength(bytes, at);
  if (lengthBytes === 0 || at + lengthBytes > bytes.byteLength) return null;
  const block = bytes.subarray(at, at + lengthBytes);
  const view = viewOf(block);
  const checksum = view.getUint32(AT.checksum, true);
  if (blockChecksum(block, lengthBytes) !== checksum) return null;
  const type = view.getUint8(AT.type);
  if (!TYPES.has(type)) return null;
  return {
    type: type as BlockType,
    payloadLength: view.getUint32(AT.payloadLength, true),
    recordCount: view.getUint32(AT.recordCount, true),
    epoch: readUint64(view, AT.epoch) as Epoch,
    sequence: readUint64(view, AT.sequence) as Sequence,
    previousChecksum: view.getUint32(AT.previousChecksum, true),
    segment: view.getUint32(AT.segment, true) as SegmentNumber,
    offset: view.getUint32(AT.offset, true),
    checksum,
    lengthBytes,
  };
}
