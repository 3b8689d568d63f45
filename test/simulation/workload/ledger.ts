/**
 * What all clients together sent, were promised and got, and what of it breaks a promise of the
 * broker. Messages travel for any time here, also those of a node that was deposed since, so each rule
 * says from when on something may not happen any more. It knows no network: its tests show that it
 * sees each kind of breach.
 */
import type { AckMode } from '../../../src/client/stomp-client.js';
import {
  checkDeadLetter,
  checkDelivery,
  checkGroup,
  type DeliveredFrame,
  mayCount,
} from './delivery-rules.js';
import { finalBreaches } from './final-rules.js';
import type { ClientInvariant, LedgerBook, LedgerOptions } from './ledger-book.js';
import {
  Arrival,
  Copy,
  isInPart,
  LedgerConnection,
  LedgerSubscription,
  LedgerTransaction,
  nameOf,
  Place,
  type Rejection,
  type SentMessage,
} from './ledger-records.js';
import { deadLettersOf } from './workload-plan.js';

export class Ledger implements LedgerBook {
  readonly options: LedgerOptions;
  readonly copies: Copy[] = [];
  readonly transactions: LedgerTransaction[] = [];
  /** By message id, which is never given twice. */
  readonly arrivalOf = new Map<number, Arrival>();
  readonly #places = new Map<string, Place>();
  readonly #durablePlaces: Place[] = [];
  readonly #connections: LedgerConnection[] = [];
  /** What still has to come, or to be acknowledged by whoever has it. */
  readonly open = new Set<Arrival>();
  confirmedCount = 0;
  deliveredCount = 0;
  redeliveredCount = 0;
  acknowledgedCount = 0;
  /** Broken connections with an ERROR frame. */
  refusalCount = 0;

  constructor(options: LedgerOptions) {
    this.options = options;
  }

  // Connections.

