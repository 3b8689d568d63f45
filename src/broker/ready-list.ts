/**
 * What waits for a consumer: the highest priority first, and within one in the order of arrival. The
 * last entry of each priority is known, so that what arrives finds its place without a search; where all
 * have one priority it is the end of the list.
 */

import { EntryList } from './entry-list.js';
import { ENTRY_STATE, NONE } from './message-table.js';
import { PRIORITIES } from './priority.js';

/** What is in it, or goes into it, is `ready`, and nothing else of its queue. */
export class ReadyList extends EntryList {
  private readonly lasts: number[] = new Array(PRIORITIES).fill(NONE);

  /**
   * Puts `slot` where it belongs. For what comes back, `hint` is where to begin to search, when it is of the
   * same priority and comes before it; a hint must be in the list.
   */
  insert(slot: number, hint: number): void {
    const { table, lasts } = this;
    const priority = table.priorityOf(slot);
    const last = lasts[priority] as number;
    if (last !== NONE && table.isBefore(slot, last)) {
      const start = this.isUseful(hint, slot) ? hint : this.firstOf(priority);
      this.insertBehind(this.search(start, last, table.idOf(slot)), slot);
      return;
    }
    lasts[priority] = slot;
    // Nothing else is looked at where all have one priority.
    if (last === this.tail) this.append(slot);
    else this.insertBehind(last === NONE ? this.beforeFirst(priority) : last, slot);
  }

  /** The last entry of a priority with a lower id, or NONE; whether there is one with this id or not. */
  lastBelow(priority: number, id: number): number {
    const { table } = this;
    const last = this.lasts[priority] as number;
    if (last === NONE || table.idOf(last) < id) return last;
    const first = this.firstOf(priority);
    const slot = table.find(id);
    const before = this.isBeside(slot, last)
      ? table.previousOf(slot)
      : this.search(first, last, id);
    return before !== NONE && table.priorityOf(before) === priority ? before : NONE;
  }

  lastOf(priority: number): number {
    return this.lasts[priority] as number;
  }

  /** There must be one. */
  firstOf(priority: number): number {
    const before = this.beforeFirst(priority);
    return before === NONE ? this.head : this.table.nextOf(before);
  }

  override remove(slot: number): void {
    const { table, lasts } = this;
    const priority = table.priorityOf(slot);
    if (lasts[priority] === slot) {
      const previous = table.previousOf(slot);
      const isLastNow = previous !== NONE && table.priorityOf(previous) === priority;
      lasts[priority] = isLastNow ? previous : NONE;
    }
    super.remove(slot);
  }

  override clear(): void {
    this.lasts.fill(NONE);
    super.clear();
  }

  /** Infinity when there is none. */
  lowestId(): number {
    const { table } = this;
    let lowest = Number.POSITIVE_INFINITY;
    let first = this.head;
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) {
      const last = this.lasts[priority] as number;
      if (last === NONE) continue;
      lowest = Math.min(lowest, table.idOf(first));
      first = table.nextOf(last);
    }
    return lowest;
  }

  /**
   * What `id` belongs behind, between `first` and `last` of one priority; NONE at the head. The search goes on from
   * both ends, and to both sides of the id: where the list is long, what is next to it has one near to it.
   */
  private search(first: number, last: number, id: number): number {
    const { table } = this;
    if (table.idOf(first) > id) return table.previousOf(first);
    let earlier = first;
    let later = last;
    for (let distance = 1; ; distance += 1) {
      const below = table.find(id - distance);
      if (this.isBeside(below, last)) return below;
      const above = table.find(id + distance);
      if (this.isBeside(above, last)) return table.previousOf(above);
      const next = table.nextOf(earlier);
      if (table.idOf(next) > id) return earlier;
      earlier = next;
      later = table.previousOf(later);
      if (table.idOf(later) < id) return later;
    }
  }

  /** Whether a slot that was found by its id is in this list, and of the priority of one that is. */
  private isBeside(slot: number, other: number): boolean {
    const { table } = this;
    if (slot === NONE || table.stateOf(slot) !== ENTRY_STATE.ready) return false;
    const isOfQueue = table.queueOf(slot) === table.queueOf(other);
    return isOfQueue && table.priorityOf(slot) === table.priorityOf(other);
  }

  private insertBehind(before: number, slot: number): void {
    if (before === this.tail) this.append(slot);
    else this.insertBefore(before === NONE ? this.head : this.table.nextOf(before), slot);
  }

  private isUseful(hint: number, slot: number): boolean {
    const { table } = this;
    if (hint === NONE || table.priorityOf(hint) !== table.priorityOf(slot)) return false;
    return table.isBefore(hint, slot);
  }

  /** The last entry of all higher priorities, or NONE. */
  private beforeFirst(priority: number): number {
    for (let higher = priority + 1; higher < PRIORITIES; higher += 1) {
      const last = this.lasts[higher] as number;
      if (last !== NONE) return last;
    }
    return NONE;
  }
}
