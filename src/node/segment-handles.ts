/** Read-only handles of segments that hold bodies: a few stay open, the least recently used goes. */

import type { JournalDirectory } from '../journal/directory.js';
import type { SegmentNumber } from '../journal/format.js';
import type { FileHandle } from '../platform/ports.js';

const MAX_OPEN = 16;

export class SegmentHandles {
  readonly #directory: JournalDirectory;
  /** In order of use, the oldest first. */
  readonly #open = new Map<SegmentNumber, Promise<FileHandle | null>>();

  constructor(directory: JournalDirectory) {
    this.#directory = directory;
  }

  /** Null when no file of that number is left. */
  async open(segment: SegmentNumber): Promise<FileHandle | null> {
    const known = this.#open.get(segment);
    const handle = known ?? this.#find(segment);
    this.#open.delete(segment);
    this.#open.set(segment, handle);
    if (known === undefined) await this.#closeOldest();
    const opened = await handle;
    if (opened === null || !(await isLinked(opened))) {
      this.#open.delete(segment);
      await opened?.close();
      return opened === null ? null : this.#reopen(segment);
    }
    return opened;
  }

  async close(): Promise<void> {
    const handles = [...this.#open.values()];
    this.#open.clear();
    for (const handle of handles) await (await handle)?.close();
  }

  /** A takeover put a copy in the place of the file; a deleted segment has none. */
  async #reopen(segment: SegmentNumber): Promise<FileHandle | null> {
    const handle = this.#find(segment);
    this.#open.set(segment, handle);
    return handle;
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
    const oldest = this.#open.keys().next();
    if (this.#open.size <= MAX_OPEN || oldest.done === true) return;
    const handle = this.#open.get(oldest.value);
    this.#open.delete(oldest.value);
    await (await handle)?.close();
  }
}

async function isLinked(handle: FileHandle): Promise<boolean> {
  return (await handle.stat()).linkCount > 0;
}
