/**
 * What a consumer was delivered and has not settled, in the order in which it was delivered: what it
 * acknowledges with all before it is what it was sent before, whatever priority that had.
 */

import { EntryList } from './entry-list.js';
import { type MessageTable, NONE } from './message-table.js';

export class DeliveredList extends EntryList {
  private deliveries = 0;

  /** The consumer gets it now. */
  override append(slot: number): void {
    this.table.setDeliveryNumber(slot, this.deliveries);
    this.deliveries += 1;
    super.append(slot);
  }

  /**
   * Puts back what was in it, where it was. The search begins at `hint`, when that, which must be in the
   * list, was delivered before it; else at the head.
   */
  putBack(slot: number, hint: number): void {
    const { table } = this;
    if (this.tail === NONE || wasBefore(table, this.tail, slot)) {
      super.append(slot);
      return;
    }
    let next = hint !== NONE && wasBefore(table, hint, slot) ? hint : this.head;
    while (wasBefore(table, next, slot)) next = table.nextOf(next);
    this.insertBefore(next, slot);
  }
}

/** Of two entries that one consumer was delivered. */
export function wasBefore(table: MessageTable, slot: number, other: number): boolean {
  return table.deliveryNumberOf(slot) < table.deliveryNumberOf(other);
}
