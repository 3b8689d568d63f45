/**
 * A queue of entries and who consumes them. Queues and durable subscriptions are stored; what a
 * topic subscriber without a durable subscription has waiting is a queue in memory only.
 */

import { parseSelector, type Selector } from '../selector/selector.js';
import type { AcknowledgementMode, Destination, Subscriber } from './api.js';
import type { Client } from './client.js';
import { EntryList } from './entry-list.js';
import type { MessageTable } from './message-table.js';
import { NONE } from './message-table.js';
import { QUEUE_KIND, type QueueDescription } from './records.js';
import { Scan } from './scan.js';
import { SubscriptionFilter } from './subscription-filter.js';
import { isPattern } from './topic-patterns.js';

export const DEAD_LETTER_PREFIX = 'DLQ.';

export class Queue {
  /** Its place in the registry, and in the table's queue column. */
  index = NONE;
  /** Null for a queue that is in memory only. */
  readonly stored: QueueDescription | null;
  readonly destination: Destination;
  readonly isDeadLetterQueue: boolean;
  /** A subscription to all topics that its name stands for: each message says which one it was sent to. */
  readonly isPattern: boolean;
  private wishes: SubscriptionFilter | null | undefined;

  /** Waiting for a consumer, ordered by id. */
  readonly ready: EntryList;
  messages = 0;
  bytes = 0;
  unacknowledged = 0;
  /** Taken from producers, but in batches that are not applied yet. */
  arrivingMessages = 0;
  arrivingBytes = 0;

  readonly consumers: Consumer[] = [];
  /** Of the consumers that do not want everything. */
  private readonly scans: Scan[] = [];
  nextConsumer = 0;
  /** Of what is to be delivered later. */
  delayedBytes = 0;
  /** It is in the list of queues to dispatch. */
  dirty = false;
  /** Its first message is being loaded from the journal. */
  loading = false;
  /** The slot that was put back into `ready` last; it may be anybody's by now. */
  lastPutBack = NONE;
  /** Consumers that wait to hear that there is nothing more for them. */
  draining = 0;

  /** In memory only, by its name, as long as the client that made it is connected. */
  isTemporary = false;
  /** Its subscribers may be several; of a durable subscription, as its first one said. */
  isShared = false;
  /** Its queue-created record was applied. */
  created = false;
  /** Its removal is decided, and perhaps applied: nothing goes in or out any more. */
  removed = false;

  constructor(
    table: MessageTable,
    destination: Destination,
    stored: QueueDescription | null,
    filter?: SubscriptionFilter | null,
  ) {
    this.wishes = filter;
    this.ready = new EntryList(table);
    this.destination = destination;
    this.stored = stored;
    this.isPattern = destination.kind === 'topic' && isPattern(destination.name);
    this.isDeadLetterQueue =
      stored?.kind === QUEUE_KIND.queue && stored.name.startsWith(DEAD_LETTER_PREFIX);
  }

  /** What subscribers of a topic have waiting in memory: who does not take it is disconnected, not waited for. */
  get isBacklog(): boolean {
    return this.stored === null && !this.isTemporary;
  }

  /** What of its topic it gets; null for everything. Only the live node asks. */
  get filter(): SubscriptionFilter | null {
    if (this.wishes === undefined) this.wishes = filterOf(this.stored);
    return this.wishes;
  }

  /** Whether somebody has to be asked which of the entries it wants. */
  get isScanned(): boolean {
    return this.scans.length > 0;
  }

  /** Takes a ready entry out of its list. */
  removeReady(slot: number): void {
    for (const scan of this.scans) scan.leaves(slot);
    this.ready.remove(slot);
  }

  /** Puts an entry where its id belongs. `hint`: see EntryList.insertById. */
  putBack(slot: number, hint: number): void {
    this.ready.insertById(slot, hint);
    for (const scan of this.scans) scan.returns(slot);
  }

  addConsumer(consumer: Consumer): void {
    this.consumers.push(consumer);
    if (consumer.scan !== null) this.scans.push(consumer.scan);
  }

  /** They are gone with the tenure. */
  forgetConsumers(): void {
    this.consumers.length = 0;
    this.scans.length = 0;
    this.draining = 0;
  }

  removeConsumer(consumer: Consumer): void {
    const index = this.consumers.indexOf(consumer);
    this.consumers.splice(index, 1);
    if (consumer.scan !== null) this.scans.splice(this.scans.indexOf(consumer.scan), 1);
    if (consumer.onDrained !== null) this.draining -= 1;
    if (this.nextConsumer > index) this.nextConsumer -= 1;
  }
}

/** What was accepted once must be accepted for ever: limits of selectors may only rise. */
function filterOf(stored: QueueDescription | null): SubscriptionFilter | null {
  if (stored === null) return null;
  const { selector = '', noLocal = false, clientId } = stored;
  if (selector === '' && !noLocal) return null;
  return new SubscriptionFilter(
    selector === '' ? null : parseSelector(selector),
    noLocal ? clientId : null,
  );
}

/** One subscription of one session, as its queue sees it. */
export class Consumer implements Subscriber {
  /** In the table's owner column. */
  index = NONE;
  readonly client: Client;
  readonly queue: Queue;
  readonly mode: AcknowledgementMode;
  readonly prefetch: number;
  readonly context: unknown;
  readonly returnsAtRollback: boolean;
  /** What it wants of its queue; null for everything. */
  readonly selector: Selector | null;
  /** Of its selector, also where that is its queue's. */
  readonly selectorCharacters: number;
  /** It looks at what is ready, and takes nothing. */
  readonly isBrowser: boolean;
  /** Null for one that takes whatever comes first. */
  readonly scan: Scan | null;
  /** Delivered and not acknowledged, in the order of delivery. */
  readonly delivered: EntryList;
  closed = false;
  /** How many more it takes, whatever its prefetch still allows. */
  credit: number;
  /** Set while it waits to hear that there is nothing more for it. */
  onDrained: (() => void) | null = null;

  constructor(
    table: MessageTable,
    client: Client,
    queue: Queue,
    options: {
      readonly mode: AcknowledgementMode;
      readonly prefetch: number;
      readonly credit: number;
      readonly returnsAtRollback: boolean;
      readonly selector: Selector | null;
      readonly selectorCharacters: number;
      readonly isBrowser: boolean;
      readonly context: unknown;
    },
  ) {
    this.client = client;
    this.queue = queue;
    this.mode = options.mode;
    this.prefetch = options.prefetch;
    this.credit = options.credit;
    this.returnsAtRollback = options.returnsAtRollback;
    this.selector = options.selector;
    this.selectorCharacters = options.selectorCharacters;
    this.isBrowser = options.isBrowser;
    this.context = options.context;
    const wantsAll = this.selector === null && !this.isBrowser;
    this.scan = wantsAll ? null : new Scan(table, queue.ready, !this.isBrowser);
    this.delivered = new EntryList(table);
  }

  canTake(): boolean {
    return this.credit > 0 && this.delivered.length < this.prefetch && this.client.events.writable;
  }
}
