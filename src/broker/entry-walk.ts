/**
 * The ids of a queue's entries in the order of arrival, in portions, for work on a whole queue that others must not
 * wait for. It looks through the table and not through the queue's list, so that it also finds what is
 * with a consumer, and does not lose its place when entries go; what comes after it began is left out.
 */

import type { MessageIndex } from './message-index.js';
import { ENTRY_STATE } from './message-table.js';
import type { Queue } from './queue.js';

/** Takes about a millisecond. */
const SLOTS_PER_TURN = 200_000;
const PORTION = 20_000;

export interface EntryWalkOptions {
  readonly index: MessageIndex;
  readonly queue: Queue;
  /** Ids from here on were seen. */
  readonly after: number;
  /** The highest id that is of interest. */
  readonly upTo: number;
  /** Runs the task in a later turn of the event loop. */
  readonly later: (task: () => void) => void;
  /** Nobody waits for it any more. */
  readonly isOver: () => boolean;
}

export class EntryWalk {
  private readonly options: EntryWalkOptions;
  private after: number;

  constructor(options: EntryWalkOptions) {
    this.options = options;
    this.after = options.after;
  }

  /** Calls back, in this turn or a later one, with the next ids, which are none at the end. */
  next(found: (ids: readonly number[]) => void): void {
    this.look(0, [], this.options.upTo, found);
  }

  private look(
    from: number,
    ids: number[],
    highest: number,
    found: (ids: readonly number[]) => void,
  ): void {
    const { index, queue, later, isOver } = this.options;
    const { table } = index;
    const end = Math.min(table.slotLimit, from + SLOTS_PER_TURN);
    let limit = highest;
    for (let slot = from; slot < end; slot += 1) {
      if (table.queueOf(slot) !== queue.index || table.stateOf(slot) === ENTRY_STATE.free) continue;
      const id = table.idOf(slot);
      if (id <= this.after || id > limit) continue;
      ids.push(id);
      if (ids.length === 2 * PORTION) limit = keepLowest(ids);
    }
    if (end < table.slotLimit) {
      later(() => {
        if (!isOver()) this.look(end, ids, limit, found);
      });
      return;
    }
    keepLowest(ids);
    this.after = ids.at(-1) ?? this.after;
    found(ids);
  }
}

/** Sorts, and leaves one portion at most. Returns the highest that is left. */
function keepLowest(ids: number[]): number {
  ids.sort((one, two) => one - two);
  if (ids.length > PORTION) ids.length = PORTION;
  return ids.at(-1) ?? 0;
}
