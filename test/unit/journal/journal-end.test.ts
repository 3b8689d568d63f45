import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { writeCheckpoint } from '../../../src/journal/checkpoint.js';
import type { Epoch, Sequence } from '../../../src/journal/format.js';
import { type JournalEnd, judgeEnd } from '../../../src/journal/journal-end.js';
import type { AppendedBlock, JournalWriter } from '../../../src/journal/writer.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import { FaultyFileSystem } from './faulty-file-system.js';
import { append, JournalRig, longText, replay, SEGMENT_BYTES } from './journal-rig.js';

const CORRUPT = { code: 'JOURNAL_CORRUPT' };

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

async function judge(knownGood = 0, fileSystem?: FileSystem): Promise<JournalEnd> {
  const directory = rig.directory(fileSystem);
  const { cursor, file } = await replay(directory);
  return judgeEnd(directory, cursor, file, knownGood as Sequence);
}

async function appendSegments(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await append(writer, longText(`segment ${index}`, SEGMENT_BYTES - 512 - 64));
  }
}

async function fileOf(number: number): Promise<string> {
  const part = String(number).padStart(10, '0');
  const found = (await rig.names()).find((name) => name.startsWith(part));
  assert.ok(found !== undefined, `segment ${number}`);
  return found;
}

/** Three blocks in one preallocated segment; the last takes three sectors. */
async function threeBlocks(): Promise<AppendedBlock[]> {
  await writer.prepareNext();
  return [
    await append(writer, 'first'),
    await append(writer, 'second'),
    await append(writer, longText('third', 1300)),
  ];
}

test('an empty directory, and nothing but zeros behind the last block, are clean ends', async () => {
  const empty = await JournalRig.make();
  const { cursor } = await replay(empty.directory());
  assert.equal(await judgeEnd(empty.directory(), cursor, null, 0 as Sequence), 'clean-end');
  await empty.remove();
  await threeBlocks();
  assert.equal(await judge(), 'clean-end');
  await writer.prepareNext();
  assert.equal(await judge(), 'clean-end');
});

test('a last block that was written up to any byte is a torn tail, and its own loss alone', async () => {
  const [, second, third] = (await threeBlocks()) as [AppendedBlock, AppendedBlock, AppendedBlock];
  const { name } = writer.tail;
  const whole = (await rig.read(name)).subarray(third.offset, third.cursor.offset);
  // Behind its payload a block has zeros, so from there on it is whole.
  const end = 64 + 1300;
  await rig.write(name, new Uint8Array(whole.byteLength), third.offset);
  assert.equal(await judge(), 'clean-end');
  for (let written = 1; written < end; written += 1) {
    await rig.write(name, whole.subarray(0, written), third.offset);
    const replayed = await replay(rig.directory());
    assert.equal(replayed.cursor.sequence, second.cursor.sequence, `${written} bytes`);
    const { cursor, file } = replayed;
    const verdict = await judgeEnd(rig.directory(), cursor, file, 0 as Sequence);
    assert.equal(verdict, 'torn-tail', `${written} bytes`);
  }
  await rig.write(name, whole.subarray(0, end), third.offset);
  assert.equal((await replay(rig.directory())).cursor.sequence, third.cursor.sequence);
});

test('a last block of which any of its sectors is missing is a torn tail', async () => {
  const third = (await threeBlocks())[2] as AppendedBlock;
  const { name } = writer.tail;
  const whole = (await rig.read(name)).subarray(third.offset, third.cursor.offset);
  for (let written = 1; written < 0b111; written += 1) {
    const part = Buffer.from(whole);
    for (let sector = 0; sector < 3; sector += 1) {
      if ((written & (1 << sector)) === 0) part.fill(0, sector * 512, sector * 512 + 512);
    }
    await rig.write(name, part, third.offset);
    assert.equal(await judge(), 'torn-tail', `sectors ${written.toString(2)}`);
  }
});

test('a bit flipped anywhere in a block before the last one is corrupt', async () => {
  const [, second] = (await threeBlocks()) as [AppendedBlock, AppendedBlock];
  const { name } = writer.tail;
  for (let at = second.offset; at < second.offset + 80; at += 1) {
    await rig.flipBit(name, at, at % 8);
    await assert.rejects(judge(), CORRUPT, `byte ${at}`);
    await rig.flipBit(name, at, at % 8);
  }
  assert.equal(await judge(), 'clean-end');
});

test('the error names the file, the offset of the damage and where whole blocks follow', async () => {
  const [, second, third] = (await threeBlocks()) as [AppendedBlock, AppendedBlock, AppendedBlock];
  await rig.flipBit(writer.tail.name, second.offset + 70);
  const path = rig.pathOf(writer.tail.name);
  await assert.rejects(judge(), (error: Error) => {
    assert.ok(error.message.includes(path), error.message);
    assert.ok(error.message.includes(`offset ${second.offset}`), error.message);
    assert.ok(error.message.includes(`offset ${third.offset}`), error.message);
    return true;
  });
});

