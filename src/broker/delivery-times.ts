/**
 * When messages are to be delivered: the times that their senders gave them, which are stored, and the next
 * attempts of those that failed, which this node alone knows.
 */
import { ENTRY_FLAG, ENTRY_STATE, type MessageTable, NONE } from './message-table.js';
import { TimeHeap } from './time-heap.js';

export class DeliveryTimes {
  private readonly table: MessageTable;
  private readonly due = new TimeHeap((id) => this.isScheduled(id));
  /** Of every entry whose sender gave it one, past or not, by id. */
  private readonly ofSenders = new Map<number, number>();

  constructor(table: MessageTable) {
    this.table = table;
  }

  setBySender(slot: number, timeMs: number): void {
    this.ofSenders.set(this.table.idOf(slot), timeMs);
  }

  /** When its sender wants the entry delivered; 0: at once. */
  bySenderOf(slot: number): number {
    return this.ofSenders.get(this.table.idOf(slot)) ?? 0;
  }

  /** The entry is in the state `scheduled` from now on. */
  wait(slot: number, timeMs: number): void {
    this.due.push(timeMs, this.table.idOf(slot));
  }

  /** The slot of an entry that waits and is due, or NONE. */
  takeDue(nowMs: number): number {
    const { table, due } = this;
    while (due.earliestMs <= nowMs) {
      const slot = table.find(due.pop());
      if (slot !== NONE && table.stateOf(slot) === ENTRY_STATE.scheduled) return slot;
    }
    return NONE;
  }

  /** The entry is gone. */
  forget(slot: number): void {
    if (this.ofSenders.size > 0) this.ofSenders.delete(this.table.idOf(slot));
  }

  /** Only the times of the senders are left. */
  forgetAttempts(): void {
    this.due.clear();
    for (const [id, timeMs] of this.ofSenders) if (this.isScheduled(id)) this.due.push(timeMs, id);
  }

  /** Of entries that the journal has: their ids and the times of their senders. */
  *stored(): IterableIterator<readonly [number, number]> {
    for (const [id, timeMs] of this.ofSenders) {
      if (!this.table.hasFlag(this.table.find(id), ENTRY_FLAG.volatile)) yield [id, timeMs];
    }
  }

  private isScheduled(id: number): boolean {
    const slot = this.table.find(id);
    return slot !== NONE && this.table.stateOf(slot) === ENTRY_STATE.scheduled;
  }
}
