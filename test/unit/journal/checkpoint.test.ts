import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import {
  newestCheckpoint,
  readCheckpoint,
  writeCheckpoint,
} from '../../../src/journal/checkpoint.js';
import { JournalDirectory } from '../../../src/journal/directory.js';
import type { Cursor, Epoch, SegmentNumber, Sequence } from '../../../src/journal/format.js';
import { removeLeftovers } from '../../../src/journal/seal.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import { interceptedFileSystem } from '../../support/intercepted-file-system.js';
import { FaultyFileSystem } from './faulty-file-system.js';
import { JournalRig, textOf } from './journal-rig.js';

let rig: JournalRig;

beforeEach(async () => {
  rig = await JournalRig.make();
});

afterEach(() => rig.remove());

/** An empty journal in the place of the last one. */
async function renewed(): Promise<JournalRig> {
  await rig.remove();
  return JournalRig.make();
}

function cursorAt(sequence: number): Cursor {
  return {
    segment: 3 as SegmentNumber,
    offset: 4096,
    sequence: sequence as Sequence,
    checksum: 0xfeedface,
    epoch: 1 as Epoch,
  };
}

interface Written {
  readonly sequence: number;
  readonly epoch?: number;
  readonly texts?: readonly string[];
  readonly directory?: JournalDirectory;
}

async function write(written: Written): Promise<number> {
  const { sequence, epoch = 1, texts = [`index at ${sequence}`] } = written;
  const payloads = texts.map((text) => new TextEncoder().encode(text));
  const directory = written.directory ?? rig.directory();
  return writeCheckpoint(directory, nodeClock, epoch as Epoch, cursorAt(sequence), payloads);
}

async function readNewest(): Promise<{ covers: Cursor; texts: string[] } | null> {
  const found = await newestCheckpoint(rig.directory());
  if (found === null) return null;
  const texts: string[] = [];
  await readCheckpoint(rig.directory(), found, async (payload) => {
    texts.push(textOf(payload));
  });
  return { covers: found.header.covers, texts };
}

async function nameOf(sequence: number): Promise<string> {
  const found = (await rig.names()).find((name) => name.includes(`${sequence}.checkpoint`));
  assert.ok(found !== undefined);
  return found;
}

test('a checkpoint is read back with its payloads in order and the place that it covers', async () => {
  const texts = ['', 'second', 'x'.repeat(700_000), 'last'];
  const bytes = await write({ sequence: 7, texts });
  assert.deepEqual(await readNewest(), { covers: cursorAt(7), texts });
  assert.equal((await rig.read(await nameOf(7))).byteLength, bytes);
});

test('without payloads it still tells the place', async () => {
  await write({ sequence: 7, texts: [] });
  assert.deepEqual(await readNewest(), { covers: cursorAt(7), texts: [] });
});

test('a directory without one has none', async () => {
  assert.equal(await readNewest(), null);
});

test('a finished checkpoint replaces those before it, and unfinished ones', async () => {
  await write({ sequence: 7 });
  await rig.write('0000000001-0000000000000006.checkpoint', new Uint8Array(512), 0);
  await write({ sequence: 8 });
  await write({ sequence: 8, epoch: 2 });
  assert.deepEqual(await rig.names(), ['0000000002-0000000000000008.checkpoint']);
});

test('a deposed node that finishes late deletes no checkpoint that is newer than its own', async () => {
  await write({ sequence: 20, epoch: 2 });
  await write({ sequence: 10, epoch: 1 });
  assert.deepEqual((await readNewest())?.texts, ['index at 20']);
});

/** Where nothing fences it: of all that it does, only its confirmations are held back. */
async function finishDeposed(meanwhile: () => Promise<unknown>, atCall: number): Promise<number> {
  await write({ sequence: 7 });
  let calls = 0;
  const fileSystem = interceptedFileSystem(nodeFileSystem, async (_, run) => {
    calls += 1;
    if (calls === atCall) await meanwhile();
    return run();
  });
  await write({ sequence: 8, directory: rig.directory(fileSystem) });
  return calls;
}

test('P5: a deposed node that finishes late leaves a checkpoint, whenever its successor clears away', async () => {
  const clearAway = () => removeLeftovers(rig.directory(), 2 as Epoch, 3 as SegmentNumber);
  for (let atCall = 1, calls = 1; atCall <= calls; atCall += 1) {
    calls = await finishDeposed(clearAway, atCall);
    assert.deepEqual((await readNewest())?.texts, ['index at 8'], `at call ${atCall}`);
    rig = await renewed();
  }
});

