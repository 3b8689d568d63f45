/**
 * An NFS client: close-to-open consistency, and caches of pages, attributes and names that hear
 * nothing of what other hosts do until their time is over. What its own host changes it sees at once.
 */

import { errnoOf } from '../../../src/platform/errors.js';
import type { FileStat, OpenMode } from '../../../src/platform/ports.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Client, OpenFile, WriteFault } from './client.js';
import { ClientFile, type Extent } from './client-file.js';
import type { Caller, FileServer } from './file-server.js';
import type { Inode } from './inode.js';
import { type Locks, TRY_LATER } from './locks.js';
import type { Mount } from './mount.js';
import { type Errno, systemError } from './system-error.js';
import { errnoOfFault, faultedBytes } from './write-fault.js';

/** The kernel writes out what nobody syncs, some time later. */
const WRITE_BACK_MS = { least: 200, most: 5_000 };
/** Pages that a read brings along unasked. */
const MOST_READ_AHEAD_PAGES = 3;
/** A cached item lives between this part of its profile's lifetime and all of it. */
const SHORTEST_LIFE = 0.1;

interface CachedName {
  /** Null: there is no such name. */
  readonly inode: Inode | null;
  readonly untilMs: number;
}

export class NfsClient implements Client {
  readonly #server: FileServer;
  readonly #mount: Mount;
  readonly #locks: Locks;
  readonly #random: SeededRandom;
  readonly #runLater: (delayMs: number, callback: () => void) => void;
  /** By number of the inode. */
  #files: (ClientFile | undefined)[] = [];
  readonly #names = new Map<string, CachedName>();

  constructor(options: {
    readonly server: FileServer;
    readonly mount: Mount;
    readonly locks: Locks;
    readonly random: SeededRandom;
    /** As a request of the host's kernel, which waits while the server cannot be reached. */
    readonly runLater: (delayMs: number, callback: () => void) => void;
  }) {
    this.#server = options.server;
    this.#mount = options.mount;
    this.#locks = options.locks;
    this.#random = options.random;
    this.#runLater = options.runLater;
  }

