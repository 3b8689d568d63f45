/** Where the kinds of shared storage other than NFS 4 differ from it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makePair, overlap, PATH, textOf } from './locked-pair.js';

describe('a host that is cut off for longer than the lease', () => {
  it('on nfs4 loses its lock to whoever asks, and none of its bytes lands', async () => {
    const pair = await makePair('nfs4');
    assert.deepEqual(await overlap(pair), { locked: true, late: 'EIO' });
    assert.equal(await textOf(pair.rig), 'new life');
  });

  it('on a cluster file system loses its lock, and its late write lands', async () => {
    const pair = await makePair('cluster');
    assert.deepEqual(await overlap(pair), { locked: true, late: 'done' });
    assert.equal(await textOf(pair.rig), 'latelife');
    assert.equal(await pair.rig.settled(pair.mine.tryLockExclusive()), false);
  });

  it('on nfs3 keeps its lock', async () => {
    assert.deepEqual(await overlap(await makePair('nfs3')), { locked: false, late: 'done' });
  });
});

describe('other kinds of locks', () => {
  it('on nfs3 stay with a host without power until it has booted', async () => {
    const { rig, a, theirs } = await makePair('nfs3');
    a.process.die();
    rig.storage.powerOffHost('a');
    await rig.pass(600_000);
    assert.equal(await rig.settled(theirs.tryLockExclusive()), false);
    rig.storage.bootHost('a');
    await rig.pass(3_000);
    assert.equal(await rig.settled(theirs.tryLockExclusive()), true);
  });

  it('wait for the end of the grace period, on nfs3 too, where opens do not', async () => {
    for (const kind of ['nfs3', 'nfs4'] as const) {
      const { rig, theirs } = await makePair(kind);
      const { fileSystem } = rig.startProcess('c');
      rig.storage.restartServer(1_000);
      const beganMs = rig.scheduler.nowMs;
      const opening = fileSystem.open(PATH, 'read').then(() => rig.scheduler.nowMs - beganMs);
      const locking = theirs.tryLockExclusive();
      const openedMs = await rig.settled(opening);
      assert.equal(openedMs >= 11_000, kind === 'nfs4', `${openedMs} ms`);
      assert.equal(await rig.settled(locking), false, 'the holder has taken its lock back');
      const lockedMs = rig.scheduler.nowMs - beganMs;
      assert.ok(lockedMs >= 11_000 && lockedMs < 13_000, `${lockedMs} ms`);
    }
  });

  it('on nfs4-local-locks exclude within one host only, and need no server', async () => {
    const { rig, a, theirs } = await makePair('nfs4-local-locks');
    const mineToo = await rig.settled(a.fileSystem.open(PATH, 'update'));
    rig.storage.cutOff('a', 'both');
    assert.equal(await rig.settled(mineToo.tryLockExclusive()), false);
    assert.equal(await rig.settled(theirs.tryLockExclusive()), true);
  });

  it('on a local disk go with the process at once', async () => {
    const { rig, a, theirs } = await makePair('local');
    a.process.die();
    assert.equal(await rig.settled(theirs.tryLockExclusive()), true);
  });
});

describe('an unlinked file of a cluster file system', () => {
  it('takes late writes, and has no name', async () => {
    const { rig, mine, b } = await makePair('cluster');
    await rig.settled(b.fileSystem.unlink(PATH));
    await rig.settled(mine.write(Buffer.from('late'), 0));
    assert.equal((await rig.settled(mine.stat())).linkCount, 0);
    await assert.rejects(rig.settled(b.fileSystem.stat(PATH)), { code: 'ENOENT' });
  });
});
