import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { decodeSegmentHeader } from '../../../src/journal/file-header.js';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_TYPE,
  type Epoch,
  JOURNAL_START,
  type SegmentNumber,
  segmentName,
} from '../../../src/journal/format.js';
import { JournalReader } from '../../../src/journal/reader.js';
import { removeLeftovers, sealJournal } from '../../../src/journal/seal.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import { systemError } from '../../support/intercepted-file-system.js';
import { FaultyFileSystem } from './faulty-file-system.js';
import { append, JournalRig, longText, replay, SEGMENT_BYTES } from './journal-rig.js';

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

/** Journals that a node may have left when it died; each returns the texts that were appended. */
const LEFT_BEHIND: { readonly [what: string]: (rig: JournalRig) => Promise<string[]> } = {
  'an empty directory': async () => [],
  'blocks in the first segment of a store': async (from) => {
    const { writer } = await from.takeOver();
    await append(writer, 'one');
    await append(writer, longText('two', 3000));
    await writer.close();
    return ['one', longText('two', 3000)];
  },
  'blocks in a preallocated segment, and a spare': async (from) => {
    const { writer } = await from.takeOver();
    await append(writer, 'one');
    await writer.prepareNext();
    await append(writer, 'two');
    await writer.prepareNext();
    await writer.close();
    return ['one', 'two'];
  },
  'a next segment without blocks': async (from) => {
    const { writer } = await from.takeOver();
    await append(writer, 'one');
    await writer.prepareNext();
    const { name } = writer.tail;
    const end = writer.cursor;
    await append(writer, 'lost');
    const lost = writer.tail.name;
    await writer.close();
    assert.notEqual(lost, name);
    await from.write(lost, new Uint8Array(512), 512);
    assert.equal((await replay(from.directory())).cursor.sequence, end.sequence);
    return ['one'];
  },
  'a torn tail': async (from) => {
    const { writer } = await from.takeOver();
    await writer.prepareNext();
    await append(writer, 'one');
    const { offset } = await append(writer, longText('torn', 2000));
    const { name } = writer.tail;
    await writer.close();
    await from.flipBit(name, offset + 1000);
    return ['one'];
  },
  'a segment that is full to its last byte': async (from) => {
    const { writer } = await from.takeOver();
    const huge = longText('huge', 2 * SEGMENT_BYTES - 64);
    await append(writer, huge);
    assert.equal(writer.cursor.offset, writer.tail.sizeBytes);
    await writer.close();
    return [huge];
  },
};

/** A node takes over and serves; then another one does. */
async function checkGoesOn(texts: readonly string[]): Promise<void> {
  const next = await rig.takeOver();
  assert.deepEqual(next.texts, texts);
  await append(next.writer, 'after');
  await next.writer.prepareNext();
  await append(next.writer, 'after the roll');
  await next.writer.close();
  const last = await rig.takeOver();
  assert.deepEqual(last.texts, [...texts, 'after', 'after the roll']);
  await last.writer.close();
}

for (const [what, leave] of Object.entries(LEFT_BEHIND)) {
  test(`${what}: the next node takes over with every block and goes on`, async () => {
    const texts = await leave(rig);
    const before = (await replay(rig.directory())).cursor;
    const { writer } = await rig.takeOver();
    const reader = new JournalReader(rig.directory(), before);
    const tenure = (await reader.next())?.blocks[0];
    await reader.close();
    assert.equal(tenure?.type, BLOCK_TYPE.tenure);
    assert.equal(tenure?.sequence, before.sequence + 1);
    await writer.close();
    await checkGoesOn(texts);
  });

  for (const kind of ['crash', 'once'] as const) {
    for (const writtenPart of kind === 'crash' ? [0, 0.5, 1] : [0]) {
      const how = kind === 'crash' ? `dies with ${writtenPart} of a write done` : 'meets EIO';
      test(`${what}: when a takeover ${how} at any step, the next loses nothing`, async () => {
        for (let atChange = 1; ; atChange += 1) {
          rig = await renewed();
          const texts = await leave(rig);
          const faulty = new FaultyFileSystem(nodeFileSystem, { atChange, kind, writtenPart });
          const outcome = await rig.takeOver({ fileSystem: faulty.fileSystem }).then(
            () => 'done',
            () => 'died',
          );
          await faulty.closeAll();
          assert.equal(outcome, faulty.hasFailed ? 'died' : 'done', `at ${atChange}`);
          await checkGoesOn(texts);
          if (outcome === 'done') return;
        }
      });
    }
  }
}

