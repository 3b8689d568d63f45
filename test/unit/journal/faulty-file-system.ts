/**
 * The real file system, made to fail: at the n-th call that changes something, once or from then
 * on (a crash), and in reads of one file. It knows its open handles, so that a process which "died"
 * in a test loses its locks.
 */
import type { FileHandle, FileSystem } from '../../../src/platform/ports.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import {
  type Intercept,
  interceptedFileSystem,
  isChange,
  systemError,
} from '../../support/intercepted-file-system.js';

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
  readonly #handles = new Set<FileHandle>();
  /** Calls that change something, so far. */
  changes = 0;
  /** Names of calls that were let through, to see in a failing test where it went. */
  readonly log: string[] = [];

  constructor(real: FileSystem, faults: Partial<Faults>) {
    this.#faults = { ...NO_FAULTS, ...faults };
    const intercepted = interceptedFileSystem(real, this.#intercept);
    this.fileSystem = delegatingFileSystem(intercepted, {
      open: async (path, mode) => {
        const handle = await intercepted.open(path, mode);
        this.#handles.add(handle);
        return handle;
      },
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

  readonly #intercept: Intercept = async ({ operation, path }, run, runPart) => {
    const { atChange, kind, writtenPart, failsRead } = this.#faults;
    const what = `${operation} ${path}`;
    if (operation === 'read' && failsRead(path)) throw systemError('EIO', what);
    if (!isChange(operation)) return run();
    this.changes += 1;
    if (this.changes === atChange) {
      await runPart(writtenPart);
      throw systemError('EIO', what);
    }
    if (kind === 'crash' && this.hasFailed) throw systemError('EIO', what);
    this.log.push(what);
    return run();
  };
}
