/**
 * What was sent, confirmed and received, by producer and sequence number, so that every scenario
 * can say afterwards whether anything was lost. One bit per message.
 */

export interface LedgerSummary {
  readonly confirmed: number;
  /** Different messages that were received. */
  readonly received: number;
  /** Received again: allowed where a connection broke, and nowhere else. */
  readonly duplicates: number;
  /** Confirmed and not received. */
  readonly lost: number;
  /** Received and never sent. */
  readonly invented: number;
  /** Received for the first time after a later message of the same producer; 0 when nobody looks. */
  readonly disordered: number;
}

interface ProducerPage {
  /** One more than the highest sequence number that was written to a socket. */
  sent: number;
  /** All sequence numbers below are confirmed. */
  confirmed: number;
  bits: Uint8Array;
  highestReceived: number;
}

const FIRST_PAGE_BYTES = 1024;

export class Ledger {
  readonly #checksOrder: boolean;
  readonly #pages = new Map<number, ProducerPage>();
  #received = 0;
  #duplicates = 0;
  #invented = 0;
  #disordered = 0;

  /** `checksOrder`: only where each queue has one consumer, or nobody can say which message came first. */
  constructor(options: { readonly checksOrder: boolean }) {
    this.#checksOrder = options.checksOrder;
  }

  get received(): number {
    return this.#received;
  }

  /** `count`: how many the producer has sent, counted without what it sent again. */
  sent(producer: number, count: number): void {
    const page = this.#page(producer);
    page.sent = Math.max(page.sent, count);
  }

  confirmed(producer: number, count: number): void {
    this.#page(producer).confirmed = count;
  }

  receive(producer: number, sequence: number): void {
    const page = this.#pages.get(producer);
    if (page === undefined || sequence >= page.sent) {
      this.#invented += 1;
      return;
    }
    if (hasBit(page.bits, sequence)) {
      this.#duplicates += 1;
      return;
    }
    page.bits = setBit(page.bits, sequence);
    this.#received += 1;
    if (!this.#checksOrder) return;
    if (sequence < page.highestReceived) this.#disordered += 1;
    else page.highestReceived = sequence;
  }

  /** Costs a look at every message. */
  summary(): LedgerSummary {
    let confirmed = 0;
    let lost = 0;
    for (const page of this.#pages.values()) {
      confirmed += page.confirmed;
      for (let sequence = 0; sequence < page.confirmed; sequence += 1) {
        if (!hasBit(page.bits, sequence)) lost += 1;
      }
    }
    return {
      confirmed,
      lost,
      received: this.#received,
      duplicates: this.#duplicates,
      invented: this.#invented,
      disordered: this.#disordered,
    };
  }

  #page(producer: number): ProducerPage {
    let page = this.#pages.get(producer);
    if (page === undefined) {
      page = { sent: 0, confirmed: 0, bits: new Uint8Array(FIRST_PAGE_BYTES), highestReceived: -1 };
      this.#pages.set(producer, page);
    }
    return page;
  }
}

function hasBit(bits: Uint8Array, index: number): boolean {
  return (((bits[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1;
}

function setBit(bits: Uint8Array, index: number): Uint8Array {
  const byte = index >>> 3;
  let room = bits;
  if (byte >= bits.length) {
    room = new Uint8Array(Math.max(byte + 1, bits.length * 2));
    room.set(bits);
  }
  room[byte] = (room[byte] ?? 0) | (1 << (index & 7));
  return room;
}
