import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { decodeBlock } from '../../../src/journal/block.js';
import { decodeSegmentHeader } from '../../../src/journal/file-header.js';
import type { JournalWriter } from '../../../src/journal/writer.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import { systemError } from '../../support/intercepted-file-system.js';
import { append, JournalRig, longText, replay, SEGMENT_BYTES } from './journal-rig.js';

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

async function texts(): Promise<readonly string[]> {
  return (await replay(rig.directory())).texts;
}

/** Leaves the copy that every tenure begins with. */
async function startFreshSegment(): Promise<void> {
  await writer.prepareNext();
  await append(writer, 'first of a fresh segment');
  assert.equal(writer.tail.number, 2);
}

test('what was appended is read back in order', async () => {
  const sent = ['one', '', longText('two', 448), longText('three', 449), longText('four', 5000)];
  for (const text of sent) await append(writer, text);
  assert.deepEqual(await texts(), sent);
});

test('an appended block lies where its result says, and the next one right behind it', async () => {
  const first = await append(writer, 'first');
  const second = await append(writer, longText('second', 600));
  assert.equal(second.offset, first.cursor.offset);
  assert.equal(second.cursor.offset, second.offset + 1024);
  assert.equal(second.cursor.sequence, first.cursor.sequence + 1);
  const bytes = await rig.read(writer.tail.name);
  const block = decodeBlock(bytes, second.offset);
  assert.equal(block?.checksum, second.cursor.checksum);
  assert.equal(block?.previousChecksum, first.cursor.checksum);
});

test('what lay behind the payload in the buffer does not reach the file', async () => {
  const bytes = new Uint8Array(1024).fill(0x55);
  const { offset } = await writer.append(1, bytes, 70, 1);
  const file = await rig.read(writer.tail.name);
  assert.ok(file.subarray(offset + 64, offset + 70).every((byte) => byte === 0x55));
  assert.ok(file.subarray(offset + 70).every((byte) => byte === 0));
});

test('a full segment is followed by the next one, whose header says where it goes on', async () => {
  await startFreshSegment();
  const before = writer.cursor;
  const room = SEGMENT_BYTES - before.offset;
  const last = await append(writer, longText('fills', room - 64));
  assert.equal(last.cursor.offset, SEGMENT_BYTES);
  assert.equal(last.segment, 2);
  const next = await append(writer, 'x');
  assert.equal(next.segment, 3);
  assert.equal(next.offset, 512);
  const header = decodeSegmentHeader((await rig.read(writer.tail.name)).subarray(0, 512), 'x');
  assert.equal(header?.previousEnd, SEGMENT_BYTES);
  assert.equal(header?.previousChecksum, last.cursor.checksum);
  assert.equal(header?.firstSequence, last.cursor.sequence + 1);
  assert.equal(header?.sizeBytes, SEGMENT_BYTES);
  assert.equal((await texts()).length, 3);
});

test('a spare is prepared with all its bytes, stays unfinished, and is used by the next roll', async () => {
  await startFreshSegment();
  await writer.prepareNext();
  assert.equal(writer.spareBytes, SEGMENT_BYTES);
  const spare = await rig.read('0000000003-0000000001.segment');
  assert.equal(spare.byteLength, SEGMENT_BYTES);
  assert.ok(spare.every((byte) => byte === 0));
  await append(writer, longText('fills', SEGMENT_BYTES - writer.cursor.offset - 64));
  await append(writer, 'in the spare');
  assert.equal(writer.spareBytes, 0);
  assert.equal(writer.tail.name, '0000000003-0000000001.segment');
});

test('a copy made by a takeover is left as soon as a spare is ready', async () => {
  await append(writer, 'in the copy');
  await writer.prepareNext();
  const next = await append(writer, 'in the next');
  assert.equal(next.segment, 2);
  assert.deepEqual(await texts(), ['in the copy', 'in the next']);
});

test('a block larger than a segment gets a segment of its own size', async () => {
  const huge = longText('huge', 3 * SEGMENT_BYTES);
  await append(writer, huge);
  assert.equal(writer.tail.sizeBytes, 512 + 3 * SEGMENT_BYTES + 512);
  await append(writer, 'after');
  assert.equal(writer.tail.sizeBytes, SEGMENT_BYTES);
  assert.deepEqual(await texts(), [huge, 'after']);
});

