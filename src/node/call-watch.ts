/**
 * Watches the calls to the store that are under way. One that hangs may hold up anything, be it the
 * next segment, a checkpoint or the end of a tenure, without any other call being late; so a slow one
 * is told of at any time, and while this node is to serve or to end it has a limit. Storage thread;
 * calls that block it are the watchdog's.
 */

import type { Heartbeat } from '../platform/heartbeat.js';
import type { Clock, FileHandle, FileSystem } from '../platform/ports.js';
import { CountedSteps } from './counted-steps.js';

export interface CallWatchOptions {
  readonly clock: Clock;
  readonly limitMs: number;
  /** A call has not been answered for longer than the limit. May come again with the next step. */
  readonly onStall: (call: string, silentMs: number) => void;
  /** What has waited longest, at every step while it is slow; null once when nothing is any more. */
  readonly onSlow: (slowest: SlowCall | null) => void;
}

export interface SlowCall {
  /** Operation and path, for people. */
  readonly call: string;
  readonly silentMs: number;
}

/** People are told of a call that takes longer. */
const SLOW_MS = 1_000;

interface CallUnderWay {
  readonly operation: string;
  readonly path: string;
  silentMs: number;
  /** The part of it that counts for the limit. */
  armedMs: number;
}

export class CallWatch {
  readonly #options: CallWatchOptions;
  readonly #underWay = new Set<CallUnderWay>();
  readonly #steps: CountedSteps;
  #isArmed = false;
  #isSlow = false;

  constructor(options: CallWatchOptions) {
    this.#options = options;
    this.#steps = new CountedSteps(options.clock, (countedMs) => this.#step(countedMs));
  }

  start(): void {
    this.#steps.start();
  }

  stop(): void {
    this.#steps.stop();
  }

  /** From now on the limit holds, also for calls which are under way already. Idempotent. */
  arm(): void {
    this.#isArmed = true;
  }

  /** Idempotent. */
  disarm(): void {
    this.#isArmed = false;
    for (const call of this.#underWay) call.armedMs = 0;
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
    const entry: CallUnderWay = { operation, path, silentMs: 0, armedMs: 0 };
    this.#underWay.add(entry);
    try {
      return await call;
    } finally {
      this.#underWay.delete(entry);
    }
  }

  #step(countedMs: number): void {
    const { limitMs, onStall } = this.#options;
    let slowest: CallUnderWay | null = null;
    for (const call of this.#underWay) {
      call.silentMs += countedMs;
      if (this.#isArmed) call.armedMs += countedMs;
      if (call.armedMs > limitMs) onStall(nameOf(call), call.armedMs);
      if (call.silentMs > (slowest?.silentMs ?? SLOW_MS)) slowest = call;
    }
    if (slowest === null && !this.#isSlow) return;
    this.#isSlow = slowest !== null;
    this.#options.onSlow(
      slowest === null ? null : { call: nameOf(slowest), silentMs: slowest.silentMs },
    );
  }
}

function nameOf({ operation, path }: CallUnderWay): string {
  return `${operation} ${path}`;
}
