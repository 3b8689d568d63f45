import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { writeCheckpoint } from '../../../src/journal/checkpoint.js';
import { encodeSegmentHeader } from '../../../src/journal/file-header.js';
import {
  type Cursor,
  type Epoch,
  JOURNAL_START,
  type SegmentNumber,
  type Sequence,
  segmentName,
} from '../../../src/journal/format.js';
import { JournalGap, JournalReader, readBlocksAt } from '../../../src/journal/reader.js';
import type { JournalWriter } from '../../../src/journal/writer.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { FaultyFileSystem } from './faulty-file-system.js';
import {
  append,
  drain,
  JournalRig,
  longText,
  replay,
  SEGMENT_BYTES,
  STORE_ID,
} from './journal-rig.js';

let rig: JournalRig;
let writer: JournalWriter;

beforeEach(async () => {
  rig = await JournalRig.make();
  ({ writer } = await rig.takeOver());
});

afterEach(async () => {
  await writer.close();
  await rig.remove();
});

function readerFrom(cursor: Cursor = JOURNAL_START): JournalReader {
  return new JournalReader(rig.directory(), cursor);
}

async function rest(reader: JournalReader): Promise<string[]> {
  return (await drain(reader)).texts;
}

/** Appends blocks that fill a segment each. */
async function appendSegments(count: number): Promise<string[]> {
  const sent: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const text = longText(`segment ${writer.tail.number + 1}`, SEGMENT_BYTES - 512 - 64);
    await append(writer, text);
    sent.push(text);
  }
  return sent;
}

async function names(number: number): Promise<string[]> {
  const all = await rig.names();
  return all.filter((name) => name.startsWith(String(number).padStart(10, '0')));
}

async function unlinkSegment(number: number): Promise<void> {
  for (const name of await names(number)) await rig.unlink(name);
}

/** Copies the directory's only file of a segment, as a deposed node's view of it. */
async function takeOverAgain(): Promise<void> {
  await writer.close();
  ({ writer } = await rig.takeOver());
}

test('a journal without files reads as empty, and again once there is one', async () => {
  const empty = await JournalRig.make();
  const reader = new JournalReader(empty.directory(), JOURNAL_START);
  assert.equal(await reader.next(), null);
  assert.equal(reader.file, null);
  const tenure = await empty.takeOver();
  await append(tenure.writer, 'first');
  assert.deepEqual(await rest(reader), ['first']);
  await tenure.writer.close();
  await empty.remove();
});

test('reading goes on from the place after any block', async () => {
  const sent = ['a', longText('b', 2000), ...(await appendSegments(2)), 'c'];
  const appended: Cursor[] = [];
  await takeOverAgain();
  for (const text of sent) appended.push((await append(writer, text)).cursor);
  for (const [index, cursor] of appended.entries()) {
    assert.deepEqual(await rest(readerFrom(cursor)), sent.slice(index + 1), `after ${index}`);
  }
});

test('one block larger than any read is read whole', async () => {
  const huge = longText('huge', 3 * 1024 * 1024);
  await append(writer, 'before');
  await append(writer, huge);
  await append(writer, 'after');
  assert.deepEqual(await rest(readerFrom()), ['before', huge, 'after']);
});

test('a follower gets every block once, over rolls and takeovers', async () => {
  const reader = readerFrom();
  const sent: string[] = [];
  const got: string[] = [];
  for (let round = 0; round < 30; round += 1) {
    const text = longText(`round ${round}`, (round % 7) * 1500);
    await append(writer, text);
    sent.push(text);
    if (round % 3 === 0) got.push(...(await rest(reader)));
    if (round % 5 === 0) await writer.prepareNext();
    if (round % 10 === 9) await takeOverAgain();
  }
  got.push(...(await rest(reader)));
  assert.deepEqual(got, sent);
  assert.deepEqual(reader.cursor, writer.cursor);
});

test('a block that is still being written is not yet there', async () => {
  await append(writer, 'whole');
  const reader = readerFrom();
  assert.deepEqual(await rest(reader), ['whole']);
  const { name } = writer.tail;
  const { offset } = writer.cursor;
  await append(writer, longText('late', 2000));
  const whole = await rig.read(name);
  await rig.write(name, new Uint8Array(1024), offset + 1024);
  assert.deepEqual(await rest(reader), []);
  await rig.write(name, whole.subarray(offset), offset);
  assert.deepEqual(await rest(reader), [longText('late', 2000)]);
});

