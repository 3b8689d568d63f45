/** A doubly linked list of slots. A slot is in one list at most: the links are the table's columns. */

import { type MessageTable, NONE } from './message-table.js';

export class EntryList {
  head = NONE;
  tail = NONE;
  length = 0;
  protected readonly table: MessageTable;

  constructor(table: MessageTable) {
    this.table = table;
  }

  append(slot: number): void {
    this.table.link(this.tail, slot);
    this.table.link(slot, NONE);
    if (this.head === NONE) this.head = slot;
    this.tail = slot;
    this.length += 1;
  }

  remove(slot: number): void {
    const previous = this.table.previousOf(slot);
    const next = this.table.nextOf(slot);
    this.table.link(previous, next);
    if (this.head === slot) this.head = next;
    if (this.tail === slot) this.tail = previous;
    this.length -= 1;
  }

  clear(): void {
    this.head = NONE;
    this.tail = NONE;
    this.length = 0;
  }

  protected insertBefore(next: number, slot: number): void {
    this.table.link(this.table.previousOf(next), slot);
    this.table.link(slot, next);
    if (this.head === next) this.head = slot;
    this.length += 1;
  }
}
