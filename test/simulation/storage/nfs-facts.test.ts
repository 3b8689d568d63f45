/**
 * What was measured on real NFS (nfs-facts.md), against the simulated one. Where the two differ, the simulated one is wrong.
 * Assumed: mounts without softerr, noac and lookupcache=none, whole-file flock only, and NFSv3 on at the server: nothing else is simulated.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FileHandle, FileStat } from '../../../src/platform/ports.js';
import {
  cutOffUntilLocked,
  type Hosts,
  isPending,
  makeHosts,
  makePair,
  outcomeOf,
  PATH,
  type Pair,
  readText,
  STORE,
  textOf,
  timeUntil,
  writeAndSync,
} from './locked-pair.js';
import type { StorageKind } from './shared-storage.js';
import type { RigProcess } from './storage-rig.js';

const SEEDS = Array.from({ length: 50 }, (_, index) => index + 1);
/** The slowest answer there is, when nothing is in the way. */
const ROUND_TRIP_MS = 100;
/** How often A looks for what B has changed. */
const LOOK_MS = 50;
/** How often B asks for the lock of A. */
const ASK_MS = 100;
const OUTAGE_MS = 6_000;
const OUTAGE_AND_GRACE_MS = OUTAGE_MS + 10_000;
/** How often A writes. */
const WRITE_MS = 500;
const NEW_PATH = `${STORE}/new`;
const OLD_TEXT = 'old';
const NEW_TEXT = 'new and longer';

function assertBetween(valueMs: number, leastMs: number, mostMs: number): void {
  assert.ok(valueMs >= leastMs && valueMs <= mostMs, `${valueMs} ms`);
}

const timeUntilLocked = ({ rig, theirs }: Pair, everyMs = ASK_MS): Promise<number> =>
  timeUntil(rig, everyMs, () => theirs.tryLockExclusive());

describe('the lock of a process or host that is gone', () => {
  for (const kind of ['nfs4', 'nfs3'] as const) {
    it(`is free at most 0.2 s after a kill -9 (${kind})`, async () => {
      const afterMs: number[] = [];
      for (const seed of SEEDS) {
        const pair = await makePair(kind, { seed });
        pair.a.process.die();
        afterMs.push(await timeUntilLocked(pair, 10));
      }
      assertBetween(Math.max(...afterMs), 100, 200 + ROUND_TRIP_MS);
    });
  }

  for (const [leaseMs, latestMs] of [
    [10_000, 11_300],
    [30_000, 30_300],
    [90_000, 92_000],
  ] as const) {
    const span = `${leaseMs / 1_000} to ${latestMs / 1_000} s`;
    it(`is free ${span} after the last call of a host that lost its power`, async () => {
      for (const seed of SEEDS) {
        const pair = await makePair('nfs4', { seed, profile: { leaseMs } });
        const lastCallMs = pair.rig.scheduler.nowMs;
        await pair.rig.settled(pair.mine.write(Buffer.from('x'), 0));
        pair.a.process.die();
        pair.rig.storage.powerOffHost('a');
        await timeUntilLocked(pair);
        assertBetween(pair.rig.scheduler.nowMs - lastCallMs, leaseMs, latestMs);
      }
    });
  }

  it('is never free on nfs3 while the host that lost its power stays off', async () => {
    const { rig, a, theirs } = await makePair('nfs3');
    a.process.die();
    rig.storage.powerOffHost('a');
    for (let minute = 0; minute < 120; minute += 1) {
      assert.equal(await rig.settled(theirs.tryLockExclusive()), false, `minute ${minute}`);
      await rig.pass(60_000);
    }
  });

  it('is free as soon as the host has booted and mounted again, long before its lease of 90 s is over', async () => {
    for (const seed of SEEDS) {
      const pair = await makePair('nfs4', { seed, profile: { leaseMs: 90_000 } });
      pair.a.process.die();
      pair.rig.storage.powerOffHost('a');
      pair.rig.scheduler.schedule(5_000, () => pair.rig.storage.bootHost('a'));
      assertBetween(await timeUntilLocked(pair), 5_000, 7_000);
    }
  });
});

