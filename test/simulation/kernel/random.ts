/**
 * Everything that is left to chance in a simulated world. Each part of the world draws from a stream
 * of its own, so that leaving out a fault or a client does not change what the others draw.
 */

const TWO_TO_32 = 2 ** 32;

/** sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, small and fast. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: string) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / TWO_TO_32) | 0;
    this.#c = hash(stream);
    for (let round = 0; round < 12; round += 1) this.#next32();
  }

  /** From 0 to below 1. */
  fraction(): number {
    return (this.#next32() >>> 0) / TWO_TO_32;
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.fraction();
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.fraction() * items.length)];
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }

  /** Most draws lie near `usual`; a few are much longer, as waits in real systems are. */
  wait(usual: number): number {
    const draw = this.fraction();
    const stretch = draw < 0.97 ? 0.5 + draw : 2 + 400 * (draw - 0.97) ** 1.5;
    return usual * stretch;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at += 1) bytes[at] = this.#next32() & 0xff;
    return bytes;
  }

  #next32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum;
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value;
}