test('a block that was recorded as good and is damaged is corrupt, not a torn tail', async () => {
  const third = (await threeBlocks())[2] as AppendedBlock;
  await rig.flipBit(writer.tail.name, third.offset + 70);
  assert.equal(await judge(third.cursor.sequence - 1), 'torn-tail');
  await assert.rejects(judge(third.cursor.sequence), CORRUPT);
});

test('a block that was recorded as good and is gone without a trace is corrupt', async () => {
  const third = (await threeBlocks())[2] as AppendedBlock;
  await rig.write(writer.tail.name, new Uint8Array(1536), third.offset);
  assert.equal(await judge(third.cursor.sequence - 1), 'clean-end');
  await assert.rejects(judge(third.cursor.sequence), CORRUPT);
});

test('a whole block in its place that does not continue the journal is corrupt', async () => {
  const third = (await threeBlocks())[2] as AppendedBlock;
  const { name } = writer.tail;
  const other = await JournalRig.make();
  const tenure = await other.takeOver();
  await tenure.writer.prepareNext();
  await append(tenure.writer, 'other');
  await append(tenure.writer, 'second');
  const { offset } = await append(tenure.writer, longText('third', 1300));
  assert.equal(offset, third.offset);
  const foreign = (await other.read(tenure.writer.tail.name)).subarray(offset, offset + 1536);
  await rig.write(name, foreign, third.offset);
  await assert.rejects(judge(), CORRUPT);
  await tenure.writer.close();
  await other.remove();
});

test('whole blocks of another place behind a torn one are only its bytes', async () => {
  const third = (await threeBlocks())[2] as AppendedBlock;
  const { name } = writer.tail;
  const bytes = await rig.read(name);
  const copied = bytes.subarray(third.offset - 512, third.offset);
  await rig.write(name, Uint8Array.of(1), third.offset + 100);
  await rig.write(name, copied, third.offset + 512);
  assert.equal(await judge(), 'torn-tail');
});

test('a segment that is missing between others is corrupt', async () => {
  await appendSegments(3);
  await rig.unlink(await fileOf(3));
  await assert.rejects(judge(), CORRUPT);
});

test('a last segment that does not connect to the end of the one before is corrupt', async () => {
  await threeBlocks();
  await appendSegments(1);
  const second = await fileOf(2);
  const whole = await rig.read(second);
  const end = whole.lastIndexOf('third') - 64;
  await rig.write(second, new Uint8Array(512), end);
  await assert.rejects(judge(), CORRUPT);
});

test('a damaged header is corrupt wherever blocks follow it', async () => {
  await appendSegments(3);
  for (const number of [1, 2, 3, 4]) {
    const name = await fileOf(number);
    await rig.flipBit(name, 33);
    await assert.rejects(judge(), CORRUPT, `segment ${number}`);
    await rig.flipBit(name, 33);
  }
  assert.equal(await judge(), 'clean-end');
});

test('damaged headers of two segments in a row are corrupt', async () => {
  await appendSegments(3);
  await rig.flipBit(await fileOf(3), 33);
  await rig.flipBit(await fileOf(4), 33);
  await assert.rejects(judge(), CORRUPT);
});

test('a damaged header of the only segment is corrupt, not an empty journal', async () => {
  await append(writer, 'confirmed');
  await rig.flipBit(writer.tail.name, 33);
  await assert.rejects(judge(), CORRUPT);
});

test('with a checkpoint, a segment it ends in that is damaged or missing is corrupt', async () => {
  await threeBlocks();
  const covers = writer.cursor;
  await writeCheckpoint(rig.directory(), nodeClock, 1 as Epoch, covers, [new Uint8Array(8)]);
  const { name } = writer.tail;
  await rig.flipBit(name, 33);
  await assert.rejects(judge(), CORRUPT);
  await rig.flipBit(name, 33);
  assert.equal(await judge(), 'clean-end');
  await rig.unlink(name);
  await assert.rejects(judge(), CORRUPT);
});

test('a next segment of a lower epoch is what a deposed node left, and no damage', async () => {
  await append(writer, 'kept');
  await appendSegments(1);
  const name = await fileOf(2);
  const stray = await rig.read(name);
  await rig.unlink(name);
  await writer.close();
  ({ writer } = await rig.takeOver());
  await rig.write(name, stray, 0);
  assert.equal(await judge(), 'clean-end');
});

test('a failed read is never taken for an end', async () => {
  await threeBlocks();
  await writer.prepareNext();
  for (const failing of await rig.names()) {
    const faulty = new FaultyFileSystem(nodeFileSystem, {
      failsRead: (path) => path.endsWith(failing),
    });
    const { cursor, file } = await replay(rig.directory());
    const judged = judgeEnd(rig.directory(faulty.fileSystem), cursor, file, 0 as Sequence);
    if (failing === file?.name || failing > (file?.name ?? '')) {
      await assert.rejects(judged, { code: 'EIO' }, failing);
    } else {
      assert.equal(await judged, 'clean-end');
    }
  }
});

test('judging changes nothing', async () => {
  await threeBlocks();
  await writer.prepareNext();
  await rig.flipBit(writer.tail.name, 1100);
  const before = await rig.everything();
  await judge().catch(() => undefined);
  assert.deepEqual(await rig.everything(), before);
});