describe('a host that is cut off for longer than its lease of 10 s, and is asked for its lock', () => {
  it('loses it 10 to 11.4 s after its last call, is told EIO by the sync that hung and by every write and read after it, and none of its bytes lands', async () => {
    for (const seed of SEEDS) {
      const cut = await cutOffUntilLocked(seed);
      const { rig, mine, theirs, syncing } = cut;
      const changesBefore = rig.changes.length;
      assertBetween(cut.lockedAfterMs, 10_000, 11_400);
      await writeAndSync(rig, theirs, 'bbbbbb', 4);
      await rig.pass(20_000);
      assert.equal(await isPending(syncing), true);
      rig.storage.heal('a');
      assert.equal(await rig.settled(syncing), 'EIO');
      for (let time = 0; time < 3; time += 1) {
        assert.equal(await rig.settled(outcomeOf(mine.write(Buffer.from('AAAA'), 4))), 'EIO');
        assert.equal(await rig.settled(outcomeOf(mine.read(new Uint8Array(4), 0))), 'EIO');
        await rig.pass(10_000);
      }
      assert.ok(rig.changes.slice(changesBefore).every(({ host }) => host === 'b'));
      assert.equal(await textOf(rig), 'log:bbbbbb');
    }
  });

  it('is told by a later sync and by fstat that all is well', async () => {
    for (const seed of SEEDS) {
      const { rig, mine, syncing } = await cutOffUntilLocked(seed);
      rig.storage.heal('a');
      assert.equal(await rig.settled(syncing), 'EIO');
      assert.equal(await rig.settled(outcomeOf(mine.sync())), 'done');
      assert.equal((await rig.settled(mine.stat())).linkCount, 1);
    }
  });

  it('is told the first EIO by a write when nothing hung in a sync', async () => {
    for (const seed of SEEDS) {
      const pair = await makePair('nfs4', { seed, mode: 'update' });
      const { rig, mine } = pair;
      rig.storage.cutOff('a', 'both');
      await timeUntilLocked(pair);
      rig.storage.heal('a');
      await rig.pass(2_000);
      assert.equal(await rig.settled(outcomeOf(mine.write(Buffer.from('late'), 0))), 'EIO');
      assert.equal(await rig.settled(outcomeOf(mine.sync())), 'done');
    }
  });

  for (const [what, path] of [
    ['a file that it has not locked', NEW_PATH],
    ['another descriptor than the locked one', PATH],
  ] as const) {
    it(`overwrites bytes of the next holder when it writes through ${what}`, async () => {
      for (const seed of SEEDS) {
        const { rig, b, writer, syncing } = await cutOffUntilLocked(seed, async ({ rig, a }) => {
          await rig.storage.truth.open(path, 'create');
          return a.fileSystem.open(path, 'update');
        });
        const theirs = await rig.settled(b.fileSystem.open(path, 'update'));
        await writeAndSync(rig, theirs, 'bbbbbb', 4);
        assert.equal(await textOf(rig, path), 'log:bbbbbb');
        rig.storage.heal('a');
        assert.equal(await rig.settled(syncing), 'done');
        assert.equal(await textOf(rig, path), 'log:AAAAbb');
        await writeAndSync(rig, writer, 'A', 8);
        assert.equal(await textOf(rig, path), 'log:AAAAAb');
      }
    });
  }

  it('is told EIO by its sync and then ESTALE, when the next holder has renamed a copy over the file and closed it', async () => {
    for (const seed of SEEDS) {
      const { rig, b, mine, theirs, syncing } = await cutOffUntilLocked(seed);
      await rig.settled(copyOver(b, theirs));
      await rig.settled(theirs.close());
      rig.storage.heal('a');
      assert.equal(await rig.settled(syncing), 'EIO');
      assert.equal(await rig.settled(outcomeOf(mine.write(Buffer.from('late'), 0))), 'ESTALE');
      assert.equal(await rig.settled(outcomeOf(mine.stat())), 'ESTALE');
      assert.equal(await textOf(rig), 'log:');
    }
  });

  it('is told EIO, with link count 1, as long as the next holder keeps the file open that it has renamed a copy over', async () => {
    for (const seed of SEEDS) {
      const { rig, b, mine, theirs, syncing } = await cutOffUntilLocked(seed);
      await rig.settled(copyOver(b, theirs));
      rig.storage.heal('a');
      assert.equal(await rig.settled(syncing), 'EIO');
      assert.equal(await rig.settled(outcomeOf(mine.write(Buffer.from('late'), 0))), 'EIO');
      assert.equal((await rig.settled(mine.stat())).linkCount, 1);
      const names = await rig.settled(b.fileSystem.list(STORE));
      assert.ok(names.some((name) => name.startsWith('.nfs')));
    }
  });

  it('gets the lock on the same descriptor again when the next holder is gone, and EIO for ever, until it closes and opens', async () => {
    for (const seed of SEEDS) {
      const { rig, a, mine, theirs, syncing } = await cutOffUntilLocked(seed);
      rig.storage.heal('a');
      await rig.settled(syncing);
      assert.equal(await rig.settled(mine.tryLockExclusive()), false);
      await rig.settled(theirs.close());
      assert.equal(await rig.settled(mine.tryLockExclusive()), true);
      for (let time = 0; time < 3; time += 1) {
        assert.equal(await rig.settled(outcomeOf(mine.write(Buffer.from('AAAA'), 4))), 'EIO');
        assert.equal(await rig.settled(outcomeOf(mine.read(new Uint8Array(4), 0))), 'EIO');
        await rig.pass(60_000);
      }
      await rig.settled(mine.close());
      const again = await rig.settled(a.fileSystem.open(PATH, 'update'));
      assert.equal(await rig.settled(again.tryLockExclusive()), true);
      await writeAndSync(rig, again, 'AAAA', 4);
      assert.equal(await textOf(rig), 'log:AAAA');
    }
  });
});

