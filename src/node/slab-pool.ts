/**
 * Buffers in which batches gather. Each goes to the storage thread and comes back; then it is used
 * again, because a large buffer for every batch would keep the garbage collector busy.
 */

import { alignToSector } from '../journal/format.js';

/** One that gathers, one under way, and some for the batches that one large commit closes at once. */
const MAX_FREE = 8;

export class SlabPool {
  readonly #slabBytes: number;
  readonly #free: ArrayBuffer[] = [];

  /** `usualBytes`: what is asked for nearly always. */
  constructor(usualBytes: number) {
    this.#slabBytes = alignToSector(usualBytes);
  }

  /** At least `minimumBytes`, and a whole number of sectors, so that a block can be padded in place. */
  allocate(minimumBytes: number): Uint8Array {
    if (minimumBytes > this.#slabBytes)
      return new Uint8Array(unfilled(alignToSector(minimumBytes)));
    return new Uint8Array(this.#free.pop() ?? unfilled(this.#slabBytes));
  }

  /** Nothing may view the slab any more. */
  giveBack(slab: ArrayBuffer): void {
    if (this.isReused(slab) && this.#free.length < MAX_FREE) this.#free.push(slab);
  }

  /** False for one that was made for a single large batch: whoever has it may keep it. */
  isReused(slab: ArrayBuffer): boolean {
    return slab.byteLength === this.#slabBytes;
  }
}

/** Without zeros: every byte that is written out was filled in before. */
function unfilled(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
}
