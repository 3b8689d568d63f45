/** What a client has sent and nobody may carry out yet. Its socket is paused, at once or soon, so that it is little. */
import { HoldfastError } from '../../platform/errors.js';

const MAX_HELD_BYTES = 1024 * 1024;
/** What a chunk is charged besides its bytes: many may be as small as a heart-beat. */
const CHUNK_BYTES = 128;

export class HeldBytes {
  private chunks: Uint8Array[] = [];
  /** What the chunks take in memory, about. */
  count = 0;

  /** Keeps a copy. Throws LIMIT_EXCEEDED for more than a paused socket can bring. */
  hold(bytes: Uint8Array): void {
    this.count += bytes.length + CHUNK_BYTES;
    if (this.count > MAX_HELD_BYTES) {
      throw new HoldfastError(
        'LIMIT_EXCEEDED',
        `More than ${MAX_HELD_BYTES} bytes came before the client was known; wait for the answer to the login first.`,
      );
    }
    this.chunks.push(bytes.slice());
  }

  /** All of it, in order; nothing is held any more. */
  release(): readonly Uint8Array[] {
    const { chunks } = this;
    this.chunks = [];
    this.count = 0;
    return chunks;
  }
}
