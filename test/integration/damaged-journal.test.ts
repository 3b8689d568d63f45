/** P6: an unfinished end is left behind; damage anywhere else, and other versions, are refused. */
import assert from 'node:assert/strict';
import { cp, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { JournalDirectory } from '../../src/journal/directory.js';
import { type Cursor, JOURNAL_START, type Sequence } from '../../src/journal/format.js';
import { judgeEnd } from '../../src/journal/journal-end.js';
import { JournalReader } from '../../src/journal/reader.js';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import { readDocument } from '../../src/store/document-file.js';
import { STORE_SHAPE } from '../../src/store/document-shapes.js';
import { readNodeDocuments } from '../../src/store/known-documents.js';
import { type StoreLayout, storeLayout } from '../../src/store/layout.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import { hashJournal } from '../support/journal-bytes.js';
import { NodeProcess } from '../support/node-process.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

/** Small enough to be read a thousand times, and large enough to make no checkpoint yet. */
const ONE_SEGMENT = {
  HOLDFAST_JOURNAL_SEGMENT_BYTES: '262144',
  HOLDFAST_JOURNAL_MAX_BATCH_BYTES: '65536',
} as const;
const MANY_SEGMENTS = {
  HOLDFAST_JOURNAL_SEGMENT_BYTES: '65536',
  HOLDFAST_JOURNAL_MAX_BATCH_BYTES: '4096',
} as const;
const BLOCK_BYTES = 512;
const EARLIER = 12;
const LAST_BODY = 'the last message';

/** A way to leave the last block unfinished from byte `from` on. */
type Damage = (bytes: Buffer, from: number, end: number) => Buffer;
const DAMAGES: Readonly<Record<string, Damage>> = {
  truncated: (bytes, from) => bytes.subarray(0, from),
  'zeroed from there on': (bytes, from) => Buffer.concat([bytes.subarray(0, from)], bytes.length),
  'garbled from there on': (bytes, from, end) =>
    Buffer.concat([
      bytes.subarray(0, from),
      bytes.subarray(from, end).map((byte) => byte ^ 0xa5),
      bytes.subarray(end),
    ]),
};

interface Ending {
  readonly layout: StoreLayout;
  readonly segmentPath: string;
  readonly directory: JournalDirectory;
  /** Around the last block; `recorded` is what the `live` file names as good. */
  readonly last: { readonly start: Cursor; readonly end: Cursor; readonly recorded: Sequence };
}

test('P6: a last block torn at any byte is a torn tail, and nothing before it is lost', async (t) => {
  const ending = await makeEnding(t);
  const { start, end, recorded } = ending.last;
  assert.ok(recorded <= start.sequence);
  const original = await readFile(ending.segmentPath);
  for (const [what, damage] of Object.entries(DAMAGES)) {
    for (let from = start.offset; from < end.offset; from += 1) {
      const damaged = damage(original, from, end.offset);
      await writeFile(ending.segmentPath, damaged);
      const { cursor, verdict } = await readToEnd(ending);
      const isWhole = damaged.length === original.length && damaged.equals(original);
      const expected = isWhole ? end.sequence : start.sequence;
      const name = `${what}, byte ${from}`;
      assert.equal(cursor.sequence, damaged.length < end.offset ? start.sequence : expected, name);
      const isZero = damaged.subarray(cursor.offset).every((byte) => byte === 0);
      assert.equal(verdict, isZero ? 'clean-end' : 'torn-tail', name);
    }
  }
});

test('P6: a node goes live over a torn tail with every earlier message', async (t) => {
  const ending = await makeEnding(t);
  const { start, end } = ending.last;
  for (const [what, damage] of Object.entries(DAMAGES)) {
    for (const from of [start.offset, start.offset + 20, start.offset + 70]) {
      const copy = await copyStore(t, ending);
      const bytes = await readFile(copy.segmentPath);
      await writeFile(copy.segmentPath, damage(bytes, from, end.offset));
      const node = startOn(t, copy.layout);
      await node.untilRole('live');
      const inbox = await Inbox.open(await connect(node.address), '/queue/q', 'auto');
      await inbox.atLeast(EARLIER);
      assert.deepEqual(inbox.texts, earlierTexts(), `${what} from ${from}`);
      await node.kill();
    }
  }
});

test('P6: a last block that was recorded as good and is not is damage', async (t) => {
  const ending = await makeEnding(t, 'recorded');
  const { start, end } = ending.last;
  const bytes = await readFile(ending.segmentPath);
  await writeFile(
    ending.segmentPath,
    Buffer.concat([bytes.subarray(0, start.offset)], bytes.length),
  );
  await checkRefused(t, ending.layout, 6, new RegExp(`block ${end.sequence} was recorded`));
});

test('P6: a flipped bit in the middle is refused, naming the file, and nothing is changed', async (t) => {
  const ending = await makeEnding(t);
  const file = await open(ending.segmentPath, 'r+');
  const byte = Buffer.alloc(1);
  const middle = ending.last.start.offset - 4 * BLOCK_BYTES + 100;
  await file.read(byte, 0, 1, middle);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  await file.write(byte, 0, 1, middle);
  await file.close();
  await checkRefused(t, ending.layout, 6, /\.segment is damaged at offset \d+/);
});

test('a journal of a newer version is refused, and nothing is changed', async (t) => {
  const ending = await makeEnding(t);
  const file = await open(ending.segmentPath, 'r+');
  const header = Buffer.alloc(BLOCK_BYTES);
  await file.read(header, 0, BLOCK_BYTES, 0);
  header.writeUInt32LE(2, 4);
  header.writeUInt32LE(crc32(header.subarray(0, 508)), 508);
  await file.write(header, 0, BLOCK_BYTES, 0);
  await file.close();
  await checkRefused(
    t,
    ending.layout,
    3,
    /has journal format 2, and this version .* reads format 1/,
  );
});

test('a journal that lacks a segment is refused', async (t) => {
  const store = await TestStore.make(t, MANY_SEGMENTS);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  for (let number = 1; number <= 60; number += 1) {
    await client.send({ destination: '/queue/q', body: 'x'.repeat(3_000) });
  }
  await live.kill();
  const names = (await readdir(store.layout.journalDirectory)).sort();
  const second = names.find((name) => name.startsWith('0000000002'));
  assert.ok(second !== undefined && names.length >= 3, names.join());
  await nodeFileSystem.unlink(join(store.layout.journalDirectory, second));
  const node = startOn(t, store.layout);
  assert.deepEqual(await node.end(), { code: 6, signal: null });
  // Whether it is found by replay or by a message that lies in it depends on the last checkpoint.
  assert.match(node.complaint, /lacks (segment 2|a part .*segment 2 was deleted)/);
});

async function checkRefused(
  t: TestContext,
  layout: StoreLayout,
  code: number,
  sentence: RegExp,
): Promise<void> {
  const before = await hashJournal(layout.journalDirectory);
  const node = startOn(t, layout);
  assert.deepEqual(await node.end(), { code, signal: null });
  assert.match(node.complaint, sentence);
  // For `holdfast status` on the other host.
  const status = await readNodeDocuments(nodeFileSystem, layout);
  assert.match(status.find(({ name }) => name === 'b')?.detail ?? '', sentence);
  assert.deepEqual(await hashJournal(layout.journalDirectory), before);
}

/** A store that a killed node left, whose last block holds one message more than `EARLIER`. */
async function makeEnding(t: TestContext, wanted: 'unrecorded' | 'recorded' = 'unrecorded') {
  return eventually(`the last block is ${wanted} in the live file`, async () => {
    const store = await TestStore.make(t, ONE_SEGMENT);
    const live = await store.startLive('a');
    const client = await connect(live.address);
    for (const body of earlierTexts()) await client.send({ destination: '/queue/q', body });
    await client.send({ destination: '/queue/q', body: LAST_BODY });
    const { layout } = store;
    const ending = await readEnding(layout);
    if (wanted === 'recorded') {
      const { sequence } = ending.last.end;
      await eventually('the live file names the last block', async () => {
        return (await store.live())?.position.sequence === sequence;
      });
    }
    await live.kill();
    const settled = await readEnding(layout);
    const isRecorded = settled.last.recorded >= settled.last.end.sequence;
    return isRecorded === (wanted === 'recorded') ? settled : null;
  });
}

async function readEnding(layout: StoreLayout): Promise<Ending> {
  const read = await readDocument(nodeFileSystem, layout.storeFile, STORE_SHAPE);
  assert.equal(read.kind, 'valid');
  const { storeId } = read.document;
  const directory = new JournalDirectory(nodeFileSystem, layout.journalDirectory, storeId);
  const reader = new JournalReader(directory, JOURNAL_START);
  let start: Cursor = JOURNAL_START;
  let end: Cursor = JOURNAL_START;
  for (let run = await reader.next(); run !== null; run = await reader.next()) {
    end = reader.cursor;
    const last = run.blocks.at(-1);
    assert.ok(last);
    const { offset, previousChecksum: checksum } = last;
    start = { ...end, offset, checksum, sequence: (last.sequence - 1) as Sequence };
  }
  const segmentPath = directory.pathOf(reader.file?.name ?? '');
  await reader.close();
  const live = JSON.parse((await readFile(layout.liveFile, 'utf8')).split('\n')[1] ?? '');
  return { layout, segmentPath, directory, last: { start, end, recorded: live.position.sequence } };
}

async function readToEnd({ directory, last }: Ending) {
  const reader = new JournalReader(directory, JOURNAL_START);
  while ((await reader.next()) !== null);
  const { cursor, file } = reader;
  await reader.close();
  return { cursor, verdict: await judgeEnd(directory, cursor, file, last.recorded) };
}

async function copyStore(t: TestContext, ending: Ending): Promise<Ending> {
  const path = await temporaryDirectoryOf(t);
  await cp(ending.layout.root, path, { recursive: true });
  const layout = storeLayout(path);
  const segmentPath = ending.segmentPath.replace(ending.layout.root, path);
  return { ...ending, layout, segmentPath };
}

function startOn(t: TestContext, layout: StoreLayout): NodeProcess {
  const node = new NodeProcess({ store: layout.root, name: 'b', settings: ONE_SEGMENT });
  atEnd(t, async () => {
    if (node.isRunning) await node.kill();
  });
  return node;
}

function earlierTexts(): string[] {
  return Array.from({ length: EARLIER }, (_, index) => `message ${index + 1}`);
}