  connecting(client: string): LedgerConnection {
    const connection = new LedgerConnection(client, this.#nowMs);
    this.#connections.push(connection);
    return connection;
  }

  connected(connection: LedgerConnection, node: string): void {
    connection.node = node;
    connection.connectedAtMs = this.#nowMs;
  }

  /** What it held goes back to where it came from. Idempotent. */
  closed(connection: LedgerConnection): void {
    if (!connection.isOpen) return;
    connection.isOpen = false;
    this.#connections.splice(this.#connections.indexOf(connection), 1);
    for (const subscription of connection.subscriptions) this.#giveBackAll(subscription);
    for (const transaction of this.transactions) {
      if (transaction.connection === connection && transaction.state === 'open')
        transaction.state = 'dropped';
    }
  }

  // Sending.

  send(
    connection: LedgerConnection,
    message: SentMessage,
    transaction: LedgerTransaction | null,
  ): Copy {
    const sentAtMs = transaction === null ? this.#nowMs : Number.POSITIVE_INFINITY;
    const number = this.copies.length + 1;
    const copy = new Copy(number, message, connection, transaction, sentAtMs);
    this.copies.push(copy);
    if (transaction === null) this.#takePlaceInOrder(copy);
    else transaction.copies.push(copy);
    return copy;
  }

  /** Its receipt came. */
  confirmed(copy: Copy): void {
    this.#confirms(copy.connection, copy.sentAtMs);
    this.#isConfirmed(copy);
  }

  /**
   * A copy with an id was sent again, then and there, and its receipt came. It may have been confirmed before;
   * whichever SEND the broker took, it comes under one message id: two are a doubling.
   */
  confirmedAgain(copy: Copy, connection: LedgerConnection, sentAtMs: number): void {
    this.#confirms(connection, sentAtMs);
    if (copy.confirmedAtMs < 0) this.#isConfirmed(copy);
  }

  // Transactions.

  begin(connection: LedgerConnection, name: string): LedgerTransaction {
    const transaction = new LedgerTransaction(name, connection);
    this.transactions.push(transaction);
    return transaction;
  }

  /** Begins it once more, with the same copies: they have ids, so that it happens once. */
  beginAgain(transaction: LedgerTransaction, connection: LedgerConnection): void {
    transaction.connection = connection;
    if (transaction.state === 'dropped') transaction.state = 'open';
  }

  committing(transaction: LedgerTransaction): void {
    transaction.state = 'unknown';
    for (const copy of transaction.copies) {
      if (copy.sentAtMs !== Number.POSITIVE_INFINITY) continue;
      copy.sentAtMs = this.#nowMs;
      this.#takePlaceInOrder(copy);
    }
    for (const arrival of transaction.acknowledged) this.#ask(arrival, transaction);
  }

  committed(transaction: LedgerTransaction, sentAtMs: number): void {
    this.#confirms(transaction.connection, sentAtMs);
    transaction.state = 'committed';
    for (const copy of transaction.copies) this.#isConfirmed(copy);
    for (const arrival of transaction.acknowledged) this.#isGone(arrival, transaction.connection);
  }

  /** ABORT was sent: none of it may ever be seen, unless an attempt before may have been committed. */
  aborting(transaction: LedgerTransaction): void {
    if (transaction.state !== 'unknown') transaction.state = 'dropped';
  }

  /** Every command that the broker confirms says that it is the live one. */
  barrier(connection: LedgerConnection, sentAtMs: number): void {
    this.#confirms(connection, sentAtMs);
  }

  // Receiving.

  queue(destination: string): Place {
    return this.#place('queue', destination, destination);
  }

  /** Of a queue, or of all durable subscriptions to a topic. */
  deadLetters(source: string): Place {
    return this.#place('dead-letters', deadLettersOf(source), source);
  }

  durable(topic: string, owner: string): Place {
    return this.#place('durable', `${topic} for ${owner}`, topic);
  }

  subscribing(connection: LedgerConnection, place: Place, mode: AckMode): LedgerSubscription {
    place.subscriptionCount += 1;
    const subscription = new LedgerSubscription(connection, place, mode === 'auto', this.#nowMs);
    connection.subscriptions.push(subscription);
    return subscription;
  }

  /** To a topic, for as long as the connection lasts. */
  passing(connection: LedgerConnection, topic: string): LedgerSubscription {
    const place = new Place('passing', `${topic} for ${connection.name}`, topic);
    return this.subscribing(connection, place, 'auto');
  }

  subscribed(subscription: LedgerSubscription, sentAtMs: number): void {
    const { place, connection } = subscription;
    this.#confirms(connection, sentAtMs);
    if (place.kind !== 'durable' || place.subscribedAtMs >= 0) return;
    place.subscribedAtMs = this.#nowMs;
    this.#durablePlaces.push(place);
  }

  /** UNSUBSCRIBE was sent: what it holds goes back. */
  leaving(subscription: LedgerSubscription): void {
    this.#giveBackAll(subscription);
  }

  /** Null when it is nothing that this client could acknowledge. */
  delivered(subscription: LedgerSubscription, frame: DeliveredFrame): Arrival | null {
    this.deliveredCount += 1;
    if (frame.isRedelivered) this.redeliveredCount += 1;
    const arrival = checkDelivery(this, subscription, frame);
    if (arrival === null) return null;
    const { copy, place } = arrival;
    if (place.kind === 'dead-letters') checkDeadLetter(this, subscription, arrival);
    if (copy.transaction !== null) this.#isSeen(copy.transaction);
    if (!subscription.isAutomatic) {
      // Last in the order of what is delivered here; also what does not count is to be acknowledged.
      subscription.held.delete(arrival);
      subscription.held.add(arrival);
    }
    if (!mayCount(this, subscription, arrival)) return arrival;
    if (arrival.askedIn !== null) this.#isRefuted(arrival.askedIn);
    arrival.askedIn = null;
    arrival.receivedAtMs = this.#nowMs;
    arrival.holder = subscription;
    this.setState(arrival, subscription.isAutomatic ? 'asked' : 'held');
    return arrival;
  }

  /** ACK was sent for it, and in the cumulative mode with it for all that came before it. */
  acknowledging(
    subscription: LedgerSubscription,
    arrival: Arrival,
    isCumulative: boolean,
  ): Arrival[] {
    const arrivals = isCumulative ? [...subscription.held] : [arrival];
    const upTo = isCumulative ? arrivals.indexOf(arrival) + 1 : 1;
    const asked = arrivals.slice(0, upTo);
    for (const one of asked) {
      subscription.held.delete(one);
      this.#ask(one, null);
    }
    return asked;
  }

  acknowledged(
    subscription: LedgerSubscription,
    arrivals: readonly Arrival[],
    sentAtMs: number,
  ): void {
    this.#confirms(subscription.connection, sentAtMs);
    for (const arrival of arrivals) {
      checkGroup(this, subscription, arrival, sentAtMs);
      this.#isGone(arrival, subscription.connection);
    }
  }

  /** ACK was sent within a transaction: it counts when that is committed. */
  acknowledgingIn(transaction: LedgerTransaction, arrival: Arrival): void {
    transaction.acknowledged.push(arrival);
  }

  /** It was told so of it. */
  rejecting(
    subscription: LedgerSubscription,
    arrival: Arrival,
    rejection: Rejection = 'failed',
  ): void {
    if (rejection !== 'released') arrival.rejections += 1;
    if (rejection === 'poison') arrival.isPoison = true;
    subscription.held.delete(arrival);
    if (arrival.holder === subscription && arrival.state === 'held')
      this.setState(arrival, 'awaited');
  }

  /** The broker has answered with an ERROR frame. */
  refused(connection: LedgerConnection, sentence: string): void {
    this.refusalCount += 1;
    if (FORESEEN_REFUSALS.some((foreseen) => foreseen.test(sentence))) return;
    this.breach('refusal', `${connection.name} got: ${sentence}`);
  }

  // Judging.

  /** Everything that must come has come and is acknowledged, and no transaction is there in part. */
  get isSettled(): boolean {
    for (const arrival of this.open) if (!this.isExcused(arrival)) return false;
    return this.transactions.every((transaction) => !isInPart(transaction));
  }

  /** To be called when nothing more is expected. */
  judge(): void {
    finalBreaches(this);
  }

  /** It may have vanished in good order. */
  isExcused(arrival: Arrival): boolean {
    const { copy, place } = arrival;
    if (place.mayHaveLost) return true;
    if (place.kind === 'dead-letters') return false;
    const { expiresAtMs } = copy;
    if (expiresAtMs > 0 && expiresAtMs <= this.options.wallOffsets.highestAt(this.#nowMs))
      return true;
    return place.kind === 'durable' && this.#isAmongDeadLetters(copy);
  }

  /** For one of several durable subscriptions; nobody can tell for which. */
  #isAmongDeadLetters(copy: Copy): boolean {
    let open = 0;
    let deadLetters = 0;
    for (const arrival of copy.arrivals) {
      if (arrival.place.kind === 'dead-letters') deadLetters += 1;
      else if (this.open.has(arrival)) open += 1;
    }
    return open <= deadLetters;
  }

  breach(invariant: ClientInvariant, sentence: string): void {
    this.options.onBreach(invariant, sentence);
  }

  setState(arrival: Arrival, state: Arrival['state']): void {
    arrival.state = state;
    const { copy, place } = arrival;
    const mustCome = arrival.isSeen || copy.confirmedAtMs >= 0;
    const isOpen = mustCome && (state === 'awaited' || state === 'held');
    if (isOpen && copy.isDurable && place.kind !== 'passing') this.open.add(arrival);
    else this.open.delete(arrival);
  }

  /** Everything of a copy that is known to be somewhere. */
  addArrival(copy: Copy, place: Place): Arrival {
    const arrival = new Arrival(copy, place);
    copy.arrivals.push(arrival);
    return arrival;
  }

  get #nowMs(): number {
    return this.options.nowMs();
  }

  #place(kind: Place['kind'], name: string, destination: string): Place {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = new Place(kind, name, destination);
      this.#places.set(name, place);
    }
    return place;
  }

