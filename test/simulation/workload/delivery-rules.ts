/**
 * What a MESSAGE may be. Each rule is as sharp as it can be without a false alarm: connections
 * deliver what was sent long ago, also by a node that was deposed since.
 */
import type { LedgerBook } from './ledger-book.js';
import {
  type Arrival,
  type Copy,
  type LedgerConnection,
  type LedgerSubscription,
  nameOf,
  type Place,
} from './ledger-records.js';

export interface DeliveredFrame {
  /** As the header says; not a number when there is none. */
  readonly copyNumber: number;
  /** 0 when it has none: AMQP has none for what came by AMQP. */
  readonly messageId: number;
  readonly isRedelivered: boolean;
  /** 0 for never; not a number when it will, and nobody can say when: AMQP tells how long it still has. */
  readonly expiresAtMs: number;
  readonly body: Uint8Array;
}

/** Finds the arrival that a frame is about, and holds it to what is true whenever it comes. Null for what nobody sent. */
export function checkDelivery(
  ledger: LedgerBook,
  subscription: LedgerSubscription,
  frame: DeliveredFrame,
): Arrival | null {
  const { place } = subscription;
  const copy = ledger.copies[frame.copyNumber - 1];
  if (copy === undefined || !isFor(copy, place)) {
    const what =
      copy === undefined ? `a message ${frame.messageId} that nobody sent` : nameOf(copy);
    ledger.breach('nothing-invented', `${place.name} delivered ${what}`);
    return null;
  }
  checkContent(ledger, copy, place, frame);
  const arrival = arrivalOf(ledger, copy, place, frame.messageId);
  arrival.isSeen = true;
  if (arrival.messageId === 0 && frame.messageId !== 0) {
    arrival.messageId = frame.messageId;
    checkId(ledger, arrival);
    if (place.kind !== 'dead-letters') checkNeighbours(ledger, arrival);
  }
  checkPriority(ledger, subscription, arrival, frame);
  if (frame.messageId !== 0) checkOrder(ledger, subscription, arrival, frame);
  else checkOrderOfSender(ledger, subscription, arrival, frame);
  checkExpiry(ledger, subscription, arrival);
  return arrival;
}

/** Dead letters come from elsewhere, and a dead-letter queue is also one that can be sent to. */
function isFor({ destination }: Copy, place: Place): boolean {
  return destination === place.destination || destination === place.name;
}

function checkContent(ledger: LedgerBook, copy: Copy, place: Place, frame: DeliveredFrame): void {
  const expiresAtMs = place.kind === 'dead-letters' ? 0 : copy.expiresAtMs;
  const expires = Number.isNaN(frame.expiresAtMs)
    ? expiresAtMs > 0
    : frame.expiresAtMs === expiresAtMs;
  if (Buffer.compare(frame.body, copy.body) !== 0 || !expires) {
    ledger.breach(
      'nothing-invented',
      `${nameOf(copy)} came with other bytes than it was sent with`,
    );
  }
  const { transaction } = copy;
  if (transaction !== null && (transaction.state === 'dropped' || transaction.state === 'open')) {
    const why =
      transaction.state === 'open' ? 'before its COMMIT' : 'though it was never committed';
    ledger.breach('transaction-atomic', `${nameOf(copy)} of ${transaction.name} came ${why}`);
  }
}

/** One copy is one message at one place; only durable subscriptions share a dead-letter queue. */
function arrivalOf(ledger: LedgerBook, copy: Copy, place: Place, messageId: number): Arrival {
  let count = 0;
  for (const arrival of copy.arrivals) {
    if (arrival.place !== place) continue;
    if (messageId === 0 || arrival.messageId === 0 || arrival.messageId === messageId)
      return arrival;
    count += 1;
  }
  if (count > 0) {
    const sources = copy.arrivals.filter((arrival) => arrival.place.kind === 'durable').length;
    if (place.kind !== 'dead-letters' || count >= sources) {
      ledger.breach('no-doubling', `${nameOf(copy)} came under two ids at ${place.name}`);
    }
  }
  return ledger.addArrival(copy, place);
}

