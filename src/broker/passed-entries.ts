/**
 * Which entries of a message group consumers passed over, for they were another one's: once the group is free,
 * they are to look at these again, and not at whatever else lies between them.
 */

import { PRIORITIES } from './priority.js';

/** Of one group: two thousand groups of a queue may have as many, and a thousand consumers are told of each. */
const MOST_IDS = 256;

/** Who is told to look again. */
export interface Passers {
  /** At this entry, if it is still there. */
  lookAt(id: number): void;
  /** At everything of its priority from the place of this entry on, which may be gone. */
  lookFrom(priority: number, id: number): void;
}

export class PassedEntries {
  /** With their priorities. */
  private readonly ids = new Map<number, number>();
  /** By priority, of those that are too many: the first one, or beyond it; Infinity: none. */
  private readonly rest: number[] = new Array(PRIORITIES).fill(Number.POSITIVE_INFINITY);
  /** By priority, the last one of them. */
  private readonly last: number[] = new Array(PRIORITIES).fill(0);

  add(priority: number, id: number): void {
    const first = this.rest[priority] as number;
    if (id < first) {
      if (this.ids.has(id)) return;
      if (this.ids.size < MOST_IDS) {
        this.ids.set(id, priority);
        return;
      }
      this.rest[priority] = id;
    }
    if (id > (this.last[priority] as number)) this.last[priority] = id;
  }

  /** The owner of the group takes it, which takes what is first: what others passed over lies behind that. */
  taken(priority: number, id: number): void {
    this.ids.delete(id);
    if ((this.rest[priority] as number) > id) return;
    const isLast = id >= (this.last[priority] as number);
    this.rest[priority] = isLast ? Number.POSITIVE_INFINITY : id + 1;
  }

  /** Everything that was passed over is to be looked at again: one by one, or where they are too many in a row. */
  tell(passers: Passers): void {
    const { ids, rest } = this;
    const areKnown = rest.every((id) => id === Number.POSITIVE_INFINITY);
    for (const [id, priority] of ids) {
      if (areKnown) passers.lookAt(id);
      else rest[priority] = Math.min(rest[priority] as number, id);
    }
    for (const [priority, id] of rest.entries()) {
      if (Number.isFinite(id)) passers.lookFrom(priority, id);
    }
    ids.clear();
    rest.fill(Number.POSITIVE_INFINITY);
    this.last.fill(0);
  }
}