test('P5: a deposed node that finishes late leaves the checkpoint of its successor', async () => {
  const replace = () => write({ sequence: 9, epoch: 2 });
  for (let atCall = 1, calls = 1; atCall <= calls; atCall += 1) {
    calls = await finishDeposed(replace, atCall);
    assert.deepEqual((await readNewest())?.texts, ['index at 9'], `at call ${atCall}`);
    rig = await renewed();
  }
});

test('an unfinished checkpoint is ignored for an older finished one', async () => {
  await write({ sequence: 7 });
  await rig.write('0000000002-0000000000000009.checkpoint', new Uint8Array(4096), 0);
  await rig.write('0000000002-0000000000000010.checkpoint', new Uint8Array(0), 0);
  assert.deepEqual((await readNewest())?.texts, ['index at 7']);
});

test('a checkpoint that is replaced while it is looked for is found as the newer one', async () => {
  await write({ sequence: 7 });
  let isReplaced = false;
  const fileSystem = delegatingFileSystem(nodeFileSystem, {
    list: async (path) => {
      const names = await nodeFileSystem.list(path);
      if (!isReplaced) await write({ sequence: 8 });
      isReplaced = true;
      return names;
    },
  });
  const found = await newestCheckpoint(rig.directory(fileSystem));
  assert.equal(found?.header.covers.sequence, 8);
});

test('any damage in a finished checkpoint is corrupt', async () => {
  await write({ sequence: 7, texts: ['first', 'second'] });
  const name = await nameOf(7);
  for (let at = 512; at < 1536; at += 1) {
    await rig.flipBit(name, at, at % 8);
    await assert.rejects(readNewest(), { code: 'JOURNAL_CORRUPT' }, `byte ${at}`);
    await rig.flipBit(name, at, at % 8);
  }
  const whole = await rig.read(name);
  await rig.unlink(name);
  await rig.write(name, whole.subarray(0, 1024), 0);
  await assert.rejects(readNewest(), { code: 'JOURNAL_CORRUPT' });
});

test('a checkpoint of another store is refused', async () => {
  const other = await JournalRig.make();
  await write({ sequence: 7 });
  const bytes = Buffer.from(await rig.read(await nameOf(7)));
  await other.write('0000000001-0000000000000007.checkpoint', bytes, 0);
  const directory = new JournalDirectory(nodeFileSystem, other.path, 'ff'.repeat(16));
  await assert.rejects(newestCheckpoint(directory), { code: 'JOURNAL_CORRUPT' });
  await other.remove();
});

for (const kind of ['crash', 'once'] as const) {
  test(`a writer that fails at any step (${kind}) leaves a checkpoint that can be read`, async () => {
    for (let atChange = 1; ; atChange += 1) {
      rig = await renewed();
      await write({ sequence: 5 });
      await write({ sequence: 7, texts: ['old', 'index'] });
      // As a crash between writing and deleting leaves it.
      await rig.write('0000000001-0000000000000008.checkpoint', new Uint8Array(512), 0);
      const faulty = new FaultyFileSystem(nodeFileSystem, { atChange, kind });
      const directory = rig.directory(faulty.fileSystem);
      const outcome = await write({ sequence: 9, texts: ['new', 'index'], directory }).then(
        () => 'done',
        () => 'failed',
      );
      await faulty.closeAll();
      const newest = await readNewest();
      const isNew = newest?.texts[0] === 'new';
      const expected = { texts: [isNew ? 'new' : 'old', 'index'], covers: cursorAt(isNew ? 9 : 7) };
      assert.deepEqual(newest, expected, `at ${atChange}`);
      if (outcome === 'done') assert.ok(isNew);
      if (!faulty.hasFailed) return;
    }
  });
}

test('a full disk leaves nothing of a checkpoint behind', async () => {
  await write({ sequence: 7 });
  const before = await rig.everything();
  const faulty = new FaultyFileSystem(nodeFileSystem, { atChange: 3, kind: 'once' });
  await assert.rejects(write({ sequence: 9, directory: rig.directory(faulty.fileSystem) }));
  assert.deepEqual(await rig.everything(), before);
});