describe('a lock that stays with its holder', () => {
  it('outlives 40 s of being cut off when nobody asks for it', async () => {
    for (const seed of SEEDS) {
      const pair = await makePair('nfs4', { seed, mode: 'update' });
      const { rig, mine, theirs } = pair;
      rig.storage.cutOff('a', 'both');
      await rig.pass(40_000);
      rig.storage.heal('a');
      await writeAndSync(rig, mine, 'still mine');
      assert.equal(await rig.settled(theirs.tryLockExclusive()), false);
      assert.equal(await textOf(rig), 'still mine');
    }
  });

  it('makes the first open by another host wait for 13 s when its holder is cut off', async () => {
    for (const seed of SEEDS) {
      const { rig, a, b } = await makeHosts('nfs4', { seed });
      const mine = await rig.settled(a.fileSystem.open(PATH, 'update'));
      assert.equal(await rig.settled(mine.tryLockExclusive()), true);
      rig.storage.cutOff('a', 'both');
      await rig.pass(40_000);
      const beganMs = rig.scheduler.nowMs;
      await rig.settled(b.fileSystem.open(PATH, 'update'));
      assertBetween(rig.scheduler.nowMs - beganMs, 13_000, 14_000 + ROUND_TRIP_MS);
    }
  });

  it('is taken back when the server restarts, and a lock call of another host blocks for 16 to 24 s and gets nothing', async () => {
    for (const seed of SEEDS) {
      const pair = await makePair('nfs4', { seed, mode: 'update' });
      const { rig, mine, theirs } = pair;
      rig.storage.restartServer(OUTAGE_MS);
      const beganMs = rig.scheduler.nowMs;
      assert.equal(await rig.settled(theirs.tryLockExclusive()), false);
      assertBetween(rig.scheduler.nowMs - beganMs, OUTAGE_AND_GRACE_MS, 24_000);
      await writeAndSync(rig, mine, 'still mine');
      assert.equal(await rig.settled(theirs.tryLockExclusive()), false);
    }
  });

  it('is taken back when a server without NFSv3 restarts, and a lock call blocks only for the outage', async () => {
    for (const seed of SEEDS) {
      const profile = { endsGraceEarly: true };
      const pair = await makePair('nfs4', { seed, mode: 'update', profile });
      const { rig, mine, theirs } = pair;
      rig.storage.restartServer(OUTAGE_MS);
      const beganMs = rig.scheduler.nowMs;
      assert.equal(await rig.settled(theirs.tryLockExclusive()), false);
      assertBetween(rig.scheduler.nowMs - beganMs, OUTAGE_MS, OUTAGE_AND_GRACE_MS - 1);
      await writeAndSync(rig, mine, 'still mine');
      assert.equal(await rig.settled(theirs.tryLockExclusive()), false);
    }
  });

  it('outlives a SIGSTOP of 35 s', async () => {
    for (const seed of SEEDS) {
      const pair = await makePair('nfs4', { seed, mode: 'update' });
      const { rig, a, mine, theirs } = pair;
      a.process.pause(35_000);
      for (let second = 0; second < 36; second += 1) {
        assert.equal(await rig.settled(theirs.tryLockExclusive()), false, `second ${second}`);
        await rig.pass(1_000);
      }
      await writeAndSync(rig, mine, 'still mine');
    }
  });
});

