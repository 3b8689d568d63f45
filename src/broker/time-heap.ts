/**
 * Whose time comes next, to expire or to be delivered: a binary heap of entries that have one; of those with
 * the same time the one with the lowest id. Entries
 * that are gone stay in it until they surface or until they are the majority, when it is rebuilt.
 */

const REBUILD_FLOOR = 1024;

export class TimeHeap {
  private readonly times: number[] = [];
  private readonly ids: number[] = [];
  private readonly isAlive: (id: number) => boolean;
  private rebuildAt = REBUILD_FLOOR;

  /** `isAlive`: whether the entry still exists and shall stay in the heap. */
  constructor(isAlive: (id: number) => boolean) {
    this.isAlive = isAlive;
  }

  get size(): number {
    return this.ids.length;
  }

  /** Infinity when empty. */
  get earliestMs(): number {
    return this.times[0] ?? Number.POSITIVE_INFINITY;
  }

  push(timeMs: number, id: number): void {
    if (this.ids.length >= this.rebuildAt) this.rebuild();
    this.times.push(timeMs);
    this.ids.push(id);
    this.siftUp(this.ids.length - 1);
  }

  /** Removes the entry whose time comes first and returns its id. Only when not empty. */
  pop(): number {
    const id = this.ids[0] as number;
    const lastTime = this.times.pop() as number;
    const lastId = this.ids.pop() as number;
    if (this.ids.length > 0) {
      this.times[0] = lastTime;
      this.ids[0] = lastId;
      this.siftDown(0);
    }
    return id;
  }

  clear(): void {
    this.times.length = 0;
    this.ids.length = 0;
    this.rebuildAt = REBUILD_FLOOR;
  }

  private rebuild(): void {
    let kept = 0;
    for (let index = 0; index < this.ids.length; index += 1) {
      const id = this.ids[index] as number;
      if (!this.isAlive(id)) continue;
      this.ids[kept] = id;
      this.times[kept] = this.times[index] as number;
      kept += 1;
    }
    this.ids.length = kept;
    this.times.length = kept;
    for (let index = (kept >> 1) - 1; index >= 0; index -= 1) this.siftDown(index);
    this.rebuildAt = Math.max(REBUILD_FLOOR, kept * 2);
  }

  private siftUp(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.isBefore(index, parent)) return;
      this.swap(parent, index);
      index = parent;
    }
  }

  private siftDown(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= this.ids.length) return;
      const right = left + 1;
      const child = right < this.ids.length && this.isBefore(right, left) ? right : left;
      if (!this.isBefore(child, index)) return;
      this.swap(child, index);
      index = child;
    }
  }

  private isBefore(one: number, other: number): boolean {
    const time = this.times[one] as number;
    const otherTime = this.times[other] as number;
    return time === otherTime
      ? (this.ids[one] as number) < (this.ids[other] as number)
      : time < otherTime;
  }

  private swap(one: number, other: number): void {
    const time = this.times[one] as number;
    const id = this.ids[one] as number;
    this.times[one] = this.times[other] as number;
    this.ids[one] = this.ids[other] as number;
    this.times[other] = time;
    this.ids[other] = id;
  }
}