function checkId(ledger: LedgerBook, arrival: Arrival): void {
  const { messageId, copy } = arrival;
  const before = ledger.arrivalOf.get(messageId);
  if (before !== undefined) {
    const sentence = `${nameOf(copy)} has the id ${messageId} of ${nameOf(before.copy)}`;
    ledger.breach('nothing-invented', sentence);
  }
  ledger.arrivalOf.set(messageId, arrival);
}

/** Ids follow the order in which a connection sends to a destination, and deliveries follow the ids. */
function checkNeighbours(ledger: LedgerBook, { copy, place, messageId }: Arrival): void {
  const sent = copy.connection.sent.get(copy.destination) ?? [];
  for (let order = copy.order - 1; order >= 0; order -= 1) {
    const earlier = sent[order]?.arrivalAt(place)?.messageId ?? 0;
    if (earlier === 0) continue;
    if (earlier > messageId) breakOrder(ledger, copy, sent[order] as Copy, 'sent after');
    break;
  }
  for (let order = copy.order + 1; order < sent.length; order += 1) {
    const later = sent[order]?.arrivalAt(place)?.messageId ?? 0;
    if (later === 0) continue;
    if (later < messageId) breakOrder(ledger, copy, sent[order] as Copy, 'sent before');
    break;
  }
}

function breakOrder(ledger: LedgerBook, copy: Copy, other: Copy, how: string): void {
  ledger.breach('order', `${nameOf(copy)} was ${how} ${nameOf(other)} and is not in the queue so`);
}

/**
 * What has a higher priority comes first, of what was there when the consumer subscribed and was with
 * nobody since; of groups others may have had that.
 */
function checkPriority(
  ledger: LedgerBook,
  subscription: LedgerSubscription,
  { copy, place }: Arrival,
  frame: DeliveredFrame,
): void {
  const { sentAtMs, lowestPriority } = subscription;
  subscription.lowestPriority = Math.min(lowestPriority, copy.priority);
  if (place.kind !== 'queue' || copy.group !== null || frame.isRedelivered) return;
  const wasThere = copy.confirmedAtMs >= 0 && copy.confirmedAtMs < sentAtMs;
  if (!wasThere || copy.priority <= lowestPriority) return;
  const sentence = `${nameOf(copy)} of priority ${copy.priority} came after one of ${lowestPriority}`;
  ledger.breach('order', sentence);
}

/** Of one group nobody has something while another one has: each was known to hold it all that time. */
export function checkGroup(
  ledger: LedgerBook,
  subscription: LedgerSubscription,
  { copy, place, receivedAtMs, holder }: Arrival,
  untilMs: number,
): void {
  if (copy.group === null || holder !== subscription) return;
  const hold = { subscription, copy, fromMs: receivedAtMs, untilMs };
  const holds = place.groupHolds.get(copy.group) ?? [];
  for (const other of holds) {
    if (other.subscription === subscription) continue;
    if (other.fromMs >= hold.untilMs || hold.fromMs >= other.untilMs) continue;
    const who = `${subscription.connection.name} and ${other.subscription.connection.name}`;
    const what = `${nameOf(copy)} and ${nameOf(other.copy)} of group ${copy.group}`;
    ledger.breach('group', `${who} had ${what} at one time`);
  }
  place.groupHolds.set(copy.group, [...holds, hold]);
}

/**
 * A broker hands out what lies first, of each priority and group; what comes later than its successors was
 * somewhere else before.
 */
function checkOrder(
  ledger: LedgerBook,
  subscription: LedgerSubscription,
  { copy, messageId }: Arrival,
  frame: DeliveredFrame,
): void {
  const row = rowOf(copy);
  if (messageId > (subscription.highestIds.get(row) ?? 0)) {
    subscription.highestIds.set(row, messageId);
  } else if (!frame.isRedelivered) {
    const sentence = `${nameOf(copy)} came for the first time after a later one on one connection`;
    ledger.breach('order', sentence);
  }
}

