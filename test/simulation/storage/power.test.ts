import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FileHandle } from '../../../src/platform/ports.js';
import { StorageRig } from './storage-rig.js';

const STORE = '/store';
const PATH = `${STORE}/file`;
const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1);

async function makeRig(kind: 'nfs4' | 'cluster' | 'local', seed: number): Promise<StorageRig> {
  const rig = new StorageRig({ kind, seed });
  await rig.storage.truth.makeDirectory(STORE);
  return rig;
}

/** What lies on the server, or would be read from it. */
async function contents(rig: StorageRig, path = PATH): Promise<Uint8Array> {
  const handle = await rig.storage.truth.open(path, 'read');
  const bytes = new Uint8Array((await handle.stat()).sizeBytes);
  await handle.read(bytes, 0);
  return bytes;
}

/** One letter per page. */
function pagesOf(bytes: Uint8Array): string {
  let letters = '';
  for (let at = 0; at < bytes.byteLength; at += PAGE_BYTES) {
    letters += String.fromCharCode(bytes[at] || 0x2d);
  }
  return letters;
}

const filled = (letter: string, length: number): Uint8Array =>
  new Uint8Array(length).fill(letter.charCodeAt(0));

describe('a power cut of the server', () => {
  it('leaves what was synced or written durably, and forgets the rest page by page', async () => {
    const outcomes = new Set<string>();
    for (const seed of SEEDS) {
      const rig = await makeRig('local', seed);
      const { process, fileSystem } = rig.startProcess('a');
      const work = async (): Promise<void> => {
        const handle = await fileSystem.open(PATH, 'create');
        await fileSystem.syncDirectory(STORE);
        await handle.write(filled('s', 3 * PAGE_BYTES), 0);
        await handle.sync();
        await handle.write(filled('u', 3 * PAGE_BYTES), PAGE_BYTES);
      };
      await rig.settled(work());
      const stable = rig.storage.stableBytes(PATH, 0, 1_000_000);
      assert.equal(pagesOf(stable ?? new Uint8Array(0)), 'sss');
      process.die();
      rig.storage.powerOffHost('a');
      const left = pagesOf(await contents(rig));
      assert.match(left, /^s[su][su][u-]?$/);
      outcomes.add(left);
    }
    // Lost, kept, and reordered: a later page survives an earlier one.
    for (const outcome of ['sss', 'suuu', 'sssu']) assert.ok(outcomes.has(outcome), outcome);
  });

  it('tears the write that is under way at sectors, and the client that lives sends it again', async () => {
    let torn = 0;
    for (const seed of SEEDS) {
      const rig = await makeRig('nfs4', seed);
      const { fileSystem } = rig.startProcess('a');
      const handle = await rig.settled(fileSystem.open(PATH, 'create-new-durable'));
      await rig.settled(handle.write(filled('o', 2 * PAGE_BYTES), 0));
      const writing = handle.write(filled('n', PAGE_BYTES), 2_048);
      rig.storage.powerOffServer(1_000);
      await rig.pass(500);
      const during = await contents(rig);
      const sectors = new Set<string>();
      for (let at = 2_048; at < 2_048 + PAGE_BYTES; at += SECTOR_BYTES) {
        const sector = new Set(during.subarray(at, at + SECTOR_BYTES));
        assert.equal(sector.size, 1, 'a sector is written as a whole or not at all');
        sectors.add(String([...sector]));
      }
      if (sectors.size === 2) torn += 1;
      await rig.settled(writing);
      const after = await contents(rig);
      assert.ok(after.subarray(2_048, 2_048 + PAGE_BYTES).every((byte) => byte === 0x6e));
      assert.ok(after.subarray(0, 2_048).every((byte) => byte === 0x6f));
    }
    assert.ok(torn > 10, `${torn} of ${SEEDS.length} were torn`);
  });

  it('tears a sync that is under way also when the host of the client dies with it', async () => {
    let torn = 0;
    for (const seed of SEEDS) {
      const rig = await makeRig('nfs4', seed);
      const { process, fileSystem } = rig.startProcess('a');
      const handle = await rig.settled(fileSystem.open(PATH, 'create-new'));
      await rig.settled(handle.write(filled('n', PAGE_BYTES), 0));
      void handle.sync();
      rig.storage.powerOffServer(1_000);
      process.die();
      rig.storage.powerOffHost('a');
      await rig.pass(500);
      const left = await contents(rig);
      const kept = left.filter((byte) => byte === 0x6e).byteLength;
      assert.equal(kept % SECTOR_BYTES, 0, 'a sector is written as a whole or not at all');
      if (kept > 0 && kept < PAGE_BYTES) torn += 1;
    }
    assert.ok(torn > 10, `${torn} of ${SEEDS.length} were torn`);
  });

  it('takes what an NFS client had sent and not committed, until its sync sends it again', async () => {
    let lost = 0;
    for (const seed of SEEDS) {
      const rig = await makeRig('nfs4', seed);
      const { fileSystem } = rig.startProcess('a');
      const handle = await rig.settled(fileSystem.open(PATH, 'create-new'));
      await rig.settled(handle.write(filled('u', PAGE_BYTES), 0));
      await rig.pass(6_000);
      assert.equal(pagesOf(await contents(rig)), 'u', 'the kernel has written it out');
      assert.equal(rig.storage.stableBytes(PATH, 0, PAGE_BYTES)?.byteLength, 0);
      rig.storage.powerOffServer(100);
      if (pagesOf(await contents(rig)) !== 'u') lost += 1;
      await rig.settled(handle.sync());
      assert.equal(pagesOf(rig.storage.stableBytes(PATH, 0, PAGE_BYTES) ?? filled('-', 1)), 'u');
    }
    assert.ok(lost > 10 && lost < SEEDS.length, `${lost} were lost`);
  });

  it('undoes the latest of the names that no sync of their directory has made durable', async () => {
    const outcomes = new Set<string>();
    for (const seed of SEEDS) {
      const rig = await makeRig('local', seed);
      const { process, fileSystem } = rig.startProcess('a');
      const work = async (): Promise<void> => {
        for (const name of ['a', 'b']) await fileSystem.open(`${STORE}/${name}`, 'create-new');
        await fileSystem.syncDirectory(STORE);
        await fileSystem.open(`${STORE}/c`, 'create-new-durable');
        await fileSystem.unlink(`${STORE}/a`);
      };
      await rig.settled(work());
      assert.equal(rig.storage.stableBytes(`${STORE}/c`, 0, 1), null);
      process.die();
      rig.storage.powerOffHost('a');
      outcomes.add((await rig.storage.truth.list(STORE)).join(''));
    }
    assert.deepEqual([...outcomes].sort(), ['ab', 'abc', 'bc']);
  });

  it('leaves every name on NFS, where changes of names are synchronous', async () => {
    const rig = await makeRig('nfs4', 1);
    const { fileSystem } = rig.startProcess('a');
    await rig.settled(fileSystem.open(PATH, 'create-new'));
    rig.storage.powerOffServer(100);
    assert.deepEqual(await rig.storage.truth.list(STORE), ['file']);
  });
});

