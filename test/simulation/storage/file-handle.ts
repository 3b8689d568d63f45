/** An open file of one simulated process. */
import { errnoOf } from '../../../src/platform/errors.js';
import type { FileHandle, FileStat, OpenMode } from '../../../src/platform/ports.js';
import type { OpenFile, WriteFault } from './client.js';
import type { Caller } from './file-server.js';
import type { ClientHost, Inode } from './inode.js';
import type { TRY_LATER } from './locks.js';
import type { CallOptions } from './process-calls.js';
import type { ProcessParts } from './process-parts.js';
import { systemError } from './system-error.js';

export class SimulatedFileHandle implements FileHandle, OpenFile {
  readonly path: string;
  readonly inode: Inode;
  readonly mount: ClientHost;
  readonly caller: Caller;
  readonly isDurable: boolean;
  readonly #canRead: boolean;
  readonly #canWrite: boolean;
  readonly #parts: ProcessParts;
  hasHeldLock = false;
  hasLostLock = false;
  hasToldLoss = false;
  #isClosed = false;

  constructor(parts: ProcessParts, path: string, mode: OpenMode, inode: Inode) {
    this.path = path;
    this.inode = inode;
    this.caller = parts.caller;
    this.mount = parts.caller.mount;
    this.isDurable = mode.endsWith('-durable');
    this.#canRead = !this.isDurable;
    this.#canWrite = mode !== 'read';
    this.#parts = parts;
    if (!parts.calls.process.isAlive) return;
    parts.open.add(this);
    inode.openBy.push(this);
    this.mount.descriptors.add(this);
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    const { calls, client, server } = this.#parts;
    if (calls.isBlocked) return calls.afterwards(() => this.write(bytes, position));
    if (this.#isClosed || !this.#canWrite) return this.#bad('write');
    const { behaviour } = server;
    const isLater = !this.isDurable && behaviour.hasClientCaches;
    const serverMs = this.isDurable ? behaviour.durableWriteMs : behaviour.roundTripMs;
    return calls.make({
      operation: 'write',
      path: this.path,
      blocks: true,
      serverMs: isLater ? null : serverMs,
      work: (fault) => {
        if (isLater && fault === null) client.writeAlone(this, bytes, position);
        else client.write(this, bytes, position, fault);
      },
      tear: () => {
        if (!this.hasLostLock) server.tear(this.inode, bytes, position);
      },
    });
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const { calls, client, server } = this.#parts;
    if (calls.isBlocked) return calls.afterwards(() => this.read(into, position));
    if (this.#isClosed || !this.#canRead) return this.#bad('read');
    if (this.inode.content === null) {
      return Promise.reject(systemError('EISDIR', 'read', this.path));
    }
    const isAlone = client.canReadAlone(this, position, into.byteLength);
    // What is cached is copied at once: it may be gone when the call returns.
    let count = -1;
    let failure: unknown = null;
    if (isAlone) {
      try {
        count = client.readAlone(this, into, position);
      } catch (error) {
        failure = error;
      }
    }
    return calls.make({
      operation: 'read',
      path: this.path,
      blocks: false,
      serverMs: isAlone ? null : server.behaviour.roundTripMs,
      work: () => {
        if (failure !== null) throw failure;
        if (!isAlone) count = client.read(this, into, position);
        this.#parts.traffic.bytesRead += count;
        return count;
      },
    });
  }

  sync(): Promise<void> {
    const { calls } = this.#parts;
    if (calls.isBlocked) return calls.afterwards(() => this.sync());
    return this.#isClosed ? this.#bad('fdatasync') : calls.make(this.#syncCall(true));
  }

  syncInBackground(): Promise<void> {
    const { calls } = this.#parts;
    if (calls.isBlocked) return calls.afterwards(() => this.syncInBackground());
    return this.#isClosed ? this.#bad('fdatasync') : calls.make(this.#syncCall(false));
  }

  stat(): Promise<FileStat> {
    const { calls, client, server } = this.#parts;
    if (calls.isBlocked) return calls.afterwards(() => this.stat());
    if (this.#isClosed) return this.#bad('fstat');
    const cached = client.cachedStatOf(this);
    return calls.make({
      operation: 'stat',
      path: this.path,
      blocks: false,
      serverMs: cached === null ? server.behaviour.roundTripMs : null,
      work: () => cached ?? client.statOf(this),
    });
  }

  tryLockExclusive(): Promise<boolean> {
    const { calls, server } = this.#parts;
    if (calls.isBlocked) return calls.afterwards(() => this.tryLockExclusive());
    const { behaviour } = server;
    const isRefused = behaviour.hasClientCaches && !this.#canWrite;
    if (this.#isClosed || isRefused) return this.#bad('flock');
    return calls.make({
      operation: 'lock',
      path: this.path,
      blocks: true,
      serverMs: behaviour.locksPerHost ? null : behaviour.roundTripMs,
      work: () => this.#tryLock(),
    });
  }

  close(): Promise<void> {
    const { calls, client, server } = this.#parts;
    if (calls.isBlocked) return calls.afterwards(() => this.close());
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    const isAlone = client.isClean(this) && this.inode.lock !== this;
    return calls.make({
      operation: 'close',
      path: this.path,
      blocks: false,
      serverMs: isAlone ? null : server.behaviour.roundTripMs,
      work: (fault) => this.#close(fault),
    });
  }

  /** What the kernel does when the process is gone. */
  abandon(): void {
    try {
      this.#close(null);
    } catch (error) {
      // Bytes that could not be written out are lost, and nobody is left to be told.
      if (errnoOf(error) === undefined) throw error;
    }
  }

  /** Writes out what is dirty, and lets go of the lock and the file, even when the former fails. */
  #close(fault: WriteFault): void {
    const { client, locks, server, open } = this.#parts;
    const { inode, mount } = this;
    this.#isClosed = true;
    open.delete(this);
    try {
      const writesOut = server.behaviour.hasClientCaches && !client.isClean(this);
      if (writesOut || fault !== null) client.sync(this, fault);
    } finally {
      locks.unlock(this);
      mount.descriptors.delete(this);
      inode.removeDescriptor(this);
      if (inode.hiddenBy === mount && !inode.isOpenBy(mount)) server.releaseHidden(inode);
    }
  }

  #syncCall(blocks: boolean): CallOptions<void> {
    const { client, server } = this.#parts;
    return {
      operation: 'sync',
      path: this.path,
      blocks,
      serverMs: client.isClean(this) ? null : server.behaviour.durableWriteMs,
      work: (fault: WriteFault) => client.sync(this, fault),
      tear: client.tornSync(this),
    };
  }

  #tryLock(): boolean | typeof TRY_LATER {
    const { calls, client, locks } = this.#parts;
    if (this.#isClosed || !calls.process.isAlive) return false;
    const heldBefore = locks.holds(this);
    const answer = locks.tryLock(this);
    if (answer === true && !heldBefore) client.hasLocked(this);
    this.hasHeldLock ||= answer === true;
    return answer;
  }

  #bad(syscall: string): Promise<never> {
    return Promise.reject(systemError('EBADF', syscall, this.path));
  }
}