function rowOf({ priority, group }: Copy): string {
  return `${priority} ${group ?? ''}`;
}

/** The same without ids: of what one connection sent, the order is known. */
function checkOrderOfSender(
  ledger: LedgerBook,
  subscription: LedgerSubscription,
  { copy }: Arrival,
  { isRedelivered }: DeliveredFrame,
): void {
  const row = rowOf(copy);
  const highest = subscription.highestOrders.get(row) ?? new Map<LedgerConnection, number>();
  subscription.highestOrders.set(row, highest);
  if (copy.order > (highest.get(copy.connection) ?? -1)) {
    highest.set(copy.connection, copy.order);
  } else if (!isRedelivered) {
    const sentence = `${nameOf(copy)} came for the first time after a later one on one connection`;
    ledger.breach('order', sentence);
  }
}

function checkExpiry(
  ledger: LedgerBook,
  { connection }: LedgerSubscription,
  arrival: Arrival,
): void {
  const { copy, place } = arrival;
  if (copy.expiresAtMs === 0 || place.kind === 'dead-letters') return;
  if (ledger.options.wallOffsets.lowestAt(connection.provenAtMs) >= copy.expiresAtMs) {
    ledger.breach('expiry', `${nameOf(copy)} came after it had expired by every clock`);
  }
}

/** It has left the queue that it was sent to, and not before it had failed there as often as it may. */
export function checkDeadLetter(
  ledger: LedgerBook,
  { connection }: LedgerSubscription,
  arrival: Arrival,
): void {
  const { copy } = arrival;
  const [source] = copy.arrivals;
  if (source === undefined || source.place.kind !== 'queue' || source.state === 'moved') return;
  // The end of a connection may count as one failure.
  const failures = source.rejections + source.place.subscriptionCount;
  if (failures < ledger.options.maxDeliveries && !source.isPoison) {
    const sentence = `${nameOf(copy)} is a dead letter after at most ${failures} failures`;
    ledger.breach('dead-letter', sentence);
  }
  if (source.state === 'gone') {
    const sentence = `${nameOf(copy)} is a dead letter after its acknowledgement was confirmed`;
    ledger.breach('acknowledged-stays-gone', sentence);
  }
  source.acknowledgedBy = connection;
  source.acknowledgedAtMs = ledger.options.nowMs();
  ledger.setState(source, 'moved');
}

/** Whether a delivery counts, which it does not when it may have been sent before what is known since. */
export function mayCount(
  ledger: LedgerBook,
  subscription: LedgerSubscription,
  arrival: Arrival,
): boolean {
  const { connection } = subscription;
  const { state, copy, place } = arrival;
  switch (state) {
    case 'awaited':
    case 'held':
      return true;
    case 'asked': {
      const asker = arrival.holder?.connection ?? connection;
      return isAfter(subscription, asker, arrival.receivedAtMs);
    }
    case 'gone':
    case 'moved': {
      const by = arrival.acknowledgedBy ?? connection;
      if (!isAfter(subscription, by, arrival.acknowledgedAtMs)) return false;
      const name = nameOf(copy);
      if (state === 'moved') {
        ledger.breach('no-doubling', `${name} came to ${place.name} and is a dead letter`);
      } else {
        const sentence = `${name} came again at ${place.name} after its acknowledgement was confirmed`;
        ledger.breach('acknowledged-stays-gone', sentence);
      }
      return false;
    }
  }
}

/**
 * Whether what comes for `subscription` now was sent after something that was known on `other` at that
 * moment. It was when its SUBSCRIBE was sent later: a node that may have been deposed delivers nothing.
 * An answer to anything else that was sent later tells it of the same node alone.
 */
function isAfter(
  { connection, sentAtMs }: LedgerSubscription,
  other: LedgerConnection,
  atMs: number,
): boolean {
  if (connection === other || sentAtMs >= atMs) return true;
  return connection.node === other.node && connection.provenAtMs >= atMs;
}
