/** The FileSystem port of one simulated process. */
import type { FileHandle, FileStat, OpenMode } from '../../../src/platform/ports.js';
import type { Client } from './client.js';
import { SimulatedFileHandle } from './file-handle.js';
import type { Caller, FileServer } from './file-server.js';
import { TRY_LATER } from './locks.js';
import type { ProcessCalls } from './process-calls.js';
import type { ProcessParts } from './process-parts.js';
import type { SimulatedFileSystem, StorageOperation } from './shared-storage.js';
import { systemError } from './system-error.js';

export class ProcessFileSystem implements SimulatedFileSystem {
  readonly #parts: ProcessParts;
  readonly #client: Client;
  readonly #calls: ProcessCalls;
  readonly #server: FileServer;
  readonly #caller: Caller;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.#client = parts.client;
    this.#calls = parts.calls;
    this.#server = parts.server;
    this.#caller = parts.caller;
  }

  open(path: string, mode: OpenMode): Promise<FileHandle> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.open(path, mode));
    const creates = mode.startsWith('create');
    if (!creates && this.#client.isKnownAbsent(path)) return this.#absent('open', path);
    return this.#ask(creates ? 'create' : 'open', path, () => {
      const inode = this.#client.open(path, mode, this.#caller);
      if (inode === TRY_LATER) return TRY_LATER;
      if (inode.content === null && mode !== 'read') throw systemError('EISDIR', 'open', path);
      return new SimulatedFileHandle(this.#parts, path, mode, inode);
    });
  }

  stat(path: string): Promise<FileStat> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.stat(path));
    const cached = this.#client.cachedStat(path);
    if (cached === 'absent') return this.#absent('stat', path);
    if (cached === null) return this.#ask('stat', path, () => this.#client.stat(path));
    return this.#calls.make({
      operation: 'stat',
      path,
      blocks: false,
      serverMs: null,
      work: () => cached,
    });
  }

  list(path: string): Promise<string[]> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.list(path));
    return this.#ask('list', path, () => this.#client.list(path));
  }

  makeDirectory(path: string): Promise<void> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.makeDirectory(path));
    return this.#ask('make-directory', path, () => this.#client.makeDirectory(path, this.#caller));
  }

  removeDirectory(path: string): Promise<void> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.removeDirectory(path));
    if (this.#client.isKnownAbsent(path)) return this.#absent('remove-directory', path);
    return this.#ask('remove-directory', path, () =>
      this.#client.removeDirectory(path, this.#caller),
    );
  }

  unlink(path: string): Promise<void> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.unlink(path));
    if (this.#client.isKnownAbsent(path)) return this.#absent('unlink', path);
    return this.#ask('unlink', path, () => this.#client.unlink(path, this.#caller));
  }

  syncDirectory(path: string): Promise<void> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.syncDirectory(path));
    return this.#ask('sync-directory', path, () => this.#client.syncDirectory(path));
  }

  freeBytes(path: string): Promise<number> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.freeBytes(path));
    return this.#ask('free-bytes', path, () => {
      this.#server.existing(path, 'statfs');
      return this.#server.freeBytes();
    });
  }

  touch(path: string, modifiedAtMs: number): Promise<void> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.touch(path, modifiedAtMs));
    return this.#ask('touch', path, () => this.#client.touch(path, modifiedAtMs));
  }

  rename(from: string, to: string): Promise<void> {
    if (this.#calls.isBlocked) return this.#calls.afterwards(() => this.rename(from, to));
    return this.#ask('rename', to, () => this.#client.rename(from, to, this.#caller));
  }

  #ask<Result>(
    operation: StorageOperation,
    path: string,
    work: () => Result | typeof TRY_LATER,
  ): Promise<Result> {
    const serverMs = this.#server.behaviour.roundTripMs;
    return this.#calls.make({ operation, path, blocks: false, serverMs, work });
  }

  /** The host believes that there is no such name, and asks nobody. */
  #absent(operation: StorageOperation, path: string): Promise<never> {
    return this.#calls.make<never>({
      operation,
      path,
      blocks: false,
      serverMs: null,
      work: () => {
        throw systemError('ENOENT', operation, path);
      },
    });
  }
}
