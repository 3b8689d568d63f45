/**
 * The real file system, made to fail: at the n-th call that changes something, once or from then
 * on (a crash), and in reads of one file. It knows its open handles, so that a process which "died"
 * in a test loses its locks.
 */
import type { FileHandle, FileSystem, OpenMode } from '../../../src/platform/ports.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';

interface Faults {
  /** The number of the first call that fails, counted from 1; 0 for none. */
  readonly atChange: number;
  /** `crash`: every later change fails too. `once`: later changes succeed. */
  readonly kind: 'crash' | 'once';
  /** The failing call, when it is a write, still writes this part of its bytes. */
  readonly writtenPart: number;
  /** Reads of paths that this accepts fail with EIO. */
  readonly failsRead: (path: string) => boolean;
}

const NO_FAULTS: Faults = {
  atChange: 0,
  kind: 'crash',
  writtenPart: 0,
  failsRead: () => false,
};

export class FaultyFileSystem {
  readonly fileSystem: FileSystem;
  readonly #faults: Faults;
  readonly #real: FileSystem;
  readonly #handles = new Set<FileHandle>();
  /** Calls that change something, so far. */
  changes = 0;
  /** Names of calls that were let through, to see in a failing test where it went. */
  readonly log: string[] = [];

  constructor(real: FileSystem, faults: Partial<Faults>) {
    this.#faults = { ...NO_FAULTS, ...faults };
    this.#real = real;
    this.fileSystem = delegatingFileSystem(real, {
      open: (path, mode) => this.#open(path, mode),
      unlink: (path) => this.#change(`unlink ${path}`, () => real.unlink(path)),
      syncDirectory: (path) => this.#change(`sync ${path}`, () => real.syncDirectory(path)),
    });
  }

  get hasFailed(): boolean {
    return this.#faults.atChange > 0 && this.changes >= this.#faults.atChange;
  }

  /** What the end of a process does to its descriptors and locks. */
  async closeAll(): Promise<void> {
    for (const handle of this.#handles) await handle.close();
    this.#handles.clear();
  }

  async #open(path: string, mode: OpenMode): Promise<FileHandle> {
    const open = () => this.#real.open(path, mode);
    const handle = mode.startsWith('create')
      ? await this.#change(`create ${path}`, open)
      : await open();
    this.#handles.add(handle);
    return this.#wrap(handle);
  }

  #wrap(handle: FileHandle): FileHandle {
    const { path } = handle;
    return {
      path,
      write: (bytes, position) =>
        this.#change(
          `write ${path} at ${position}`,
          () => handle.write(bytes, position),
          () => this.#writePart(handle, bytes, position),
        ),
      read: async (into, position) => {
        if (this.#faults.failsRead(path)) throw systemError('EIO', `read ${path}`);
        return handle.read(into, position);
      },
      sync: () => this.#change(`sync ${path}`, () => handle.sync()),
      syncInBackground: () => this.#change(`sync ${path}`, () => handle.syncInBackground()),
      stat: () => handle.stat(),
      tryLockExclusive: () => handle.tryLockExclusive(),
      close: async () => {
        this.#handles.delete(handle);
        await handle.close();
      },
    };
  }

  async #writePart(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
    const length = Math.floor(bytes.byteLength * this.#faults.writtenPart);
    if (length > 0) await handle.write(bytes.subarray(0, length), position);
  }

  async #change<Result>(
    what: string,
    call: () => Promise<Result>,
    callInPart: () => Promise<void> = async () => undefined,
  ): Promise<Result> {
    this.changes += 1;
    const { atChange, kind } = this.#faults;
    if (this.changes === atChange) {
      await callInPart();
      throw systemError('EIO', what);
    }
    if (kind === 'crash' && this.hasFailed) throw systemError('EIO', what);
    this.log.push(what);
    return call();
  }
}

export function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