describe('a host without power', () => {
  async function dirtyFile(rig: StorageRig): Promise<FileHandle> {
    const { process, fileSystem } = rig.startProcess('a');
    const handle = await rig.settled(fileSystem.open(PATH, 'create'));
    await rig.settled(fileSystem.syncDirectory(STORE));
    await rig.settled(handle.tryLockExclusive());
    await rig.settled(handle.write(filled('d', PAGE_BYTES), 0));
    process.die();
    return handle;
  }

  it('has lost what its NFS client had not sent, though the same death without it writes that out', async () => {
    for (const losesPower of [true, false]) {
      const rig = await makeRig('nfs4', 1);
      await dirtyFile(rig);
      if (losesPower) rig.storage.powerOffHost('a');
      await rig.pass(1_000);
      assert.equal(pagesOf(await contents(rig)), losesPower ? '' : 'd');
    }
  });

  it('keeps its lock until its lease is over, or until it has booted', async () => {
    for (const bootsMs of [null, 2_000]) {
      const rig = await makeRig('nfs4', 1);
      const { fileSystem } = rig.startProcess('b');
      const handle = await rig.settled(fileSystem.open(PATH, 'create'));
      await dirtyFile(rig);
      rig.storage.powerOffHost('a');
      const offMs = rig.scheduler.nowMs;
      const poll = async (): Promise<void> => {
        while (!(await handle.tryLockExclusive())) {
          await new Promise<void>((resolve) => rig.scheduler.schedule(100, resolve));
        }
      };
      if (bootsMs !== null) rig.scheduler.schedule(bootsMs, () => rig.storage.bootHost('a'));
      await rig.settled(poll());
      const afterMs = rig.scheduler.nowMs - offMs;
      if (bootsMs === null) assert.ok(afterMs > 3_000 && afterMs <= 10_200, `${afterMs} ms`);
      else assert.ok(afterMs > 2_000 && afterMs < 4_000, `${afterMs} ms`);
    }
  });

  it('in a cluster loses its own unsynced pages, and what others have seen of them stays', async () => {
    const outcomes = new Set<string>();
    for (const isSeen of [false, true]) {
      for (const seed of SEEDS) {
        const rig = await makeRig('cluster', seed);
        await dirtyFile(rig);
        const { fileSystem } = rig.startProcess('b');
        const reader = await rig.settled(fileSystem.open(PATH, 'read'));
        if (isSeen) await rig.settled(reader.read(new Uint8Array(1), 0));
        rig.storage.powerOffHost('a');
        outcomes.add(`${isSeen} ${pagesOf(await contents(rig))}`);
      }
    }
    assert.deepEqual([...outcomes].sort(), ['false ', 'false -', 'false d', 'true d']);
  });
});
