/** Buffers in which batches gather. Each goes to the storage thread and comes back; then it is used again. */

import { alignToSector } from '../journal/format.js';

const SLAB_BYTES = 256 * 1024;
const MAX_FREE = 8;

export class SlabPool {
  readonly #free: ArrayBuffer[] = [];

  /** At least `minimumBytes`, and a whole number of sectors, so that a block can be padded in place. */
  allocate(minimumBytes: number): Uint8Array {
    if (minimumBytes <= SLAB_BYTES) {
      return new Uint8Array(this.#free.pop() ?? unfilled(SLAB_BYTES));
    }
    return new Uint8Array(unfilled(alignToSector(minimumBytes)));
  }

  /** The written payload for the cache: a copy when it is small beside its slab, else a view of it. */
  payloadToKeep(slab: ArrayBuffer, start: number, end: number): Uint8Array {
    const view = new Uint8Array(slab, start, end - start);
    return isLarge(slab, end) ? view : view.slice();
  }

  /** After the batch was applied: a slab that nothing views any more is used again. */
  giveBack(slab: ArrayBuffer, end: number): void {
    if (isLarge(slab, end)) return;
    if (slab.byteLength === SLAB_BYTES && this.#free.length < MAX_FREE) this.#free.push(slab);
  }
}

/** Without zeros: every byte that is written out was filled in before. */
function unfilled(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
}

function isLarge(slab: ArrayBuffer, end: number): boolean {
  return end * 2 > slab.byteLength;
}
