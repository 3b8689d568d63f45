/**
 * The Heartbeat port as proper-lockfile keeps it: a directory made with mkdir, whose modification
 * time is set to the local wall clock. Whose it is and whether it is stale is judged by that same
 * clock, so that clocks which differ or jump make it err here as they do in the real one.
 */
import { errnoOf, messageOf } from '../../../src/platform/errors.js';
import {
  HEARTBEAT_STALE_MS,
  HEARTBEAT_UPDATE_MS,
  type Heartbeat,
} from '../../../src/platform/heartbeat.js';
import type { Clock, Timer } from '../../../src/platform/ports.js';
import type { SimulatedFileSystem } from '../storage/shared-storage.js';

/** The library first tries which times the file server can keep, with one that is no whole second. */
const PROBE_FRACTION_MS = 5;

interface Held {
  readonly onLost: (reason: string) => void;
  /** As the file server told it, or as it was set last. */
  modifiedAtMs: number;
  updatedAtMs: number;
  timer: Timer | null;
  isReleased: boolean;
}

export class SimulatedHeartbeat implements Heartbeat {
  readonly #fileSystem: SimulatedFileSystem;
  readonly #clock: Clock;
  readonly #path: string;
  #held: Held | null = null;
  #hasProbed = false;

  constructor(fileSystem: SimulatedFileSystem, clock: Clock, target: string) {
    this.#fileSystem = fileSystem;
    this.#clock = clock;
    this.#path = `${target}.lock`;
  }

  async tryStart(onLost: (reason: string) => void): Promise<boolean> {
    const modifiedAtMs = await this.#acquire(true);
    if (modifiedAtMs === null) return false;
    const updatedAtMs = this.#clock.wallMs();
    this.#held = { onLost, modifiedAtMs, updatedAtMs, timer: null, isReleased: false };
    this.#updateLater(this.#held);
    return true;
  }

  async stop(): Promise<void> {
    const held = this.#held;
    this.#held = null;
    if (held === null) return;
    held.timer?.cancel();
    held.isReleased = true;
    await this.#remove();
  }

  /** The modification time of the directory that was made; null when somebody else's is there. */
  async #acquire(mayBeStale: boolean): Promise<number | null> {
    try {
      await this.#fileSystem.makeDirectory(this.#path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      return mayBeStale ? this.#acquireWhenStale() : null;
    }
    try {
      return await this.#probe();
    } catch (error) {
      this.#fileSystem.removeDirectory(this.#path).catch(() => undefined);
      throw error;
    }
  }

  async #acquireWhenStale(): Promise<number | null> {
    let modifiedAtMs: number;
    try {
      modifiedAtMs = await this.#modifiedAtMs();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return this.#acquire(false);
      throw error;
    }
    if (modifiedAtMs >= this.#clock.wallMs() - HEARTBEAT_STALE_MS) return null;
    await this.#remove();
    return this.#acquire(false);
  }

  /** Once per process; later the time that the file server gave is taken as it is. */
  async #probe(): Promise<number> {
    if (!this.#hasProbed) {
      const wholeSecondMs = Math.ceil(this.#clock.wallMs() / 1000) * 1000;
      await this.#fileSystem.touch(this.#path, wholeSecondMs + PROBE_FRACTION_MS);
      this.#hasProbed = true;
    }
    return this.#modifiedAtMs();
  }

  #updateLater(held: Held): void {
    held.timer = this.#clock.after(HEARTBEAT_UPDATE_MS, () => void this.#update(held));
  }

  async #update(held: Held): Promise<void> {
    let seenMs: number;
    try {
      seenMs = await this.#modifiedAtMs();
    } catch (error) {
      this.#onUpdateFailed(held, error);
      return;
    }
    if (seenMs !== held.modifiedAtMs) {
      this.#lose(held, 'Unable to update lock within the stale threshold');
      return;
    }
    const nowMs = this.#clock.wallMs();
    try {
      await this.#fileSystem.touch(this.#path, nowMs);
    } catch (error) {
      if (!held.isReleased) this.#onUpdateFailed(held, error);
      return;
    }
    if (held.isReleased) return;
    held.modifiedAtMs = nowMs;
    held.updatedAtMs = this.#clock.wallMs();
    this.#updateLater(held);
  }

  #onUpdateFailed(held: Held, error: unknown): void {
    const isOverdue = held.updatedAtMs + HEARTBEAT_STALE_MS < this.#clock.wallMs();
    if (errnoOf(error) === 'ENOENT' || isOverdue) this.#lose(held, messageOf(error));
    else this.#updateLater(held);
  }

  #lose(held: Held, reason: string): void {
    held.isReleased = true;
    if (this.#held === held) this.#held = null;
    held.onLost(reason);
  }

  async #remove(): Promise<void> {
    try {
      await this.#fileSystem.removeDirectory(this.#path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  /** As a Date has it. */
  async #modifiedAtMs(): Promise<number> {
    return Math.round((await this.#fileSystem.stat(this.#path)).modifiedAtMs);
  }
}
