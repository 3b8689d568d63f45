/**
 * What every file system port promises, told as tests. They run against the real one, and a
 * simulated one is worth only as much as it passes of them.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { errnoOf } from '../../src/platform/errors.js';
import type { FileSystem, FileSystemProcess } from '../../src/platform/ports.js';

/** One world with an empty directory in it. */
export interface FileSystemWorld {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  startProcess(): Promise<FileSystemProcess>;
  /**
   * What a process finds that has a file open which another one unlinks: the file without a name, by
   * its link count; ESTALE, when the other one is on another client of NFS 3; the file under a hidden
   * name, which nothing tells, when both are on one client. NFS clients do so to their own processes.
   */
  readonly unlinkedFile: 'nameless' | 'stale' | 'hidden';
  /** Whether that hidden name is what a process gets that unlinks a file which it has open itself. */
  readonly hidesOwnUnlinkedFile: boolean;
  /** Resolves when no cache of another process can hide any more what was changed. */
  cachesExpire(): Promise<void>;
  dispose(): Promise<void>;
}

export function describeFileSystem(name: string, makeWorld: () => Promise<FileSystemWorld>): void {
  describe(`${name} keeps the file system contract`, () => {
    let world: FileSystemWorld;
    let fileSystem: FileSystem;
    let path: string;

    beforeEach(async () => {
      world = await makeWorld();
      fileSystem = world.fileSystem;
      path = `${world.directory}/file`;
    });
    afterEach(() => world.dispose());

    async function write(text: string): Promise<void> {
      const handle = await fileSystem.open(path, 'create');
      await handle.write(Buffer.from(text), 0);
      await handle.close();
    }

    describe('open', () => {
      it('refuses with ENOENT what does not exist, unless told to create it', async () => {
        for (const mode of ['read', 'update', 'write-durable'] as const) {
          await assert.rejects(fileSystem.open(path, mode), hasErrno('ENOENT'));
        }
        await (await fileSystem.open(path, 'create')).close();
        assert.deepEqual(await fileSystem.list(world.directory), ['file']);
      });

      it('creates exclusively: the second of two gets EEXIST', async () => {
        for (const mode of ['create-new', 'create-new-durable'] as const) {
          const handle = await fileSystem.open(path, mode);
          await assert.rejects(fileSystem.open(path, mode), hasErrno('EEXIST'));
          await handle.close();
          await fileSystem.unlink(path);
        }
      });

      it('lets exactly one of many simultaneous creators win', async () => {
        const attempts = Array.from({ length: 8 }, () => fileSystem.open(path, 'create-new'));
        const results = await Promise.allSettled(attempts);
        const winners = results.filter((result) => result.status === 'fulfilled');
        assert.equal(winners.length, 1);
        for (const winner of winners) await winner.value.close();
      });

      it('keeps what a file holds, in every mode', async () => {
        await write('kept');
        for (const mode of ['read', 'update', 'write-durable', 'create'] as const) {
          await (await fileSystem.open(path, mode)).close();
          const handle = await fileSystem.open(path, 'read');
          assert.equal(await readText(handle, 4), 'kept', mode);
          await handle.close();
        }
      });

      it('opens a directory for stat', async () => {
        const handle = await fileSystem.open(world.directory, 'read');
        assert.equal((await handle.stat()).inode, (await fileSystem.stat(world.directory)).inode);
        await handle.close();
      });
    });

    describe('read and write', () => {
      it('reads back what was written at each position', async () => {
        const handle = await fileSystem.open(path, 'create');
        await handle.write(Buffer.from('world'), 6);
        await handle.write(Buffer.from('hello '), 0);
        assert.equal(await readText(handle, 11), 'hello world');
        await handle.close();
      });

      it('reads less than asked only at the end, and nothing behind it', async () => {
        await write('12345');
        const handle = await fileSystem.open(path, 'read');
        assert.equal(await handle.read(new Uint8Array(10), 0), 5);
        assert.equal(await handle.read(new Uint8Array(10), 3), 2);
        assert.equal(await handle.read(new Uint8Array(10), 5), 0);
        assert.equal(await handle.read(new Uint8Array(10), 500), 0);
        await handle.close();
      });

      it('refuses with EBADF to read what was opened to write durably, and to write what was opened to read', async () => {
        for (const mode of ['create-new-durable', 'write-durable'] as const) {
          const handle = await fileSystem.open(path, mode);
          await handle.write(Buffer.from(mode), 0);
          await assert.rejects(handle.read(new Uint8Array(1), 0), hasErrno('EBADF'), mode);
          await handle.close();
        }
        const reader = await fileSystem.open(path, 'read');
        await assert.rejects(reader.write(Buffer.from('x'), 0), hasErrno('EBADF'));
        await reader.close();
      });

      it('reads zeros where nothing was ever written', async () => {
        const handle = await fileSystem.open(path, 'create');
        await handle.write(Buffer.from('x'), 100);
        const bytes = new Uint8Array(101).fill(7);
        assert.equal(await handle.read(bytes, 0), 101);
        assert.deepEqual(bytes.subarray(0, 100), new Uint8Array(100));
        await handle.close();
      });

      it('writes megabytes in one call', async () => {
        const bytes = new Uint8Array(3 * 1024 * 1024).map((_, index) => index % 251);
        const writer = await fileSystem.open(path, 'create-new-durable');
        await writer.write(bytes, 0);
        await writer.close();
        const handle = await fileSystem.open(path, 'read');
        const found = new Uint8Array(bytes.byteLength);
        assert.equal(await handle.read(found, 0), bytes.byteLength);
        assert.ok(Buffer.from(found).equals(bytes));
        await handle.close();
      });

      it('shows a write to a fresh open at once', async () => {
        const writer = await fileSystem.open(path, 'create');
        for (const text of ['one', 'two']) {
          await writer.write(Buffer.from(text), 0);
          await writer.sync();
          const reader = await fileSystem.open(path, 'read');
          assert.equal(await readText(reader, 3), text);
          await reader.close();
        }
        await writer.close();
      });

      it('refuses a write through a handle that was opened to read', async () => {
        await write('x');
        const handle = await fileSystem.open(path, 'read');
        await assert.rejects(handle.write(Buffer.from('y'), 0), hasErrno('EBADF'));
        await handle.close();
      });

      it('refuses everything after close with EBADF, except close', async () => {
        const handle = await fileSystem.open(path, 'create');
        await handle.close();
        await handle.close();
        await assert.rejects(handle.write(Buffer.from('y'), 0), hasErrno('EBADF'));
        await assert.rejects(handle.read(new Uint8Array(1), 0), hasErrno('EBADF'));
        await assert.rejects(handle.sync(), hasErrno('EBADF'));
        await assert.rejects(handle.syncInBackground(), hasErrno('EBADF'));
        await assert.rejects(handle.stat(), hasErrno('EBADF'));
        await assert.rejects(handle.tryLockExclusive(), hasErrno('EBADF'));
      });
    });

    describe('directories', () => {
      it('lists names sorted, and only those that exist', async () => {
        for (const name of ['b', 'a', 'c', 'B']) {
          await (await fileSystem.open(`${world.directory}/${name}`, 'create')).close();
        }
        await fileSystem.unlink(`${world.directory}/c`);
        assert.deepEqual(await fileSystem.list(world.directory), ['B', 'a', 'b']);
      });

      it('tells a missing directory from a file that is none', async () => {
        await write('x');
        await assert.rejects(fileSystem.list(`${world.directory}/none`), hasErrno('ENOENT'));
        await assert.rejects(fileSystem.list(path), hasErrno('ENOTDIR'));
      });

      it('makes a directory once, and removes it only when empty', async () => {
        const child = `${world.directory}/child`;
        await fileSystem.makeDirectory(child);
        await assert.rejects(fileSystem.makeDirectory(child), hasErrno('EEXIST'));
        await (await fileSystem.open(`${child}/file`, 'create')).close();
        await assert.rejects(fileSystem.removeDirectory(child), hasErrno('ENOTEMPTY'));
        await fileSystem.unlink(`${child}/file`);
        await fileSystem.removeDirectory(child);
        assert.deepEqual(await fileSystem.list(world.directory), []);
      });

      it('syncs a directory, and refuses one that is not there', async () => {
        await write('new');
        await fileSystem.syncDirectory(world.directory);
        assert.deepEqual(await fileSystem.list(world.directory), ['file']);
        await assert.rejects(
          fileSystem.syncDirectory(`${world.directory}/missing`),
          hasErrno('ENOENT'),
        );
      });

      it('knows how much is free', async () => {
        assert.ok((await fileSystem.freeBytes(world.directory)) > 0);
      });

      it('refuses to unlink or stat what is not there', async () => {
        await assert.rejects(fileSystem.unlink(path), hasErrno('ENOENT'));
        await assert.rejects(fileSystem.stat(path), hasErrno('ENOENT'));
      });
    });

    describe('identity', () => {
      it('is the same by path and by handle, and another for another file', async () => {
        const handle = await fileSystem.open(path, 'create');
        const [byHandle, byPath] = [await handle.stat(), await fileSystem.stat(path)];
        assert.equal(byHandle.inode, byPath.inode);
        assert.equal(byHandle.device, byPath.device);
        assert.equal(byHandle.linkCount, 1);
        await (await fileSystem.open(`${world.directory}/other`, 'create')).close();
        assert.notEqual((await fileSystem.stat(`${world.directory}/other`)).inode, byHandle.inode);
        await handle.close();
      });

      it('keeps an unlinked file for its handle, with link count 0', async () => {
        await write('still here');
        const handle = await fileSystem.open(path, 'update');
        await fileSystem.unlink(path);
        const { linkCount } = await handle.stat();
        assert.equal(linkCount, world.hidesOwnUnlinkedFile ? 1 : 0);
        assert.equal(await readText(handle, 10), 'still here');
        await (await fileSystem.open(path, 'create')).close();
        assert.notEqual((await fileSystem.stat(path)).inode, (await handle.stat()).inode);
        await handle.close();
      });

      it('sees the size and the modification of a file change', async () => {
        await write('12');
        const before = await fileSystem.stat(path);
        assert.equal(before.sizeBytes, 2);
        assert.ok(before.modifiedAtMs > 0);
        await write('1234');
        assert.equal((await fileSystem.stat(path)).sizeBytes, 4);
      });
    });

    describe('locks', () => {
      it('exclude between two handles of one process', async () => {
        const first = await fileSystem.open(path, 'create');
        const second = await fileSystem.open(path, 'create');
        assert.equal(await first.tryLockExclusive(), true);
        assert.equal(await first.tryLockExclusive(), true, 'asked again by its holder');
        assert.equal(await second.tryLockExclusive(), false);
        await first.close();
        assert.equal(await second.tryLockExclusive(), true);
        await second.close();
      });

      it('stay when another handle of the same file is closed', async () => {
        const holder = await fileSystem.open(path, 'create');
        assert.equal(await holder.tryLockExclusive(), true);
        await (await fileSystem.open(path, 'update')).close();
        const other = await fileSystem.open(path, 'update');
        assert.equal(await other.tryLockExclusive(), false);
        await other.close();
        await holder.close();
      });

      it('do not keep anybody from reading or writing', async () => {
        const holder = await fileSystem.open(path, 'create');
        await holder.tryLockExclusive();
        await write('anyway');
        assert.equal(await readText(holder, 6), 'anyway');
        await holder.close();
      });

      it('belong to the file, not to its name', async () => {
        const first = await fileSystem.open(path, 'create');
        assert.equal(await first.tryLockExclusive(), true);
        await fileSystem.unlink(path);
        const second = await fileSystem.open(path, 'create');
        assert.equal(await second.tryLockExclusive(), true);
        await first.close();
        await second.close();
      });
    });

    describe('another process', () => {
      let other: FileSystemProcess;
      beforeEach(async () => {
        other = await world.startProcess();
      });
      afterEach(() => other.kill());

      it('is kept out by a lock, and gets it when the holder closes', async () => {
        const mine = await fileSystem.open(path, 'create');
        assert.equal(await mine.tryLockExclusive(), true);
        const theirs = await other.fileSystem.open(path, 'update');
        assert.equal(await theirs.tryLockExclusive(), false);
        await mine.close();
        assert.equal(await theirs.tryLockExclusive(), true);
      });

      it('loses its lock when it is killed', async () => {
        const theirs = await other.fileSystem.open(path, 'create');
        assert.equal(await theirs.tryLockExclusive(), true);
        const mine = await fileSystem.open(path, 'update');
        assert.equal(await mine.tryLockExclusive(), false);
        await other.kill();
        assert.equal(await mine.tryLockExclusive(), true);
        await mine.close();
      });

      it('sees new names, new contents and exclusive creation', async () => {
        const handle = await fileSystem.open(path, 'create-new');
        await handle.write(Buffer.from('mine'), 0);
        await handle.close();
        assert.deepEqual(await other.fileSystem.list(world.directory), ['file']);
        await assert.rejects(other.fileSystem.open(path, 'create-new'), hasErrno('EEXIST'));
        const theirs = await other.fileSystem.open(path, 'read');
        assert.equal(await readText(theirs, 4), 'mine');
      });

      it('keeps a file that this one unlinks, and is told by the link count', async () => {
        await write('x');
        const theirs = await other.fileSystem.open(path, 'update');
        await fileSystem.unlink(path);
        await world.cachesExpire();
        if (world.unlinkedFile === 'stale') {
          await assert.rejects(theirs.stat(), hasErrno('ESTALE'));
          return;
        }
        assert.equal((await theirs.stat()).linkCount, world.unlinkedFile === 'nameless' ? 0 : 1);
      });
    });
  });
}

function hasErrno(errno: string): (error: unknown) => boolean {
  return (error) => {
    assert.equal(errnoOf(error), errno);
    return true;
  };
}

async function readText(
  handle: { read(into: Uint8Array, position: number): Promise<number> },
  length: number,
): Promise<string> {
  const bytes = new Uint8Array(length);
  return Buffer.from(bytes.subarray(0, await handle.read(bytes, 0))).toString();
}
