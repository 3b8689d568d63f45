/**
 * A queue of entries and who consumes them. Queues and durable subscriptions are stored; what a
 * topic subscriber without a durable subscription has waiting is a queue in memory only.
 */

import { parseSelector, type Selector } from '../selector/selector.js';
import type { AddressSettings } from './address-settings.js';
import type { AcknowledgementMode, Destination, Subscriber } from './api.js';
import type { Client } from './client.js';
import { DeliveredList } from './delivered-list.js';
import { MessageGroups } from './message-groups.js';
import { ENTRY_STATE, type MessageTable, NONE } from './message-table.js';
import { PRIORITIES } from './priority.js';
import { QueueCounts } from './queue-counts.js';
import { ReadyList } from './ready-list.js';
import type { QueueDescription } from './records.js';
import { Scan } from './scan.js';
import { SubscriptionFilter } from './subscription-filter.js';
import { isPattern } from './topic-patterns.js';

export class Queue {
  /** Its place in the registry, and in the table's queue column. */
  index = NONE;
  /** Null for a queue that is in memory only. */
  readonly stored: QueueDescription | null;
  readonly destination: Destination;
  /** Only the live node looks at them. */
  settings: AddressSettings;
  /** A subscription to all topics that its name stands for: each message says which one it was sent to. */
  readonly isPattern: boolean;
  private wishes: SubscriptionFilter | null | undefined;
  private readonly table: MessageTable;

  /** Waiting for a consumer, in the order of delivery. */
  readonly ready: ReadyList;
  messages = 0;
  /** Of them, those that are of message groups. */
  groupedMessages = 0;
  bytes = 0;
  unacknowledged = 0;
  /** Taken from producers, but in batches that are not applied yet. */
  arrivingMessages = 0;
  arrivingBytes = 0;
  readonly counts = new QueueCounts();

  readonly consumers: Consumer[] = [];
  /** Of the consumers that do not take whatever comes first. */
  private readonly scans: Scan[] = [];
  /** How many of them would not, if there were no message groups. */
  private choosing = 0;
  /** Who has which message group; null as long as there was none to give out. */
  groups: MessageGroups<Consumer> | null = null;
  nextConsumer = 0;
  /** Of what is to be delivered later. */
  delayedBytes = 0;
  /** It is in the list of queues to dispatch. */
  dirty = false;
  /** Its first message is being loaded from the journal. */
  loading = false;
  /** By priority, the slot that was put back into `ready` last; it may be anybody's by now. */
  readonly lastPutBack: number[] = new Array(PRIORITIES).fill(NONE);
  /** Consumers that wait to hear that there is nothing more for them. */
  draining = 0;

  /** In memory only, by its name, as long as the client that made it is connected. */
  isTemporary = false;
  /** Its subscribers may be several; of a durable subscription, as its first one said. */
  isShared = false;
  /** Its messages stay where they are, as an operator wants it; only browsers get to see them. */
  isPaused = false;
  /** Its queue-created record was applied. */
  created = false;
  /** Its removal is decided, and perhaps applied: nothing goes in or out any more. */
  removed = false;

  constructor(
    table: MessageTable,
    destination: Destination,
    settings: AddressSettings,
    stored: QueueDescription | null,
    filter?: SubscriptionFilter | null,
  ) {
    this.settings = settings;
    this.wishes = filter;
    this.table = table;
    this.ready = new ReadyList(table);
    this.destination = destination;
    this.stored = stored;
    this.isPattern = destination.kind === 'topic' && isPattern(destination.name);
  }

  /** What fails in it stays in it. */
  get isDeadLetterQueue(): boolean {
    const { kind, name } = this.destination;
    return kind === 'queue' && this.settings.deadLetterAddress === name;
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

  /**
   * Whether somebody has to be asked which of the entries it wants. Who owns which group is known on while there is
   * no message of any; all take whatever comes first then.
   */
  get isScanned(): boolean {
    return this.choosing > 0 || (this.groups !== null && this.groupedMessages > 0);
  }

  /** Takes a ready entry out of its list. */
  removeReady(slot: number): void {
    for (const scan of this.scans) scan.leaves(slot);
    this.ready.remove(slot);
  }

  /** Puts a new entry, whose id is higher than those of all before it, where it belongs. */
  arrive(slot: number): void {
    this.ready.insert(slot, NONE);
  }

  /** Puts an entry back where it belongs. `hint`: see ReadyList.insert. */
  putBack(slot: number, hint: number): void {
    this.ready.insert(slot, hint);
    for (const scan of this.scans) scan.returns(slot);
  }

  /** The lowest id of what waits for a consumer, and of what each consumer was delivered first; null when there is none. */
  oldestEntryId(table: MessageTable): number | null {
    let oldest = this.ready.lowestId();
    for (const { delivered } of this.consumers) {
      if (delivered.head !== NONE) oldest = Math.min(oldest, table.idOf(delivered.head));
    }
    return Number.isFinite(oldest) ? oldest : null;
  }

  addConsumer(consumer: Consumer): void {
    this.consumers.push(consumer);
    if (this.groups !== null) consumer.startScan(this.table);
    if (consumer.scan !== null) this.scans.push(consumer.scan);
    if (consumer.isChoosing) this.choosing += 1;
  }

  /** From now on each consumer looks for what it may have: some of it belongs to others. */
  startGrouping(): void {
    const { table, ready, scans } = this;
    this.groups = new MessageGroups<Consumer>(table, {
      lookAt: (id) => {
        const slot = table.find(id);
        if (slot === NONE || table.stateOf(slot) !== ENTRY_STATE.ready) return;
        for (const scan of scans) scan.returns(slot);
      },
      lookFrom: (priority, id) => {
        const before = ready.lastBelow(priority, id);
        for (const scan of scans) scan.goBackTo(priority, id, before);
      },
    });
    for (const consumer of this.consumers) {
      if (consumer.scan !== null) continue;
      this.scans.push(consumer.startScan(this.table));
    }
  }

  /** They are gone with the tenure. */
  forgetConsumers(): void {
    this.consumers.length = 0;
    this.scans.length = 0;
    this.choosing = 0;
    this.draining = 0;
  }

  removeConsumer(consumer: Consumer): void {
    const index = this.consumers.indexOf(consumer);
    this.consumers.splice(index, 1);
    if (consumer.scan !== null) this.scans.splice(this.scans.indexOf(consumer.scan), 1);
    if (consumer.isChoosing) this.choosing -= 1;
    if (consumer.onDrained !== null) this.draining -= 1;
    if (this.nextConsumer > index) this.nextConsumer -= 1;
    this.groups?.leave(consumer);
    if (this.consumers.length === 0 && this.groups?.isEmpty === true) this.groups = null;
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
  /** It does not take whatever comes first, whether there are message groups or not. */
  readonly isChoosing: boolean;
  /** Null for one that takes whatever comes first. */
  scan: Scan | null = null;
  /** Delivered and not acknowledged, in the order of delivery. */
  readonly delivered: DeliveredList;
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
    this.isChoosing = this.selector !== null || this.isBrowser;
    if (this.isChoosing) this.startScan(table);
    this.delivered = new DeliveredList(table);
  }

  /** It looks for what it may have from now on. */
  startScan(table: MessageTable): Scan {
    this.scan ??= new Scan(table, this.queue.ready, !this.isBrowser);
    return this.scan;
  }

  canTake(): boolean {
    if (this.queue.isPaused && !this.isBrowser) return false;
    return this.credit > 0 && this.delivered.length < this.prefetch && this.client.events.writable;
  }
}
