/**
 * What the rest of a simulated world sees of its shared storage: a file server (or a SAN with a cluster
 * file system, or one local disk) and a client of it on every host.
 */
import type { FileSystem } from '../../../src/platform/ports.js';
import type { SimulatedProcess } from '../kernel/process.js';

/**
 * - `nfs4`: one server; locks are part of the lease, and a write through a descriptor that lost its lock fails.
 * - `nfs4-local-locks`: the same, but each host grants locks by itself.
 * - `nfs3`: locks without a lease: a dead host's lock stays until that host has booted again.
 * - `cluster`: coherent caches; a host that is cut off loses its locks after the lease, and its late writes still land.
 * - `local`: one host, one disk.
 */
export const STORAGE_KINDS = ['nfs4', 'nfs4-local-locks', 'nfs3', 'cluster', 'local'] as const;
export type StorageKind = (typeof STORAGE_KINDS)[number];

export interface StorageProfile {
  readonly kind: StorageKind;
  readonly leaseMs: number;
  readonly graceMs: number;
  /** NFSv3 is off on the server: the grace period is over as soon as every holder has its locks back. */
  readonly endsGraceEarly: boolean;
  /** A conflicting lock or open is answered only then when the holder of a delegation is gone (measured: 13 s). */
  readonly recallMs: number;
  /** Lifetimes of the client's caches. */
  readonly attributeCacheMs: number;
  readonly nameCacheMs: number;
  readonly negativeNameCacheMs: number;
  readonly capacityBytes: number;
}

/** One call of a process, as fault injection and traces see it. */
export interface StorageCall {
  readonly process: SimulatedProcess;
  readonly operation: StorageOperation;
  readonly path: string;
}

export const STORAGE_OPERATIONS = [
  'open',
  'create',
  'read',
  'write',
  'sync',
  'stat',
  'lock',
  'close',
  'list',
  'make-directory',
  'remove-directory',
  'unlink',
  'sync-directory',
  'free-bytes',
  'touch',
  'rename',
] as const;
export type StorageOperation = (typeof STORAGE_OPERATIONS)[number];

/** What a fault does to one call. `hang` and `delay` block the calling thread where the real call would. */
export type CallFault =
  | { readonly kind: 'error'; readonly errno: 'EIO' | 'ENOSPC' | 'EDQUOT' | 'ESTALE' }
  /** Part of the bytes is written, then EIO. */
  | { readonly kind: 'short-write'; readonly part: number }
  | { readonly kind: 'delay'; readonly delayMs: number };

/** Something in the store changed: seen at the moment at which the server carried it out. */
export interface StorageChange {
  /** Whose call it was; it may be dead by now. */
  readonly process: SimulatedProcess;
  readonly host: string;
  readonly kind: 'create' | 'write' | 'unlink' | 'make-directory' | 'remove-directory';
  readonly path: string;
  readonly position: number;
  /** Valid during the call. */
  readonly bytes: Uint8Array | null;
  /** Of a write: it is on stable storage when it returns. */
  readonly isDurable: boolean;
  /** Of a write: its descriptor was given the lock of the file at some time, and may have lost it since. */
  readonly hasHeldLock: boolean;
  /** False for bytes in a file that has no name any more. */
  readonly isLinked: boolean;
}

export interface StorageObserver {
  onChange(change: StorageChange): void;
}

/** Consulted for every call before it goes out, and told when it is about to return. */
export interface CallInterceptor {
  before(call: StorageCall): CallFault | null;
  after(call: StorageCall): void;
}

/** A process's view of the store. What goes beyond the port is for what runs beside the product's own calls. */
export interface SimulatedFileSystem extends FileSystem {
  /** utimes: the file server takes the time as the caller's wall clock has it. */
  touch(path: string, modifiedAtMs: number): Promise<void>;
  /** Of files, over what has the name already. The product does not rename: it would be seen too late. */
  rename(from: string, to: string): Promise<void>;
}

export interface SharedStorage {
  readonly profile: StorageProfile;
  /** What lies on the server now, at once and without any fault: for checks and tools, never for a node. */
  readonly truth: FileSystem;
  /**
   * What a power cut of the server at this very moment would leave of a file, for checks: null when it
   * would leave no file of this name, fewer bytes than asked for at its end.
   */
  stableBytes(path: string, position: number, length: number): Uint8Array | null;
  /** Bytes that this process has read from files so far, whether its client had them cached or not. */
  bytesReadBy(process: SimulatedProcess): number;

  /** A process's own view, with descriptors that close when it dies. Calls block its storage thread as the real ones do. */
  fileSystemOf(process: SimulatedProcess, host: string): SimulatedFileSystem;

  // What operators, cables and power supplies do.
  /** No packet goes between this host and the server, one way or both. */
  cutOff(host: string, direction: 'both' | 'to-server' | 'from-server'): void;
  heal(host: string): void;
  /** The server process restarts: memory of locks is lost, then there is a grace period. */
  restartServer(downMs: number): void;
  /** The server loses power: what was not on stable storage is lost, torn or out of order. */
  powerOffServer(downMs: number): void;
  /** This host loses power: its caches are gone, the server learns nothing. All its processes are dead already. */
  powerOffHost(host: string): void;
  bootHost(host: string): void;
  /** From now on writes that need room fail, until `free`. */
  fill(errno: 'ENOSPC' | 'EDQUOT'): void;
  free(): void;
  /** The sector around `position` fails to be read from now on. */
  spoil(path: string, position: number): void;
}