test('a spare that lies ready is not yet part of the journal', async () => {
  await append(writer, 'a');
  await writer.prepareNext();
  assert.deepEqual(await rest(readerFrom()), ['a']);
});

test('a reader that stopped on a sealed file goes on in its copy', async () => {
  await append(writer, 'by the first');
  const reader = readerFrom();
  assert.deepEqual(await rest(reader), ['by the first']);
  await takeOverAgain();
  await append(writer, 'by the second');
  assert.deepEqual(await rest(reader), ['by the second']);
  assert.equal(reader.file?.epoch, 2);
});

test('blocks that a takeover cut off after they were read are a gap', async () => {
  await append(writer, 'kept');
  const { name } = writer.tail;
  const { offset } = writer.cursor;
  await append(writer, 'appended by a node that was deposed');
  const reader = readerFrom();
  assert.equal((await rest(reader)).length, 2);
  // The server did not show it to the node that took over.
  await rig.write(name, new Uint8Array(512), offset);
  await takeOverAgain();
  await assert.rejects(rest(reader), JournalGap);
  assert.deepEqual((await replay(rig.directory())).texts, ['kept']);
});

test('a next segment of a deposed node is a gap for who followed it there', async () => {
  await append(writer, 'kept');
  const before = writer.cursor;
  await appendSegments(1);
  const strays = await names(2);
  assert.equal(strays.length, 1);
  const followed: Cursor = { ...before, segment: 2 as SegmentNumber, offset: 512 };
  // The node that takes over sees neither the block nor the segment; its own third one exists.
  const stray = await rig.read(strays[0] as string);
  await unlinkSegment(2);
  await takeOverAgain();
  await appendSegments(2);
  await rig.write(strays[0] as string, stray, 0);
  await assert.rejects(rest(readerFrom(followed)), JournalGap);
});

test('a segment of the next tenure that does not go on from an empty one of the deposed node is a gap', async () => {
  await append(writer, 'kept');
  const followed: Cursor = { ...writer.cursor, segment: 2 as SegmentNumber, offset: 512 };
  // The node that takes over did not see that segment 2 was begun, and gets to it after its own first block.
  await takeOverAgain();
  await appendSegments(1);
  // What would tell of the takeover is gone: a checkpoint covers it.
  await unlinkSegment(1);
  await assert.rejects(rest(readerFrom(followed)), JournalGap);
});

test('a segment deleted under a reader is a gap, when later ones are there', async () => {
  await appendSegments(1);
  const reader = readerFrom();
  await rest(reader);
  await appendSegments(3);
  await unlinkSegment(2);
  await unlinkSegment(3);
  await assert.rejects(rest(reader), JournalGap);
});

test('a deleted segment is a gap also when the very next one is there and does not connect', async () => {
  await startInSegment2();
  const reader = readerFrom();
  await rest(reader);
  await append(writer, longText('not read', SEGMENT_BYTES - writer.cursor.offset - 64));
  await appendSegments(2);
  await unlinkSegment(2);
  await assert.rejects(rest(reader), JournalGap);
});

async function startInSegment2(): Promise<void> {
  await writer.prepareNext();
  await append(writer, 'in segment 2');
}

test('a deleted segment that was read to its end is no gap', async () => {
  await startInSegment2();
  const reader = readerFrom();
  await rest(reader);
  const sent = await appendSegments(2);
  await unlinkSegment(2);
  assert.deepEqual(await rest(reader), sent);
});

test('a follower that stands at the end of a kept segment notices that those after it are gone', async () => {
  await appendSegments(1);
  const reader = readerFrom();
  await rest(reader);
  await reader.requireNoGapAhead();
  await appendSegments(4);
  const { segment } = reader.cursor;
  await rest(reader);
  const lagging = readerFrom();
  while (lagging.cursor.segment < segment) await lagging.next();
  for (const number of [segment + 1, segment + 2]) await unlinkSegment(number);
  await rest(lagging);
  await assert.rejects(lagging.requireNoGapAhead(), JournalGap);
});

