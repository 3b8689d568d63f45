/**
 * What one host does with files, apart from getting its requests to the server: two ways of it, with
 * caches (NFS) and without (a cluster file system, a local disk). A method runs either on the host
 * alone, or at the moment at which its request has reached the server.
 */
import type { FileStat, OpenMode } from '../../../src/platform/ports.js';
import type { Caller } from './file-server.js';
import type { Descriptor, Inode } from './inode.js';
import type { TRY_LATER } from './locks.js';
import type { CallFault } from './shared-storage.js';

export interface OpenFile extends Descriptor {
  readonly path: string;
  /** Every write is on stable storage when it returns. */
  readonly isDurable: boolean;
  /** It was given the lock of the file at some time. */
  hasHeldLock: boolean;
  /** A call has failed because the lock was lost. */
  hasToldLoss: boolean;
  readonly caller: Caller;
}

export type WriteFault = Exclude<CallFault, { kind: 'delay' }> | null;

export interface Client {
  /** The answer that the host has itself: null when it must ask, `absent` when it believes that there is no such name. */
  cachedStat(path: string): FileStat | 'absent' | null;
  stat(path: string): FileStat;
  open(path: string, mode: OpenMode, caller: Caller): Inode | typeof TRY_LATER;
  /** The host believes that there is no such name, and does not ask. */
  isKnownAbsent(path: string): boolean;
  makeDirectory(path: string, caller: Caller): void;
  removeDirectory(path: string, caller: Caller): void;
  unlink(path: string, caller: Caller): undefined | typeof TRY_LATER;
  rename(from: string, to: string, caller: Caller): void;
  touch(path: string, modifiedAtMs: number): void;
  list(path: string): string[];
  syncDirectory(path: string): void;

  canReadAlone(file: OpenFile, position: number, length: number): boolean;
  readAlone(file: OpenFile, into: Uint8Array, position: number): number;
  read(file: OpenFile, into: Uint8Array, position: number): number;
  /** Keeps the bytes for later; false when it does not do that. */
  writeAlone(file: OpenFile, bytes: Uint8Array, position: number): boolean;
  write(file: OpenFile, bytes: Uint8Array, position: number, fault: WriteFault): void;
  /** A sync has nothing to do. */
  isClean(file: OpenFile): boolean;
  sync(file: OpenFile, fault: WriteFault): void;
  /** Of a sync that begins now: what a power cut of the server before its end does, also when the host is dead by then. */
  tornSync(file: OpenFile): () => void;
  cachedStatOf(file: OpenFile): FileStat | null;
  statOf(file: OpenFile): FileStat;
  hasLocked(file: OpenFile): void;
  /** Everything in memory is gone. */
  powerOff(): void;
}
