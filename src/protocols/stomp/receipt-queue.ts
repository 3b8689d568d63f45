/**
 * Receipts that were asked for and not yet given, in the order of their frames. They are kept as
 * the bytes that the client wrote, in one ring, so that a receipt costs no object and no string.
 */
import { NO_BYTES } from './bytes.js';

const FIRST_BYTES = 256;
/** Two bytes of length go before each receipt, so this is the longest one. */
export const MAX_RECEIPT_BYTES = 0xffff;
const LENGTH_BYTES = 2;

export class ReceiptQueue {
  private bytes: Uint8Array = NO_BYTES;
  private head = 0;
  private tail = 0;

  /** Bytes held for receipts that were not yet given. */
  get heldBytes(): number {
    return this.tail - this.head;
  }

  push(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.reserve(LENGTH_BYTES + length);
    this.bytes[this.tail] = length & 0xff;
    this.bytes[this.tail + 1] = length >> 8;
    this.bytes.set(source.subarray(start, end), this.tail + LENGTH_BYTES);
    this.tail += LENGTH_BYTES + length;
  }

  /** Calls `take` with the oldest receipt's bytes and drops it. */
  shift(take: (bytes: Uint8Array, start: number, end: number) => void): void {
    const start = this.head + LENGTH_BYTES;
    const low = this.bytes[this.head] as number;
    const end = start + low + ((this.bytes[this.head + 1] as number) << 8);
    take(this.bytes, start, end);
    this.head = end;
    if (this.head === this.tail) {
      this.head = 0;
      this.tail = 0;
    }
  }

  private reserve(count: number): void {
    if (this.tail + count <= this.bytes.length) return;
    const held = this.heldBytes;
    const needed = held + count;
    // Moving to the front pays only when at least half of the bytes were given back.
    if (needed * 2 <= this.bytes.length) {
      this.bytes.copyWithin(0, this.head, this.tail);
    } else {
      const larger = new Uint8Array(Math.max(FIRST_BYTES, this.bytes.length * 2, needed));
      larger.set(this.bytes.subarray(this.head, this.tail));
      this.bytes = larger;
    }
    this.head = 0;
    this.tail = held;
  }
}