test('whatever step two takeovers in a row die at, the third loses nothing', async () => {
  const leave = LEFT_BEHIND['blocks in a preallocated segment, and a spare'];
  assert.ok(leave !== undefined);
  for (let first = 1, firstDied = true; firstDied; first += 1) {
    for (let second = 1, secondDied = true; secondDied; second += 1) {
      rig = await renewed();
      const texts: readonly string[] = await leave(rig);
      firstDied = await dies(first);
      secondDied = await dies(second);
      const third = await rig.takeOver();
      assert.deepEqual(third.texts, texts, `first at ${first}, second at ${second}`);
      await third.writer.close();
    }
  }
});

async function dies(atChange: number): Promise<boolean> {
  const faulty = new FaultyFileSystem(nodeFileSystem, { atChange });
  await rig.takeOver({ fileSystem: faulty.fileSystem }).catch(() => undefined);
  await faulty.closeAll();
  return faulty.hasFailed;
}

test('a takeover that only a later one completes is no sooner part of the journal', async () => {
  const { writer } = await rig.takeOver();
  await append(writer, 'one');
  await writer.close();
  const before = new Map(await rig.everything());
  const faulty = new FaultyFileSystem(nodeFileSystem, { atChange: 4 });
  await assert.rejects(rig.takeOver({ fileSystem: faulty.fileSystem }), { code: 'EIO' });
  await faulty.closeAll();
  const after = await rig.everything();
  for (const [name, bytes] of before) assert.equal(after.get(name), bytes, name);
});

test('the sealed file has the same blocks at the same places, then the tenure block', async () => {
  const first = await rig.takeOver();
  await append(first.writer, 'one');
  await append(first.writer, longText('two', 900));
  const { cursor } = first.writer;
  const old = await rig.read(first.writer.tail.name);
  await first.writer.close();
  const second = await rig.takeOver();
  const copy = await rig.read(second.writer.tail.name);
  await second.writer.close();
  assert.deepEqual(copy.subarray(512, cursor.offset), old.subarray(512, cursor.offset));
  const header = decodeSegmentHeader(copy.subarray(0, 512), 'x');
  assert.equal(header?.sealedEnd, cursor.offset);
  assert.equal(header?.epoch, 2);
  assert.equal(header?.firstSequence, 1);
  const length = copy.readUInt32LE(cursor.offset + 8);
  const start = cursor.offset + BLOCK_HEADER_BYTES;
  const payload = JSON.parse(copy.toString('utf8', start, start + length));
  assert.deepEqual(payload.previous, {
    segment: 1,
    offset: cursor.offset,
    sequence: 3,
    epoch: 1,
  });
  assert.equal(payload.end, 'clean-end');
  assert.equal(payload.node, 'node-2');
  assert.deepEqual(await rig.names(), [segmentName(1 as SegmentNumber, 2 as Epoch).name]);
});

test('a journal whose tail and file do not belong together is not sealed', async () => {
  const { writer } = await rig.takeOver();
  await writer.prepareNext();
  await append(writer, 'in segment 2');
  await writer.close();
  const { cursor } = await replay(rig.directory());
  const before = await rig.everything();
  const sealing = sealJournal({
    directory: rig.directory(),
    clock: nodeClock,
    epoch: 2 as Epoch,
    segmentBytes: SEGMENT_BYTES,
    cursor,
    oldFile: segmentName(1 as SegmentNumber, 1 as Epoch),
    closeOldFile: async () => undefined,
    end: 'clean-end',
    node: { name: 'n', host: 'h', pid: 1 },
  });
  await assert.rejects(sealing);
  assert.deepEqual(await rig.everything(), before);
});

