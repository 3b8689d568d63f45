/** What operators are told of the broker (docs/admin.md). Plain data: it goes out as JSON. */

/** What queues and subscriptions have in common, on a backup too. */
export interface DepthFacts {
  /** With those that are delivered and not acknowledged, and those whose time has not come. */
  readonly messages: number;
  readonly bytes: number;
  /** Roughly when the oldest message came that is ready or unacknowledged, of the wall clock; null when there is none. */
  readonly oldestAtMs: number | null;
}

/** What only the live node knows of them, which has the clients. */
export interface LiveDepthFacts {
  /** Waiting for a consumer. */
  readonly ready: number;
  /** With consumers. */
  readonly unacknowledged: number;
  readonly consumers: number;
}

/** As another node tells it: null is not known there, and not nothing. */
type MaybeKnown<Facts> = { readonly [name in keyof Facts]: Facts[name] | null };

/** What has happened in one queue while this node was live. */
export interface QueueHistory {
  readonly arrived: number;
  readonly delivered: number;
  readonly redelivered: number;
  readonly failed: number;
  readonly acknowledged: number;
  readonly expired: number;
  readonly deadLettered: number;
}

export interface QueueFacts extends DepthFacts, MaybeKnown<LiveDepthFacts> {
  readonly name: string;
  /** Null on a backup, as what follows. */
  readonly counts: QueueHistory | null;
  /** Nothing is delivered from it until somebody resumes it. */
  readonly paused: boolean | null;
  /** Of one client, in memory only, and gone with it. */
  readonly temporary: boolean;
  /** Where dead letters go. */
  readonly deadLetters: boolean;
}

export interface SubscriptionFacts extends DepthFacts, MaybeKnown<LiveDepthFacts> {
  readonly topic: string;
  /** Null on a backup. */
  readonly counts: QueueHistory | null;
  /** Null for one in memory only, which is gone with its subscribers. */
  readonly name: string | null;
  readonly clientId: string | null;
  readonly durable: boolean;
  readonly shared: boolean;
  readonly selector: string | null;
  readonly noLocal: boolean;
}

export interface TopicFacts {
  readonly name: string;
  /** On a backup, durable ones alone. */
  readonly subscriptions: number;
  /** Null on a backup. */
  readonly consumers: number | null;
  /** Waiting in its subscriptions. */
  readonly messages: number;
  readonly bytes: number;
}

export interface ConsumerFacts {
  readonly connection: number;
  readonly destination: string;
  readonly kind: 'queue' | 'topic';
  /** Of a durable subscription. */
  readonly subscription: string | null;
  readonly acknowledgement: 'auto' | 'cumulative' | 'individual';
  readonly prefetch: number;
  readonly unacknowledged: number;
  readonly selector: string | null;
  readonly browser: boolean;
}

export interface ConnectionFacts {
  /** Unique as long as its node runs. */
  readonly id: number;
  /** Protocol and remote address. */
  readonly description: string;
  /** Null for a client that gave none. */
  readonly clientId: string | null;
  readonly consumers: number;
  readonly unacknowledged: number;
  /** It has sent a message. */
  readonly sends: boolean;
  /** It is not read from, for what it sends to is full. */
  readonly held: boolean;
}

/** Local transactions with something to commit: what they hold is neither there nor gone. */
export interface TransactionFacts {
  readonly connection: number;
  readonly name: string;
  /** Wall-clock milliseconds. */
  readonly sinceMs: number;
  readonly messages: number;
  /** Acknowledged and rejected in it. */
  readonly settlements: number;
  readonly bytes: number;
}

/** Counted since this node went live; a durable message for several queues counts once as sent. */
export interface LiveCounts {
  sent: number;
  delivered: number;
  acknowledged: number;
  failed: number;
  expired: number;
  deadLettered: number;
  /** Messages that had come before and were not taken again. */
  duplicates: number;
  /** Messages that a full queue did not take, and dead letters without an address. */
  dropped: number;
}

/** Of the whole broker; what is counted begins with the tenure. */
export interface BrokerTotals extends Readonly<LiveCounts> {
  readonly messages: number;
  readonly bytes: number;
  /** Non-durable messages. */
  readonly memoryBytes: number;
}

export interface TotalFacts extends BrokerTotals {
  readonly queues: number;
}
