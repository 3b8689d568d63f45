/**
 * The election lock: an exclusive flock on the store's `lock` file. Whoever holds it may take over.
 * A lock is worth something only on the file that others find under the name, so after it was
 * taken the descriptor is compared with the path; a lock on a file that was unlinked or replaced
 * is given up and taken anew.
 */
import { errnoOf } from '../platform/errors.js';
import type { FileHandle, FileStat, FileSystem } from '../platform/ports.js';

/** One caller at a time. The calls may block for as long as a file server restarts. */
export class ElectionLock {
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  #handle: FileHandle | null = null;
  #held = false;
  #seenContended = false;

  constructor(fileSystem: FileSystem, path: string) {
    this.#fileSystem = fileSystem;
    this.#path = path;
  }

  get held(): boolean {
    return this.#held;
  }

  /** This node was refused the lock at least once: proof that the lock is shared with somebody. */
  get seenContended(): boolean {
    return this.#seenContended;
  }

  /** True when this node holds the lock now. Also true when it did before. */
  async tryAcquire(): Promise<boolean> {
    if (this.#held) return true;
    this.#handle ??= await this.#fileSystem.open(this.#path, 'create');
    if (!(await this.#handle.tryLockExclusive())) {
      this.#seenContended = true;
      return false;
    }
    if (!(await this.#isFileAtPath(this.#handle))) {
      await this.release();
      return false;
    }
    this.#held = true;
    return true;
  }

  /** Whether the descriptor that holds the lock is still the file that others find at the path. */
  async stillMine(): Promise<boolean> {
    return this.#held && this.#handle !== null && (await this.#isFileAtPath(this.#handle));
  }

  /** Idempotent. The next `tryAcquire` opens the file anew. */
  async release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    this.#held = false;
    await handle?.close();
  }

  async #isFileAtPath(handle: FileHandle): Promise<boolean> {
    const mine = await handle.stat();
    if (mine.linkCount !== 1) return false;
    const found = await this.#statPath();
    return found !== null && found.inode === mine.inode && found.device === mine.device;
  }

  async #statPath(): Promise<FileStat | null> {
    try {
      return await this.#fileSystem.stat(this.#path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw error;
    }
  }
}
