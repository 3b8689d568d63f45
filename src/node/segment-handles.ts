/** Read-only handles of segments that hold bodies: a few stay open, the least recently used goes. */

import { isGone, type JournalDirectory } from '../journal/directory.js';
import type { SegmentNumber } from '../journal/format.js';
import type { FileHandle } from '../platform/ports.js';

const MAX_IDLE = 64;

interface OpenSegment {
  readonly handle: FileHandle;
  users: number;
  isStale: boolean;
}

export class SegmentHandles {
  readonly #directory: JournalDirectory;
  /** In order of use, the oldest first. */
  readonly #open = new Map<SegmentNumber, OpenSegment>();

  constructor(directory: JournalDirectory) {
    this.#directory = directory;
  }

  /** Runs `task` with a handle that stays open meanwhile; null when no file of that number is left. */
  async use<Result>(
    segment: SegmentNumber,
    task: (handle: FileHandle) => Promise<Result>,
  ): Promise<Result | null> {
    const entry = await this.#take(segment);
    if (entry === null) return null;
    try {
      return await task(entry.handle);
    } finally {
      entry.users -= 1;
      await this.#closeIfDone(entry);
    }
  }

  /** The segments are deleted: an open handle would keep their space. */
  async forget(segments: readonly SegmentNumber[]): Promise<void> {
    for (const segment of segments) {
      const entry = this.#open.get(segment);
      if (entry !== undefined) await this.#drop(segment, entry);
    }
  }

  /** Those in use are closed when they are done; later ones are opened afresh. */
  async close(): Promise<void> {
    await this.forget([...this.#open.keys()]);
  }

  async #take(segment: SegmentNumber): Promise<OpenSegment | null> {
    const known = this.#open.get(segment);
    if (known !== undefined) {
      known.users += 1;
      if (await isLinked(known.handle)) {
        // One that was replaced meanwhile closes after this use, and must not be found again.
        if (!known.isStale) {
          this.#open.delete(segment);
          this.#open.set(segment, known);
        }
        return known;
      }
      // A takeover put a copy in the place of the file, or the segment was deleted.
      known.users -= 1;
      await this.#drop(segment, known);
    }
    const handle = await this.#find(segment);
    if (handle === null) return null;
    const entry = { handle, users: 1, isStale: false };
    const other = this.#open.get(segment);
    if (other !== undefined) await this.#drop(segment, other);
    this.#open.set(segment, entry);
    await this.#closeOldest();
    return entry;
  }

  async #find(segment: SegmentNumber): Promise<FileHandle | null> {
    const { segments } = await this.#directory.list();
    for (const candidate of segments.toReversed()) {
      if (candidate.number !== segment) continue;
      if ((await this.#directory.segmentHeader(candidate)) === null) continue;
      return this.#directory.openIfThere(candidate.name);
    }
    return null;
  }

  async #closeOldest(): Promise<void> {
    for (const [segment, entry] of this.#open) {
      if (this.#open.size <= MAX_IDLE) return;
      if (entry.users === 0) await this.#drop(segment, entry);
    }
  }

  async #drop(segment: SegmentNumber, entry: OpenSegment): Promise<void> {
    if (this.#open.get(segment) === entry) this.#open.delete(segment);
    entry.isStale = true;
    await this.#closeIfDone(entry);
  }

  async #closeIfDone(entry: OpenSegment): Promise<void> {
    if (entry.isStale && entry.users === 0) await entry.handle.close();
  }
}

/** A file server may know the file no more, where a local one says that it has no name. */
async function isLinked(handle: FileHandle): Promise<boolean> {
  try {
    return (await handle.stat()).linkCount > 0;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}
