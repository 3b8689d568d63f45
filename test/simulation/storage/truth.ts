/** What lies on the server, for checks and tools: every call is carried out at once, and none fails for a fault. */
import type { FileHandle, FileStat, FileSystem, OpenMode } from '../../../src/platform/ports.js';
import { copyPages, type FileContent } from './file-content.js';
import type { Caller, FileServer } from './file-server.js';
import type { ClientHost, Descriptor, Inode } from './inode.js';
import { type Locks, TRY_LATER } from './locks.js';
import { systemError } from './system-error.js';

export class Truth implements FileSystem {
  readonly #server: FileServer;
  readonly #locks: Locks;
  readonly #caller: Caller;

  constructor(server: FileServer, locks: Locks, mount: ClientHost) {
    this.#server = server;
    this.#locks = locks;
    this.#caller = { process: null, mount };
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    let inode = this.#server.find(path);
    if (inode === null) {
      if (!mode.startsWith('create')) throw systemError('ENOENT', 'open', path);
      inode = this.#server.create(path, 'file', this.#caller);
    } else if (mode.startsWith('create-new')) {
      throw systemError('EEXIST', 'open', path);
    }
    return new TrueHandle(this.#server, this.#locks, this.#caller, path, inode);
  }

  async stat(path: string): Promise<FileStat> {
    return this.#server.stat(this.#server.existing(path, 'stat'));
  }

  async list(path: string): Promise<string[]> {
    return this.#server.directory(path, 'scandir').sortedNames.slice();
  }

  async makeDirectory(path: string): Promise<void> {
    this.#server.create(path, 'directory', this.#caller);
  }

  async removeDirectory(path: string): Promise<void> {
    this.#server.removeDirectory(path, this.#caller);
  }

  async unlink(path: string): Promise<void> {
    this.#server.unlink(path, this.#caller);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#server.directory(path, 'open');
  }

  async freeBytes(): Promise<number> {
    return this.#server.freeBytes();
  }
}

class TrueHandle implements FileHandle, Descriptor {
  readonly path: string;
  readonly inode: Inode;
  readonly mount: ClientHost;
  readonly #server: FileServer;
  readonly #locks: Locks;
  readonly #caller: Caller;
  hasLostLock = false;

  constructor(server: FileServer, locks: Locks, caller: Caller, path: string, inode: Inode) {
    this.path = path;
    this.inode = inode;
    this.mount = caller.mount;
    this.#server = server;
    this.#locks = locks;
    this.#caller = caller;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const caller = this.#caller;
    const isDurable = true;
    this.#server.write(this.inode, bytes, position, { isDurable, hasHeldLock: false, caller });
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const { pages, sizeBytes } = this.inode.content as FileContent;
    const count = Math.max(0, Math.min(into.byteLength, sizeBytes - position));
    copyPages(pages, position, into, count);
    return count;
  }

  async sync(): Promise<void> {}

  async syncInBackground(): Promise<void> {}

  async stat(): Promise<FileStat> {
    return this.#server.stat(this.inode);
  }

  async tryLockExclusive(): Promise<boolean> {
    const answer = this.#locks.tryLock(this);
    return answer === TRY_LATER ? false : answer;
  }

  async close(): Promise<void> {
    this.#locks.unlock(this);
  }
}
