/**
 * Where and how a journal ends. Only for a node that holds the election lock and the lock of the
 * last segment, or for an offline check: while somebody writes, an unfinished block is no damage.
 * See docs/journal-format.md, section 2.
 */

import { HoldfastError } from '../platform/errors.js';
import type { FileHandle } from '../platform/ports.js';
import { type Block, claimedLength, decodeBlock } from './block.js';
import { isGone, type JournalDirectory } from './directory.js';
import {
  BLOCK_TYPE,
  type Cursor,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentName,
  type SegmentNumber,
  type Sequence,
} from './format.js';
import { slicesOf } from './segment-file.js';

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
  if (file === null && cursor.sequence > 0) {
    throw corrupt(
      `${directory.path} lacks segment ${cursor.segment}, in which block ${cursor.sequence} lies`,
    );
  }
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
    if (segment.number < cursor.segment || segment.epoch < cursor.epoch) continue;
    const isReached = segment.number === file?.number;
    if (isReached && segment.epoch <= file.epoch) continue;
    try {
      await refuseFinished(directory, cursor, segment, isReached);
    } catch (error) {
      // A deposed node may still remove what it has covered. A call that fails beside a name that stays proves nothing.
      if (!isGone(error) || (await isListed(directory, segment))) throw error;
    }
  }
}

/** @param isCopy the segment itself was read from another file. */
async function refuseFinished(
  directory: JournalDirectory,
  cursor: Cursor,
  segment: SegmentName,
  isCopy: boolean,
): Promise<void> {
  const path = directory.pathOf(segment.name);
  const handle = await directory.fileSystem.open(path, 'read');
  try {
    if ((await directory.readSegmentHeader(handle, segment)) !== null) {
      throw corrupt(
        `${path} does not connect to the end of segment ${cursor.segment} ` +
          `(offset ${cursor.offset}, block ${cursor.sequence}); what lies between is damaged or missing`,
      );
    }
    if (await wasFinished(handle, segment, isCopy)) {
      throw corrupt(`the header of ${path} is damaged, though blocks follow it`);
    }
  } finally {
    await handle.close();
  }
}

async function isListed(directory: JournalDirectory, segment: SegmentName): Promise<boolean> {
  const { segments } = await directory.list();
  return segments.some(({ name }) => name === segment.name);
}

/**
 * Whether a file without a header was finished once. Before its header a takeover writes only what
 * it copies and its tenure block; the first block of a store is such a tenure block.
 *
 * @param isCopy the segment itself was read from another file.
 */
export async function wasFinished(
  handle: FileHandle,
  { number, epoch }: SegmentName,
  isCopy: boolean,
): Promise<boolean> {
  const bytes = await readAll(handle, SEGMENT_HEADER_BYTES);
  if (isZero(bytes)) return false;
  const telling = findWholeBlock(bytes, number, SEGMENT_HEADER_BYTES, (block) =>
    isCopy ? block.type === BLOCK_TYPE.records && block.epoch === epoch : block.sequence > 1,
  );
  return telling !== null;
}

/** What lies behind the last block of a file; `whole` names the first whole block there. */
export type Remainder = { readonly kind: 'zeros' | 'torn' } | { kind: 'whole'; offset: number };

/** Looks at what lies behind `cursor`, where nothing continues the journal. */
export async function inspectRemainder(
  directory: JournalDirectory,
  cursor: Cursor,
  file: SegmentName,
): Promise<Remainder> {
  const handle = await directory.fileSystem.open(directory.pathOf(file.name), 'read');
  try {
    const rest = await readAll(handle, cursor.offset);
    if (isZero(rest)) return { kind: 'zeros' };
    const whole = findWholeBlock(rest, cursor.segment, cursor.offset, () => true);
    return whole === null ? { kind: 'torn' } : { kind: 'whole', offset: whole.offset };
  } finally {
    await handle.close();
  }
}

async function judgeFile(
  directory: JournalDirectory,
  cursor: Cursor,
  file: SegmentName,
): Promise<JournalEnd> {
  const remainder = await inspectRemainder(directory, cursor, file);
  if (remainder.kind !== 'whole') return remainder.kind === 'zeros' ? 'clean-end' : 'torn-tail';
  throw corrupt(explainWhole(directory.pathOf(file.name), cursor, remainder.offset));
}

export function explainWhole(path: string, cursor: Cursor, offset: number): string {
  return offset === cursor.offset
    ? `${path} has a whole block at offset ${offset} that does not continue block ${cursor.sequence}`
    : `${path} is damaged at offset ${cursor.offset}: whole blocks follow at offset ${offset}`;
}

/** The first whole block that names its own place and that `matches` accepts. `bytes` lie at `from` in the segment. */
function findWholeBlock(
  bytes: Uint8Array,
  segment: SegmentNumber,
  from: number,
  matches: (block: Block) => boolean,
): Block | null {
  for (let at = 0; at < bytes.byteLength; at += SECTOR_BYTES) {
    if (claimedLength(bytes, at) === 0) continue;
    const block = decodeBlock(bytes, at);
    if (block === null || block.segment !== segment || block.offset !== from + at) continue;
    if (matches(block)) return block;
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
  let filled = 0;
  for (const { slice, at } of slicesOf(bytes)) filled += await handle.read(slice, from + at);
  return bytes.subarray(0, filled);
}

function corrupt(what: string): HoldfastError {
  return new HoldfastError(
    'JOURNAL_CORRUPT',
    `The journal is damaged: ${what}. Nothing was changed. Run \`holdfast journal verify\`, and restore the store from a copy.`,
  );
}
