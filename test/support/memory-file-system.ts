/**
 * A file system in memory, for tests that read the same few files many thousand times. It keeps
 * what is written at once and for ever: what real file systems do to bytes that are not synced is
 * for test/simulation/. `beforeCall` sees every call first, and may throw in its place.
 */
import { dirname } from 'node:path/posix';
import type { FileHandle, FileStat, FileSystem, OpenMode } from '../../src/platform/ports.js';

export interface FileSystemCall {
  readonly name: keyof FileSystem | 'read' | 'write' | 'sync' | 'fstat' | 'lock';
  readonly path: string;
  /** Of a read: the size of the buffer to be filled. */
  readonly askedBytes: number;
  /** Of a read: the size of the file. */
  readonly fileBytes: number;
}

interface MemoryFile {
  readonly inode: bigint;
  /** Replaced by every write, never changed: the maps that files came from may share it. */
  bytes: Uint8Array;
  lockedBy: MemoryHandle | null;
}

export class MemoryFileSystem implements FileSystem {
  readonly #files = new Map<string, MemoryFile>();
  readonly #directories = new Set<string>();
  readonly #beforeCall: (call: FileSystemCall) => void;
  #lastInode = 0n;

  constructor(beforeCall: (call: FileSystemCall) => void = () => undefined) {
    this.#beforeCall = beforeCall;
  }

  /** Puts a file there without a call. */
  put(path: string, bytes: Uint8Array): void {
    this.#add(path).bytes = bytes;
    this.putDirectory(dirname(path));
  }

  /** The same with a directory and those above it. */
  putDirectory(path: string): void {
    for (let above = path; above !== '/'; above = dirname(above)) {
      this.#directories.add(above);
    }
  }

  /** The bytes of every file, by path. */
  contents(): Map<string, Uint8Array> {
    return new Map([...this.#files].map(([path, { bytes }]) => [path, bytes]));
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    this.#note('open', path);
    const found = this.#files.get(path);
    if (found !== undefined && mode.startsWith('create-new')) throw systemError('EEXIST', path);
    if (found === undefined && !mode.startsWith('create')) throw systemError('ENOENT', path);
    return new MemoryHandle(path, found ?? this.#add(path), this.#beforeCall);
  }

  async stat(path: string): Promise<FileStat> {
    this.#note('stat', path);
    return statOf(this.#existing(path));
  }

  async list(path: string): Promise<string[]> {
    this.#note('list', path);
    if (!this.#directories.has(path)) throw systemError('ENOENT', path);
    const paths = [...this.#files.keys(), ...this.#directories];
    const inside = paths.filter((found) => dirname(found) === path);
    return inside.map((found) => found.slice(path.length + 1)).sort();
  }

  async makeDirectory(path: string): Promise<void> {
    this.#note('makeDirectory', path);
    if (this.#directories.has(path)) throw systemError('EEXIST', path);
    this.#directories.add(path);
  }

  async removeDirectory(path: string): Promise<void> {
    this.#note('removeDirectory', path);
    this.#directories.delete(path);
  }

  async unlink(path: string): Promise<void> {
    this.#note('unlink', path);
    this.#existing(path);
    this.#files.delete(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#note('syncDirectory', path);
  }

  async freeBytes(path: string): Promise<number> {
    this.#note('freeBytes', path);
    return Number.MAX_SAFE_INTEGER;
  }

  #note(name: keyof FileSystem, path: string): void {
    this.#beforeCall({ name, path, askedBytes: 0, fileBytes: 0 });
  }

  #add(path: string): MemoryFile {
    this.#lastInode += 1n;
    const file: MemoryFile = { inode: this.#lastInode, bytes: new Uint8Array(0), lockedBy: null };
    this.#files.set(path, file);
    return file;
  }

  #existing(path: string): MemoryFile {
    const file = this.#files.get(path);
    if (file === undefined) throw systemError('ENOENT', path);
    return file;
  }
}

class MemoryHandle implements FileHandle {
  readonly path: string;
  readonly #file: MemoryFile;
  readonly #beforeCall: (call: FileSystemCall) => void;

  constructor(path: string, file: MemoryFile, beforeCall: (call: FileSystemCall) => void) {
    this.path = path;
    this.#file = file;
    this.#beforeCall = beforeCall;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#note('write', 0);
    const before = this.#file.bytes;
    const after = new Uint8Array(Math.max(before.byteLength, position + bytes.byteLength));
    after.set(before);
    after.set(bytes, position);
    this.#file.bytes = after;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#note('read', into.byteLength);
    const found = this.#file.bytes.subarray(position, position + into.byteLength);
    into.set(found);
    return found.byteLength;
  }

  async sync(): Promise<void> {
    this.#note('sync', 0);
  }

  async syncInBackground(): Promise<void> {
    this.#note('sync', 0);
  }

  async stat(): Promise<FileStat> {
    this.#note('fstat', 0);
    return statOf(this.#file);
  }

  async tryLockExclusive(): Promise<boolean> {
    this.#note('lock', 0);
    this.#file.lockedBy ??= this;
    return this.#file.lockedBy === this;
  }

  async close(): Promise<void> {
    if (this.#file.lockedBy === this) this.#file.lockedBy = null;
  }

  #note(name: FileSystemCall['name'], askedBytes: number): void {
    const fileBytes = this.#file.bytes.byteLength;
    this.#beforeCall({ name, path: this.path, askedBytes, fileBytes });
  }
}

function statOf({ inode, bytes }: MemoryFile): FileStat {
  const sizeBytes = bytes.byteLength;
  return { inode, device: 1n, linkCount: 1, sizeBytes, modifiedAtMs: 0 };
}

export function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
