/** Ids of messages that this node took, but in batches that are not applied yet. */

import type { DuplicateKey } from './duplicate-key.js';
import type { DuplicateAddress } from './duplicate-windows.js';

export class ArrivingDuplicates {
  private readonly keysOf = new Map<DuplicateAddress, Set<DuplicateKey>>();

  has(address: DuplicateAddress, key: DuplicateKey): boolean {
    return this.keysOf.get(address)?.has(key) === true;
  }

  add(address: DuplicateAddress, key: DuplicateKey): void {
    const keys = this.keysOf.get(address);
    if (keys === undefined) this.keysOf.set(address, new Set([key]));
    else keys.add(key);
  }

  remove(address: DuplicateAddress, key: DuplicateKey): void {
    const keys = this.keysOf.get(address);
    keys?.delete(key);
    if (keys?.size === 0) this.keysOf.delete(address);
  }

  clear(): void {
    this.keysOf.clear();
  }
}
