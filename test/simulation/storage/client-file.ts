/** What an NFS client remembers of one file. */
import type { OpenFile } from './client.js';
import { copyPages, HOLE, lastPage, type Pages, pageOf } from './file-content.js';
import type { Inode } from './inode.js';

/** Bytes that a process wrote and that are not on the server's stable storage yet. */
export interface Extent {
  readonly file: OpenFile;
  readonly bytes: Uint8Array;
  readonly position: number;
  /** Of the server that took the bytes without making them stable. */
  writeVerifier: number;
}

export class ClientFile {
  readonly inode: Inode;
  /** The server's, as they were when they were read. */
  pages: Pages = [];
  sizeBytes = 0;
  modifiedAtMs = 0;
  linkCount = 1;
  /** Until then the host does not ask whether the file has changed. */
  #validUntilMs = Number.NEGATIVE_INFINITY;
  /** For how long the host believes an answer; 0 when it has to ask. */
  #lifetimeMs = 0;
  #changeId = 0;
  /** Written by processes of this host and not sent. */
  dirty: Extent[] = [];
  /** Sent, and to be sent again if the server loses them. */
  unstable: Extent[] = [];
  /** A write in the background failed; told to whoever syncs, writes or closes next, once. */
  failure: 'EIO' | 'ENOSPC' | 'EDQUOT' | 'ESTALE' | null = null;
  hasWriteBackPlanned = false;

  constructor(inode: Inode) {
    this.inode = inode;
  }

  get isClean(): boolean {
    return this.dirty.length === 0 && this.unstable.length === 0 && this.failure === null;
  }

  /** As the host's processes see it. */
  get visibleSizeBytes(): number {
    let size = this.sizeBytes;
    for (const { position, bytes } of this.dirty) {
      size = Math.max(size, position + bytes.byteLength);
    }
    return size;
  }

  isValid(nowMs: number): boolean {
    return nowMs < this.#validUntilMs;
  }

  /** Learns what the server says now; cached pages of another version are dropped. */
  revalidate(nowMs: number, lifetimeMs: number): void {
    const { inode } = this;
    if (this.#changeId !== inode.changeId) {
      this.pages = [];
      this.#takeAttributes();
    }
    this.believe(nowMs, lifetimeMs);
  }

  /** What is remembered counts for `lifetimeMs` from now, whatever the server would say. */
  believe(nowMs: number, lifetimeMs: number): void {
    this.#lifetimeMs = lifetimeMs;
    this.#validUntilMs = nowMs + lifetimeMs;
  }

  /**
   * The host has changed the file itself. The answer makes all that is remembered young again, also what
   * it does not tell: the link count above all, which stays as it was for as long as the host goes on writing.
   */
  changedByHost(
    nowMs: number,
    changeIdBefore: number,
    { position, length }: { readonly position: number; readonly length: number },
  ): void {
    const { inode } = this;
    const wasCurrent = this.#changeId === changeIdBefore;
    const { content } = inode;
    if (content !== null) {
      const last = lastPage(position, length);
      for (let index = pageOf(position); index <= last; index += 1) {
        this.pages[index] = content.pages[index];
      }
    }
    if (wasCurrent) {
      this.#takeAttributes();
    } else {
      this.sizeBytes = Math.max(this.sizeBytes, position + length);
      this.modifiedAtMs = inode.modifiedAtMs;
    }
    if (this.#lifetimeMs > 0) this.believe(nowMs, this.#lifetimeMs);
  }

  forget(): void {
    this.pages = [];
    this.#mustAsk();
  }

  hasPages(position: number, length: number): boolean {
    const end = Math.min(position + length, this.sizeBytes);
    const last = lastPage(position, end - position);
    for (let index = pageOf(position); index <= last; index += 1) {
      if (this.pages[index] === undefined) return false;
    }
    return true;
  }

  /**
   * Reads the missing pages from the server. Those that are there stay, so one read may show two
   * versions; the client notices by the attributes that came along, and asks at the next call.
   */
  fetch(position: number, length: number, readAheadPages: number): void {
    const { inode } = this;
    if (inode.content === null) return;
    if (this.#changeId !== inode.changeId) {
      this.#mustAsk();
      this.sizeBytes = inode.sizeBytes;
    }
    const { pages } = inode.content;
    const last = Math.min(
      lastPage(position, length) + readAheadPages,
      lastPage(0, inode.sizeBytes),
    );
    for (let index = pageOf(position); index <= last; index += 1) {
      this.pages[index] ??= pages[index] ?? HOLE;
    }
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.byteLength, this.visibleSizeBytes - position));
    copyPages(this.pages, position, into, count);
    for (const extent of this.dirty) {
      const from = Math.max(position, extent.position);
      const to = Math.min(position + count, extent.position + extent.bytes.byteLength);
      if (from >= to) continue;
      const bytes = extent.bytes.subarray(from - extent.position, to - extent.position);
      into.set(bytes, from - position);
    }
    return count;
  }

  #mustAsk(): void {
    this.#lifetimeMs = 0;
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
  }

  #takeAttributes(): void {
    const { inode } = this;
    this.#changeId = inode.changeId;
    this.sizeBytes = inode.sizeBytes;
    this.modifiedAtMs = inode.modifiedAtMs;
    this.linkCount = inode.linkCount;
  }
}
