/**
 * What the broker offers to protocol sessions and what it asks of them. Protocol-neutral: a STOMP,
 * AMQP or MQTT session each translates its own frames to these calls. All calls are synchronous
 * and run on the main thread; nothing here waits for storage. Instead a call that changes state
 * takes a `token`, and the session's `confirmed(token)` is called once that change is on stable
 * storage and ownership was verified (P1, P3). Tokens of one session are confirmed in call order.
 */

/** Which codec the stored `headers` and `body` bytes are written in. Zero is never valid on disk. */
export const CONTENT_KIND = {
  stomp: 1,
  amqp: 2,
  /** As `stomp`, of a sender that has counted the bytes of its body: no text for those who tell it from bytes. */
  stompBytes: 3,
} as const;
export type ContentKind = (typeof CONTENT_KIND)[keyof typeof CONTENT_KIND];

type DestinationKind = 'queue' | 'topic';

/** Of names that clients get for themselves; no other destination has one, so that a late answer makes no queue. */
export const TEMPORARY_PREFIX = 'temporary:';

export interface Destination {
  readonly kind: DestinationKind;
  /** Without the `/queue/` or `/topic/` prefix. 1 to 1,000 bytes of UTF-8. */
  readonly name: string;
}

/** Whatever a session wants back in `confirmed`; null when nobody waits for this change. */
export type ConfirmationToken = unknown;

/**
 * By which a sender makes a message recognisable when it sends it again; a text and a number are never
 * the same. 1 to 500 bytes: of UTF-8, of the bytes, or of the decimal digits.
 */
export type DuplicateId = string | number | bigint | Uint8Array;

/** A message as a session hands it in. The bytes are copied before `send` returns. */
export interface IncomingMessage {
  readonly destination: Destination;
  readonly contentKind: ContentKind;
  /** The protocol's own header section, opaque to the broker, given back unchanged at delivery. */
  readonly headers: Uint8Array;
  readonly body: Uint8Array;
  /** False: kept in memory only, never journaled, lost at a takeover. */
  readonly durable: boolean;
  /** 0 to 9: what has more is delivered first. */
  readonly priority: number;
  /** Wall-clock milliseconds; 0 means never. */
  readonly expiresAtMs: number;
  /** Wall-clock milliseconds before which nobody gets it; 0 or left out: at once. */
  readonly deliverAtMs?: number;
  /** Messages of one group go to one consumer of their queue, as long as it is there; null, empty or left out: it is of none. */
  readonly groupId?: string | null;
  /** The last one of its group: what comes later under its id may go to another consumer. */
  readonly closesGroup?: boolean;
  /**
   * A message whose id is among the last ones of its address is not taken again; its token is confirmed as
   * if it were, and not before what came first is on stable storage. Null: every message is a new one.
   */
  readonly duplicateId: DuplicateId | null;
}

/**
 * A message on its way to a consumer. One object is reused for every delivery: read it during
 * `deliver` and keep nothing of it. `bytes` is the journal block that holds the message.
 */
export interface DeliveryView {
  /** Unique in the store for ever; what `acknowledge` and `reject` take. */
  entryId: number;
  destination: Destination;
  contentKind: ContentKind;
  bytes: Uint8Array;
  headersStart: number;
  headersEnd: number;
  bodyStart: number;
  bodyEnd: number;
  durable: boolean;
  priority: number;
  expiresAtMs: number;
  /** Wall-clock milliseconds at which the broker took the message. */
  timestampMs: number;
  /** The message may have been delivered before. */
  redelivered: boolean;
  /** Attempts that failed so far. */
  failedDeliveries: number;
  /**
   * Keeps `bytes` readable after `deliver`, without keeping them in memory where they lie in the journal:
   * for a message that is larger than what its client's socket takes at once. To be called in `deliver`.
   */
  readonly hold: () => HeldBytes;
}

