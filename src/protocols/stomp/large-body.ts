/**
 * The body of a MESSAGE frame that is too large to wait for its client in one piece. Other frames cannot
 * come in the middle of it, so they wait behind it.
 */
import type { DeliveryView, HeldBytes } from '../../broker/api.js';
import type { Output } from '../shared/output.js';

/** What is handed to the socket at a time. */
const LARGEST_PART_BYTES = 64 * 1024;
const END_OF_FRAME = new Uint8Array(1);

export class LargeBody {
  private readonly output: Output;
  private readonly held: HeldBytes;
  private readonly onReady: () => void;
  private position: number;
  private readonly end: number;

  /** Of a delivery whose head was appended to `output`. `onReady`: what `write` had to wait for is there. */
  constructor(output: Output, message: DeliveryView, onReady: () => void) {
    this.output = output;
    this.held = message.hold();
    this.onReady = onReady;
    this.position = message.bodyStart;
    this.end = message.bodyEnd;
    output.beginBody();
  }

  /** Writes on while `hasRoom`; returns whether that was all of it. */
  write(hasRoom: () => boolean): boolean {
    while (this.position < this.end) {
      if (!hasRoom()) return false;
      const bytes = this.held.from(this.position, this.onReady);
      if (bytes === null) return false;
      const count = Math.min(bytes.length, this.end - this.position, LARGEST_PART_BYTES);
      this.output.pass(bytes.subarray(0, count));
      this.position += count;
    }
    this.output.pass(END_OF_FRAME);
    this.output.endBody();
    this.held.release();
    return true;
  }

  /** The client gets no more of it, nor of anything behind it. */
  drop(): void {
    this.held.release();
  }
}