test('a spare that is too small for a block grows with it', async () => {
  await startFreshSegment();
  await writer.prepareNext();
  const names = await rig.names();
  const huge = longText('huge', 2 * SEGMENT_BYTES);
  const { segment } = await append(writer, huge);
  assert.equal(segment, 3);
  assert.deepEqual(await rig.names(), names);
  const bytes = await rig.read(writer.tail.name);
  assert.equal(decodeSegmentHeader(bytes.subarray(0, 512), 'x')?.sizeBytes, bytes.byteLength);
  assert.deepEqual((await texts()).at(-1), huge);
});

test('a roll and a request for a spare at the same time do not meet', async () => {
  await startFreshSegment();
  for (let round = 0; round < 5; round += 1) {
    const rolling = append(writer, longText(`round ${round}`, SEGMENT_BYTES - 512 - 64));
    await Promise.all([rolling, writer.prepareNext()]);
  }
  for (let turns = 0; turns < 20; turns += 1) {
    const rolling = append(writer, longText(`turn ${turns}`, SEGMENT_BYTES - 512 - 64));
    for (let turn = 0; turn < turns; turn += 1) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await Promise.all([rolling, writer.prepareNext()]);
  }
  assert.equal((await texts()).length, 26);
});

test('a spare that was asked for before a roll is not made after it', async () => {
  await startFreshSegment();
  const after = writer.tail.number;
  const rolling = append(writer, longText('rolls', SEGMENT_BYTES - 512 - 64));
  await Promise.all([rolling, writer.prepareNext(after)]);
  assert.equal(writer.tail.number, after + 1);
  await writer.prepareNext(after);
  assert.equal(writer.spareBytes, 0);
  await writer.prepareNext(writer.tail.number);
  assert.equal(writer.spareBytes, SEGMENT_BYTES);
});

test('a full disk when the name of a spare is synced leaves nothing behind either', async () => {
  await writer.close();
  let isFull = false;
  const fileSystem = delegatingFileSystem(nodeFileSystem, {
    syncDirectory: async (path) => {
      if (isFull) throw systemError('ENOSPC', `fsync ${path}`);
      await nodeFileSystem.syncDirectory(path);
    },
  });
  ({ writer } = await rig.takeOver({ fileSystem }));
  const before = await rig.names();
  isFull = true;
  await assert.rejects(writer.prepareNext(), { code: 'ENOSPC' });
  assert.deepEqual(await rig.names(), before);
  isFull = false;
  await writer.prepareNext();
  assert.equal(writer.spareBytes, SEGMENT_BYTES);
});

test('a full disk while a spare is prepared leaves nothing behind, and appending goes on', async () => {
  await writer.close();
  let isFull = true;
  const fileSystem = delegatingFileSystem(nodeFileSystem, {
    open: async (path, mode) => {
      const handle = await nodeFileSystem.open(path, mode);
      if (!isFull || mode !== 'create-new' || !path.includes('/0000000002-')) return handle;
      return Object.assign(Object.create(handle) as typeof handle, {
        write: () => Promise.reject(systemError('ENOSPC', `write ${path}`)),
        close: () => handle.close(),
      });
    },
  });
  ({ writer } = await rig.takeOver({ fileSystem }));
  const before = await rig.names();
  await assert.rejects(writer.prepareNext(), { code: 'ENOSPC' });
  assert.deepEqual(await rig.names(), before);
  await append(writer, 'there is room in the tail');
  isFull = false;
  await writer.prepareNext();
  await append(writer, 'and in the next');
  assert.deepEqual(await texts(), ['there is room in the tail', 'and in the next']);
});

test('the tail is locked by the descriptor that writes it, and free once the writer is closed', async () => {
  const other = await nodeFileSystem.open(rig.pathOf(writer.tail.name), 'update');
  try {
    assert.equal(await other.tryLockExclusive(), false);
    await writer.close();
    assert.equal(await other.tryLockExclusive(), true);
  } finally {
    await other.close();
  }
});
