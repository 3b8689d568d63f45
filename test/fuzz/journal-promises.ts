/**
 * What must hold when a damaged journal is read (P2, P5, P6):
 *
 * J1 the reading ends in one of the four ends, and in `io-failed` only when a call failed;
 * J2 every block read is, byte for byte, the block that was written with its sequence, without a gap;
 * J3 no end is told while a whole block lies behind it, nor before a block that was recorded as good;
 * J4 sealing keeps every block that was read and adds one tenure, or refuses and changes nothing;
 * J5 `journal verify` finds something wrong wherever a node refuses, and nothing where all is there;
 * J6 no buffer is larger than the file or the plain read, and the calls come to an end.
 */
import assert from 'node:assert/strict';
import type { JournalDirectory } from '../../src/journal/directory.js';
import { dumpJournal } from '../../src/journal/dump.js';
import { SEGMENT_HEADER_BYTES, type Sequence } from '../../src/journal/format.js';
import { judgeEnd } from '../../src/journal/journal-end.js';
import { verifyJournal } from '../../src/journal/verify.js';
import { walkJournal } from '../../src/journal/walk.js';
import { describeRecords } from '../../src/node/journal-tools.js';
import type { MemoryFileSystem } from '../support/memory-file-system.js';
import { type Damage, damaged } from './journal-damage.js';
import {
  blocksOfRun,
  CallWatch,
  directoryOn,
  endOf,
  type InjectedFault,
  type ReadBlock,
  type Reading,
  readToEnd,
  seal,
} from './journal-reading.js';
import {
  type JournalFiles,
  type JournalSample,
  mounted,
  namedFiles,
  type WrittenBlock,
} from './journal-sample.js';

/** How else a journal is looked at: each takes longer than the reading itself. */
export const LOOKS = ['verify', 'walk', 'dump', 'none'] as const;
export type Look = (typeof LOOKS)[number];

/** J1 to J6 for these files; returns how a node that knows nothing else reads them. */
export async function checkJournal(
  sample: JournalSample,
  files: JournalFiles,
  look: Look,
): Promise<Reading> {
  const reading = await checkReading(sample, files);
  await checkLook(look, sample, files, reading);
  if (reading.end !== 'corrupt') await checkSeal(sample, files, reading);
  return reading;
}

/** J1, J2, J3 and J6. */
export async function checkReading(sample: JournalSample, files: JournalFiles): Promise<Reading> {
  const fileSystem = mounted(files, new CallWatch().beforeCall);
  const reading = await readToEnd(directoryOn(fileSystem), 0);
  assert.notEqual(reading.end, 'io-failed', `J1: no call failed: ${reading.reason}`);
  checkBlocks(sample, reading);
  if (reading.end !== 'corrupt') {
    checkLoss(sample, files, reading);
    await checkRecordedAsGood(sample, fileSystem, reading);
  }
  return reading;
}

/** J1 and J6 where one call fails: that is never taken for an end, and hides no block. */
export async function checkFailingCall(
  sample: JournalSample,
  files: JournalFiles,
  fault: InjectedFault,
): Promise<void> {
  const watch = new CallWatch(fault);
  const directory = directoryOn(mounted(files, watch.beforeCall));
  const reading = await readToEnd(directory, 0);
  checkBlocks(sample, reading);
  const isGone = fault.errno === 'ENOENT' || fault.errno === 'ESTALE';
  if (reading.end === 'io-failed') assert.ok(watch.hasFailed, 'J1: no call failed');
  else if (watch.hasFailed && !isGone) assert.equal(reading.end, 'io-failed', 'J1');
  else if (reading.end !== 'corrupt') checkLoss(sample, files, reading);
}

/** J4 where the tail changes between the reading and the copying. */
export async function checkLateDamage(
  sample: JournalSample,
  damages: readonly Damage[],
): Promise<void> {
  const reading = await readToEnd(directoryOn(mounted(sample.files)), 0);
  const name = reading.file?.name ?? '';
  const tail = damaged(new Map([[name, sample.files.get(name) as Uint8Array]]), damages);
  await checkSeal(sample, new Map([...sample.files, ...tail]), reading);
}

function checkBlocks(sample: JournalSample, reading: Reading): void {
  const { from, restored, blocks } = reading;
  if (from !== 0) {
    assert.equal(from, sample.covers?.sequence, 'J2: the place that the checkpoint covers');
    if (reading.end !== 'corrupt' && reading.end !== 'io-failed') {
      assert.deepEqual(restored, sample.checkpointTexts, 'J2: the checkpoint');
    }
  }
  for (const [index, block] of blocks.entries()) {
    assert.equal(block.sequence, from + 1 + index, 'J2: sequence');
    checkBlock(sample, block);
  }
}

function checkBlock(sample: JournalSample, { sequence, bytes }: ReadBlock): void {
  const written = sample.blocks.find((block) => block.sequence === sequence);
  assert.ok(written !== undefined, `J2: no block ${sequence} was written`);
  assert.ok(isSame(written.bytes, bytes), `J2: block ${sequence} is not what was written`);
}

