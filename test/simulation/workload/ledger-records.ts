/** What the ledger remembers of connections, messages and where they may arrive. */

import { DEFAULT_PRIORITY } from '../../../src/broker/priority.js';

/**
 * One connection of a client, as the client knows it. `provenAtMs`: the broker has processed
 * something that was sent then, so that whatever comes now was sent by the broker later than that.
 */
export class LedgerConnection {
  readonly client: string;
  readonly connectingAtMs: number;
  /** Named in CONNECTED. */
  node = '';
  /** -1 before. */
  connectedAtMs = -1;
  provenAtMs: number;
  /** When this client's world knew that the tenure of this connection is over; -1 while it does not. */
  overAtMs = -1;
  isOpen = true;
  /**
   * Its session may hold back what it was given, until this client says that it has room: what comes may
   * be older than an answer that came before.
   */
  holdsBack = false;
  readonly subscriptions: LedgerSubscription[] = [];
  /** By destination, in the order in which the broker gets them. */
  readonly sent = new Map<string, Copy[]>();

  constructor(client: string, nowMs: number) {
    this.client = client;
    this.connectingAtMs = nowMs;
    this.provenAtMs = nowMs;
  }

  get name(): string {
    return `${this.client} at ${this.node === '' ? 'nobody' : this.node}`;
  }
}

/**
 * - `queue`: a queue.
 * - `dead-letters`: the queue of what failed too often at `source`.
 * - `durable`: a durable subscription to a topic.
 * - `passing`: what a subscription to a topic gets while it is there.
 */
export type PlaceKind = 'queue' | 'dead-letters' | 'durable' | 'passing';

/** Where messages of one destination may arrive. */
export class Place {
  readonly kind: PlaceKind;
  readonly name: string;
  /** What is sent there arrives here. */
  readonly destination: string;
  /** SUBSCRIBEs that were sent. */
  subscriptionCount = 0;
  /** Of a durable subscription: everything that was sent later arrives; -1 before. */
  subscribedAtMs = -1;
  /** A consumer that does not acknowledge has lost its connection: what was on it is gone. */
  mayHaveLost = false;
  /** By message group, who had something of it, and from when to when at least. */
  readonly groupHolds = new Map<string, GroupHold[]>();

  constructor(kind: PlaceKind, name: string, destination: string) {
    this.kind = kind;
    this.name = name;
    this.destination = destination;
  }
}

/** From its delivery until its acknowledgement was sent, which was confirmed: so the broker knew of it all the time. */
export interface GroupHold {
  readonly subscription: LedgerSubscription;
  readonly copy: Copy;
  readonly fromMs: number;
  readonly untilMs: number;
}

export class LedgerSubscription {
  readonly connection: LedgerConnection;
  readonly place: Place;
  readonly isAutomatic: boolean;
  /** When SUBSCRIBE was sent. */
  readonly sentAtMs: number;
  /** Delivered here and not acknowledged, in the order of delivery. */
  readonly held = new Set<Arrival>();
  /** Of each priority and group, of what was delivered here. */
  readonly highestIds = new Map<string, number>();
  lowestPriority = Number.POSITIVE_INFINITY;
  /** The same by what is known without ids: of each connection that sent here, the place of a message in its order. */
  readonly highestOrders = new Map<string, Map<LedgerConnection, number>>();

  constructor(connection: LedgerConnection, place: Place, isAutomatic: boolean, sentAtMs: number) {
    this.connection = connection;
    this.place = place;
    this.isAutomatic = isAutomatic;
    this.sentAtMs = sentAtMs;
  }
}

/** What a producer wants to send, however often. */
export interface SentMessage {
  /** For people: the producer and its own number. */
  readonly message: string;
  readonly destination: string;
  readonly body: Uint8Array;
  readonly isDurable: boolean;
  /** On a wall clock; 0 for never. */
  readonly expiresAtMs: number;
  /** By which the broker knows it again; null: it cannot. */
  readonly duplicateId: string | null;
  /** Left out: as the broker likes. */
  readonly priority?: number;
  /** Left out: of none. */
  readonly group?: string | null;
  readonly closesGroup?: boolean;
}