test('what a deposed node left further on is no gap', async () => {
  await append(writer, 'kept');
  await takeOverAgain();
  // Of its next two segments the one in between was cleared away.
  await writeHeader(3, 1);
  const reader = readerFrom();
  assert.deepEqual(await rest(reader), ['kept']);
  await reader.requireNoGapAhead();
});

test('a later file is a sign of a gap only when it is finished', async () => {
  await append(writer, 'kept');
  const reader = readerFrom();
  await rig.write(segmentName(3 as SegmentNumber, 1 as Epoch).name, new Uint8Array(1024), 0);
  await rest(reader);
  await reader.requireNoGapAhead();
  await writeHeader(3, 1);
  await rest(reader);
  await assert.rejects(reader.requireNoGapAhead(), JournalGap);
});

/** Makes a finished segment without blocks. */
async function writeHeader(number: number, epoch: number): Promise<void> {
  const header = {
    storeId: STORE_ID,
    epoch: epoch as Epoch,
    firstSequence: 100 as Sequence,
    number: number as SegmentNumber,
    sizeBytes: 1024,
    previousEnd: 512,
    previousChecksum: 1,
    sealedEnd: 0,
  };
  const { name } = segmentName(number as SegmentNumber, epoch as Epoch);
  await rig.write(name, encodeSegmentHeader(header), 0);
}

test('a reader at the start of a journal whose start was deleted meets a gap', async () => {
  await appendSegments(3);
  await unlinkSegment(1);
  await assert.rejects(rest(readerFrom()), JournalGap);
});

test('reading from a checkpoint skips what it covers', async () => {
  await append(writer, 'covered');
  const covers = writer.cursor;
  const payload = new TextEncoder().encode('the index');
  await writeCheckpoint(rig.directory(), nodeClock, 1 as Epoch, covers, [payload]);
  await append(writer, 'after');
  const { restored, texts } = await replay(rig.directory());
  assert.deepEqual([restored, texts], [['the index'], ['after']]);
});

test('a failed read is an error with its errno, never an end', async () => {
  await append(writer, 'a');
  await appendSegments(2);
  for (const number of [1, 2, 3]) {
    const part = `/${String(number).padStart(10, '0')}-`;
    const faulty = new FaultyFileSystem(nodeFileSystem, {
      failsRead: (path) => path.includes(part),
    });
    await assert.rejects(replay(rig.directory(faulty.fileSystem)), { code: 'EIO' }, part);
  }
});

test('reading opens a file at a time and leaves none open', async () => {
  await appendSegments(4);
  const open = new Set<string>();
  const counting = {
    ...rig.directory().fileSystem,
    list: nodeFileSystem.list,
    open: async (path: string, mode: 'read') => {
      const handle = await nodeFileSystem.open(path, mode);
      open.add(path);
      assert.ok(open.size <= 2, [...open].join(' '));
      return Object.assign(Object.create(handle) as typeof handle, {
        read: (into: Uint8Array, position: number) => handle.read(into, position),
        stat: () => handle.stat(),
        close: async () => {
          open.delete(path);
          await handle.close();
        },
      });
    },
  };
  await replay(rig.directory(counting as typeof nodeFileSystem));
  assert.equal(open.size, 0);
});

test('a body is found at its place, with the blocks behind it', async () => {
  const first = await append(writer, 'first');
  await append(writer, 'second');
  const handle = await nodeFileSystem.open(rig.pathOf(writer.tail.name), 'read');
  try {
    const { blocks } = await readBlocksAt(handle, first.segment, first.offset, {
      mayBeEnd: false,
    });
    assert.deepEqual(
      blocks.map(({ sequence }) => sequence),
      [2, 3],
    );
  } finally {
    await handle.close();
  }
});

test('a body that was damaged since it was written is loud', async () => {
  const { segment, offset } = await append(writer, 'first');
  await rig.flipBit(writer.tail.name, offset + 70);
  const handle = await nodeFileSystem.open(rig.pathOf(writer.tail.name), 'read');
  try {
    await assert.rejects(readBlocksAt(handle, segment, offset, { mayBeEnd: false }), {
      code: 'JOURNAL_CORRUPT',
    });
  } finally {
    await handle.close();
  }
});
