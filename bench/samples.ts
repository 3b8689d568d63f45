/** Durations of one measurement, all of them kept, so that percentiles are exact. */

const FIRST_CAPACITY = 4096;

export class Samples {
  #values = new Float64Array(FIRST_CAPACITY);
  #count = 0;
  #isSorted = false;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count] = value;
    this.#count += 1;
    this.#isSorted = false;
  }

  addAll(others: Samples): void {
    for (const value of others.#values.subarray(0, others.#count)) this.add(value);
  }

  /** The smallest value that at least `fraction` of all values do not exceed; NaN without values. */
  percentile(fraction: number): number {
    const values = this.#values.subarray(0, this.#count);
    if (!this.#isSorted) values.sort();
    this.#isSorted = true;
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    return values[rank - 1] ?? Number.NaN;
  }

  clear(): void {
    this.#count = 0;
  }
}
