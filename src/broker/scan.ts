/**
 * How far a consumer that does not take whatever comes first has looked through its queue: one with a
 * selector, a browser, which takes nothing away, or any of a queue with message groups. Everything up to
 * its place was looked at and is not for it, so that each entry is looked at once, however many come and
 * go; what is put behind it is remembered by its id and looked at then.
 */
import { ENTRY_STATE, type MessageTable, NONE } from './message-table.js';
import { PRIORITIES } from './priority.js';
import type { ReadyList } from './ready-list.js';

const MOST_UNSORTED = 1_000;

export class Scan {
  /** The block under it is being loaded. */
  isLoading = false;
  /** Where the entry lies that was looked at last. */
  private blockSegment = NONE;
  private blockOffset = NONE;
  private readonly table: MessageTable;
  private readonly ready: ReadyList;
  private readonly looksAgain: boolean;
  /** The last entry that was looked at and is still in the queue's list, or NONE before its head. */
  private at = NONE;
  /** Up to where was looked: the priority and the id of an entry that may be gone. */
  private lookedPriority = PRIORITIES;
  private lookedId = 0;
  /** Ids that were put into the list behind it; sorted when they are needed. */
  private behind: number[] = [];
  private isBehindSorted = true;

  /** `looksAgain`: what goes back behind it is looked at again; a browser, which may have shown it, does not. */
  constructor(table: MessageTable, ready: ReadyList, looksAgain: boolean) {
    this.looksAgain = looksAgain;
    this.table = table;
    this.ready = ready;
  }

  /** Whether it comes to another block of the journal than the last time. */
  entersBlock(segment: number, offset: number): boolean {
    if (segment === this.blockSegment && offset === this.blockOffset) return false;
    this.blockSegment = segment;
    this.blockOffset = offset;
    return true;
  }

  /** The next entry that was not looked at, or NONE. It stays the next until `passed`. */
  next(): number {
    const { table } = this;
    while (this.behind.length > 0) {
      if (!this.isBehindSorted) this.sortBehind();
      const slot = table.find(this.behind.at(-1) as number);
      if (slot !== NONE && table.stateOf(slot) === ENTRY_STATE.ready) return slot;
      this.behind.pop();
    }
    let slot = this.at === NONE ? this.ready.head : table.nextOf(this.at);
    // What was put right behind it was looked at: `behind` has it, or had it.
    while (slot !== NONE && this.isLookedAt(slot)) {
      this.at = slot;
      slot = table.nextOf(slot);
    }
    return slot;
  }

  /** `slot`, which `next` gave, was looked at. */
  passed(slot: number): void {
    if (this.isLookedAt(slot)) {
      this.behind.pop();
      return;
    }
    this.at = slot;
    this.lookedPriority = this.table.priorityOf(slot);
    this.lookedId = this.table.idOf(slot);
  }

  /** Ids that are remembered because they were put behind it. */
  get behindCount(): number {
    return this.behind.length;
  }

  /** To be called before an entry leaves the list. */
  leaves(slot: number): void {
    if (slot === this.at) this.at = this.table.previousOf(slot);
  }

  /** To be called when an entry came into the list for the first time. */
  arrives(slot: number): void {
    if (this.isLookedAt(slot)) this.remember(slot);
  }

  /** To be called when an entry went back into the list. */
  returns(slot: number): void {
    if (this.looksAgain && this.isLookedAt(slot)) this.remember(slot);
  }

  /** Looks again at everything from the place of an entry on, which may be gone; a browser does not. */
  goBackTo(priority: number, id: number): void {
    const { table } = this;
    const isBeyond =
      priority === this.lookedPriority ? id > this.lookedId : priority < this.lookedPriority;
    if (isBeyond || !this.looksAgain) return;
    this.lookedPriority = priority;
    this.lookedId = id - 1;
    while (this.at !== NONE && !this.isLookedAt(this.at)) this.at = table.previousOf(this.at);
    // What lies before it again is met on the way.
    this.behind = this.behind.filter((behindId) => {
      const slot = table.find(behindId);
      return slot !== NONE && this.isLookedAt(slot);
    });
  }

  private isLookedAt(slot: number): boolean {
    const priority = this.table.priorityOf(slot);
    return priority === this.lookedPriority
      ? this.table.idOf(slot) <= this.lookedId
      : priority > this.lookedPriority;
  }

  private remember(slot: number): void {
    const last = this.behind.at(-1);
    this.behind.push(this.table.idOf(slot));
    this.isBehindSorted &&= last === undefined || this.isBeforeId(slot, last);
    // Who does not look for long must not gather the same ids again and again.
    if (this.behind.length > 2 * this.ready.length + MOST_UNSORTED) this.sortBehind();
  }

  private isBeforeId(slot: number, id: number): boolean {
    const other = this.table.find(id);
    return other !== NONE && other !== slot && this.table.isBefore(slot, other);
  }

  /** The first in the order of delivery last, and each once; without those that are gone. */
  private sortBehind(): void {
    const { table } = this;
    const slots = [...new Set(this.behind)].map((id) => table.find(id)).filter((at) => at !== NONE);
    slots.sort((one, two) => (table.isBefore(one, two) ? 1 : -1));
    this.behind = slots.map((slot) => table.idOf(slot));
    this.isBehindSorted = true;
  }
}
