/**
 * What clients sent, were promised and got, and what of it breaks a promise of the broker. It knows
 * no network, so that a test can show that it sees each kind of breach.
 */

/** One connection of a client; its confirmations all come from one tenure of one node. */
export interface ConfirmingSession {
  readonly node: string;
  readonly openedAt: number;
}

export interface Delivery {
  /** Names the consumer's connection. */
  readonly session: string;
  readonly producer: string;
  readonly number: number;
  readonly messageId: string;
  /** The broker says that it may have come before: to a connection that broke before it arrived. */
  readonly isRedelivered: boolean;
}

interface ProducerRecord {
  sent: number;
  /** Sent again because nobody knew whether the broker had it. */
  readonly resent: Set<number>;
  readonly confirmed: Set<number>;
  readonly messageIds: Map<number, string>;
}

/** Enough to see what went wrong. */
const MAX_FINDINGS = 20;

export class MessageLedger {
  readonly #redeliveredInAnyOrder: boolean;
  readonly #producers = new Map<string, ProducerRecord>();
  readonly #acknowledged = new Set<string>();
  /** By message id, the connection that has it. */
  readonly #unacknowledged = new Map<string, string>();
  readonly #lastInSession = new Map<string, number>();
  readonly #breaches: string[] = [];
  /** Confirmed messages that have not come yet. */
  #awaitedCount = 0;
  #moment = 0;
  #confirmer: { readonly node: string; readonly firstAt: number } | null = null;
  confirmedCount = 0;
  acknowledgedCount = 0;
  /** The most messages that were confirmed and not acknowledged at any moment. */
  unconsumedPeak = 0;
  /** Messages that came under a second id because their producer had sent them again. */
  duplicateCount = 0;

  /**
   * `redeliveredInAnyOrder`: connections break while their node stays live, so what they were given comes
   * back after what other connections were given since. A takeover is no reason: there all begin anew.
   */
  constructor({ redeliveredInAnyOrder = false } = {}) {
    this.#redeliveredInAnyOrder = redeliveredInAnyOrder;
  }

  sent(producer: string, number: number): void {
    const record = this.#record(producer);
    if (number <= record.sent) record.resent.add(number);
    else record.sent = number;
  }

  confirmed(producer: string, number: number): void {
    const record = this.#record(producer);
    record.confirmed.add(number);
    if (!record.messageIds.has(number)) this.#awaitedCount += 1;
    this.confirmedCount += 1;
    const unconsumed = this.confirmedCount - this.acknowledgedCount;
    this.unconsumedPeak = Math.max(this.unconsumedPeak, unconsumed);
  }

  delivered(delivery: Delivery): void {
    const { session, producer, number, messageId, isRedelivered } = delivery;
    const name = `message ${number} of ${producer}`;
    const record = this.#record(producer);
    if (!(number >= 1 && number <= record.sent)) this.#breach(`${name} was never sent`);
    if (this.#acknowledged.has(messageId)) {
      this.#breach(`${name} came again after its acknowledgement was confirmed`);
    }
    this.#unacknowledged.set(messageId, session);
    const before = record.messageIds.get(number);
    if (before !== undefined && before !== messageId) {
      this.duplicateCount += 1;
      if (!record.resent.has(number)) this.#breach(`${name} was doubled by the broker`);
    }
    if (before !== undefined) return;
    record.messageIds.set(number, messageId);
    if (record.confirmed.has(number)) this.#awaitedCount -= 1;
    // Of two copies on their way to two consumers the later one may be seen first.
    if (record.resent.has(number) || (isRedelivered && this.#redeliveredInAnyOrder)) return;
    const place = `${session}/${producer}`;
    const last = this.#lastInSession.get(place) ?? 0;
    if (number < last) this.#breach(`${name} came after message ${last} on one connection`);
    this.#lastInSession.set(place, Math.max(last, number));
  }

  acknowledged(messageId: string): void {
    this.#acknowledged.add(messageId);
    this.#unacknowledged.delete(messageId);
    this.acknowledgedCount += 1;
  }

  /** What it had is given to others, unless its acknowledgement was taken and only the answer lost. */
  closed(session: string): void {
    for (const [messageId, holder] of this.#unacknowledged) {
      if (holder === session) this.#unacknowledged.delete(messageId);
    }
  }

  openSession(node: string): ConfirmingSession {
    this.#moment += 1;
    return { node, openedAt: this.#moment };
  }

  /** A node confirmed something. Sessions that were open before another node confirmed are of an older tenure. */
  confirmedBy(session: ConfirmingSession): void {
    this.#moment += 1;
    if (this.#confirmer?.node === session.node) return;
    if (this.#confirmer !== null && session.openedAt < this.#confirmer.firstAt) {
      const newer = this.#confirmer.node;
      this.#breach(`${session.node} confirmed in an old tenure after ${newer} had confirmed`);
    }
    this.#confirmer = { node: session.node, firstAt: this.#moment };
  }

  /** Something else that must not happen. */
  complain(what: string): void {
    this.#breach(what);
  }

  /** Every confirmed message came, and no open connection waits for an acknowledgement. */
  get isSettled(): boolean {
    return this.#unacknowledged.size === 0 && this.#awaitedCount === 0;
  }

  /** Promises that were broken so far, whatever is still under way. */
  get breaches(): readonly string[] {
    return this.#breaches;
  }

  /** Broken promises, in words; empty when all were kept. */
  findings(): string[] {
    const lost = [...this.#producers].flatMap(([producer, { confirmed, messageIds }]) =>
      [...confirmed]
        .filter((number) => !messageIds.has(number))
        .map((number) => `message ${number} of ${producer} was confirmed and never came`),
    );
    return [...this.#breaches, ...lost].slice(0, MAX_FINDINGS);
  }

  #breach(what: string): void {
    if (this.#breaches.length < MAX_FINDINGS) this.#breaches.push(what);
  }

  #record(producer: string): ProducerRecord {
    let record = this.#producers.get(producer);
    if (record === undefined) {
      record = { sent: 0, resent: new Set(), confirmed: new Set(), messageIds: new Map() };
      this.#producers.set(producer, record);
    }
    return record;
  }
}
