import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { writeCheckpoint } from '../../../src/journal/checkpoint.js';
import { dumpJournal } from '../../../src/journal/dump.js';
import type { Epoch, Sequence } from '../../../src/journal/format.js';
import { type VerifyReport, verifyJournal } from '../../../src/journal/verify.js';
import type { JournalWriter } from '../../../src/journal/writer.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import { FaultyFileSystem } from './faulty-file-system.js';
import { append, JournalRig, longText, SEGMENT_BYTES } from './journal-rig.js';

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

async function verify(knownGood = 0): Promise<VerifyReport> {
  const report = await verifyJournal({
    directory: rig.directory(),
    knownGood: knownGood as Sequence,
    onProgress: () => undefined,
  });
  if (report.problems.length === 0) assert.equal(await dump(), true);
  return report;
}

async function dump(lines: string[] = []): Promise<boolean> {
  return dumpJournal({
    directory: rig.directory(),
    describeRecords: (payload) => [`${payload.byteLength} bytes`],
    onLine: (line) => {
      lines.push(line);
    },
  });
}

/** Appends blocks that fill a segment each; their segments' files. */
async function appendSegments(count: number): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index += 1) {
    await append(writer, longText(`segment ${index}`, SEGMENT_BYTES - 512 - 64));
    names.push(writer.tail.name);
  }
  return names;
}

async function checkpoint(): Promise<void> {
  const payload = new TextEncoder().encode('the index');
  await writeCheckpoint(rig.directory(), nodeClock, 1 as Epoch, writer.cursor, [payload]);
}

async function checkProblem(expected: RegExp): Promise<VerifyReport> {
  const report = await verify();
  assert.ok(
    report.problems.some((problem) => expected.test(problem)),
    `${expected} in ${JSON.stringify(report.problems)}`,
  );
  return report;
}

test('a good journal is counted from its first block to its last', async () => {
  await append(writer, 'one');
  await appendSegments(2);
  await writer.close();
  ({ writer } = await rig.takeOver());
  await append(writer, 'two');
  const report = await verify();
  assert.deepEqual(report.problems, []);
  const { segments, blocks, records, firstSequence, lastSequence, epochs, end } = report;
  assert.deepEqual(
    { segments, blocks, records, firstSequence, lastSequence, epochs, end },
    {
      segments: 4,
      blocks: 6,
      records: 4,
      firstSequence: 1,
      lastSequence: 6,
      epochs: [1, 2],
      end: 'clean-end',
    },
  );
  assert.equal(report.checkpoint, null);
});

test('an empty journal is good', async () => {
  const empty = await JournalRig.make();
  const report = await verifyJournal({
    directory: empty.directory(),
    knownGood: 0 as Sequence,
    onProgress: () => undefined,
  });
  assert.deepEqual([report.problems, report.blocks], [[], 0]);
  await empty.remove();
});

test('segments older than the checkpoint are read too, and those between may be gone', async () => {
  const [second, third, fourth] = (await appendSegments(4)) as [string, string, string];
  await checkpoint();
  await append(writer, 'after');
  await rig.unlink(third);
  const { problems, blocks, checkpoint: found } = await verify();
  assert.deepEqual([problems, blocks], [[], 5]);
  assert.equal(found?.header.covers.sequence, 5);
  await rig.flipBit(second, 3000);
  await checkProblem(new RegExp(`${second} is damaged at offset 512`));
  await rig.flipBit(second, 3000);
  await rig.flipBit(fourth, 20);
  await checkProblem(/the header of .* is damaged/);
});

test('without a checkpoint no segment may be missing, nor behind one', async () => {
  const [second, , fourth] = (await appendSegments(3)) as [string, string, string];
  const bytes = await rig.read(second);
  await rig.unlink(second);
  await checkProblem(/lacks segment 2$/);
  await rig.write(second, bytes, 0);
  assert.deepEqual((await verify()).problems, []);
  await checkpoint();
  await appendSegments(2);
  await rig.unlink(fourth);
  await checkProblem(/lacks segment 4$/);
});

test('a block that is only half there at the end is reported and no problem', async () => {
  await writer.prepareNext();
  await append(writer, 'whole');
  const { offset, cursor } = await append(writer, longText('half', 3000));
  await rig.write(writer.tail.name, new Uint8Array(512), offset + 1024);
  const { end, problems } = await verify();
  assert.deepEqual([end, problems], ['unfinished-block', []]);
  const recorded = await verify(cursor.sequence);
  assert.match(recorded.problems.join(), /ends after block 2, but block 3 was recorded/);
});

test('damage before whole blocks, before a later segment, and in a header is named', async () => {
  const first = await append(writer, 'first');
  await append(writer, 'second');
  const tail = writer.tail.name;
  await rig.flipBit(tail, first.offset + 70);
  await checkProblem(new RegExp(`${tail} is damaged at offset ${first.offset}: whole blocks`));
  await rig.flipBit(tail, first.offset + 70);
  const [next] = (await appendSegments(2)) as [string];
  await rig.flipBit(next, 700);
  await checkProblem(new RegExp(`${next} is damaged at offset 512, and a later segment follows`));
  await rig.flipBit(next, 700);
  await rig.flipBit(next, 20);
  await checkProblem(new RegExp(`the header of .*${next} is damaged`));
  await rig.flipBit(next, 20);
  assert.deepEqual((await verify()).problems, []);
});

