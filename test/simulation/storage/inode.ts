/** A file or a directory on the server. */
import { FileContent, type PageSlabs } from './file-content.js';
import { systemError } from './system-error.js';

const SECTOR_BYTES = 512;

/** A host as the server knows it. */
export interface ClientHost {
  readonly host: string;
  /** It and the server can talk. */
  readonly isInContact: boolean;
  readonly leaseIsOver: boolean;
  /** By when the server gives up waiting for what it asked this host to give back; null when it asked for nothing. */
  recallEndsAtMs: number | null;
  readonly descriptors: Set<Descriptor>;
  readonly locked: Set<Descriptor>;
  /** Where hosts grant locks by themselves. */
  readonly ownLocks: Map<Inode, Descriptor>;
}

/** Whoever has a file open and may hold its lock. */
export interface Descriptor {
  readonly inode: Inode;
  readonly mount: ClientHost;
  /** The server has given its lock to somebody else, or forgotten it. */
  hasLostLock: boolean;
}

export interface NameChange {
  readonly kind: 'created' | 'removed';
  readonly name: string;
  readonly inode: Inode;
  readonly mount: ClientHost;
}

/**
 * - `unlinked`: nobody finds it any more; on NFS 3 descriptors of it are stale, on NFS 4 it depends.
 * - `hidden`: unlinked while a process of the same NFS client had it open, which renames it instead.
 * - `replaced`: another file was renamed over it.
 */
export type Removal = 'unlinked' | 'hidden' | 'replaced';

export class Inode {
  readonly number: number;
  readonly identity: bigint;
  path: string;
  linkCount = 1;
  removal: Removal | null = null;
  /** Virtual time. */
  removedAtMs = Number.POSITIVE_INFINITY;
  modifiedAtMs: number;
  /** Goes up with every change; what clients compare to learn of one. */
  changeId = 1;
  /** Null for a directory. */
  readonly content: FileContent | null;
  /** Null for a file. */
  readonly children: Map<string, Inode> | null;
  /** Of a directory, where names are durable only after a sync: what would be undone by a power cut. */
  unsyncedNames: NameChange[] = [];
  #sortedNames: string[] | null = null;

  /** A sector that the disk cannot read any more: where it begins. */
  unreadableAt: number | null = null;

  lock: Descriptor | null = null;
  /** Descriptors, of all hosts. */
  readonly openBy: Descriptor[] = [];
  /** The host that may use the file without asking, until the server calls it back. */
  delegate: ClientHost | null = null;
  /** While hidden: the client that keeps it. */
  hiddenBy: ClientHost | null = null;

  constructor(options: {
    readonly number: number;
    readonly path: string;
    readonly nowMs: number;
    /** Null makes a directory. */
    readonly slabs: PageSlabs | null;
  }) {
    this.number = options.number;
    this.identity = BigInt(options.number);
    this.path = options.path;
    this.modifiedAtMs = options.nowMs;
    this.content = options.slabs === null ? null : new FileContent(options.slabs);
    this.children = options.slabs === null ? new Map() : null;
  }

  /** @throws EIO where the disk fails. */
  requireReadable(position: number, length: number): void {
    const at = this.unreadableAt;
    if (at === null || at + SECTOR_BYTES <= position || at >= position + length) return;
    throw systemError('EIO', 'read', this.path);
  }

  get isLinked(): boolean {
    return this.removal === null;
  }

  get sizeBytes(): number {
    return this.content === null ? 4096 : this.content.sizeBytes;
  }

  addChild(name: string, inode: Inode): void {
    this.children?.set(name, inode);
    this.#sortedNames = null;
  }

  removeChild(name: string): void {
    this.children?.delete(name);
    this.#sortedNames = null;
  }

  /** To be copied before it leaves the storage. */
  get sortedNames(): readonly string[] {
    this.#sortedNames ??= [...(this.children?.keys() ?? [])].sort();
    return this.#sortedNames;
  }

  isOpenBy(mount: ClientHost): boolean {
    return this.openBy.some((descriptor) => descriptor.mount === mount);
  }

  isOpenByOthers(mount: ClientHost): boolean {
    return this.openBy.some((descriptor) => descriptor.mount !== mount);
  }

  removeDescriptor(descriptor: Descriptor): void {
    const at = this.openBy.indexOf(descriptor);
    if (at >= 0) this.openBy.splice(at, 1);
  }
}
