/**
 * The journal as a reader would find it in the store at this moment, read by rules of its own (those
 * of docs/journal-format.md, section 2), so that a mistake in the product's reader is not
 * repeated here. Reads whole files: for the beginning of a tenure, not for every event.
 */
import { join } from 'node:path/posix';
import { type Block, decodeBlock } from '../../../src/journal/block.js';
import {
  type CheckpointHeader,
  decodeCheckpointHeader,
  decodeSegmentHeader,
  type SegmentHeader,
} from '../../../src/journal/file-header.js';
import {
  BLOCK_TYPE,
  parseCheckpointName,
  parseSegmentName,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
} from '../../../src/journal/format.js';
import type { FileSystem } from '../../../src/platform/ports.js';

interface StoredSegment {
  readonly path: string;
  readonly number: number;
  /** Behind its last block that is part of the journal. */
  readonly end: number;
}

export interface StoredJournal {
  readonly segments: readonly StoredSegment[];
  /** By sequence. Segments that a checkpoint covers may be missing in between. */
  readonly blocks: ReadonlyMap<number, Block>;
  readonly last: Block | null;
  readonly checkpoint: CheckpointHeader | null;
}

interface Candidate {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly bytes: Uint8Array;
}

export async function readStoredJournal(
  fileSystem: FileSystem,
  journalDirectory: string,
): Promise<StoredJournal> {
  const names = await fileSystem.list(journalDirectory);
  const checkpoint = await newestCheckpoint(fileSystem, journalDirectory, names);
  const candidates = await finishedSegments(fileSystem, journalDirectory, names);
  const covered = checkpoint?.covers.sequence ?? 0;
  const segments: StoredSegment[] = [];
  const blocks = new Map<number, Block>();
  let last: Block | null = null;
  let lastEnd = 0;
  for (const candidate of candidates) {
    if (!follows(candidate, last, lastEnd, covered)) continue;
    let end = SEGMENT_HEADER_BYTES;
    for (;;) {
      const block = nextBlock(candidate, end, last);
      if (block === null) break;
      blocks.set(block.sequence, block);
      end += block.lengthBytes;
      last = block;
    }
    lastEnd = end;
    segments.push({ path: candidate.path, number: candidate.header.number, end });
  }
  return { segments, blocks, last, checkpoint };
}

/** The header of the newest finished checkpoint. */
async function newestCheckpoint(
  fileSystem: FileSystem,
  journalDirectory: string,
  names: readonly string[],
): Promise<CheckpointHeader | null> {
  let newest: CheckpointHeader | null = null;
  for (const name of names) {
    if (parseCheckpointName(name) === null) continue;
    const path = join(journalDirectory, name);
    const header = decodeCheckpointHeader(await readFile(fileSystem, path, SECTOR_BYTES), path);
    if (header === null) continue;
    const isNewer =
      newest === null ||
      header.covers.sequence > newest.covers.sequence ||
      (header.covers.sequence === newest.covers.sequence && header.epoch > newest.epoch);
    if (isNewer) newest = header;
  }
  return newest;
}

/** Of each number the finished file of the highest epoch, by rising number. */
async function finishedSegments(
  fileSystem: FileSystem,
  journalDirectory: string,
  names: readonly string[],
): Promise<Candidate[]> {
  const byNumber = new Map<number, Candidate>();
  for (const name of names) {
    const parsed = parseSegmentName(name);
    if (parsed === null) continue;
    const path = join(journalDirectory, name);
    const bytes = await readFile(fileSystem, path, null);
    const header = decodeSegmentHeader(bytes.subarray(0, SECTOR_BYTES), path);
    if (header === null) continue;
    const other = byNumber.get(parsed.number);
    if (other === undefined || other.header.epoch < header.epoch) {
      byNumber.set(parsed.number, { path, header, bytes });
    }
  }
  return [...byNumber.values()].sort((one, two) => one.header.number - two.header.number);
}

/** Whether a segment goes on where the journal has come to, or behind deleted ones. */
function follows(
  { header }: Candidate,
  last: Block | null,
  lastEnd: number,
  coveredSequence: number,
): boolean {
  if (last === null) return true;
  if (header.epoch < last.epoch) return false;
  const isCovered = header.firstSequence - 1 <= coveredSequence;
  if (header.number === last.segment + 1 && header.firstSequence === last.sequence + 1) {
    const connects = header.previousEnd === lastEnd && header.previousChecksum === last.checksum;
    // What came before may be a deposed node's late copy of a segment that was deleted.
    return connects || (isCovered && header.epoch > last.epoch);
  }
  return header.firstSequence > last.sequence && isCovered;
}

function nextBlock({ header, bytes }: Candidate, at: number, last: Block | null): Block | null {
  const block = decodeBlock(bytes, at);
  if (block === null || block.offset !== at || block.segment !== header.number) return null;
  if (block.type === BLOCK_TYPE.checkpoint) return null;
  if (at === SEGMENT_HEADER_BYTES) {
    const isFirst =
      block.sequence === header.firstSequence &&
      block.previousChecksum === header.previousChecksum &&
      (last === null || block.epoch >= last.epoch);
    return isFirst ? block : null;
  }
  if (last === null || block.sequence !== last.sequence + 1) return null;
  if (block.previousChecksum !== last.checksum) return null;
  const raises = block.type === BLOCK_TYPE.tenure && block.epoch > last.epoch;
  return block.epoch === last.epoch || raises ? block : null;
}

async function readFile(
  fileSystem: FileSystem,
  path: string,
  limitBytes: number | null,
): Promise<Uint8Array> {
  const handle = await fileSystem.open(path, 'read');
  try {
    const { sizeBytes } = await handle.stat();
    const bytes = new Uint8Array(Math.min(sizeBytes, limitBytes ?? sizeBytes));
    return bytes.subarray(0, await handle.read(bytes, 0));
  } finally {
    await handle.close();
  }
}