/** The `bytes` of a delivery, read piece by piece. The journal keeps them until `release`. */
export interface HeldBytes {
  /**
   * What lies from `position` on, as far as it is at hand: at least one byte, to be copied at once. Null
   * when it has to be loaded: `ready` is called when it is there, unless they were released meanwhile.
   */
  from(position: number, ready: () => void): Uint8Array | null;
  /** Idempotent. */
  release(): void;
}

/** Bytes that are in no journal: they stay in memory for as long as somebody reads them. */
export function inMemory(bytes: Uint8Array): HeldBytes {
  return {
    from: (position) => bytes.subarray(position),
    release: () => undefined,
  };
}

/**
 * Implemented by each protocol session; called by the broker. Must not call back synchronously
 * except `acknowledge`, and `setCredit` to zero.
 */
export interface SessionEvents {
  /** The change that was made with `token` is durable and owned. Never called with null. */
  confirmed(token: ConfirmationToken): void;
  /** False while the client does not take what was written: nothing is delivered to it then. */
  readonly writable: boolean;
  deliver(subscriber: Subscriber, message: DeliveryView): void;
  /** A queue or the store is full: stop reading from this client until `resumeReading`. */
  pauseReading(reason: string): void;
  resumeReading(): void;
  /** The subscriber gets nothing more: what it was subscribed to is gone. Only temporary queues go so. */
  subscriptionEnded?(subscriber: Subscriber, reason: string): void;
  /** The broker gives up on this client (too slow, ...). The session tells it why and closes. */
  abort(reason: string): void;
}

export const ACKNOWLEDGEMENT = { auto: 0, cumulative: 1, individual: 2 } as const;
export type AcknowledgementMode = (typeof ACKNOWLEDGEMENT)[keyof typeof ACKNOWLEDGEMENT];

export interface DurableSubscription {
  readonly clientId: string;
  readonly name: string;
  /** Several subscribers at a time may share its messages. */
  readonly isShared?: boolean;
  /**
   * What to do when it is there with another topic, selector or `noLocal`, and unused: refuse (the
   * default), or remove it with all it holds and begin anew (Jakarta Messaging 3.1, 8.3.3).
   */
  readonly replaces?: boolean;
}

export interface SubscribeOptions {
  readonly destination: Destination;
  /** `auto`: a message counts as acknowledged when it is handed to the socket. */
  readonly acknowledgement: AcknowledgementMode;
  /** Unacknowledged messages at most on their way to this subscriber; 0: the broker's default. */
  readonly prefetch: number;
  /** Messages it takes until `setCredit` says otherwise; left out, its prefetch is the only limit. */
  readonly credit?: number;
  /** Set for a durable topic subscription: kept, and filled, while its client is away. */
  readonly durable: DurableSubscription | null;
  /** Set for a subscription to a topic that is gone with its last subscriber, who share its messages. */
  readonly shared?: { readonly clientId: string; readonly name: string };
  /** The text of a message selector: only what matches is delivered. See docs/selectors.md. */
  readonly selector?: string | null;
  /** Of a topic: nothing that was sent under the client id of this session. */
  readonly noLocal?: boolean;
  /** Of a queue: a copy of each message that is ready, in order; nothing is taken out. Needs `auto`. */
  readonly browses?: boolean;
  /**
   * What was acknowledged in a transaction that rolls back: false keeps it delivered to this subscriber,
   * who may acknowledge it again (the default); true counts it as failed and gives it back to the queue.
   */
  readonly returnsAtRollback?: boolean;
  /** For the session's own use: whatever it wants to find on the `Subscriber` again. */
  readonly context: unknown;
}

/** What becomes of a delivery that its consumer does not acknowledge. */
export const REJECTION = {
  /** It failed: counted, delivered again, and moved to `DLQ.<name>` at the maximum. */
  failed: 1,
  /** It goes back to its queue as if it had never been delivered. */
  released: 2,
  /** It can never succeed: moved to `DLQ.<name>` at once. */
  poison: 3,
} as const;
export type Rejection = (typeof REJECTION)[keyof typeof REJECTION];

/** One subscription of one session, made by `subscribe`. */
export interface Subscriber {
  readonly context: unknown;
}

