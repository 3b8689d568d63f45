/** A few ids, each once, that are taken from the lowest on; they come nearly in order. */

export class AscendingIds {
  private ids: number[] = [];
  /** Those before it are taken. */
  private start = 0;

  get length(): number {
    return this.ids.length - this.start;
  }

  /** There must be one. */
  get lowest(): number {
    return this.ids[this.start] as number;
  }

  add(id: number): void {
    const { ids } = this;
    let low = this.start;
    let high = ids.length;
    // What comes in order has its place at the end.
    if (high > low && (ids[high - 1] as number) < id) low = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ids[middle] as number) < id) low = middle + 1;
      else high = middle;
    }
    if (ids[low] === id) return;
    if (low === ids.length) ids.push(id);
    else ids.splice(low, 0, id);
  }

  takeLowest(): void {
    this.start += 1;
    if (this.start * 2 < this.ids.length) return;
    this.ids.splice(0, this.start);
    this.start = 0;
  }

  /** Forgets this id and all that are higher. */
  dropFrom(id: number): void {
    while (this.length > 0 && (this.ids.at(-1) as number) >= id) this.ids.pop();
  }

  keep(isKept: (id: number) => boolean): void {
    this.ids = this.ids.slice(this.start).filter(isKept);
    this.start = 0;
  }
}
