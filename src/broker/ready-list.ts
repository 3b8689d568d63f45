/**
 * What waits for a consumer: the highest priority first, and within one in the order of arrival. The
 * last entry of each priority is known, so that what arrives finds its place without a search; where all
 * have one priority it is the end of the list.
 */

import { EntryList } from './entry-list.js';
import { NONE } from './message-table.js';
import { PRIORITIES } from './priority.js';

export class ReadyList extends EntryList {
  private readonly lasts: number[] = new Array(PRIORITIES).fill(NONE);

  /**
   * Puts `slot` where it belongs. What comes back was delivered earlier, so the search begins at the
   * first of its priority, or at `hint`, when that is of the same priority and comes before it; a hint
   * must be in the list.
   */
  insert(slot: number, hint: number): void {
    const { table, lasts } = this;
    const priority = table.priorityOf(slot);
    const last = lasts[priority] as number;
    if (last !== NONE && table.isBefore(slot, last)) {
      this.insertInOrder(slot, this.isUseful(hint, slot) ? hint : this.beforeFirst(priority));
      return;
    }
    lasts[priority] = slot;
    // Nothing else is looked at where all have one priority.
    if (last === this.tail) {
      this.append(slot);
      return;
    }
    const before = last === NONE ? this.beforeFirst(priority) : last;
    if (before === this.tail) this.append(slot);
    else this.insertBefore(before === NONE ? this.head : table.nextOf(before), slot);
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
