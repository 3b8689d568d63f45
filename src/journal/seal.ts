/**
 * Takeover of the journal: the valid part of the last segment is copied to a new file of the new
 * epoch, the tenure block is appended, and the old file goes away (fences 2 and 3). The steps have
 * the numbers of docs/journal-format.md, section 4.
 */

import { HoldfastError } from '../platform/errors.js';
import type { Clock } from '../platform/ports.js';
import { decodeBlock } from './block.js';
import type { JournalDirectory } from './directory.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  BLOCK_TYPE,
  type Cursor,
  type Epoch,
  SEGMENT_HEADER_BYTES,
  type SegmentName,
  type SegmentNumber,
  type Sequence,
  segmentName,
} from './format.js';
import type { JournalEnd } from './journal-end.js';
import { finishSegment, type OwnSegment, openLocked, slicesOf } from './segment-file.js';
import { JournalWriter } from './writer.js';

const NO_BYTES = new Uint8Array(0);

export interface SealOptions {
  readonly directory: JournalDirectory;
  readonly clock: Clock;
  readonly epoch: Epoch;
  readonly segmentBytes: number;
  readonly cursor: Cursor;
  /** The last segment's file, locked by the caller; null for a journal without any. */
  readonly oldFile: SegmentName | null;
  /** Lets go of the lock on `oldFile`: an unlinked file that is still open lives on under another name on NFS. */
  readonly closeOldFile: () => Promise<void>;
  readonly end: JournalEnd;
  readonly node: { readonly name: string; readonly host: string; readonly pid: number };
}

/** Resolves when the new tenure's first block is durable and part of the journal. */
export async function sealJournal(options: SealOptions): Promise<JournalWriter> {
  const { directory, clock, epoch, segmentBytes, cursor, oldFile } = options;
  const old = oldFile === null ? null : await readCopiedPart(options, oldFile);
  const payload = tenurePayload(options);
  const block = new Uint8Array(alignToSector(BLOCK_HEADER_BYTES + payload.byteLength));
  block.set(payload, BLOCK_HEADER_BYTES);
  const segment = await createCopy(options, old, block.byteLength); // 4
  const writer = new JournalWriter({
    directory,
    clock,
    epoch,
    segmentBytes,
    tail: segment,
    tailIsCopy: true,
    cursor: { ...cursor, segment: segment.number },
  });
  await writer.append(BLOCK_TYPE.tenure, block, BLOCK_HEADER_BYTES + payload.byteLength, 0);
  await finishSegment(directory, segment, {
    epoch,
    firstSequence: old?.firstSequence ?? ((cursor.sequence + 1) as Sequence),
    previousEnd: old?.previousEnd ?? 0,
    previousChecksum: old?.previousChecksum ?? 0,
    sealedEnd: old === null ? 0 : cursor.offset,
  }); // 5
  if (oldFile !== null) {
    await options.closeOldFile();
    await directory.unlink(oldFile.name); // 6
    await directory.sync();
  }
  return writer;
}

/**
 * The rest of step 6: removes every other segment that is not part of the journal. Only for the live
 * node, which may serve meanwhile: nobody reads these files. An unfinished checkpoint stays until this
 * tenure has a checkpoint of its own: a deposed node that finishes it late deletes the ones before it.
 */
export async function removeLeftovers(
  directory: JournalDirectory,
  epoch: Epoch,
  tail: SegmentNumber,
): Promise<number> {
  const { segments } = await directory.list();
  const kept = new Map<number, SegmentName>();
  const superfluous: string[] = [];
  for (const segment of segments) {
    // A deposed node may come here late, when its successor has not finished the copy of its tail.
    if (segment.epoch > epoch) continue;
    const isOlder = segment.epoch < epoch;
    const isStray = isOlder && segment.number > tail;
    const standing = isOlder && !isStray ? await standingOf(directory, segment) : 'finished';
    if (standing === 'foreign') continue;
    if (isStray || standing === 'unfinished') {
      superfluous.push(segment.name);
      continue;
    }
    const lower = kept.get(segment.number);
    if (lower !== undefined) superfluous.push(lower.name);
    kept.set(segment.number, segment);
  }
  for (const name of superfluous) await directory.unlink(name);
  if (superfluous.length > 0) await directory.sync();
  return superfluous.length;
}

/**
 * `foreign`: whole, and not what its name says. No node leaves such a file, so none removes it, nor
 * ends its tenure over it: nothing is read from it, and `holdfast journal verify` tells of it.
 */
