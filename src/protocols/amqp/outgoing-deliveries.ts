/**
 * The deliveries of one session that are not settled yet, by their ids, which go up by one and around
 * at 2^32 (OASIS AMQP 1.0, part 2, 2.6.12). Ids that nobody knows any more cost nothing to be asked for.
 */
import type { SendingLink } from './sending-link.js';

const TWO_TO_32 = 4_294_967_296;
/** What is settled at the front is let go in steps, so that each costs a part of a move only. */
const COMPACT_AT = 1_024;

export class OutgoingDeliveries {
  private links: (SendingLink | null)[] = [];
  private entryIds: number[] = [];
  /** The place of the oldest delivery that may be unsettled. */
  private head = 0;
  private oldestId = 0;

  get nextId(): number {
    return (this.oldestId + this.links.length - this.head) % TWO_TO_32;
  }

  /** Takes the next id; `link` is null for what is settled already. */
  add(link: SendingLink | null, entryId: number): void {
    this.links.push(link);
    this.entryIds.push(entryId);
    if (link === null) this.dropSettled();
  }

  /** Calls `visit` for each unsettled delivery from id `first` to `last`; those it returns true for are settled by that. */
  settle(
    first: number,
    last: number,
    visit: (link: SendingLink, entryId: number, id: number) => boolean,
  ): void {
    const length = this.links.length - this.head;
    const from = signed(first - this.oldestId);
    const until = signed(last - this.oldestId);
    for (let offset = Math.max(from, 0); offset <= until && offset < length; offset += 1) {
      const place = this.head + offset;
      const link = this.links[place] as SendingLink | null;
      if (link === null) continue;
      const id = (this.oldestId + offset) % TWO_TO_32;
      if (visit(link, this.entryIds[place] as number, id)) this.links[place] = null;
    }
    this.dropSettled();
  }

  /** The link is gone: nothing that came on it can be settled any more. */
  forget(link: SendingLink): void {
    for (let place = this.head; place < this.links.length; place += 1) {
      if (this.links[place] === link) this.links[place] = null;
    }
    this.dropSettled();
  }

  private dropSettled(): void {
    while (this.head < this.links.length && this.links[this.head] === null) {
      this.head += 1;
      this.oldestId = (this.oldestId + 1) % TWO_TO_32;
    }
    if (this.head < COMPACT_AT || this.head * 2 < this.links.length) return;
    this.links.splice(0, this.head);
    this.entryIds.splice(0, this.head);
    this.head = 0;
  }
}

/** The difference of two serial numbers, from -2^31 to 2^31 - 1 (RFC 1982). */
function signed(difference: number): number {
  return difference | 0;
}
