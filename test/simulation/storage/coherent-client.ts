/** Files without caches of their own: what one host writes, all hosts see at once. */
import type { FileStat, OpenMode } from '../../../src/platform/ports.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Client, OpenFile, WriteFault } from './client.js';
import { copyPages, type FileContent } from './file-content.js';
import type { Caller, FileServer } from './file-server.js';
import type { ClientHost, Inode } from './inode.js';
import { systemError } from './system-error.js';
import { errnoOfFault, faultedBytes } from './write-fault.js';

export class CoherentClient implements Client {
  readonly #server: FileServer;
  readonly #mount: ClientHost;
  readonly #random: SeededRandom;

  constructor(options: {
    readonly server: FileServer;
    readonly mount: ClientHost;
    readonly random: SeededRandom;
  }) {
    this.#server = options.server;
    this.#mount = options.mount;
    this.#random = options.random;
  }

  cachedStat(): null {
    return null;
  }

  isKnownAbsent(): boolean {
    return false;
  }

  stat(path: string): FileStat {
    return this.#server.stat(this.#server.existing(path, 'stat'));
  }

  open(path: string, mode: OpenMode, caller: Caller): Inode {
    const found = this.#server.find(path);
    if (found === null) {
      if (mode.startsWith('create')) return this.#server.create(path, 'file', caller);
      throw systemError('ENOENT', 'open', path);
    }
    if (mode.startsWith('create-new')) throw systemError('EEXIST', 'open', path);
    return found;
  }

  makeDirectory(path: string, caller: Caller): void {
    this.#server.create(path, 'directory', caller);
  }

  removeDirectory(path: string, caller: Caller): void {
    this.#server.removeDirectory(path, caller);
  }

  unlink(path: string, caller: Caller): undefined {
    this.#server.unlink(path, caller);
  }

  rename(from: string, to: string, caller: Caller): void {
    this.#server.rename(from, to, caller);
  }

  touch(path: string, modifiedAtMs: number): void {
    this.#server.touch(path, modifiedAtMs);
  }

  list(path: string): string[] {
    const directory = this.#server.directory(path, 'scandir');
    this.#server.makeCoherent(directory, this.#mount);
    return directory.sortedNames.slice();
  }

  syncDirectory(path: string): void {
    this.#server.syncDirectory(this.#server.directory(path, 'open'));
  }

  canReadAlone(): boolean {
    return this.#server.behaviour.isLocal;
  }

  readAlone(file: OpenFile, into: Uint8Array, position: number): number {
    return this.read(file, into, position);
  }

  read({ inode }: OpenFile, into: Uint8Array, position: number): number {
    this.#server.makeCoherent(inode, this.#mount);
    inode.requireReadable(position, into.byteLength);
    const { pages, sizeBytes } = inode.content as FileContent;
    const count = Math.max(0, Math.min(into.byteLength, sizeBytes - position));
    copyPages(pages, position, into, count);
    return count;
  }

  writeAlone(): boolean {
    return false;
  }

  write(file: OpenFile, bytes: Uint8Array, position: number, fault: WriteFault): void {
    const { inode } = file;
    const written = fault === null ? bytes : faultedBytes(bytes, fault, this.#random);
    if (written.byteLength > 0) {
      this.#server.makeCoherent(inode, this.#mount);
      this.#server.write(inode, written, position, file);
    }
    if (fault !== null) throw systemError(errnoOfFault(fault), 'write', file.path);
  }

  isClean(): boolean {
    return false;
  }

  sync(file: OpenFile, fault: WriteFault): void {
    if (fault === null) {
      this.#server.commit(file.inode);
      return;
    }
    this.#server.failSync(file.inode);
    throw systemError(errnoOfFault(fault), 'fdatasync', file.path);
  }

  tornSync(): () => void {
    return () => undefined;
  }

  cachedStatOf(): null {
    return null;
  }

  statOf({ inode }: OpenFile): FileStat {
    return this.#server.stat(inode);
  }

  hasLocked(): void {}

  powerOff(): void {}
}