test('a copy that could not be finished for want of room does not stay', async () => {
  const { writer } = await rig.takeOver();
  await append(writer, 'one');
  await writer.close();
  const before = await rig.names();
  const fileSystem = delegatingFileSystem(nodeFileSystem, {
    syncDirectory: () => Promise.reject(systemError('ENOSPC', 'fsync')),
  });
  await assert.rejects(rig.takeOver({ fileSystem }), { code: 'ENOSPC' });
  assert.deepEqual(await rig.names(), before);
  await (await rig.takeOver()).writer.close();
});

test('a header that is damaged between the reading and the copying is refused', async () => {
  const { writer } = await rig.takeOver();
  await append(writer, 'one');
  await writer.close();
  const { cursor, file } = await replay(rig.directory());
  await rig.flipBit(file?.name as string, 30);
  const before = await rig.everything();
  const sealing = sealJournal({
    directory: rig.directory(),
    clock: nodeClock,
    epoch: 2 as Epoch,
    segmentBytes: SEGMENT_BYTES,
    cursor,
    oldFile: file,
    closeOldFile: async () => undefined,
    end: 'clean-end',
    node: { name: 'n', host: 'h', pid: 1 },
  });
  await assert.rejects(sealing, { code: 'JOURNAL_CORRUPT', message: /a moment ago/ });
  assert.deepEqual(await rig.everything(), before);
});

test('a whole file under a name that is not its own is no left-over', async () => {
  const first = await rig.takeOver();
  await append(first.writer, 'one');
  await first.writer.close();
  await rig.write('0000000000-0000000001.segment', await rig.read(first.writer.tail.name), 0);
  const { writer } = await rig.takeOver();
  const before = await rig.everything();
  assert.equal(await removeLeftovers(rig.directory(), 2 as Epoch, writer.tail.number), 0);
  assert.deepEqual(await rig.everything(), before);
  await writer.close();
});

test('left-overs go; what is part of the journal or being prepared stays, and so do checkpoints', async () => {
  const first = await rig.takeOver();
  await append(first.writer, 'one');
  await first.writer.prepareNext();
  await append(first.writer, 'two');
  await first.writer.prepareNext();
  await first.writer.close();
  const old = await rig.read('0000000002-0000000001.segment');
  const second = await rig.takeOver();
  await append(second.writer, 'three');
  await second.writer.prepareNext();
  // A deposed node may finish it yet.
  await rig.write('0000000001-0000000000000002.checkpoint', new Uint8Array(512), 0);
  const kept = (await rig.names()).filter((name) => name !== '0000000003-0000000001.segment');
  // As a crash before the unlink leaves it.
  await rig.write('0000000002-0000000001.segment', old, 0);
  const removed = await removeLeftovers(rig.directory(), 2 as Epoch, second.writer.tail.number);
  assert.equal(removed, 2);
  assert.deepEqual(await rig.names(), kept);
  await second.writer.close();
  assert.deepEqual((await replay(rig.directory())).texts, ['one', 'two', 'three']);
});

test('a deposed node that clears away late touches nothing of a later epoch', async () => {
  const first = await rig.takeOver();
  await append(first.writer, 'one');
  await first.writer.close();
  // The next node has begun its copy: only the deposed node's file is finished.
  await rig.write('0000000001-0000000002.segment', new Uint8Array(1024), 0);
  await rig.write('0000000002-0000000002.segment', new Uint8Array(1024), 0);
  const before = await rig.everything();
  await removeLeftovers(rig.directory(), 1 as Epoch, 1 as SegmentNumber);
  assert.deepEqual(await rig.everything(), before);
});

test('two that remove the same file both succeed', async () => {
  await rig.write('0000000001-0000000001.segment', new Uint8Array(512), 0);
  const directory = rig.directory();
  await directory.unlink('0000000001-0000000001.segment');
  await directory.unlink('0000000001-0000000001.segment');
  assert.equal((await replay(directory)).cursor, JOURNAL_START);
});