test('every segment of the wrong store, name or version is told', async () => {
  const [second] = (await appendSegments(1)) as [string];
  const bytes = await rig.read(second);
  await rig.write('0000000009-0000000001.segment', bytes, 0);
  await checkProblem(/says that it is segment 2 of epoch 1/);
});

test('a file under a name that is not its own is told, and what lies behind it is read', async () => {
  const [second] = (await appendSegments(2)) as [string];
  const bytes = await rig.read(second);
  await rig.write('0000000002-0000000009.segment', bytes, 0);
  await checkProblem(/0000000002-0000000009.segment says that it is segment 2 of epoch 1/);
  assert.equal((await verify()).lastSequence, writer.cursor.sequence);
});

test('a damaged checkpoint, and one that does not fit the journal, are told', async () => {
  await append(writer, 'one');
  await checkpoint();
  const name = (await rig.names()).find((found) => found.endsWith('.checkpoint')) as string;
  await rig.flipBit(name, 600);
  await checkProblem(new RegExp(`${name} is damaged at offset 512`));
  await rig.unlink(name);
  const wrong = { ...writer.cursor, checksum: writer.cursor.checksum ^ 1 };
  await writeCheckpoint(rig.directory(), nodeClock, 1 as Epoch, wrong, []);
  await checkProblem(/block 2 is not the one that the checkpoint covers/);
});

test('verifying and dumping change nothing', async () => {
  await append(writer, 'one');
  await appendSegments(2);
  await writer.prepareNext();
  await checkpoint();
  const before = await rig.everything();
  await verify();
  assert.deepEqual(await rig.everything(), before);
});

test('a failed read is an error, not a problem of the journal', async () => {
  await append(writer, 'one');
  const { fileSystem } = new FaultyFileSystem(nodeFileSystem, { failsRead: () => true });
  const verifying = verifyJournal({
    directory: rig.directory(fileSystem),
    knownGood: 0 as Sequence,
    onProgress: () => undefined,
  });
  await assert.rejects(verifying, { code: 'EIO' });
});

test('beside a node that writes, rolls, deletes and is taken over, all is good', async () => {
  let round = 0;
  let isBusy = false;
  // The journal changes whenever the reader opens or lists anything.
  const change = async (): Promise<void> => {
    if (isBusy || round >= 300) return;
    isBusy = true;
    round += 1;
    await append(writer, longText(`round ${round}`, (round % 5) * 3000));
    if (round % 4 === 0) await writer.prepareNext();
    if (round % 20 === 0) await checkpointAndDelete();
    if (round % 50 === 0) {
      await writer.close();
      ({ writer } = await rig.takeOver());
    }
    isBusy = false;
  };
  const fileSystem = delegatingFileSystem(nodeFileSystem, {
    list: async (path) => {
      const names = await nodeFileSystem.list(path);
      await change();
      return names;
    },
    open: async (path, mode) => {
      await change();
      return nodeFileSystem.open(path, mode);
    },
  });
  for (let index = 0; index < 30; index += 1) await change();
  const report = await verifyJournal({
    directory: rig.directory(fileSystem),
    knownGood: writer.cursor.sequence,
    onProgress: () => undefined,
  });
  assert.deepEqual(report.problems, []);
  assert.ok(round > 40, `${round}`);
});

async function checkpointAndDelete(): Promise<void> {
  const directory = rig.directory();
  const { cursor } = writer;
  const payload = new TextEncoder().encode('the index');
  await writeCheckpoint(directory, nodeClock, cursor.epoch, cursor, [payload]);
  const { segments } = await directory.list();
  for (const { name, number } of segments) {
    // Every third holds something that is still needed.
    if (number < cursor.segment && number % 3 !== 0) await directory.unlink(name);
  }
}

test('progress rises to the whole', async () => {
  await appendSegments(3);
  const shown: number[] = [];
  let total = 0;
  await verifyJournal({
    directory: rig.directory(),
    knownGood: 0 as Sequence,
    onProgress: (doneBytes, totalBytes) => {
      shown.push(doneBytes);
      total = totalBytes;
    },
  });
  assert.deepEqual(
    shown,
    shown.toSorted((one, two) => one - two),
  );
  assert.equal(shown.at(-1), total);
});

test('a dump has a line for every file, block and record, and the end', async () => {
  await append(writer, 'one');
  await checkpoint();
  const lines: string[] = [];
  assert.equal(await dump(lines), true);
  const patterns = [
    /^checkpoint 0000000001-0000000000000002.checkpoint epoch 1 covers block 2 up to offset \d+ of segment 1, 1 blocks$/,
    /^ {4}9 bytes$/,
    /^segment 1 0000000001-0000000001.segment epoch 1 from block 1, 16384 bytes$/,
    /^ {2}block 1 tenure epoch 1 at offset 512, 0 records in \d+ bytes, checksum [0-9a-f]{8}$/,
    /^ {4}\{"node":"node-1",/,
    /^ {2}block 2 records epoch 1 at offset 1024, 1 records in 3 bytes, checksum [0-9a-f]{8}$/,
    /^ {4}3 bytes$/,
    /^clean-end$/,
  ];
  assert.equal(lines.length, patterns.length, lines.join('\n'));
  for (const [index, pattern] of patterns.entries()) assert.match(lines[index] as string, pattern);
});