/** J3 without anything known. */
function checkLoss(sample: JournalSample, files: JournalFiles, reading: Reading): void {
  const last = reading.from + reading.blocks.length;
  const lost = sample.blocks.find(
    (block) => block.sequence > last && isWhole(files, block) && isOwed(sample, files, block),
  );
  assert.equal(lost?.sequence, undefined, `J3: ${reading.end} after block ${last}`);
}

/** J3 with the last block recorded by the node that wrote it. */
async function checkRecordedAsGood(
  sample: JournalSample,
  fileSystem: MemoryFileSystem,
  { cursor, file, blocks, from, end }: Reading,
): Promise<void> {
  const last = lastSequence(sample);
  const judged = await judgeEnd(directoryOn(fileSystem), cursor, file, last).catch(endOf);
  assert.equal(judged, from + blocks.length < last ? 'corrupt' : end, 'J3: recorded as good');
}

async function checkSeal(
  sample: JournalSample,
  files: JournalFiles,
  reading: Reading,
): Promise<void> {
  const fileSystem = mounted(files, new CallWatch().beforeCall);
  const directory = directoryOn(fileSystem);
  try {
    await seal(directory, reading);
  } catch (error) {
    assert.equal(endOf(error), 'corrupt', 'J4: what refuses');
    assert.deepEqual(namedFiles(fileSystem), files, 'J4: a refusal changes nothing');
    return;
  }
  const again = await readToEnd(directoryOn(mounted(namedFiles(fileSystem))), 0);
  assert.equal(again.end, 'clean-end', `J4: ${again.reason}`);
  assert.equal(again.from, reading.from, 'J4: the checkpoint');
  assert.equal(again.blocks.length, reading.blocks.length + 1, 'J4: one tenure more');
  checkBlocks(sample, { ...again, blocks: again.blocks.slice(0, -1) });
  checkCopy(sample, namedFiles(fileSystem), again);
}

/** Also what lies before the checkpoint's place was copied as it was written: bodies are read there. */
function checkCopy(sample: JournalSample, files: JournalFiles, { cursor, file }: Reading): void {
  const copy = files.get(file?.name ?? '');
  for (const block of sample.blocks) {
    if (copy === undefined || block.file.number !== cursor.segment) continue;
    const { offset, bytes } = block;
    if (offset + bytes.length > cursor.offset || block.epoch === cursor.epoch) continue;
    const there = copy.subarray(offset, offset + bytes.length);
    const isCovered = block.sequence <= cursor.sequence - 1;
    if (isCovered) assert.ok(isSame(bytes, there), `J4: block ${block.sequence} was copied wrong`);
  }
}

async function checkLook(
  look: Look,
  sample: JournalSample,
  files: JournalFiles,
  reading: Reading,
): Promise<void> {
  const directory = directoryOn(mounted(files, new CallWatch().beforeCall));
  const onLine = (): void => undefined;
  if (look === 'verify') await checkVerify(directory, sample, files, reading);
  else if (look === 'walk') await checkWalk(directory, sample);
  else if (look === 'dump') await dumpJournal({ directory, describeRecords, onLine });
}

async function checkVerify(
  directory: JournalDirectory,
  sample: JournalSample,
  files: JournalFiles,
  reading: Reading,
): Promise<void> {
  const knownGood = lastSequence(sample);
  const onProgress = (): void => undefined;
  const { problems } = await verifyJournal({ directory, knownGood, onProgress });
  const told = problems.join('\n');
  const isComplete = reading.from + reading.blocks.length === knownGood;
  if (reading.end === 'corrupt') assert.notEqual(told, '', `J5: nothing about ${reading.reason}`);
  else if (!isComplete) assert.notEqual(told, '', 'J5: nothing about lost blocks');
  if (files === sample.files) assert.equal(told, '', 'J5: an undamaged journal');
}

async function checkWalk(directory: JournalDirectory, sample: JournalSample): Promise<void> {
  await walkJournal(directory, {
    onSegment: () => undefined,
    onRun: (run) => {
      for (const block of blocksOfRun(run)) checkBlock(sample, block);
    },
    onProblem: () => undefined,
  });
}

/** Its bytes lie where they were written. */
function isWhole(files: JournalFiles, { file, offset, bytes }: WrittenBlock): boolean {
  const there = files.get(file.name)?.subarray(offset, offset + bytes.length);
  return there !== undefined && isSame(bytes, there);
}

/**
 * A file with a damaged header is one that was never finished, for all that can be known, unless
 * it holds what only a finished file can hold (docs/journal-format.md, section 2).
 */
function isOwed(sample: JournalSample, files: JournalFiles, block: WrittenBlock): boolean {
  const { name, number, epoch } = block.file;
  const header = files.get(name)?.subarray(0, SEGMENT_HEADER_BYTES);
  const written = sample.files.get(name)?.subarray(0, SEGMENT_HEADER_BYTES);
  if (header !== undefined && written !== undefined && isSame(header, written)) return true;
  if (!block.isTenure && block.epoch === epoch) return true;
  const twins = [...files.keys()].filter((other) => other.startsWith(`${padded(number)}-`));
  return twins.length === 1 && block.sequence > 1;
}

function padded(number: number): string {
  return String(number).padStart(10, '0');
}

function lastSequence(sample: JournalSample): Sequence {
  return (sample.blocks.at(-1)?.sequence ?? 0) as Sequence;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