  cachedStat(path: string): FileStat | 'absent' | null {
    const name = this.#validName(path);
    if (name === null) return null;
    if (name.inode === null) return 'absent';
    const file = this.#fileOf(name.inode);
    return file.isValid(this.#server.nowMs) ? this.#statOfCached(file) : null;
  }

  isKnownAbsent(path: string): boolean {
    return this.#validName(path)?.inode === null;
  }

  stat(path: string): FileStat {
    const file = this.#fileOf(this.#lookUp(path, 'stat'));
    this.#revalidate(file);
    return this.#statOfCached(file);
  }

  open(path: string, mode: OpenMode, caller: Caller): Inode | typeof TRY_LATER {
    const { tracksOpens } = this.#server.behaviour;
    if (tracksOpens && this.#locks.isInGrace) return TRY_LATER;
    const isNew = mode.startsWith('create-new');
    if (mode.startsWith('create')) {
      const found = this.#server.find(path);
      if (found === null) return this.#created(this.#server.create(path, 'file', caller));
      if (isNew) {
        this.#names.delete(path);
        throw systemError('EEXIST', 'open', path);
      }
      this.#remember(path, found);
    }
    const inode = this.#lookUp(path, 'open');
    if (this.#mustRecall(inode)) return TRY_LATER;
    this.#delegate(inode);
    this.#revalidate(this.#fileOf(inode));
    return inode;
  }

  makeDirectory(path: string, caller: Caller): void {
    try {
      this.#created(this.#server.create(path, 'directory', caller));
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') this.#names.delete(path);
      throw error;
    }
  }

  removeDirectory(path: string, caller: Caller): void {
    this.#server.removeDirectory(path, caller);
    this.#remember(path, null);
  }

  unlink(path: string, caller: Caller): undefined | typeof TRY_LATER {
    const inode = this.#server.find(path);
    if (inode !== null && this.#mustRecall(inode)) return TRY_LATER;
    this.#server.unlink(path, caller);
    this.#remember(path, null);
    return undefined;
  }

  rename(from: string, to: string, caller: Caller): void {
    this.#server.rename(from, to, caller);
    this.#remember(from, null);
    this.#remember(to, this.#server.existing(to, 'rename'));
  }

  touch(path: string, modifiedAtMs: number): void {
    const inode = this.#server.existing(path, 'utimes');
    const before = inode.changeId;
    this.#server.touch(path, modifiedAtMs);
    this.#remember(path, inode);
    const extent = { position: 0, length: 0 };
    this.#fileOf(inode).changedByHost(this.#server.nowMs, before, extent);
  }

  /** Does not put cached names right: only looking one up does, and that trusts them. */
  list(path: string): string[] {
    return this.#server.directory(path, 'scandir').sortedNames.slice();
  }

  syncDirectory(path: string): void {
    this.#server.directory(path, 'open');
  }

  canReadAlone(file: OpenFile, position: number, length: number): boolean {
    if (file.hasLostLock && this.#mount.isInContact) return true;
    const cached = this.#fileOf(file.inode);
    return cached.isValid(this.#server.nowMs) && cached.hasPages(position, length);
  }

  readAlone(file: OpenFile, into: Uint8Array, position: number): number {
    if (file.hasLostLock && this.#mount.isInContact) this.#assertUsable(file, 'read');
    return this.#fileOf(file.inode).read(into, position);
  }

  read(file: OpenFile, into: Uint8Array, position: number): number {
    this.#assertUsable(file, 'read');
    const cached = this.#fileOf(file.inode);
    if (!cached.isValid(this.#server.nowMs)) this.#revalidate(cached);
    file.inode.requireReadable(position, into.byteLength);
    const readAhead = this.#random.whole(0, MOST_READ_AHEAD_PAGES);
    cached.fetch(position, into.byteLength, readAhead);
    return cached.read(into, position);
  }

  writeAlone(file: OpenFile, bytes: Uint8Array, position: number): boolean {
    if (file.isDurable) return false;
    if (file.hasLostLock && this.#mount.isInContact) this.#assertUsable(file, 'write');
    const cached = this.#fileOf(file.inode);
    cached.dirty.push({ file, bytes: bytes.slice(), position, writeVerifier: 0 });
    this.#planWriteBack(cached);
    return true;
  }

  write(file: OpenFile, bytes: Uint8Array, position: number, fault: WriteFault): void {
    this.#assertUsable(file, 'write');
    const cached = this.#fileOf(file.inode);
    this.#flush(cached);
    this.#report(cached, file, 'write');
    const written = fault === null ? bytes : faultedBytes(bytes, fault, this.#random);
    if (written.byteLength > 0) this.#send(cached, file, written, position, file.isDurable);
    if (fault !== null) throw systemError(errnoOfFault(fault), 'write', file.path);
  }

  isClean(file: OpenFile): boolean {
    return this.#fileOf(file.inode).isClean;
  }

  sync(file: OpenFile, fault: WriteFault): void {
    const cached = this.#fileOf(file.inode);
    if (fault !== null) {
      this.#dropSome(cached);
      throw systemError(errnoOfFault(fault), 'fdatasync', file.path);
    }
    this.#flush(cached);
    cached.unstable = [];
    this.#server.commit(cached.inode);
    this.#report(cached, file, 'fdatasync');
  }

  tornSync({ inode }: OpenFile): () => void {
    const { dirty } = this.#fileOf(inode);
    return () => {
      for (const { bytes, position, file } of dirty) {
        if (!file.hasLostLock) this.#server.tear(inode, bytes, position);
      }
    };
  }

  cachedStatOf({ inode }: OpenFile): FileStat | null {
    const file = this.#fileOf(inode);
    return file.isValid(this.#server.nowMs) ? this.#statOfCached(file) : null;
  }

  statOf(open: OpenFile): FileStat {
    this.#assertThere(open, 'fstat');
    const file = this.#fileOf(open.inode);
    this.#revalidate(file);
    return this.#statOfCached(file);
  }

  /** A lock that is new to this host makes it look at the file afresh. */
  hasLocked({ inode }: OpenFile): void {
    this.#fileOf(inode).forget();
  }

  powerOff(): void {
    this.#files = [];
    this.#names.clear();
  }

  /** @throws ENOENT */
  #lookUp(path: string, syscall: string): Inode {
    const cached = this.#validName(path)?.inode ?? null;
    if (cached !== null && cached.removal !== 'unlinked') return cached;
    const found = this.#server.find(path);
    this.#remember(path, found);
    if (found === null) throw systemError('ENOENT', syscall, path);
    return found;
  }

  #validName(path: string): CachedName | null {
    const name = this.#names.get(path);
    return name !== undefined && this.#server.nowMs < name.untilMs ? name : null;
  }

  #remember(path: string, inode: Inode | null): void {
    const { nameCacheMs, negativeNameCacheMs } = this.#server.profile;
    const lifetimeMs = this.#lifetimeMs(inode === null ? negativeNameCacheMs : nameCacheMs);
    this.#names.set(path, { inode, untilMs: this.#server.nowMs + lifetimeMs });
  }

  #created(inode: Inode): Inode {
    this.#remember(inode.path, inode);
    this.#delegate(inode);
    this.#revalidate(this.#fileOf(inode));
    return inode;
  }

  /** An unreachable host that may use the file without asking must be asked first, or be given up with all its locks. */
  #mustRecall({ delegate }: Inode): boolean {
    if (delegate === null || delegate === this.#mount || delegate.isInContact) return false;
    delegate.recallEndsAtMs ??= this.#server.nowMs + this.#server.profile.recallMs;
    if (this.#server.nowMs < delegate.recallEndsAtMs) return true;
    if (delegate.leaseIsOver) this.#locks.expire(delegate);
    return false;
  }

  #delegate(inode: Inode): void {
    const { tracksOpens } = this.#server.behaviour;
    const isAlone = inode.content !== null && !inode.isOpenByOthers(this.#mount);
    inode.delegate = tracksOpens && isAlone ? this.#mount : null;
  }

  /** A file that another host has renamed something over is believed in as long as its name is. */
  #revalidate(file: ClientFile): void {
    const { nowMs, profile } = this.#server;
    const lifetimeMs = this.#lifetimeMs(profile.attributeCacheMs);
    if (file.inode.removal === 'replaced') file.believe(nowMs, lifetimeMs);
    else file.revalidate(nowMs, lifetimeMs);
  }

  #lifetimeMs(mostMs: number): number {
    return mostMs * this.#random.between(SHORTEST_LIFE, 1);
  }

  #fileOf(inode: Inode): ClientFile {
    let file = this.#files[inode.number];
    if (file === undefined) {
      file = new ClientFile(inode);
      this.#files[inode.number] = file;
    }
    return file;
  }

  #statOfCached(file: ClientFile): FileStat {
    return {
      inode: file.inode.identity,
      device: this.#server.device,
      linkCount: file.linkCount,
      sizeBytes: file.visibleSizeBytes,
      modifiedAtMs: file.modifiedAtMs,
    };
  }

  /** A file that is gone as well is stale, except for the call by which the client learns of the loss. */
  #assertUsable(file: OpenFile, syscall: string): void {
    if (file.hasLostLock && !file.hasToldLoss) {
      file.hasToldLoss = true;
      throw systemError('EIO', syscall, file.path);
    }
    this.#assertThere(file, syscall);
    if (file.hasLostLock) throw systemError('EIO', syscall, file.path);
  }

  #assertThere(file: OpenFile, syscall: string): void {
    const { removal } = file.inode;
    if (removal === null || removal === 'hidden' || this.#server.keepsUnlinked(file)) return;
    throw systemError('ESTALE', syscall, file.path);
  }

  #planWriteBack(cached: ClientFile): void {
    if (cached.hasWriteBackPlanned) return;
    cached.hasWriteBackPlanned = true;
    this.#runLater(this.#random.between(WRITE_BACK_MS.least, WRITE_BACK_MS.most), () => {
      cached.hasWriteBackPlanned = false;
      if (this.#files[cached.inode.number] === cached) this.#flush(cached);
    });
  }

  /** Sends what is dirty, and again what the server may have lost; it need not make that stable. */
  #flush(cached: ClientFile): void {
    const { dirty, unstable } = cached;
    for (const extent of unstable) {
      if (extent.writeVerifier !== this.#server.writeVerifier) this.#sendExtent(cached, extent);
    }
    if (dirty.length === 0) return;
    cached.dirty = [];
    for (const extent of dirty) {
      if (this.#sendExtent(cached, extent)) cached.unstable.push(extent);
    }
  }

  #sendExtent(cached: ClientFile, extent: Extent): boolean {
    try {
      this.#assertUsable(extent.file, 'write');
      this.#send(cached, extent.file, extent.bytes, extent.position, false);
    } catch (error) {
      cached.failure ??= errnoOf(error) as NonNullable<ClientFile['failure']>;
      return false;
    }
    extent.writeVerifier = this.#server.writeVerifier;
    return true;
  }

  #send(
    cached: ClientFile,
    { inode, caller, hasHeldLock }: OpenFile,
    bytes: Uint8Array,
    position: number,
    isDurable: boolean,
  ): void {
    const before = inode.changeId;
    this.#server.write(inode, bytes, position, { isDurable, hasHeldLock, caller });
    const extent = { position, length: bytes.byteLength };
    cached.changedByHost(this.#server.nowMs, before, extent);
  }

  /** A sync that fails leaves nothing dirty, whether the server has it or not. */
  #dropSome(cached: ClientFile): void {
    const { dirty } = cached;
    cached.dirty = [];
    for (const extent of dirty) {
      if (this.#random.chance(0.5)) this.#sendExtent(cached, extent);
    }
    cached.unstable = [];
    cached.failure = null;
    this.#server.failSync(cached.inode);
  }

  #report(cached: ClientFile, file: OpenFile, syscall: string): void {
    const { failure } = cached;
    cached.failure = null;
    if (failure !== null) throw systemError(failure as Errno, syscall, file.path);
  }
}
