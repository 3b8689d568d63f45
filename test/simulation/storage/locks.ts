/**
 * Who holds which lock, as the server knows it: leases that are only taken away when somebody else
 * asks, and the grace period after a restart in which holders take back what they had.
 */
import type { Trace } from '../kernel/trace.js';
import type { FileServer } from './file-server.js';
import type { ClientHost, Descriptor } from './inode.js';

/** The server is not ready to answer: the client asks again after a while, and its caller waits. */
export const TRY_LATER = Symbol('try later');

export class Locks {
  readonly #server: FileServer;
  readonly #trace: Trace;
  #isInGrace = false;
  /** Had a lock when the server stopped, and has not taken it back. */
  readonly #unclaimed = new Set<Descriptor>();

  constructor(server: FileServer, trace: Trace) {
    this.#server = server;
    this.#trace = trace;
  }

  get isInGrace(): boolean {
    return this.#isInGrace;
  }

  tryLock(descriptor: Descriptor): boolean | typeof TRY_LATER {
    const { inode, mount } = descriptor;
    if (this.#server.behaviour.locksPerHost) {
      const holder = mount.ownLocks.get(inode) ?? descriptor;
      mount.ownLocks.set(inode, holder);
      return holder === descriptor;
    }
    if (this.#isInGrace) return TRY_LATER;
    const holder = inode.lock;
    if (holder === descriptor) return true;
    if (holder !== null) {
      if (!this.#server.behaviour.hasLeases || !holder.mount.leaseIsOver) return false;
      this.expire(holder.mount);
    }
    inode.lock = descriptor;
    mount.locked.add(descriptor);
    if (this.#trace.isOn) this.#trace.note(mount.host, () => `has locked ${inode.path}`);
    return true;
  }

  holds(descriptor: Descriptor): boolean {
    return (
      descriptor.inode.lock === descriptor ||
      descriptor.mount.ownLocks.get(descriptor.inode) === descriptor
    );
  }

  unlock(descriptor: Descriptor): void {
    const { inode, mount } = descriptor;
    if (inode.lock === descriptor) inode.lock = null;
    mount.locked.delete(descriptor);
    this.#unclaimed.delete(descriptor);
    if (mount.ownLocks.get(inode) === descriptor) mount.ownLocks.delete(inode);
  }

  /** The server has stopped, and everything that it knew of locks is gone. */
  forgetAll(mounts: Iterable<ClientHost>): void {
    for (const mount of mounts) for (const holder of mount.locked) this.#unclaimed.add(holder);
  }

  beginGrace(): void {
    this.#isInGrace = true;
    this.#endGraceIfComplete();
  }

  /** A client that reaches the server in time takes back what it held. */
  reclaim(mount: ClientHost): void {
    if (!this.#isInGrace) return;
    for (const descriptor of mount.locked) this.#unclaimed.delete(descriptor);
    this.#endGraceIfComplete();
  }

  /** The server gives up the whole client, not only the lock that somebody asks for. */
  expire(mount: ClientHost): void {
    for (const descriptor of mount.locked) this.#takeAway(descriptor);
  }

  endGrace(): void {
    this.#isInGrace = false;
    for (const descriptor of this.#unclaimed) this.#takeAway(descriptor);
    this.#unclaimed.clear();
  }

  #endGraceIfComplete(): void {
    if (this.#server.profile.endsGraceEarly && this.#unclaimed.size === 0) this.endGrace();
  }

  #takeAway(descriptor: Descriptor): void {
    const { inode, mount } = descriptor;
    if (this.#trace.isOn) this.#trace.note(mount.host, () => `loses the lock of ${inode.path}`);
    this.unlock(descriptor);
    if (this.#server.behaviour.fencesLostLocks) descriptor.hasLostLock = true;
  }
}