/**
 * One SEND of a message. A message that is sent again is another copy, for the broker cannot know better; one
 * with an id is the same copy, for it does.
 */
export class Copy {
  /** Names it in a header. */
  readonly number: number;
  readonly message: string;
  readonly connection: LedgerConnection;
  readonly destination: string;
  readonly body: Uint8Array;
  readonly isDurable: boolean;
  readonly expiresAtMs: number;
  readonly duplicateId: string | null;
  readonly priority: number;
  readonly group: string | null;
  readonly closesGroup: boolean;
  readonly transaction: LedgerTransaction | null;
  /** When it was sent; in a transaction, when the COMMIT was. Infinity until then. */
  sentAtMs: number;
  /** Its place in the connection's order. */
  order = -1;
  confirmedAtMs = -1;
  readonly arrivals: Arrival[] = [];

  constructor(
    number: number,
    sent: SentMessage,
    connection: LedgerConnection,
    transaction: LedgerTransaction | null,
    sentAtMs: number,
  ) {
    this.number = number;
    this.message = sent.message;
    this.connection = connection;
    this.destination = sent.destination;
    this.body = sent.body;
    this.isDurable = sent.isDurable;
    this.expiresAtMs = sent.expiresAtMs;
    this.duplicateId = sent.duplicateId;
    this.priority = sent.priority ?? DEFAULT_PRIORITY;
    this.group = sent.group ?? null;
    this.closesGroup = sent.closesGroup ?? false;
    this.transaction = transaction;
    this.sentAtMs = sentAtMs;
  }

  arrivalAt(place: Place): Arrival | undefined {
    for (const arrival of this.arrivals) if (arrival.place === place) return arrival;
    return undefined;
  }
}

/**
 * - `awaited`: nobody has seen it there, or whoever had it has given it back.
 * - `held`: delivered, not acknowledged.
 * - `asked`: acknowledged, but nobody knows whether the broker knows.
 * - `gone`: the acknowledgement is confirmed.
 * - `moved`: it was seen among the dead letters.
 */
export type ArrivalState = 'awaited' | 'held' | 'asked' | 'gone' | 'moved';

/**
 * - `failed`: it counts, and the message comes again or is a dead letter when it has failed too often.
 * - `released`: as if it had never come.
 * - `poison`: it is a dead letter at once.
 */
export type Rejection = 'failed' | 'released' | 'poison';

/** A copy at a place. */
export class Arrival {
  readonly copy: Copy;
  readonly place: Place;
  isSeen = false;
  /** 0 until it is known: AMQP has none for what came by AMQP. */
  messageId = 0;
  state: ArrivalState = 'awaited';
  holder: LedgerSubscription | null = null;
  /** By the connection that has it or had it last. */
  receivedAtMs = 0;
  acknowledgedAtMs = -1;
  acknowledgedBy: LedgerConnection | null = null;
  askedIn: LedgerTransaction | null = null;
  rejections = 0;
  /** A consumer has said that it is a dead letter. */
  isPoison = false;

  constructor(copy: Copy, place: Place) {
    this.copy = copy;
    this.place = place;
  }
}

/** `unknown`: COMMIT was sent, and no answer came yet. */
export type TransactionState = 'open' | 'unknown' | 'committed' | 'dropped';

export class LedgerTransaction {
  readonly name: string;
  /** Of its last attempt. */
  connection: LedgerConnection;
  state: TransactionState = 'open';
  readonly copies: Copy[] = [];
  readonly acknowledged: Arrival[] = [];
  /** A message of it was seen: so it was committed. */
  isSeen = false;
  /** A message that it acknowledges came again: so it was not. */
  isRefuted = false;

  constructor(name: string, connection: LedgerConnection) {
    this.name = name;
    this.connection = connection;
  }
}

/** Some of its messages have come and others not; only to be judged when everything has been asked for. */
export function isInPart({ state, isSeen, copies }: LedgerTransaction): boolean {
  return state === 'unknown' && isSeen && copies.some(({ arrivals }) => arrivals.every(isUnseen));
}

function isUnseen({ isSeen }: Arrival): boolean {
  return !isSeen;
}

export function nameOf(copy: Copy): string {
  return `message ${copy.message} (copy ${copy.number}) to ${copy.destination}`;
}
