/**
 * Where and how a journal ends. Only for a node that holds the election lock and the lock of the
 * last segment, or for an offline check: while somebody writes, an unfinished block is no damage.
 * See docs/journal-format.md, section 2.
 */

import { HoldfastError } from '../platform/errors.js';
import type { FileHandle } from '../platform/ports.js';
import { claimedLength, decodeBlock } from './block.js';
import type { JournalDirectory } from './directory.js';
import {
  type Cursor,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentName,
  type Sequence,
} from './format.js';
import { continues } from './reader.js';

export type JournalEnd = 'clean-end' | 'torn-tail';

/**
 * Judges what lies behind `cursor`, where the reader found nothing that continues.
 *
 * @param knownGood the highest sequence that a node has recorded as good, or 0.
 * @throws JOURNAL_CORRUPT for everything that is neither a clean end nor a torn tail.
 */
export async function judgeEnd(
  directory: JournalDirectory,
  cursor: Cursor,
  file: SegmentName | null,
  knownGood: Sequence,
): Promise<JournalEnd> {
  await refuseUnreachableSegments(directory, cursor, file);
  const end = file === null ? 'clean-end' : await judgeFile(directory, cursor, file);
  if (cursor.sequence < knownGood) {
    throw corrupt(
      `${directory.path} ends after block ${cursor.sequence}, but block ${knownGood} was recorded as written`,
    );
  }
  return end;
}

/** Any finished segment after this one would have been reached, had it connected. */
async function refuseUnreachableSegments(
  directory: JournalDirectory,
  cursor: Cursor,
  file: SegmentName | null,
): Promise<void> {
  const { segments } = await directory.list();
  for (const segment of segments) {
    const reached =
      file === null ? segment.number < cursor.segment : segment.number <= cursor.segment;
    if (reached) continue;
    const header = await directory.segmentHeader(segment);
    if (header === null) await refuseDamagedHeader(directory, segment, cursor);
    else if (segment.epoch >= cursor.epoch) {
      throw corrupt(
        `${directory.pathOf(segment.name)} does not connect to the end of segment ${cursor.segment} ` +
          `(offset ${cursor.offset}, block ${cursor.sequence}); what lies between is damaged or missing`,
      );
    }
  }
}

/** Blocks are written only after the header: with a whole block in it, the file was finished once. */
async function refuseDamagedHeader(
  directory: JournalDirectory,
  segment: SegmentName,
  cursor: Cursor,
): Promise<void> {
  const handle = await directory.openIfThere(segment.name);
  if (handle === null) return;
  try {
    const bytes = await readAll(handle, SEGMENT_HEADER_BYTES);
    const first = decodeBlock(bytes, 0);
    const expected = { ...cursor, segment: segment.number, offset: SEGMENT_HEADER_BYTES };
    if (first === null || !continues(first, expected)) return;
    throw corrupt(`the header of ${handle.path} is damaged, though blocks follow it`);
  } finally {
    await handle.close();
  }
}

async function judgeFile(
  directory: JournalDirectory,
  cursor: Cursor,
  file: SegmentName,
): Promise<JournalEnd> {
  const handle = await directory.fileSystem.open(directory.pathOf(file.name), 'read');
  try {
    const rest = await readAll(handle, cursor.offset);
    if (isZero(rest)) return 'clean-end';
    const whole = findWholeBlock(rest, cursor);
    if (whole !== null) {
      throw corrupt(
        whole.offset === cursor.offset
          ? `${handle.path} has a whole block at offset ${whole.offset} that does not continue block ${cursor.sequence}`
          : `${handle.path} is damaged at offset ${cursor.offset}: whole blocks follow at offset ${whole.offset}`,
      );
    }
    return 'torn-tail';
  } finally {
    await handle.close();
  }
}

function findWholeBlock(rest: Uint8Array, cursor: Cursor): { offset: number } | null {
  for (let at = 0; at < rest.byteLength; at += SECTOR_BYTES) {
    if (claimedLength(rest, at) === 0) continue;
    const block = decodeBlock(rest, at);
    const offset = cursor.offset + at;
    if (block !== null && block.segment === cursor.segment && block.offset === offset) {
      return { offset };
    }
  }
  return null;
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.byteLength; at += ZEROS.byteLength) {
    const part = bytes.subarray(at, at + ZEROS.byteLength);
    if (ZEROS.compare(part, 0, part.byteLength, 0, part.byteLength) !== 0) return false;
  }
  return true;
}

async function readAll(handle: FileHandle, from: number): Promise<Uint8Array> {
  const { sizeBytes } = await handle.stat();
  const bytes = new Uint8Array(Math.max(0, sizeBytes - from));
  const filled = await handle.read(bytes, from);
  return bytes.subarray(0, filled);
}

function corrupt(what: string): HoldfastError {
  return new HoldfastError(
    'JOURNAL_CORRUPT',
    `The journal is damaged: ${what}. Nothing was changed. Run \`holdfast journal verify\`, and restore the store from a copy.`,
  );
}
