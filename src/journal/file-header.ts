/**
 * The first sector of a segment or a checkpoint. It is written last, so it is the moment at which
 * the file joins the journal. See docs/journal-format.md, sections 1.1 and 1.4.
 */

import { HoldfastError } from '../platform/errors.js';
import { readUint64, viewOf, writeUint64 } from './block.js';
import { checksumOf } from './checksum.js';
import {
  CHECKPOINT_MAGIC,
  type Cursor,
  type Epoch,
  FORMAT_VERSION,
  SECTOR_BYTES,
  SEGMENT_MAGIC,
  type SegmentNumber,
  type Sequence,
} from './format.js';

const CHECKSUM_AT = SECTOR_BYTES - 4;

/** A store id as it lies on disk: 16 bytes, given and shown as 32 hexadecimal digits. */
export type StoreId = string;

export interface SegmentHeader {
  readonly storeId: StoreId;
  readonly epoch: Epoch;
  readonly firstSequence: Sequence;
  readonly number: SegmentNumber;
  readonly sizeBytes: number;
  /** Where the segment before it ended, and the checksum of the block there; both 0 when there is none. */
  readonly previousEnd: number;
  readonly previousChecksum: number;
  /** Up to where a takeover copied this segment from its predecessor file; 0 when it is no copy. */
  readonly sealedEnd: number;
}

export interface CheckpointHeader {
  readonly storeId: StoreId;
  readonly epoch: Epoch;
  readonly covers: Cursor;
  readonly blockCount: number;
  readonly lastChecksum: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const { bytes, view } = startSector(SEGMENT_MAGIC, header.storeId);
  writeUint64(view, 24, header.epoch);
  writeUint64(view, 32, header.firstSequence);
  view.setUint32(40, header.number, true);
  view.setUint32(44, header.sizeBytes, true);
  view.setUint32(48, header.previousEnd, true);
  view.setUint32(52, header.previousChecksum, true);
  view.setUint32(56, header.sealedEnd, true);
  return closeSector(bytes, view);
}

/** Null: unfinished. A header of a newer format is refused as STORE_INCOMPATIBLE. */
export function decodeSegmentHeader(sector: Uint8Array, path: string): SegmentHeader | null {
  const view = openSector(sector, SEGMENT_MAGIC, path);
  if (view === null) return null;
  return {
    storeId: storeIdAt(sector),
    epoch: readUint64(view, 24) as Epoch,
    firstSequence: readUint64(view, 32) as Sequence,
    number: view.getUint32(40, true) as SegmentNumber,
    sizeBytes: view.getUint32(44, true),
    previousEnd: view.getUint32(48, true),
    previousChecksum: view.getUint32(52, true),
    sealedEnd: view.getUint32(56, true),
  };
}

export function encodeCheckpointHeader(header: CheckpointHeader): Uint8Array {
  const { bytes, view } = startSector(CHECKPOINT_MAGIC, header.storeId);
  writeUint64(view, 24, header.epoch);
  writeUint64(view, 32, header.covers.sequence);
  view.setUint32(40, header.covers.segment, true);
  view.setUint32(44, header.covers.offset, true);
  view.setUint32(48, header.covers.checksum, true);
  view.setUint32(52, header.blockCount, true);
  view.setUint32(56, header.lastChecksum, true);
  writeUint64(view, 60, header.covers.epoch);
  return closeSector(bytes, view);
}

/** Null: unfinished. A header of a newer format is refused as STORE_INCOMPATIBLE. */
export function decodeCheckpointHeader(sector: Uint8Array, path: string): CheckpointHeader | null {
  const view = openSector(sector, CHECKPOINT_MAGIC, path);
  if (view === null) return null;
  return {
    storeId: storeIdAt(sector),
    epoch: readUint64(view, 24) as Epoch,
    covers: {
      sequence: readUint64(view, 32) as Sequence,
      segment: view.getUint32(40, true) as SegmentNumber,
      offset: view.getUint32(44, true),
      checksum: view.getUint32(48, true),
      epoch: readUint64(view, 60) as Epoch,
    },
    blockCount: view.getUint32(52, true),
    lastChecksum: view.getUint32(56, true),
  };
}

function startSector(magic: number, storeId: StoreId): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, magic, true);
  view.setUint32(4, FORMAT_VERSION, true);
  bytes.set(Buffer.from(storeId, 'hex'), 8);
  return { bytes, view };
}

function closeSector(bytes: Uint8Array, view: DataView): Uint8Array {
  view.setUint32(CHECKSUM_AT, checksumOf(bytes.subarray(0, CHECKSUM_AT), 0), true);
  return bytes;
}

function openSector(sector: Uint8Array, magic: number, path: string): DataView | null {
  if (sector.byteLength < SECTOR_BYTES) return null;
  const view = viewOf(sector);
  if (view.getUint32(0, true) !== magic) return null;
  if (view.getUint32(CHECKSUM_AT, true) !== checksumOf(sector.subarray(0, CHECKSUM_AT), 0)) {
    return null;
  }
  const version = view.getUint32(4, true);
  if (version !== FORMAT_VERSION) {
    throw new HoldfastError(
      'STORE_INCOMPATIBLE',
      `${path} has journal format ${version}, and this version of holdfast reads format ${FORMAT_VERSION}. ` +
        'Start the version of holdfast that wrote it, or give this one another store.',
    );
  }
  return view;
}

function storeIdAt(sector: Uint8Array): StoreId {
  return Buffer.from(sector.subarray(8, 24)).toString('hex');
}
