/**
 * Notices changes below a directory by polling, as chokidar does where inotify sees nothing: every
 * file is asked for by path, so a change shows only when the host's attribute cache lets it. The
 * names are looked at less often here, since that costs and the product's names do not change.
 */
import { join } from 'node:path/posix';
import { errnoOf } from '../../../src/platform/errors.js';
import type { Clock, FileSystem, Timer } from '../../../src/platform/ports.js';

const POLL_INTERVAL_MS = 250;
const POLLS_PER_LISTING = 8;

interface Seen {
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

const NOTHING: Seen = { sizeBytes: -1, modifiedAtMs: 0 };

export class PollingWatcher {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #onChange: () => void;
  #names: readonly string[] = [];
  #seen: Seen[] = [];
  #polls = 0;
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(fileSystem: FileSystem, clock: Clock, path: string, onChange: () => void) {
    this.#fileSystem = fileSystem;
    this.#clock = clock;
    this.#path = path;
    this.#onChange = onChange;
    void this.#poll();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    return Promise.resolve();
  }

  /** A call that hangs holds up the next poll: each one is awaited. */
  async #poll(): Promise<void> {
    const isFirst = this.#polls === 0;
    let hasChanged = this.#polls % POLLS_PER_LISTING === 0 && (await this.#look());
    this.#polls += 1;
    for (const [index, name] of this.#names.entries()) {
      const now = await this.#stat(join(this.#path, name));
      const before = this.#seen[index] ?? NOTHING;
      hasChanged ||= now.sizeBytes !== before.sizeBytes || now.modifiedAtMs > before.modifiedAtMs;
      this.#seen[index] = now;
    }
    if (this.#isClosed) return;
    this.#timer = this.#clock.after(POLL_INTERVAL_MS, () => void this.#poll());
    if (hasChanged && !isFirst) this.#onChange();
  }

  /** Whether the names are others now. */
  async #look(): Promise<boolean> {
    const names = await this.#list();
    const before = this.#names;
    if (names.length === before.length && names.every((name, index) => name === before[index])) {
      return false;
    }
    this.#names = names;
    this.#seen = [];
    return true;
  }

  /** A directory that cannot be read shows nothing, and is looked at again. */
  async #list(): Promise<readonly string[]> {
    try {
      return await this.#fileSystem.list(this.#path);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return this.#names;
    }
  }

  async #stat(path: string): Promise<Seen> {
    try {
      return await this.#fileSystem.stat(path);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return NOTHING;
    }
  }
}
