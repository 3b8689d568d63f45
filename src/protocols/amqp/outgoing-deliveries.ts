/**
 * The deliveries of one session that are not settled yet, by their ids, which go up by one and around
 * at 2^32 (OASIS AMQP 1.0, part 2, 2.6.12). They lie in a ring, where the next one usually finds a free
 * slot; what is still unsettled when the ring comes around moves out of its way. Ids that nobody knows
 * any more cost nothing to be asked for.
 */
import type { SendingLink } from './sending-link.js';
import { difference, next } from './serial-number.js';

/** A power of two, as all sizes of the ring. */
const FIRST_SLOTS = 16;
/** A larger ring is let go when it is empty. */
const SLOTS_TO_KEEP = 4_096;

interface Straggler {
  readonly link: SendingLink;
  readonly entryId: number;
}

export class OutgoingDeliveries {
  /** By the lower bits of the id; null where nothing unsettled lies. */
  private links: (SendingLink | null)[] = emptySlots(FIRST_SLOTS);
  private entryIds: number[] = new Array(FIRST_SLOTS).fill(0);
  /** What was unsettled when the ring came around to its slot. */
  private readonly stragglers = new Map<number, Straggler>();
  private ids = new Uint32Array(FIRST_SLOTS);
  private unsettled = 0;
  private nextId: number;

  constructor(firstId: number) {
    this.nextId = firstId;
  }

  /** Takes the next id; `link` is null for what is settled already. */
  add(link: SendingLink | null, entryId: number): number {
    const id = this.nextId;
    this.nextId = next(id);
    if (link === null) return id;
    const slot = id & (this.links.length - 1);
    if (this.links[slot] === null) this.put(slot, id, link, entryId);
    else this.makeRoom(id, link, entryId);
    this.unsettled += 1;
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
    // What is delivered while these are settled takes ids that nobody can mean yet.
    const isBeyond = difference(last, this.nextId) >= 0;
    const span = difference(isBeyond ? this.nextId - 1 : last, first);
    if (this.unsettled === 0) return;
    if (span > this.links.length + this.stragglers.size) {
      for (const id of this.unsettledBetween(first, span)) this.take(id, visit);
      return;
    }
    for (let offset = 0; offset <= span; offset += 1) this.take((first + offset) >>> 0, visit);
  }

  /** The link is gone: nothing that came on it can be settled any more. */
  forget(link: SendingLink): void {
    for (const [slot, each] of this.links.entries()) {
      if (each !== link) continue;
      this.links[slot] = null;
      this.unsettled -= 1;
    }
    for (const [id, straggler] of this.stragglers) {
      if (straggler.link !== link) continue;
      this.stragglers.delete(id);
      this.unsettled -= 1;
    }
    this.shrinkWhenEmpty();
  }

  private put(slot: number, id: number, link: SendingLink, entryId: number): void {
    this.links[slot] = link;
    this.ids[slot] = id;
    this.entryIds[slot] = entryId;
  }

  private take(id: number, visit: (link: SendingLink, entryId: number, id: number) => void): void {
    const slot = id & (this.links.length - 1);
    const link = this.links[slot] ?? null;
    if (link !== null && this.ids[slot] === id) {
      const entryId = this.entryIds[slot] as number;
      this.links[slot] = null;
      this.unsettled -= 1;
      this.shrinkWhenEmpty();
      visit(link, entryId, id);
      return;
    }
    const straggler = this.stragglers.size === 0 ? undefined : this.stragglers.get(id);
    if (straggler === undefined) return;
    this.stragglers.delete(id);
    this.unsettled -= 1;
    visit(straggler.link, straggler.entryId, id);
  }

  /** The slot of `id` is taken: the ring grows when it is full of others too, else that one moves out. */
  private makeRoom(id: number, link: SendingLink, entryId: number): void {
    const isCrowded = this.unsettled - this.stragglers.size >= this.links.length / 2;
    if (isCrowded) this.grow();
    const slot = id & (this.links.length - 1);
    const older = this.links[slot] ?? null;
    if (older !== null) {
      const olderId = this.ids[slot] as number;
      this.stragglers.set(olderId, { link: older, entryId: this.entryIds[slot] as number });
    }
    this.put(slot, id, link, entryId);
  }

  private shrinkWhenEmpty(): void {
    if (this.unsettled > 0 || this.links.length <= SLOTS_TO_KEEP) return;
    this.links = emptySlots(FIRST_SLOTS);
    this.entryIds = new Array(FIRST_SLOTS).fill(0);
    this.ids = new Uint32Array(FIRST_SLOTS);
  }

  private grow(): void {
    const { links, entryIds, ids } = this;
    const size = links.length * 2;
    this.links = emptySlots(size);
    this.entryIds = new Array(size).fill(0);
    this.ids = new Uint32Array(size);
    for (const [slot, link] of links.entries()) {
      if (link === null) continue;
      const id = ids[slot] as number;
      this.put(id & (size - 1), id, link, entryIds[slot] as number);
    }
  }

  /** For a range with more ids in it than there are places to look at. */
  private unsettledBetween(first: number, span: number): readonly number[] {
    const offsets: number[] = [];
    const add = (id: number): void => {
      const offset = difference(id, first);
      if (offset >= 0 && offset <= span) offsets.push(offset);
    };
    for (const id of this.stragglers.keys()) add(id);
    for (let slot = 0; slot < this.links.length; slot += 1) {
      if (this.links[slot] !== null) add(this.ids[slot] as number);
    }
    offsets.sort((one, other) => one - other);
    return offsets.map((offset) => (first + offset) >>> 0);
  }
}

function emptySlots(count: number): (SendingLink | null)[] {
  return new Array(count).fill(null);
}