  #takePlaceInOrder(copy: Copy): void {
    const { connection, destination } = copy;
    let sent = connection.sent.get(destination);
    if (sent === undefined) {
      sent = [];
      connection.sent.set(destination, sent);
    }
    copy.order = sent.length;
    sent.push(copy);
    if (!copy.isDurable) return;
    if (destination.startsWith('/queue/')) {
      this.addArrival(copy, this.queue(destination));
      return;
    }
    for (const place of this.#durablePlaces) {
      if (place.destination === destination) this.addArrival(copy, place);
    }
  }

  #isConfirmed(copy: Copy): void {
    this.confirmedCount += 1;
    copy.confirmedAtMs = this.#nowMs;
    for (const arrival of copy.arrivals) this.setState(arrival, arrival.state);
  }

  /**
   * P3. Whoever was connected to another node before this was sent is connected to an older tenure,
   * which may confirm nothing that it is asked from now on.
   */
  #confirms(connection: LedgerConnection, sentAtMs: number): void {
    const nowMs = this.#nowMs;
    if (connection.overAtMs >= 0 && sentAtMs >= connection.overAtMs) {
      this.breach('P3', `${connection.name} was confirmed something in a tenure that was over`);
    }
    if (!connection.holdsBack) {
      connection.provenAtMs = Math.max(connection.provenAtMs, sentAtMs);
    }
    for (const other of this.#connections) {
      if (other.overAtMs >= 0 || other.connectedAtMs < 0 || other.node === connection.node)
        continue;
      if (other.connectedAtMs < sentAtMs) other.overAtMs = nowMs;
    }
  }

  #giveBackAll(subscription: LedgerSubscription): void {
    const { held, place } = subscription;
    if (subscription.isAutomatic) place.mayHaveLost = true;
    for (const arrival of held) {
      if (arrival.holder === subscription && arrival.state === 'held')
        this.setState(arrival, 'awaited');
    }
    held.clear();
  }

  #ask(arrival: Arrival, transaction: LedgerTransaction | null): void {
    if (arrival.state === 'gone' || arrival.state === 'moved') return;
    arrival.askedIn = transaction;
    this.setState(arrival, 'asked');
  }

  #isGone(arrival: Arrival, by: LedgerConnection): void {
    this.acknowledgedCount += 1;
    if (arrival.state === 'gone') return;
    if (arrival.state === 'moved') {
      const { name } = arrival.place;
      this.breach(
        'no-doubling',
        `${nameOf(arrival.copy)} was acknowledged at ${name} and is a dead letter`,
      );
    }
    arrival.acknowledgedAtMs = this.#nowMs;
    arrival.acknowledgedBy = by;
    this.setState(arrival, 'gone');
  }

  #isSeen(transaction: LedgerTransaction): void {
    transaction.isSeen = true;
    this.#checkHalves(transaction);
  }

  #isRefuted(transaction: LedgerTransaction): void {
    transaction.isRefuted = true;
    this.#checkHalves(transaction);
  }

  #checkHalves({ name, isSeen, isRefuted }: LedgerTransaction): void {
    if (!isSeen || !isRefuted) return;
    const sentence = `messages of ${name} came, and so did again what it had acknowledged`;
    this.breach('transaction-atomic', sentence);
  }
}

/** What a client does not cause by a mistake of its own. */
const FORESEEN_REFUSALS: readonly RegExp[] = [
  /No heart-beat for/,
  /no node of this store is live now/,
  /is in use by another connection/,
  /No whole CONNECT frame/,
  /A frame was not complete/,
  /No whole open frame/,
  /Nothing came for/,
  /This node is not live/,
];
