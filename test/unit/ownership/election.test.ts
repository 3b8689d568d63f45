import assert from 'node:assert/strict';
import { rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ElectionLock } from '../../../src/ownership/election.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { startFileSystemProcess } from '../../../src/platform/node/file-system-process.js';
import {
  makeTemporaryDirectory,
  type TemporaryDirectory,
} from '../../support/temporary-directory.js';

describe('the election lock', () => {
  let directory: TemporaryDirectory;
  let path: string;
  beforeEach(async () => {
    directory = await makeTemporaryDirectory();
    path = join(directory.path, 'lock');
  });
  afterEach(() => directory.remove());

  it('has one holder, and the next one after its release', async () => {
    const first = new ElectionLock(nodeFileSystem, path);
    const second = new ElectionLock(nodeFileSystem, path);
    assert.equal(await first.tryAcquire(), true);
    assert.equal(await first.tryAcquire(), true);
    assert.equal(await second.tryAcquire(), false);
    assert.equal(first.held, true);
    assert.equal(second.held, false);
    await first.release();
    await first.release();
    assert.equal(first.held, false);
    assert.equal(await second.tryAcquire(), true);
    await second.release();
  });

  it('remembers whether it was ever refused', async () => {
    const first = new ElectionLock(nodeFileSystem, path);
    const second = new ElectionLock(nodeFileSystem, path);
    await first.tryAcquire();
    assert.equal(first.seenContended, false);
    await second.tryAcquire();
    await first.release();
    await second.tryAcquire();
    assert.equal(second.seenContended, true);
    await second.release();
  });

  it('passes to this process when the holder is killed', async () => {
    const other = await startFileSystemProcess();
    assert.equal(await new ElectionLock(other.fileSystem, path).tryAcquire(), true);
    const mine = new ElectionLock(nodeFileSystem, path);
    assert.equal(await mine.tryAcquire(), false);
    await other.kill();
    assert.equal(await mine.tryAcquire(), true);
    await mine.release();
  });

  it('is no longer held when its file was removed, replaced or linked elsewhere', async () => {
    const damages: ((path: string) => Promise<unknown>)[] = [
      (name) => unlink(name),
      async (name) => {
        await writeFile(`${name}.new`, '');
        await rename(`${name}.new`, name);
      },
      (name) => rename(name, `${name}.old`),
    ];
    for (const damage of damages) {
      const lock = new ElectionLock(nodeFileSystem, path);
      assert.equal(await lock.tryAcquire(), true);
      assert.equal(await lock.stillMine(), true);
      await damage(path);
      assert.equal(await lock.stillMine(), false);
      await lock.release();
    }
  });

  it('is not taken on a file that lost its name while waiting, but on the new one', async () => {
    const waiting = new ElectionLock(nodeFileSystem, path);
    const holder = new ElectionLock(nodeFileSystem, path);
    await holder.tryAcquire();
    assert.equal(await waiting.tryAcquire(), false);
    await unlink(path);
    await holder.release();
    const rightful = new ElectionLock(nodeFileSystem, path);
    assert.equal(await rightful.tryAcquire(), true);
    assert.equal(await waiting.tryAcquire(), false, 'the lock on the nameless file is given up');
    assert.equal(await waiting.tryAcquire(), false, 'the file at the path is locked');
    await rightful.release();
    assert.equal(await waiting.tryAcquire(), true);
    await waiting.release();
  });

  it('is not held by anybody who has released it', async () => {
    const lock = new ElectionLock(nodeFileSystem, path);
    assert.equal(await lock.stillMine(), false);
    await lock.tryAcquire();
    await lock.release();
    assert.equal(await lock.stillMine(), false);
  });
});