/** One client connection as the broker sees it. Errors are thrown as `HoldfastError`. */
export interface BrokerSession {
  /** `transaction`: the name given to `begin`, or null. */
  send(message: IncomingMessage, token: ConfirmationToken, transaction: string | null): void;
  /** Throws ACCESS_DENIED when `send` would: for a protocol that asks before the first message. */
  requireSend(destination: Destination): void;
  subscribe(options: SubscribeOptions, token: ConfirmationToken): Subscriber;
  /** Unacknowledged messages go back to their queue. A durable subscription stays. */
  unsubscribe(subscriber: Subscriber, token: ConfirmationToken): void;
  /** How many more messages `subscriber` takes from now on. */
  setCredit(subscriber: Subscriber, credit: number): void;
  /** Calls `drained` as soon as there is nothing more for `subscriber` now, or its credit is used up. */
  drain(subscriber: Subscriber, drained: () => void): void;
  /** A queue or topic in memory that this client alone consumes from, until it removes it or is gone. */
  createTemporary(destination: Destination): void;
  /** With what it holds; nothing happens when it is gone. */
  removeTemporary(destination: Destination): void;
  /** What a durable topic subscription is to; null when there is none of that name. */
  durableSubscription(clientId: string, name: string): Destination | null;
  /** Removes a durable topic subscription with all it holds. Refused while it has a subscriber. */
  removeDurableSubscription(clientId: string, name: string, token: ConfirmationToken): void;
  /**
   * In `cumulative` mode also everything delivered to `subscriber` before it. Throws CLIENT_FAILED
   * when it is not delivered and unacknowledged there.
   */
  acknowledge(
    subscriber: Subscriber,
    entryId: number,
    token: ConfirmationToken,
    transaction: string | null,
  ): void;
  /** Of a delivered message; throws as `acknowledge` does. */
  reject(
    subscriber: Subscriber,
    entryId: number,
    rejection: Rejection,
    token: ConfirmationToken,
    transaction: string | null,
  ): void;
  begin(transaction: string): void;
  commit(transaction: string, token: ConfirmationToken): void;
  rollback(transaction: string, token: ConfirmationToken): void;
  /** Confirms `token` after everything this session asked for before it. */
  barrier(token: ConfirmationToken): void;
  /** The session's socket can take bytes again (`writable` became true). */
  resumeDelivery(): void;
  /** The client is gone: transactions roll back, unacknowledged messages go back. Idempotent. */
  close(): void;
}

/** A message as selectors see it. */
export interface SelectableMessage {
  readonly contentKind: ContentKind;
  readonly headers: Uint8Array;
  readonly body: Uint8Array;
  readonly durable: boolean;
  readonly priority: number;
  readonly expiresAtMs: number;
  readonly timestampMs: number;
  readonly failedDeliveries: number;
}

/** What is written into the headers of a message that goes to a dead-letter or an expiry address. */
export interface DeadLetterFacts {
  /** A sentence for people. */
  readonly reason: string;
  readonly originalDestination: Destination;
  /** Deliveries that failed. */
  readonly deliveries: number;
  /** Wall-clock milliseconds at which it expired; 0 when that is not why it moves. */
  readonly expiredAtMs: number;
}

/** As a client calls itself. */
export interface ClientIdentity {
  /** For `noLocal`. */
  readonly clientId?: string | null;
  /** No other connection that says the same may have this id at the same time. */
  readonly isExclusive?: boolean;
  /** The node's own session, which operators do not see among the connections. */
  readonly isOfNode?: boolean;
}

/** Why a listener hands a client to the broker. */
export interface BrokerEndpoint {
  /**
   * `describe` names the client in logs and errors, as `stomp 10.0.0.5:51234`. Throws
   * CLIENT_ID_IN_USE when the client wants its id for itself, as another one does.
   */
  openSession(events: SessionEvents, describe: string, identity?: ClientIdentity): BrokerSession;
}

/** The broker as a listener has it. */
export interface ClientBroker extends BrokerEndpoint {
  /** Whether there is a queue of that name, made by whoever used it first. */
  hasQueue(name: string): boolean;
}