describe('a call that is said not to block', () => {
  it('blocks, if it is an open, for the 16 s until a server that restarts has ended its grace period', async () => {
    for (const seed of SEEDS) {
      const { rig, b } = await makeHosts('nfs4', { seed });
      rig.storage.restartServer(OUTAGE_MS);
      const beganMs = rig.scheduler.nowMs;
      await rig.settled(b.fileSystem.open(PATH, 'read'));
      assertBetween(rig.scheduler.nowMs - beganMs, OUTAGE_AND_GRACE_MS, 24_000);
    }
  });

  it('blocks, be it an open or a lock, for the 40 s for which its host is cut off', async () => {
    for (const seed of SEEDS) {
      const { rig, b, theirs } = await makePair('nfs4', { seed });
      rig.storage.cutOff('b', 'both');
      const opening = b.fileSystem.open(PATH, 'read');
      const locking = theirs.tryLockExclusive();
      await rig.pass(40_000);
      assert.deepEqual([await isPending(opening), await isPending(locking)], [true, true]);
      rig.storage.heal('b');
      await rig.settled(opening);
      assert.equal(await rig.settled(locking), false);
    }
  });
});

async function rewrite({ b }: Hosts): Promise<void> {
  const handle = await b.fileSystem.open(PATH, 'write-durable');
  await handle.write(Buffer.from(NEW_TEXT), 0);
  await handle.close();
}

async function makeNew({ b }: Hosts): Promise<void> {
  const handle = await b.fileSystem.open(NEW_PATH, 'create-new-durable');
  await handle.write(Buffer.from(NEW_TEXT), 0);
  await handle.close();
}

async function renameOver(hosts: Hosts): Promise<void> {
  await makeNew(hosts);
  await hosts.b.fileSystem.rename(NEW_PATH, PATH);
}

async function openAndRead({ a }: Hosts): Promise<string> {
  const handle = await a.fileSystem.open(PATH, 'read');
  const text = await readText(handle);
  await handle.close();
  return text;
}

