/**
 * Which ids came last to each address. Filled by records only, in the order in which they are applied,
 * and trimmed by limits that are in the journal as well: so every node has the same windows, whatever
 * its own configuration says.
 *
 * An address is written `queue/NAME` or `topic/NAME`. Addresses are in the order in which an id was
 * last added to them, so that the one that is used least loses its ids first when memory is short.
 */

import type { Destination } from './api.js';
import type { DuplicateKey } from './duplicate-key.js';

/** What an id is charged besides its length, and an address besides its name: what they take in memory, about. */
const ID_BYTES = 96;
const ADDRESS_BYTES = 512;
/** Ids that are gone are cut off the front of an order from this many on. */
const MIN_CUT = 256;

export type DuplicateAddress = string & { readonly brand: 'DuplicateAddress' };

export function duplicateAddress({ kind, name }: Destination): DuplicateAddress {
  return `${kind}/${name}` as DuplicateAddress;
}

export interface DuplicateLimits {
  /** The window of an address that has none of its own; 0: nothing is remembered. */
  readonly idsPerAddress: number;
  /** All windows together. */
  readonly maxBytes: number;
}

/** What is remembered of one address, from the oldest id on. */
export interface DuplicatesOfAddress {
  readonly address: DuplicateAddress;
  readonly keys: readonly DuplicateKey[];
  /** How many ids it remembers; null: as many as the limits say. */
  readonly ownIds: number | null;
}

class Window {
  readonly address: DuplicateAddress;
  readonly known = new Set<DuplicateKey>();
  /** Ids that are remembered, as the last one that was added said; null: as many as the limits say. */
  ownIds: number | null = null;
  /** Neighbours in the order of addresses. */
  older: Window | null = null;
  newer: Window | null = null;
  private order: DuplicateKey[] = [];
  private first = 0;

  constructor(address: DuplicateAddress) {
    this.address = address;
  }

  add(key: DuplicateKey): void {
    this.known.add(key);
    this.order.push(key);
  }

  removeOldest(): DuplicateKey {
    const key = this.order[this.first] as DuplicateKey;
    this.known.delete(key);
    this.first += 1;
    if (this.first >= MIN_CUT && 2 * this.first >= this.order.length) {
      this.order = this.order.slice(this.first);
      this.first = 0;
    }
    return key;
  }

  /** From the oldest id on. */
  keys(): readonly DuplicateKey[] {
    return this.order.slice(this.first);
  }
}

export class DuplicateWindows {
  limits: DuplicateLimits = { idsPerAddress: 0, maxBytes: 0 };
  ids = 0;
  /** What the limit counts. */
  bytes = 0;
  private readonly windows = new Map<DuplicateAddress, Window>();
  private oldest: Window | null = null;
  private newest: Window | null = null;

  get isEmpty(): boolean {
    return this.oldest === null;
  }

  /** What the windows take in a checkpoint, about. */
  get snapshotBytes(): number {
    return this.bytes - this.ids * (ID_BYTES - 3) - this.windows.size * (ADDRESS_BYTES - 16);
  }

  has(address: DuplicateAddress, key: DuplicateKey): boolean {
    return this.windows.get(address)?.known.has(key) === true;
  }

  /**
   * The newest id of its address; false when it is there already. `ownIds`: how many the address remembers
   * from now on; null: as many as the limits say.
   */
  add(address: DuplicateAddress, key: DuplicateKey, ownIds: number | null): boolean {
    const window = this.windows.get(address) ?? this.createWindow(address);
    if (window.known.has(key)) return false;
    window.add(key);
    window.ownIds = ownIds;
    this.ids += 1;
    this.bytes += ID_BYTES + key.length;
    this.moveToNewest(window);
    this.trimWindow(window);
    this.trimBytes();
    return true;
  }

  setLimits(limits: DuplicateLimits): void {
    this.limits = limits;
    for (let window = this.oldest; window !== null; ) {
      const { newer }: Window = window;
      this.trimWindow(window);
      window = newer;
    }
    this.trimBytes();
  }

  /** From the address whose ids go first on, with the oldest id of each first. */
  *all(): IterableIterator<DuplicatesOfAddress> {
    for (let window = this.oldest; window !== null; window = window.newer) {
      const { address, ownIds } = window;
      yield { address, ownIds, keys: window.keys() };
    }
  }

  private trimWindow(window: Window): void {
    const limit = window.ownIds ?? this.limits.idsPerAddress;
    while (window.known.size > limit) this.removeOldest(window);
  }

  private trimBytes(): void {
    while (this.bytes > this.limits.maxBytes && this.oldest !== null) {
      this.removeOldest(this.oldest);
    }
  }

  private removeOldest(window: Window): void {
    const key = window.removeOldest();
    this.ids -= 1;
    this.bytes -= ID_BYTES + key.length;
    if (window.known.size > 0) return;
    this.unlink(window);
    this.windows.delete(window.address);
    this.bytes -= ADDRESS_BYTES + window.address.length;
  }

  private createWindow(address: DuplicateAddress): Window {
    const window = new Window(address);
    this.windows.set(address, window);
    this.bytes += ADDRESS_BYTES + address.length;
    this.link(window);
    return window;
  }

  private moveToNewest(window: Window): void {
    if (window === this.newest) return;
    this.unlink(window);
    this.link(window);
  }

  private link(window: Window): void {
    window.older = this.newest;
    window.newer = null;
    if (this.newest === null) this.oldest = window;
    else this.newest.newer = window;
    this.newest = window;
  }

  private unlink(window: Window): void {
    if (window.older === null) this.oldest = window.newer;
    else window.older.newer = window.newer;
    if (window.newer === null) this.newest = window.older;
    else window.newer.older = window.older;
  }
}
