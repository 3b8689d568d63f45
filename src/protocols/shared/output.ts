/**
 * What one connection has to say, gathered in a slab of bytes and handed to the socket once per
 * turn of the event loop: one write per frame would cost far more than the frame. A slab that was
 * handed over belongs to the socket; only the part behind it is still written to.
 */

const NO_BYTES = new Uint8Array(0);
const FIRST_SLAB_BYTES = 1024;
const LARGEST_SLAB_BYTES = 64 * 1024;
/** Below this a loop is faster than making a view for `set`. */
const SHORT_COPY_BYTES = 24;
const DIGIT_ZERO = 0x30;

export class Output {
  /** Bytes handed to the socket since the beginning. */
  writtenBytes = 0;
  private slab: Uint8Array = NO_BYTES;
  /** Where the bytes begin that the socket does not have yet. */
  private start = 0;
  private end = 0;
  private nextSlabBytes = FIRST_SLAB_BYTES;
  /** What was gathered while a large body goes past it; null while none does. */
  private behind: Uint8Array[] | null = null;
  private behindBytes = 0;

  private readonly write: (bytes: Uint8Array) => void;

  constructor(write: (bytes: Uint8Array) => void) {
    this.write = write;
  }

  /** Gathered and not yet handed over. */
  get gatheredBytes(): number {
    return this.end - this.start + this.behindBytes;
  }

  /** Makes room for `count` bytes; must come before the calls that append them. */
  reserve(count: number): void {
    if (this.end + count <= this.slab.length) return;
    this.flush();
    const size = Math.max(this.nextSlabBytes, count);
    this.nextSlabBytes = Math.min(this.nextSlabBytes * 2, LARGEST_SLAB_BYTES);
    this.slab = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
    this.start = 0;
    this.end = 0;
  }

  /** Hands everything gathered to the socket. */
  flush(): void {
    if (this.end === this.start) return;
    const bytes = this.slab.subarray(this.start, this.end);
    this.start = this.end;
    if (this.behind === null) {
      this.hand(bytes);
    } else {
      this.behind.push(bytes);
      this.behindBytes += bytes.length;
    }
  }

  /** Nothing that is gathered from now on is handed to the socket before `endBody`: `pass` goes past it. */
  beginBody(): void {
    this.flush();
    this.behind = [];
  }

  /** Hands a copy of a part of the body to the socket. */
  pass(bytes: Uint8Array): void {
    this.hand(new Uint8Array(bytes));
  }

  endBody(): void {
    const behind = this.behind ?? [];
    this.behind = null;
    this.behindBytes = 0;
    for (const bytes of behind) this.hand(bytes);
  }

  private hand(bytes: Uint8Array): void {
    this.writtenBytes += bytes.length;
    this.write(bytes);
  }

  /** Lets the slab go while the connection is idle. */
  releaseWhenEmpty(): void {
    if (this.end !== this.start) return;
    this.slab = NO_BYTES;
    this.start = 0;
    this.end = 0;
    this.nextSlabBytes = FIRST_SLAB_BYTES;
  }

  byte(value: number): void {
    this.slab[this.end] = value;
    this.end += 1;
  }

  bytes(source: Uint8Array): void {
    this.range(source, 0, source.length);
  }

  range(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length <= SHORT_COPY_BYTES) {
      const slab = this.slab;
      let to = this.end;
      for (let from = start; from < end; from++) slab[to++] = source[from] as number;
    } else {
      this.slab.set(source.subarray(start, end), this.end);
    }
    this.end += length;
  }

  /** A whole number from zero on, in at most 16 digits. */
  decimal(value: number): void {
    let digits = 1;
    for (let power = 10; value >= power; power *= 10) digits += 1;
    let at = this.end + digits;
    this.end = at;
    let rest = value;
    while (rest >= 10) {
      const quotient = Math.floor(rest / 10);
      this.slab[--at] = DIGIT_ZERO + (rest - quotient * 10);
      rest = quotient;
    }
    this.slab[--at] = DIGIT_ZERO + rest;
  }

  /** For rare frames; reserves by itself. */
  frame(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes(bytes);
  }
}
