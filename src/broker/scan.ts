/**
 * How far a consumer that does not take whatever comes first has looked through its queue: one with a
 * selector, a browser, which takes nothing away, or any of a queue with message groups. Of each priority
 * everything up to its place was looked at and is not for it, so that each entry is looked at once, however
 * many come and go. What arrives is beyond the places, for ids only rise; what is put back behind one is
 * remembered by its id and looked at again.
 */
import { AscendingIds } from './ascending-ids.js';
import { ENTRY_STATE, type MessageTable, NONE } from './message-table.js';
import { PRIORITIES } from './priority.js';
import type { ReadyList } from './ready-list.js';

/** Ids of one priority. A thousand consumers may wait with as many, so it is not the length of the queue. */
const MOST_BEHIND = 1_000;

/** How far the entries of one priority were looked through. */
class Place {
  /** The last entry that was looked at and is still in the queue's list, or NONE before the first. */
  at = NONE;
  /** Up to which id was looked; that one may be gone. */
  lookedId = 0;
  /** Ids that were put back into the list behind it. */
  readonly behind = new AscendingIds();
}

export class Scan {
  /** The block under it is being loaded. */
  isLoading = false;
  /** Where the entry lies that was looked at last. */
  private blockSegment = NONE;
  private blockOffset = NONE;
  private readonly table: MessageTable;
  private readonly ready: ReadyList;
  private readonly looksAgain: boolean;
  private readonly places = Array.from({ length: PRIORITIES }, () => new Place());

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
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) {
      const last = this.ready.lastOf(priority);
      if (last === NONE) continue;
      const slot = this.nextOf(priority, last);
      if (slot !== NONE) return slot;
    }
    return NONE;
  }

  /** `slot`, which `next` gave, was looked at. */
  passed(slot: number): void {
    const place = this.placeOf(slot);
    const id = this.table.idOf(slot);
    if (id <= place.lookedId) {
      place.behind.takeLowest();
      return;
    }
    place.at = slot;
    place.lookedId = id;
  }

  /** Ids that are remembered because they were put behind it. */
  get behindCount(): number {
    return this.places.reduce((sum, { behind }) => sum + behind.length, 0);
  }

  /** To be called before an entry leaves the list. */
  leaves(slot: number): void {
    const place = this.placeOf(slot);
    if (slot !== place.at) return;
    const { table } = this;
    const previous = table.previousOf(slot);
    const isSame = previous !== NONE && table.priorityOf(previous) === table.priorityOf(slot);
    place.at = isSame ? previous : NONE;
  }

  /** Looks at an entry again if it lies behind; to be called when one went back into the list. */
  returns(slot: number): void {
    if (!this.looksAgain) return;
    const place = this.placeOf(slot);
    const id = this.table.idOf(slot);
    if (id > place.lookedId) return;
    const { behind } = place;
    behind.add(id);
    if (behind.length <= MOST_BEHIND) return;
    behind.keep((behindId) => this.isReady(this.table.find(behindId)));
    if (behind.length <= MOST_BEHIND / 2) return;
    const priority = this.table.priorityOf(slot);
    this.goBackTo(priority, behind.lowest, this.ready.lastBelow(priority, behind.lowest));
  }

  /**
   * Looks again at everything of a priority from the place of an entry on, which may be gone; a browser does not.
   * `before`: the last entry that lies before it, or NONE.
   */
  goBackTo(priority: number, id: number, before: number): void {
    const place = this.places[priority] as Place;
    if (id > place.lookedId || !this.looksAgain) return;
    place.lookedId = id - 1;
    place.at = before;
    // It is met on the way.
    place.behind.dropFrom(id);
  }

  /** `last` is the last of its priority. */
  private nextOf(priority: number, last: number): number {
    const { table } = this;
    const place = this.places[priority] as Place;
    const { behind } = place;
    while (behind.length > 0) {
      const slot = table.find(behind.lowest);
      if (this.isReady(slot)) return slot;
      behind.takeLowest();
    }
    if (table.idOf(last) <= place.lookedId) return NONE;
    let slot = place.at === NONE ? this.ready.firstOf(priority) : table.nextOf(place.at);
    // What was put right behind it was looked at: `behind` had it.
    while (table.idOf(slot) <= place.lookedId) {
      place.at = slot;
      slot = table.nextOf(slot);
    }
    return slot;
  }

  private isReady(slot: number): boolean {
    return slot !== NONE && this.table.stateOf(slot) === ENTRY_STATE.ready;
  }

  private placeOf(slot: number): Place {
    return this.places[this.table.priorityOf(slot)] as Place;
  }
}
