/**
 * What lies on the shared storage, and every change of it, carried out at once and whole. Whether and
 * when a call of a process gets here is the business of its host's mount.
 */
import { basename, dirname, join } from 'node:path/posix';
import type { FileStat } from '../../../src/platform/ports.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { Behaviour } from './behaviour.js';
import { copyPages, type FileContent, PAGE_BYTES, PageSlabs } from './file-content.js';
import { type ClientHost, type Descriptor, Inode, type NameChange } from './inode.js';
import type { StorageChange, StorageObserver, StorageProfile } from './shared-storage.js';
import { type Errno, systemError } from './system-error.js';

/** What the server's wall clock shows when virtual time begins. */
const WALL_CLOCK_BEGINS_AT_MS = 1_750_000_000_000;

/** On whose behalf something is changed; `process` is null for tools, of which nobody is told. */
export interface Caller {
  readonly process: SimulatedProcess | null;
  readonly mount: ClientHost;
}

interface WriteOptions {
  /** On stable storage when it returns. */
  readonly isDurable: boolean;
  /** The descriptor was given the lock of the file at some time. */
  readonly hasHeldLock: boolean;
  readonly caller: Caller;
}

const NOT_WRITTEN = { isDurable: false, hasHeldLock: false } as const;

export class FileServer {
  readonly profile: StorageProfile;
  readonly behaviour: Behaviour;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #observer: StorageObserver;
  readonly #slabs = new PageSlabs();
  readonly #byPath = new Map<string, Inode>();
  /** Files that a power cut would change, in the order in which they came to be so, and who wrote them. */
  readonly #unsyncedFiles = new Map<Inode, ClientHost>();
  readonly #unsyncedDirectories = new Set<Inode>();
  #lastNumber = 1;
  #usedPages = 0;
  #refusal: 'ENOSPC' | 'EDQUOT' | null = null;
  readonly device = 42n;
  isUp = true;
  /** Changes when unsynced writes may have been lost, so that clients send theirs again. */
  writeVerifier = 1;
  powerCutAtMs = Number.NEGATIVE_INFINITY;
  /** For a restart or without power. */
  stoppedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: {
    readonly profile: StorageProfile;
    readonly behaviour: Behaviour;
    readonly scheduler: Scheduler;
    readonly random: SeededRandom;
    readonly observer: StorageObserver;
  }) {
    this.profile = options.profile;
    this.behaviour = options.behaviour;
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#observer = options.observer;
    this.#byPath.set(
      '/',
      new Inode({ number: 1, path: '/', nowMs: WALL_CLOCK_BEGINS_AT_MS, slabs: null }),
    );
  }

  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  get wallMs(): number {
    return WALL_CLOCK_BEGINS_AT_MS + Math.floor(this.#scheduler.nowMs);
  }

  find(path: string): Inode | null {
    return this.#byPath.get(path) ?? null;
  }

  /** @throws ENOENT */
  existing(path: string, syscall: string): Inode {
    const inode = this.#byPath.get(path);
    if (inode === undefined) throw systemError('ENOENT', syscall, path);
    return inode;
  }

  /** @throws ENOENT, ENOTDIR */
  directory(path: string, syscall: string): Inode {
    const inode = this.existing(path, syscall);
    if (inode.children === null) throw systemError('ENOTDIR', syscall, path);
    return inode;
  }

  stat(inode: Inode): FileStat {
    return {
      inode: inode.identity,
      device: this.device,
      linkCount: inode.linkCount,
      sizeBytes: inode.sizeBytes,
      modifiedAtMs: inode.modifiedAtMs,
    };
  }

  /** NFS 4 keeps an unlinked file for a client that has it open, until the server stops or gives that client up. */
  keepsUnlinked({ inode, hasLostLock }: Descriptor): boolean {
    const isKept = inode.removal === 'unlinked' && inode.removedAtMs > this.stoppedAtMs;
    return isKept && this.behaviour.tracksOpens && !hasLostLock;
  }

  freeBytes(): number {
    if (this.#refusal !== null) return 0;
    return Math.max(0, this.profile.capacityBytes - this.#usedPages * PAGE_BYTES);
  }

  refuse(refusal: 'ENOSPC' | 'EDQUOT' | null): void {
    this.#refusal = refusal;
  }

  /** @throws EEXIST, ENOENT, ENOTDIR, ENOSPC, EDQUOT */
  create(path: string, kind: 'file' | 'directory', caller: Caller): Inode {
    const syscall = kind === 'file' ? 'open' : 'mkdir';
    const parent = this.directory(dirname(path), syscall);
    if (this.#byPath.has(path)) throw systemError('EEXIST', syscall, path);
    this.#needRoom(1, syscall, path);
    this.#lastNumber += 1;
    const inode = new Inode({
      number: this.#lastNumber,
      path,
      nowMs: this.wallMs,
      slabs: kind === 'file' ? this.#slabs : null,
    });
    this.#link(parent, path, inode);
    this.#noteNameChange(parent, 'created', inode, caller);
    this.#tell(caller, kind === 'file' ? 'create' : 'make-directory', inode, 0, null);
    return inode;
  }

  /** @throws ENOENT, EISDIR */
  unlink(path: string, caller: Caller): Inode {
    const inode = this.existing(path, 'unlink');
    if (inode.content === null) throw systemError('EISDIR', 'unlink', path);
    const parent = this.directory(dirname(path), 'unlink');
    this.#unlinkFrom(parent, inode);
    this.#noteNameChange(parent, 'removed', inode, caller);
    const { mount } = caller;
    if (this.behaviour.hasClientCaches && inode.isOpenBy(mount)) this.#hide(inode, mount);
    else this.#remove(inode, 'unlinked');
    this.#tell(caller, 'unlink', inode, 0, null);
    return inode;
  }

  /** @throws ENOENT, ENOTDIR, ENOTEMPTY */
  removeDirectory(path: string, caller: Caller): void {
    const inode = this.directory(path, 'rmdir');
    if ((inode.children?.size ?? 0) > 0) throw systemError('ENOTEMPTY', 'rmdir', path);
    const parent = this.directory(dirname(path), 'rmdir');
    this.#unlinkFrom(parent, inode);
    this.#noteNameChange(parent, 'removed', inode, caller);
    this.#remove(inode, 'unlinked');
    this.#tell(caller, 'remove-directory', inode, 0, null);
  }

  /** Files only, and durable at once. The product renames nothing: this is there to show what would be if it did. */
  rename(from: string, to: string, caller: Caller): void {
    const inode = this.existing(from, 'rename');
    if (inode.content === null) throw systemError('EISDIR', 'rename', from);
    const parent = this.directory(dirname(to), 'rename');
    const replaced = this.find(to);
    if (replaced !== null) {
      this.#unlinkFrom(parent, replaced);
      const isKept = this.behaviour.hasClientCaches && replaced.isOpenBy(caller.mount);
      if (isKept) this.#hide(replaced, caller.mount);
      else this.#remove(replaced, 'replaced');
      this.#tell(caller, 'unlink', replaced, 0, null);
    }
    this.#unlinkFrom(this.directory(dirname(from), 'rename'), inode);
    this.#link(parent, to, inode);
    this.#tell(caller, 'create', inode, 0, null);
    const bytes = new Uint8Array(inode.sizeBytes);
    copyPages(inode.content.pages, 0, bytes, bytes.byteLength);
    this.#tell(caller, 'write', inode, 0, bytes);
    inode.path = from;
    this.#tell(caller, 'unlink', inode, 0, null);
    inode.path = to;
  }

  /** @throws ENOSPC, EDQUOT */
  write(inode: Inode, bytes: Uint8Array, position: number, options: WriteOptions): void {
    const content = inode.content as FileContent;
    const missing = content.missingPages(position, bytes.byteLength);
    if (missing > 0) {
      this.#needRoom(missing, 'write', inode.path);
      if (inode.linkCount > 0) this.#usedPages += missing;
    }
    content.write(bytes, position, options.isDurable);
    if (!options.isDurable) this.#unsyncedFiles.set(inode, options.caller.mount);
    this.#changed(inode);
    this.#tell(options.caller, 'write', inode, position, bytes, options);
  }

  commit(inode: Inode): void {
    if (!this.#unsyncedFiles.delete(inode)) return;
    inode.content?.commit();
  }

  /** Of what was written and not synced some is lost, and will never be synced. */
  failSync(inode: Inode): void {
    if (!this.#unsyncedFiles.delete(inode)) return;
    this.#losePages(inode, (content) => content.failSync(this.#random));
  }

  syncDirectory(directory: Inode): void {
    directory.unsyncedNames = [];
    this.#unsyncedDirectories.delete(directory);
  }

  /** What another host of a cluster has not synced is written out before this one may look at it. */
  makeCoherent(inode: Inode, mount: ClientHost): void {
    if (inode.unsyncedNames.some((change) => change.mount !== mount)) this.syncDirectory(inode);
    if (this.#unsyncedFiles.size === 0) return;
    const writer = this.#unsyncedFiles.get(inode);
    if (writer !== undefined && writer !== mount) this.commit(inode);
  }

  touch(path: string, modifiedAtMs: number): Inode {
    const inode = this.existing(path, 'utimes');
    this.#changed(inode);
    inode.modifiedAtMs = Math.floor(modifiedAtMs);
    return inode;
  }

  /** The last descriptor of a hidden file is gone, or the client that kept it is: the file goes as well. */
  releaseHidden(inode: Inode): void {
    if (inode.removal !== 'hidden') return;
    const parent = this.find(dirname(inode.path));
    parent?.removeChild(hiddenName(inode));
    this.#byPath.delete(join(dirname(inode.path), hiddenName(inode)));
    this.#remove(inode, 'unlinked');
  }

  /** What was not on stable storage is lost, each page by itself, and of the names the latest. */
  losePower(): void {
    this.powerCutAtMs = this.nowMs;
    this.writeVerifier += 1;
    if (this.behaviour.hostsKeepUnsynced) return;
    for (const inode of this.#unsyncedFiles.keys()) {
      this.#losePages(inode, (content) => content.losePower(this.#random));
    }
    this.#unsyncedFiles.clear();
    for (const directory of this.#unsyncedDirectories) this.#loseNames(directory, null);
    this.#unsyncedDirectories.clear();
  }

  /** One host of a cluster loses power, and with it what it alone had in memory. */
  loseHost(mount: ClientHost): void {
    for (const [inode, writer] of this.#unsyncedFiles) {
      if (writer !== mount) continue;
      this.#losePages(inode, (content) => content.losePower(this.#random));
      this.#unsyncedFiles.delete(inode);
    }
    for (const directory of this.#unsyncedDirectories) this.#loseNames(directory, mount);
  }

  /** A write that was on its way when the power went; the power must still be off. */
  tear(inode: Inode, bytes: Uint8Array, position: number): void {
    this.#losePages(inode, (content) => content.tear(bytes, position, this.#random));
  }

  stableBytes(path: string, position: number, length: number): Uint8Array | null {
    const inode = this.find(path);
    if (inode?.content == null) return null;
    const parent = this.find(dirname(path));
    const isNew = parent?.unsyncedNames.some((change) => change.inode === inode) ?? false;
    return isNew ? null : inode.content.stableBytes(position, length);
  }

  #losePages(inode: Inode, lose: (content: FileContent) => void): void {
    const content = inode.content as FileContent;
    const before = content.pageCount;
    lose(content);
    if (inode.linkCount > 0) this.#usedPages += content.pageCount - before;
    this.#changed(inode);
  }

  #loseNames(directory: Inode, mount: ClientHost | null): void {
    const changes = directory.unsyncedNames;
    let kept = changes.length;
    let most = this.#random.whole(0, changes.length);
    while (most > 0 && (mount === null || changes[kept - 1]?.mount === mount)) {
      most -= 1;
      kept -= 1;
      this.#undo(directory, changes[kept] as NameChange);
    }
    directory.unsyncedNames = mount === null ? [] : changes.slice(0, kept);
  }

  #undo(directory: Inode, { kind, name, inode }: Omit<NameChange, 'mount'>): void {
    const path = join(directory.path, name);
    if (kind === 'created') {
      for (const child of [...(inode.children?.keys() ?? [])]) {
        const below = this.find(join(path, child));
        if (below !== null) this.#undo(inode, { kind, name: child, inode: below });
      }
      this.#unlinkFrom(directory, inode);
      this.#remove(inode, 'unlinked');
    } else {
      this.#link(directory, path, inode);
      inode.removal = null;
      inode.linkCount = 1;
      this.#usedPages += inode.content?.pageCount ?? 0;
    }
  }

  #link(parent: Inode, path: string, inode: Inode): void {
    inode.path = path;
    parent.addChild(basename(path), inode);
    this.#byPath.set(path, inode);
    this.#changed(parent);
  }

  #unlinkFrom(parent: Inode, inode: Inode): void {
    parent.removeChild(basename(inode.path));
    this.#byPath.delete(inode.path);
    this.#changed(parent);
  }

  #remove(inode: Inode, removal: 'unlinked' | 'replaced'): void {
    inode.removal = removal;
    inode.removedAtMs = this.nowMs;
    inode.linkCount = 0;
    inode.changeId += 1;
    this.#usedPages -= inode.content?.pageCount ?? 0;
  }

  /** As NFS clients do it: the name goes, the file stays under another one until it is closed. */
  #hide(inode: Inode, mount: ClientHost): void {
    inode.removal = 'hidden';
    inode.hiddenBy = mount;
    const parent = this.find(dirname(inode.path));
    parent?.addChild(hiddenName(inode), inode);
    this.#byPath.set(join(dirname(inode.path), hiddenName(inode)), inode);
  }

  #noteNameChange(
    directory: Inode,
    kind: NameChange['kind'],
    inode: Inode,
    { process, mount }: Caller,
  ): void {
    if (this.behaviour.hasClientCaches || process === null) return;
    directory.unsyncedNames.push({ kind, name: basename(inode.path), inode, mount });
    this.#unsyncedDirectories.add(directory);
  }

  #changed(inode: Inode): void {
    inode.changeId += 1;
    inode.modifiedAtMs = this.wallMs;
  }

  #needRoom(pages: number, syscall: string, path: string): void {
    const isFull = (this.#usedPages + pages) * PAGE_BYTES > this.profile.capacityBytes;
    const refusal: Errno | null = this.#refusal ?? (isFull ? 'ENOSPC' : null);
    if (refusal !== null) throw systemError(refusal, syscall, path);
  }

  #tell(
    { process, mount }: Caller,
    kind: StorageChange['kind'],
    { path, isLinked }: Inode,
    position: number,
    bytes: Uint8Array | null,
    { isDurable, hasHeldLock }: Omit<WriteOptions, 'caller'> = NOT_WRITTEN,
  ): void {
    if (process === null) return;
    this.#observer.onChange({
      process,
      host: mount.host,
      kind,
      path,
      position,
      bytes,
      isDurable,
      hasHeldLock,
      isLinked: kind === 'unlink' || kind === 'remove-directory' || isLinked,
    });
  }
}

function hiddenName(inode: Inode): string {
  return `.nfs${inode.number.toString(16).padStart(16, '0')}`;
}
