/**
 * Copies of payloads in a ring of large buffers that are made once: what is written goes through here
 * at the full rate of the broker, and a buffer of its own for each would keep the garbage
 * collector busy. The oldest chunk makes room for the newest payload.
 */

const LARGEST_CHUNK_BYTES = 1024 * 1024;
const FEWEST_CHUNKS = 2;

interface Chunk {
  readonly bytes: Uint8Array;
  /** Of what lies in it. */
  keys: number[];
}

export class PayloadRing {
  readonly #chunkBytes: number;
  readonly #maxChunks: number;
  readonly #onOverwritten: (key: number) => void;
  readonly #chunks: Chunk[] = [];
  #current = -1;
  #end: number;

  /** `onOverwritten`: what was stored under a key is about to be written over. */
  constructor(maxBytes: number, onOverwritten: (key: number) => void) {
    this.#chunkBytes = Math.min(LARGEST_CHUNK_BYTES, Math.ceil(maxBytes / FEWEST_CHUNKS));
    this.#maxChunks = Math.max(FEWEST_CHUNKS, Math.floor(maxBytes / this.#chunkBytes));
    this.#end = this.#chunkBytes;
    this.#onOverwritten = onOverwritten;
  }

  /** A copy of `payload` that stays until `onOverwritten` is called; null when it is too large. */
  store(key: number, payload: Uint8Array): Uint8Array | null {
    if (payload.byteLength > this.#chunkBytes) return null;
    if (this.#end + payload.byteLength > this.#chunkBytes) this.#nextChunk();
    const chunk = this.#chunks[this.#current] as Chunk;
    const copy = chunk.bytes.subarray(this.#end, this.#end + payload.byteLength);
    copy.set(payload);
    chunk.keys.push(key);
    this.#end += payload.byteLength;
    return copy;
  }

  #nextChunk(): void {
    this.#current = (this.#current + 1) % this.#maxChunks;
    this.#end = 0;
    const chunk = this.#chunks[this.#current];
    if (chunk === undefined) {
      this.#chunks.push({ bytes: new Uint8Array(this.#chunkBytes), keys: [] });
      return;
    }
    const { keys } = chunk;
    chunk.keys = [];
    for (const key of keys) this.#onOverwritten(key);
  }
}
