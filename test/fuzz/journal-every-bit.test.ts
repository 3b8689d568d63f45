/** P6 to the letter: every bit and every length of a tiny journal, each with the end that it must have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSegmentName, SECTOR_BYTES } from '../../src/journal/format.js';
import { damaged } from './journal-damage.js';
import { checkJournal, checkReading } from './journal-promises.js';
import type { Reading } from './journal-reading.js';
import { type JournalSample, tinyJournal } from './journal-sample.js';

const plain = await tinyJournal(false);
const checkpointed = await tinyJournal(true);
const LAST_SEGMENT = 2;
const LAST_BLOCK = 4;
/** Prime to the bits of a byte, so that every one of them gets its turn. */
const BIT_STEP = 37;
/** Sealing and verifying take many times as long as reading. */
const LENGTHS_PER_LOOK = 32;

interface Expected {
  readonly end: Reading['end'];
  /** The last block read; null where the journal is refused. */
  readonly last: number | null;
}

const CORRUPT: Expected = { end: 'corrupt', last: null };
const COMPLETE: Expected = { end: 'clean-end', last: LAST_BLOCK };
const TORN: Expected = { end: 'torn-tail', last: LAST_BLOCK - 1 };

/** What comes of a changed byte, by the place where it lies. */
function expectedOfChange(sample: JournalSample, name: string, at: number): Expected {
  const segment = parseSegmentName(name);
  // A checkpoint that was never finished is none: the reading begins at the first block.
  if (segment === null) return at < SECTOR_BYTES ? COMPLETE : CORRUPT;
  if (at < SECTOR_BYTES) return CORRUPT;
  const block = sample.blocks.find(
    ({ file, offset, bytes }) => file.name === name && at >= offset && at < offset + bytes.length,
  );
  if (block === undefined) return { end: 'torn-tail', last: LAST_BLOCK };
  if (block.sequence === LAST_BLOCK) return TORN;
  return block.sequence <= (sample.covers?.sequence ?? 0) ? COMPLETE : CORRUPT;
}

/** What comes of a file that ends at `length`. Sectors that are missing look like zeros. */
function expectedOfLength(sample: JournalSample, name: string, length: number): Expected {
  const written = sample.files.get(name) as Uint8Array;
  const header = written.subarray(0, SECTOR_BYTES);
  const hasHeader = header.every((byte, at) => at < length || byte === 0);
  const segment = parseSegmentName(name);
  if (segment === null) return hasHeader ? CORRUPT : COMPLETE;
  if (segment.number < LAST_SEGMENT) return CORRUPT;
  const last = sample.blocks.at(-1);
  assert.ok(last !== undefined);
  if (!hasHeader || length <= last.offset) return { end: 'clean-end', last: LAST_BLOCK - 1 };
  return length < last.offset + last.bytes.length ? TORN : COMPLETE;
}

function assertExpected(reading: Reading, expected: Expected, where: string): void {
  assert.equal(reading.end, expected.end, `${where}: ${reading.reason}`);
  if (expected.last === null) return;
  assert.equal(reading.from + reading.blocks.length, expected.last, where);
}

async function flipEveryBit(sample: JournalSample, bitStep: number): Promise<void> {
  const names = [...sample.files.keys()].sort();
  for (const [file, name] of names.entries()) {
    const bits = (sample.files.get(name) as Uint8Array).length * 8;
    const step = parseSegmentName(name) === null ? 1 : bitStep;
    for (let bit = 0; bit < bits; bit += step) {
      const files = damaged(sample.files, [{ kind: 'flip', file, bit }]);
      const expected = expectedOfChange(sample, name, Math.floor(bit / 8));
      assertExpected(await checkReading(sample, files), expected, `bit ${bit} of ${name}`);
    }
  }
}

async function truncateToEveryLength(sample: JournalSample): Promise<void> {
  const names = [...sample.files.keys()].sort();
  for (const [file, name] of names.entries()) {
    const { length: written } = sample.files.get(name) as Uint8Array;
    for (let length = 0; length < written; length += 1) {
      const files = damaged(sample.files, [{ kind: 'truncate', file, length }]);
      const expected = expectedOfLength(sample, name, length);
      const reading = await checkReading(sample, files);
      assertExpected(reading, expected, `${name} of ${length} bytes`);
      if (length % LENGTHS_PER_LOOK === 0) await checkJournal(sample, files, 'verify');
    }
  }
}

for (const sample of [plain, checkpointed]) {
  test(`an undamaged journal is read to its clean end (${sample.name})`, async () => {
    for (const look of ['verify', 'walk', 'dump'] as const) {
      assertExpected(await checkJournal(sample, sample.files, look), COMPLETE, 'undamaged');
    }
    assert.equal(sample.blocks.length, LAST_BLOCK);
  });

  test(`P6: a file of any shorter length gives the end that it must (${sample.name})`, () =>
    truncateToEveryLength(sample));
}

test('P6: any flipped bit of a journal gives the end that it must', () => flipEveryBit(plain, 1));

test('P6: any flipped bit of a checkpoint gives the end that it must', () =>
  flipEveryBit(checkpointed, BIT_STEP));