async function standingOf(
  directory: JournalDirectory,
  segment: SegmentName,
): Promise<'finished' | 'unfinished' | 'foreign'> {
  try {
    return (await directory.segmentHeader(segment)) === null ? 'unfinished' : 'finished';
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'JOURNAL_CORRUPT') return 'foreign';
    throw error;
  }
}

interface CopiedPart {
  readonly name: SegmentName;
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
  readonly firstSequence: Sequence;
  readonly previousEnd: number;
  readonly previousChecksum: number;
}

async function readCopiedPart(options: SealOptions, file: SegmentName): Promise<CopiedPart> {
  const { directory, cursor } = options;
  if (file.number !== cursor.segment) {
    throw new HoldfastError(
      'OWNERSHIP_LOST',
      `The journal went on from ${file.name} to segment ${cursor.segment} while this node took it over: ` +
        'another node still writes. Start this node again when that one is gone.',
    );
  }
  const header = await directory.segmentHeader(file);
  if (header === null) {
    throw new HoldfastError(
      'JOURNAL_CORRUPT',
      `${directory.pathOf(file.name)} had a header a moment ago and has none now, though this node holds its lock. ` +
        'Nothing was replaced. Look at the file server, then start this node again.',
    );
  }
  const handle = await directory.fileSystem.open(directory.pathOf(file.name), 'read');
  try {
    const bytes = new Uint8Array(cursor.offset);
    let filled = 0;
    for (const { slice, at } of slicesOf(bytes)) filled += await handle.read(slice, at);
    requireWhole(handle.path, bytes.subarray(0, filled), cursor, header.previousChecksum);
    return { ...header, name: file, bytes };
  } finally {
    await handle.close();
  }
}

/**
 * The original goes away, so the copy must be every block up to the cursor, as it was read before:
 * chained from the end of the segment before it to the cursor's own checksum.
 */
function requireWhole(
  path: string,
  bytes: Uint8Array,
  cursor: Cursor,
  previousChecksum: number,
): void {
  let at = SEGMENT_HEADER_BYTES;
  let checksum = previousChecksum;
  while (at < cursor.offset) {
    const block = decodeBlock(bytes, at);
    if (block === null || block.offset !== at || block.segment !== cursor.segment) break;
    if (block.previousChecksum !== checksum) break;
    checksum = block.checksum;
    at += block.lengthBytes;
  }
  if (at === cursor.offset && checksum === cursor.checksum) return;
  throw new HoldfastError(
    'JOURNAL_CORRUPT',
    `${path} cannot be read again up to offset ${cursor.offset}: offset ${at} is not as it was a moment ago. ` +
      'Nothing was replaced. Look at the file server, then start this node again.',
  );
}

/** With room for the tenure block, though the old file may be full to its last byte. */
async function createCopy(
  options: SealOptions,
  old: CopiedPart | null,
  tenureBytes: number,
): Promise<OwnSegment> {
  const { directory, epoch, cursor, segmentBytes } = options;
  const number = old?.name.number ?? cursor.segment;
  const { name } = segmentName(number, epoch);
  const plain = await directory.fileSystem.open(directory.pathOf(name), 'create-new');
  try {
    const blocks = old?.bytes.subarray(SEGMENT_HEADER_BYTES) ?? NO_BYTES;
    for (const { slice, at } of slicesOf(blocks)) {
      if (at > 0) await plain.syncInBackground();
      await plain.write(slice, SEGMENT_HEADER_BYTES + at);
    }
    await plain.sync();
    await directory.sync();
  } catch (error) {
    await plain.close();
    // On a full disk each attempt would leave one more.
    await directory.unlink(name);
    throw error;
  }
  await plain.close();
  const sizeBytes = Math.max(old?.sizeBytes ?? segmentBytes, cursor.offset + tenureBytes);
  return { name, number, sizeBytes, handle: await openLocked(directory, name) };
}

function tenurePayload(options: SealOptions): Uint8Array {
  const { cursor, node, clock, end } = options;
  const { segment, offset, sequence, epoch } = cursor;
  return Buffer.from(
    JSON.stringify({
      node: node.name,
      host: node.host,
      pid: node.pid,
      startedAtMs: Math.round(clock.wallMs()),
      previous: { segment, offset, sequence, epoch },
      end,
    }),
  );
}
