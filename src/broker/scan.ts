/**
 * How far a consumer that does not want everything has looked through its queue: one with a selector,
 * or a browser, which takes nothing away. Everything up to its place was looked at and is not wanted,
 * so that each entry is looked at once, however many come and go; what goes back behind it is
 * remembered by its id and looked at again.
 */
import type { EntryList } from './entry-list.js';
import { ENTRY_STATE, type MessageTable, NONE } from './message-table.js';

const MOST_UNSORTED = 1_000;

export class Scan {
  /** The block under it is being loaded. */
  isLoading = false;
  private readonly table: MessageTable;
  private readonly ready: EntryList;
  private readonly looksAgain: boolean;
  /** The last entry that was looked at and is still in the queue's list, or NONE before its head. */
  private at = NONE;
  /** The highest id that was looked at. */
  private lookedUpTo = 0;
  /** Ids that went back into the list behind it; sorted when they are needed. */
  private returned: number[] = [];
  private isReturnedSorted = true;

  /** `looksAgain`: what goes back behind it is looked at again; a browser, which may have shown it, does not. */
  constructor(table: MessageTable, ready: EntryList, looksAgain: boolean) {
    this.looksAgain = looksAgain;
    this.table = table;
    this.ready = ready;
  }

  /** The next entry that was not looked at, or NONE. It stays the next until `passed`. */
  next(): number {
    const { table } = this;
    while (this.returned.length > 0) {
      if (!this.isReturnedSorted) this.sortReturned();
      const id = this.returned.at(-1) as number;
      const slot = table.find(id);
      if (slot !== NONE && table.stateOf(slot) === ENTRY_STATE.ready) return slot;
      this.returned.pop();
    }
    let slot = this.at === NONE ? this.ready.head : table.nextOf(this.at);
    // What went back right behind it was looked at: `returned` has it, or had it.
    while (slot !== NONE && table.idOf(slot) <= this.lookedUpTo) {
      this.at = slot;
      slot = table.nextOf(slot);
    }
    return slot;
  }

  /** `slot`, which `next` gave, was looked at. */
  passed(slot: number): void {
    const id = this.table.idOf(slot);
    if (id <= this.lookedUpTo) {
      this.returned.pop();
      return;
    }
    this.at = slot;
    this.lookedUpTo = id;
  }

  /** Ids that are remembered because they came back. */
  get returnedCount(): number {
    return this.returned.length;
  }

  /** To be called before an entry leaves the list. */
  leaves(slot: number): void {
    if (slot === this.at) this.at = this.table.previousOf(slot);
  }

  /** To be called when an entry went back into the list. */
  returns(slot: number): void {
    const id = this.table.idOf(slot);
    if (id > this.lookedUpTo || !this.looksAgain) return;
    const last = this.returned.at(-1);
    this.returned.push(id);
    this.isReturnedSorted &&= last === undefined || last > id;
    // Who does not look for long must not gather the same ids again and again.
    if (this.returned.length > 2 * this.ready.length + MOST_UNSORTED) this.sortReturned();
  }

  /** The lowest id last, and each once. */
  private sortReturned(): void {
    this.returned = [...new Set(this.returned)].sort((one, two) => two - one);
    this.isReturnedSorted = true;
  }
}