/** B changes what A has just looked at, and A goes on to see what was for `mostMs` or less. */
async function assertLate(
  mostMs: number,
  change: (hosts: Hosts) => Promise<void>,
  seesChange: (hosts: Hosts, opened: FileHandle) => Promise<boolean>,
): Promise<void> {
  const lateMs: number[] = [];
  for (const seed of SEEDS) {
    const hosts = await makeHosts('nfs4', { seed, text: OLD_TEXT });
    const { rig, a } = hosts;
    const opened = await rig.settled(a.fileSystem.open(PATH, 'read'));
    assert.equal(await rig.settled(seesChange(hosts, opened)), false);
    await rig.settled(change(hosts));
    lateMs.push(await timeUntil(rig, LOOK_MS, () => seesChange(hosts, opened)));
  }
  assertBetween(Math.max(...lateMs), mostMs / 2, mostMs + LOOK_MS + ROUND_TRIP_MS);
}

const isNew = ({ sizeBytes }: FileStat): boolean => sizeBytes === NEW_TEXT.length;

describe('a change by another host', () => {
  it('is seen up to 8 s late by stat of the path', () =>
    assertLate(8_000, rewrite, async ({ a }) => isNew(await a.fileSystem.stat(PATH))));

  it('is seen up to 8 s late by fstat on an open descriptor', () =>
    assertLate(8_000, rewrite, async (_, opened) => isNew(await opened.stat())));

  it('is seen up to 8 s late by pread on an open descriptor', () =>
    assertLate(8_000, rewrite, async (_, opened) => (await readText(opened)) === NEW_TEXT));

  it('in place is seen within 0.35 s by an open and read, where stat still shows what was', async () => {
    for (const seed of SEEDS) {
      const hosts = await makeHosts('nfs4', { seed, text: OLD_TEXT });
      const { rig, a } = hosts;
      assert.equal(await rig.settled(openAndRead(hosts)), OLD_TEXT);
      await rig.settled(rewrite(hosts));
      const { sizeBytes } = await rig.settled(a.fileSystem.stat(PATH));
      assert.equal(sizeBytes, OLD_TEXT.length);
      const beganMs = rig.scheduler.nowMs;
      assert.equal(await rig.settled(openAndRead(hosts)), NEW_TEXT);
      assertBetween(rig.scheduler.nowMs - beganMs, 0, 350);
    }
  });

  it('that is a rename-over is believed to be the old file for up to 14.5 s, and seen then', () =>
    assertLate(14_500, renameOver, async (hosts) => (await openAndRead(hosts)) === NEW_TEXT));

  for (const call of ['stat', 'open'] as const) {
    it(`that makes a name which was looked up before is missed by ${call} for up to 28.5 s`, () =>
      assertLate(28_500, makeNew, async ({ a: { fileSystem } }) => {
        const outcome = await outcomeOf(
          call === 'stat' ? fileSystem.stat(NEW_PATH) : fileSystem.open(NEW_PATH, 'read'),
        );
        if (outcome !== 'done') assert.equal(outcome, 'ENOENT');
        return outcome === 'done';
      }));
  }

  it('of names is seen within 0.2 s by readdir', async () => {
    for (const seed of SEEDS) {
      const hosts = await makeHosts('nfs4', { seed });
      const { rig, a, b } = hosts;
      assert.deepEqual(await rig.settled(a.fileSystem.list(STORE)), ['file']);
      await rig.settled(makeNew(hosts));
      await rig.settled(b.fileSystem.unlink(PATH));
      const beganMs = rig.scheduler.nowMs;
      assert.deepEqual(await rig.settled(a.fileSystem.list(STORE)), ['new']);
      assertBetween(rig.scheduler.nowMs - beganMs, 0, 200);
    }
  });

  it('is a new name that readdir finds and open opens at once, unless the name was probed before', async () => {
    for (const isProbed of [false, true]) {
      for (const seed of SEEDS) {
        const hosts = await makeHosts('nfs4', { seed });
        const { rig, a } = hosts;
        if (isProbed) await rig.settled(outcomeOf(a.fileSystem.stat(NEW_PATH)));
        await rig.settled(makeNew(hosts));
        assert.ok((await rig.settled(a.fileSystem.list(STORE))).includes('new'));
        const opened = await rig.settled(outcomeOf(a.fileSystem.open(NEW_PATH, 'read')));
        assert.equal(opened, isProbed ? 'ENOENT' : 'done');
      }
    }
  });

  it('is never told by inotify: there is nothing to watch with', async () => {
    const { a } = await makeHosts('nfs4');
    assert.equal('watch' in a.fileSystem, false);
  });
});

