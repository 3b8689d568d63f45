/**
 * The bytes of one file on the server, and what of them would be left after a power cut. Pages are
 * never changed once they are part of a file, so clients' caches may share them.
 */
import type { SeededRandom } from '../kernel/random.js';

export const PAGE_BYTES = 4096;
/** What a disk writes as a whole or not at all. */
const SECTOR_BYTES = 512;
const SLAB_PAGES = 64;
/** What becomes of an unsynced page when the power goes; the rest is on the disk. */
const LOST_PAGES = 0.25;
const TORN_PAGES = 0.5;

export type Page = Uint8Array;
export type Pages = (Page | undefined)[];

/** What a page that was never written reads as. */
export const HOLE: Page = new Uint8Array(PAGE_BYTES);

/** Cuts pages from larger pieces of memory, which is much cheaper than one by one. */
export class PageSlabs {
  #slab = new Uint8Array(0);
  #at = 0;

  take(): Page {
    if (this.#at === this.#slab.byteLength) {
      this.#slab = new Uint8Array(SLAB_PAGES * PAGE_BYTES);
      this.#at = 0;
    }
    const page = this.#slab.subarray(this.#at, this.#at + PAGE_BYTES);
    this.#at += PAGE_BYTES;
    return page;
  }
}

export class FileContent {
  readonly #slabs: PageSlabs;
  pages: Pages = [];
  sizeBytes = 0;
  #stableSizeBytes = 0;
  /** By page that was written since the last sync: what the disk still has in its place. */
  readonly #unsynced = new Map<number, Page | undefined>();

  constructor(slabs: PageSlabs) {
    this.#slabs = slabs;
  }

  get isStable(): boolean {
    return this.#unsynced.size === 0 && this.#stableSizeBytes === this.sizeBytes;
  }

  get pageCount(): number {
    let count = 0;
    for (const page of this.pages) if (page !== undefined) count += 1;
    return count;
  }

  /** How many pages a write would add. */
  missingPages(position: number, length: number): number {
    let missing = 0;
    const last = lastPage(position, length);
    for (let index = pageOf(position); index <= last; index += 1) {
      if (this.pages[index] === undefined) missing += 1;
    }
    return missing;
  }

  write(bytes: Uint8Array, position: number, isDurable: boolean): void {
    const end = position + bytes.byteLength;
    let at = position;
    while (at < end) {
      const index = pageOf(at);
      const from = at - index * PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - from, end - at);
      const before = this.pages[index];
      const page = this.#slabs.take();
      if (before !== undefined && count < PAGE_BYTES) page.set(before);
      const isWhole = count === bytes.byteLength;
      page.set(isWhole ? bytes : bytes.subarray(at - position, at - position + count), from);
      if (isDurable) this.#unsynced.delete(index);
      else if (!this.#unsynced.has(index)) this.#unsynced.set(index, before);
      this.pages[index] = page;
      at += count;
    }
    if (end > this.sizeBytes) this.sizeBytes = end;
    if (isDurable && end > this.#stableSizeBytes) this.#stableSizeBytes = end;
  }

  /** Everything that was written is on stable storage now. */
  commit(): void {
    this.#unsynced.clear();
    this.#stableSizeBytes = this.sizeBytes;
  }

  /** A sync that fails: of each page either the new content has reached the disk or it is forgotten. */
  failSync(random: SeededRandom): void {
    this.#lose(random, this.sizeBytes);
  }

  /** Pages reach the disk in any order, so each one of the unsynced survives or does not. */
  losePower(random: SeededRandom): void {
    // Some file systems write the new size before the bytes: what is missing then reads as zeros.
    const keepsSize = random.chance(0.2);
    this.#lose(random, keepsSize ? this.sizeBytes : this.#stableSizeBytes);
  }

  /** A write that was under way when the power went: some of its sectors are on the disk. */
  tear(bytes: Uint8Array, position: number, random: SeededRandom): void {
    const end = position + bytes.byteLength;
    let at = position;
    while (at < end) {
      const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
      if (random.chance(0.5)) this.write(bytes.subarray(at - position, next - position), at, true);
      at = next;
    }
  }

  /** What a power cut would leave for certain. */
  stableBytes(position: number, length: number): Uint8Array {
    const count = Math.max(0, Math.min(length, this.#stableSizeBytes - position));
    const bytes = new Uint8Array(count);
    if (this.#unsynced.size === 0) {
      copyPages(this.pages, position, bytes, count);
      return bytes;
    }
    const pages = [...this.pages];
    for (const [index, before] of this.#unsynced) pages[index] = before;
    copyPages(pages, position, bytes, count);
    return bytes;
  }

  #lose(random: SeededRandom, leastSizeBytes: number): void {
    let sizeBytes = Math.max(this.#stableSizeBytes, leastSizeBytes);
    for (const [index, before] of this.#unsynced) {
      const fate = random.fraction();
      if (fate < LOST_PAGES) {
        this.pages[index] = before;
        continue;
      }
      if (fate < LOST_PAGES + TORN_PAGES) this.#tearPage(index, before ?? HOLE, random);
      sizeBytes = Math.max(sizeBytes, Math.min(this.sizeBytes, (index + 1) * PAGE_BYTES));
    }
    this.sizeBytes = sizeBytes;
    this.commit();
  }

  #tearPage(index: number, before: Page, random: SeededRandom): void {
    const after = this.pages[index] ?? HOLE;
    const torn = this.#slabs.take();
    for (let at = 0; at < PAGE_BYTES; at += SECTOR_BYTES) {
      const survivor = random.chance(0.5) ? after : before;
      torn.set(survivor.subarray(at, at + SECTOR_BYTES), at);
    }
    this.pages[index] = torn;
  }
}

export function pageOf(position: number): number {
  return Math.floor(position / PAGE_BYTES);
}

/** The last page that holds one of `length` bytes; before the first one when there are none. */
export function lastPage(position: number, length: number): number {
  return pageOf(position + length - 1);
}

/** Copies `count` bytes from `position` on; pages that were never written are zeros. */
export function copyPages(pages: Pages, position: number, into: Uint8Array, count: number): void {
  let done = 0;
  while (done < count) {
    const index = pageOf(position + done);
    const from = position + done - index * PAGE_BYTES;
    const length = Math.min(PAGE_BYTES - from, count - done);
    const page = pages[index];
    if (page === undefined) into.fill(0, done, done + length);
    else into.set(length === PAGE_BYTES ? page : page.subarray(from, from + length), done);
    done += length;
  }
}
