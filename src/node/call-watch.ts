/**
 * Watches the calls to the store that are under way, while this node is to serve or to end: one that
 * hangs may hold up anything, be it the next segment, a checkpoint or the end of a tenure, without
 * any other call being late. Storage thread; calls that block it are the watchdog's.
 */

import type { Heartbeat } from '../platform/heartbeat.js';
import type { Clock, FileHandle, FileSystem } from '../platform/ports.js';
import { CountedSteps } from './counted-steps.js';

export interface CallWatchOptions {
  readonly clock: Clock;
  readonly limitMs: number;
  /** A call has not been answered for longer than the limit. May come again with the next step. */
  readonly onStall: (call: string, silentMs: number) => void;
}

interface CallUnderWay {
  readonly operation: string;
  readonly path: string;
  silentMs: number;
}

export class CallWatch {
  readonly #options: CallWatchOptions;
  readonly #underWay = new Set<CallUnderWay>();
  readonly #steps: CountedSteps;

  constructor(options: CallWatchOptions) {
    this.#options = options;
    this.#steps = new CountedSteps(options.clock, (countedMs) => this.#step(countedMs));
  }

  /** From now on silence counts, also that of calls which are under way already. Idempotent. */
  arm(): void {
    this.#steps.start();
  }

  /** Idempotent. */
  disarm(): void {
    this.#steps.stop();
    for (const call of this.#underWay) call.silentMs = 0;
  }

  /** The same file system, watched. */
  fileSystem(real: FileSystem): FileSystem {
    return {
      open: async (path, mode) =>
        this.#handle(await this.#during('open', path, real.open(path, mode))),
      stat: (path) => this.#during('stat', path, real.stat(path)),
      list: (path) => this.#during('list', path, real.list(path)),
      makeDirectory: (path) => this.#during('mkdir', path, real.makeDirectory(path)),
      removeDirectory: (path) => this.#during('rmdir', path, real.removeDirectory(path)),
      unlink: (path) => this.#during('unlink', path, real.unlink(path)),
      syncDirectory: (path) => this.#during('fsync', path, real.syncDirectory(path)),
      freeBytes: (path) => this.#during('statfs', path, real.freeBytes(path)),
    };
  }

  /** The same heartbeat, watched. */
  heartbeat(real: Heartbeat): Heartbeat {
    return {
      tryStart: (onLost) => this.#during('start of', 'the witness', real.tryStart(onLost)),
      stop: () => this.#during('stop of', 'the witness', real.stop()),
    };
  }

  #handle(real: FileHandle): FileHandle {
    const { path } = real;
    return {
      path,
      write: (bytes, position) => this.#during('write', path, real.write(bytes, position)),
      read: (into, position) => this.#during('read', path, real.read(into, position)),
      sync: () => this.#during('fdatasync', path, real.sync()),
      syncInBackground: () => this.#during('fdatasync', path, real.syncInBackground()),
      stat: () => this.#during('fstat', path, real.stat()),
      tryLockExclusive: () => this.#during('flock', path, real.tryLockExclusive()),
      close: () => this.#during('close', path, real.close()),
    };
  }

  async #during<Result>(operation: string, path: string, call: Promise<Result>): Promise<Result> {
    const entry: CallUnderWay = { operation, path, silentMs: 0 };
    this.#underWay.add(entry);
    try {
      return await call;
    } finally {
      this.#underWay.delete(entry);
    }
  }

  #step(countedMs: number): void {
    const { limitMs, onStall } = this.#options;
    for (const call of this.#underWay) {
      call.silentMs += countedMs;
      if (call.silentMs > limitMs) onStall(`${call.operation} ${call.path}`, call.silentMs);
    }
  }
}