/** A has the file open and locked; B has not, or its client would rename it instead of unlinking it. */
async function openHere(kind: StorageKind, seed: number): Promise<Hosts & { mine: FileHandle }> {
  const hosts = await makeHosts(kind, { seed });
  const mine = await hosts.rig.settled(hosts.a.fileSystem.open(PATH, 'write-durable'));
  assert.equal(await hosts.rig.settled(mine.tryLockExclusive()), true);
  return { ...hosts, mine };
}

describe('a file that another host has unlinked while this one has it open and locked', () => {
  it('takes what is written, and fstat tells a link count of 0 within 8 s of not writing', async () => {
    for (const seed of SEEDS) {
      const { rig, b, mine } = await openHere('nfs4', seed);
      await rig.settled(mine.write(Buffer.from('before'), 0));
      await rig.settled(b.fileSystem.unlink(PATH));
      await rig.settled(mine.write(Buffer.from('into nowhere'), 0));
      const isToldOf = async (): Promise<boolean> => (await mine.stat()).linkCount === 0;
      assertBetween(await timeUntil(rig, LOOK_MS, isToldOf), 0, 8_000 + LOOK_MS + ROUND_TRIP_MS);
      await rig.settled(mine.write(Buffer.from('and again'), 0));
      assert.deepEqual(await rig.settled(b.fileSystem.list(STORE)), []);
    }
  });

  it('still has a link count of 1 by fstat after a minute of constant writes, where size and time are those of the last write; an open tells at once that it is gone', async () => {
    for (const seed of SEEDS) {
      const { rig, a, b, mine } = await openHere('nfs4', seed);
      const { modifiedAtMs: firstMs } = await rig.settled(mine.stat());
      await rig.settled(b.fileSystem.unlink(PATH));
      for (let position = 0; position < 60_000 / WRITE_MS; position += 1) {
        await rig.settled(mine.write(Buffer.from('x'), position));
        const { linkCount, sizeBytes } = await rig.settled(mine.stat());
        assert.deepEqual([linkCount, sizeBytes], [1, position + 1]);
        await rig.pass(WRITE_MS);
      }
      const { modifiedAtMs } = await rig.settled(mine.stat());
      assert.ok(modifiedAtMs - firstMs > 55_000, `${modifiedAtMs - firstMs} ms`);
      assert.equal(await rig.settled(outcomeOf(a.fileSystem.open(PATH, 'read'))), 'ENOENT');
      assert.equal((await rig.settled(mine.stat())).linkCount, 1);
    }
  });

  it('is stale at once on nfs3, and on nfs4 after the server has restarted', async () => {
    for (const kind of ['nfs3', 'nfs4'] as const) {
      const { rig, b, mine } = await openHere(kind, 1);
      await rig.settled(b.fileSystem.unlink(PATH));
      if (kind === 'nfs4') rig.storage.restartServer(OUTAGE_MS);
      assert.equal(await rig.settled(outcomeOf(mine.write(Buffer.from('late'), 0))), 'ESTALE');
    }
  });
});

/** Renames a copy of the file over it. */
async function copyOver(host: RigProcess, original: FileHandle): Promise<void> {
  const copy = await host.fileSystem.open(NEW_PATH, 'create-new-durable');
  await copy.write(Buffer.from(await readText(original)), 0);
  await host.fileSystem.rename(NEW_PATH, PATH);
}
