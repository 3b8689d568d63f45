/**
 * The deliveries of one session that are not settled yet, by their ids, which go up by one and around
 * at 2^32 (OASIS AMQP 1.0, part 2, 2.6.12). Ids that nobody knows any more cost nothing to be asked for.
 */
import type { SendingLink } from './sending-link.js';
import { difference } from './serial-number.js';

interface OutgoingDelivery {
  readonly link: SendingLink;
  readonly entryId: number;
}

export class OutgoingDeliveries {
  /** In the order of their ids. */
  private readonly unsettled = new Map<number, OutgoingDelivery>();
  private nextId = 0;

  /** Takes the next id; `link` is null for what is settled already. */
  add(link: SendingLink | null, entryId: number): number {
    const id = this.nextId;
    this.nextId = (id + 1) >>> 0;
    if (link !== null) this.unsettled.set(id, { link, entryId });
    return id;
  }

  /**
   * Takes out what is unsettled from id `first` to `last`, and hands it over. More may be added
   * meanwhile: what is settled now may make room for the next.
   */
  settle(
    first: number,
    last: number,
    visit: (link: SendingLink, entryId: number, id: number) => void,
  ): void {
    for (const id of this.idsBetween(first, last)) {
      const delivery = this.unsettled.get(id);
      if (delivery === undefined) continue;
      this.unsettled.delete(id);
      visit(delivery.link, delivery.entryId, id);
    }
  }

  /** The link is gone: nothing that came on it can be settled any more. */
  forget(link: SendingLink): void {
    for (const [id, delivery] of this.unsettled) {
      if (delivery.link === link) this.unsettled.delete(id);
    }
  }

  /** Goes through the smaller of the range and what there is. */
  private idsBetween(first: number, last: number): readonly number[] {
    // What is delivered while these are settled takes ids that nobody can mean yet.
    const isBeyond = difference(last, this.nextId) >= 0;
    const span = difference(isBeyond ? this.nextId - 1 : last, first);
    if (span < 0) return [];
    if (span < this.unsettled.size) {
      return Array.from({ length: span + 1 }, (_, offset) => (first + offset) >>> 0);
    }
    return [...this.unsettled.keys()].filter((id) => {
      const offset = difference(id, first);
      return offset >= 0 && offset <= span;
    });
  }
}
