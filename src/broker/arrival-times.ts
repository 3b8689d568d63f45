/**
 * When messages came, roughly: entry ids only rise, so a few pairs of id and time tell of every entry
 * without a time for each. Kept in memory only: of what came before the first pair only that is known.
 */

/** From this many on, every second one is forgotten, and the next ones are twice as far apart. */
const MAX_PAIRS = 4_096;
const FIRST_STEP_MS = 1_000;

export class ArrivalTimes {
  #ids: number[] = [];
  #timesMs: number[] = [];
  #stepMs = FIRST_STEP_MS;
  /** What came before the first pair is there at least since then. */
  #firstMs: number | null = null;
  /** A pair that is not later would not be kept. */
  nextMs = Number.NEGATIVE_INFINITY;

  /** No entry with this id or a higher one came before `wallMs`. */
  note(entryId: number, wallMs: number): void {
    const last = this.#ids.length - 1;
    if (last >= 0 && entryId <= (this.#ids[last] as number)) {
      // Nobody sent anything meanwhile.
      if (entryId === this.#ids[last]) this.#moveLast(wallMs);
      return;
    }
    if (wallMs < this.nextMs) return;
    this.#firstMs ??= wallMs;
    this.#ids.push(entryId);
    this.#timesMs.push(wallMs);
    if (this.#ids.length >= MAX_PAIRS) this.#thinOut();
    this.nextMs = wallMs + this.#stepMs;
  }

  /** Since when the entry is there at the longest; of one from before the first pair, at the shortest. Null when nothing is known. */
  arrivedAtMs(entryId: number): number | null {
    const ids = this.#ids;
    let count = 0;
    for (let end = ids.length; count < end; ) {
      const middle = (count + end) >>> 1;
      if ((ids[middle] as number) <= entryId) count = middle + 1;
      else end = middle;
    }
    return count === 0 ? this.#firstMs : (this.#timesMs[count - 1] as number);
  }

  #moveLast(wallMs: number): void {
    const last = this.#timesMs.length - 1;
    if (wallMs <= (this.#timesMs[last] as number)) return;
    this.#timesMs[last] = wallMs;
    this.nextMs = wallMs + this.#stepMs;
  }

  #thinOut(): void {
    this.#ids = this.#ids.filter((_, index) => index % 2 === 0);
    this.#timesMs = this.#timesMs.filter((_, index) => index % 2 === 0);
    this.#stepMs *= 2;
  }
}
