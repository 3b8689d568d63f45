/** Who is subscribed to what: opening and closing subscriptions, and the durable ones of topics. */

import { HoldfastError } from '../platform/errors.js';
import { parseSelector, type Selector } from '../selector/selector.js';
import type { Destination, DurableSubscription, SubscribeOptions } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Client } from './client.js';
import type { Deliveries } from './deliveries.js';
import type { MessageIndex } from './message-index.js';
import { Consumer, type Queue } from './queue.js';
import type { QueueCreator, SubscriptionDescription } from './queue-creator.js';
import { encodeQueueRemoved } from './record-writer.js';
import type { BrokerServices } from './services.js';
import { SubscriptionFilter } from './subscription-filter.js';
import type { TemporaryDestinations } from './temporary-destinations.js';

export class Subscriptions {
  private readonly index: MessageIndex;
  private readonly batches: BatchBuilder;
  private readonly creator: QueueCreator;
  private readonly deliveries: Deliveries;
  private readonly services: BrokerServices;
  private readonly temporary: TemporaryDestinations;
  /** The table's owner column holds places in it. */
  private consumers: (Consumer | undefined)[] = [];
  private freePlaces: number[] = [];
  /** Shared subscriptions in memory, with what they were opened for. */
  private readonly sharedQueues = new Map<
    string,
    {
      readonly queue: Queue;
      readonly shared: SharedSubscription;
      readonly options: SubscribeOptions;
    }
  >();

  constructor(options: {
    readonly index: MessageIndex;
    readonly batches: BatchBuilder;
    readonly creator: QueueCreator;
    readonly deliveries: Deliveries;
    readonly services: BrokerServices;
    readonly temporary: TemporaryDestinations;
  }) {
    this.index = options.index;
    this.batches = options.batches;
    this.creator = options.creator;
    this.deliveries = options.deliveries;
    this.services = options.services;
    this.temporary = options.temporary;
  }

  open(client: Client, options: SubscribeOptions): Consumer {
    const prefetch = this.prefetchOf(options.prefetch);
    // Before anything is made for it: a selector that cannot be read is refused here.
    const selector = selectorOf(options);
    const queue = this.queueFor(client, options);
    const consumer = new Consumer(this.index.table, client, queue, {
      mode: options.acknowledgement,
      prefetch,
      credit: options.credit ?? Number.POSITIVE_INFINITY,
      returnsAtRollback: options.returnsAtRollback ?? false,
      // What is for a topic's subscription is filtered when it is sent.
      selector: queue.destination.kind === 'queue' ? selector : null,
      selectorCharacters: selector?.text.length ?? 0,
      isBrowser: options.browses ?? false,
      context: options.context,
    });
    consumer.index = this.freePlaces.pop() ?? this.consumers.length;
    this.consumers[consumer.index] = consumer;
    queue.addConsumer(consumer);
    return consumer;
  }

  /** What the consumer has unacknowledged goes back; a queue that is only its own goes away. */
  close(consumer: Consumer): void {
    const { queue } = consumer;
    if (consumer.closed) return;
    consumer.closed = true;
    queue.removeConsumer(consumer);
    // Others may have its message groups.
    if (queue.groups !== null) this.index.markDirty(queue);
    this.deliveries.giveBackAll(consumer);
    this.consumers[consumer.index] = undefined;
    this.freePlaces.push(consumer.index);
    if (!queue.isBacklog || queue.consumers.length > 0) return;
    if (queue.isShared) {
      for (const [key, shared] of this.sharedQueues) {
        if (shared.queue === queue) this.sharedQueues.delete(key);
      }
    }
    this.index.removeQueue(queue);
  }

  removeDurable(clientId: string, name: string): void {
    const queue = this.index.queues.subscription(clientId, name);
    if (queue?.stored == null) {
      throw new HoldfastError(
        'CLIENT_FAILED',
        `Client "${clientId}" has no durable subscription "${name}"; check both names.`,
      );
    }
    if (queue.consumers.length > 0) throw inUse(clientId, name);
    this.removeStored(queue, queue.stored.id);
  }

  /** With all it holds. Nobody may consume from it. */
  removeStored(queue: Queue, storedId: number): void {
    this.index.queues.unpublish(queue);
    // Removals that were decided earlier name entries which go away with the queue.
    this.batches.flushRemovals();
    this.batches.addRecord(encodeQueueRemoved(storedId));
  }

  /** A queue or topic for `client` alone, in memory, until it removes it or is gone. */
  createTemporary(client: Client, destination: Destination): void {
    this.creator.checkQueueCount();
    this.temporary.create(client, destination);
  }

  /** With what it holds; nothing happens when it is gone already, or is somebody else's. */
  removeTemporary(client: Client, name: string): void {
    const queue = this.temporary.remove(client, name);
    if (queue === null) return;
    for (const consumer of [...queue.consumers]) {
      this.close(consumer);
      consumer.client.events.subscriptionEnded?.(consumer, `The queue ${name} was removed`);
    }
    this.index.removeQueue(queue);
  }

  removeTemporariesOf(client: Client): void {
    for (const name of this.temporary.namesOf(client)) this.removeTemporary(client, name);
  }

  /** Forgets every consumer. Their entries are the caller's concern. */
  reset(): void {
    for (const consumer of this.consumers) {
      if (consumer === undefined) continue;
      consumer.closed = true;
      consumer.delivered.clear();
      consumer.queue.forgetConsumers();
      consumer.queue.unacknowledged = 0;
    }
    this.consumers = [];
    this.freePlaces = [];
    this.sharedQueues.clear();
    this.temporary.reset();
  }

  private queueFor(client: Client, options: SubscribeOptions): Queue {
    const { destination, durable, shared } = options;
    this.requireOwn(client, options);
    if (destination.kind === 'topic') {
      if (options.browses === true) {
        throw refusal(`Topic "${destination.name}" keeps nothing to browse; browse a queue.`);
      }
      if (durable !== null) return this.durableQueue(options, durable);
      return shared === undefined
        ? this.index.queues.addTopicSubscription(destination, filterOf(client, options))
        : this.sharedQueue(client, options, shared);
    }
    if (durable === null && shared === undefined) return this.creator.queueFor(destination);
    throw refusal(
      `Queue "${destination.name}" keeps its messages anyway; ` +
        'only a subscription to a topic can be durable or shared.',
    );
  }

  private requireOwn(client: Client, options: SubscribeOptions): void {
    const { destination } = options;
    const owner = this.temporary.ownerOf(destination);
    if (owner === null) return;
    if (options.durable !== null || options.shared !== undefined) {
      throw refusal(
        `The temporary ${destination.kind} "${destination.name}" goes with its connection; ` +
          'a subscription to it cannot be durable or shared.',
      );
    }
    if (owner === client) return;
    throw refusal(
      `The temporary ${destination.kind} "${destination.name}" is of another connection, ` +
        'which alone consumes from it; send to it only.',
    );
  }

  private durableQueue(options: SubscribeOptions, durable: DurableSubscription): Queue {
    const { clientId, name, isShared = false } = durable;
    const wanted = describe(options, durable);
    const existing = this.index.queues.subscription(clientId, name);
    if (existing?.stored == null)
      return this.sharing(this.creator.createSubscription(wanted), isShared);
    if (existing.consumers.length > 0 && !(isShared && existing.isShared))
      throw inUse(clientId, name);
    if (isSame(existing.stored, wanted)) return this.sharing(existing, isShared);
    if (existing.consumers.length > 0 || durable.replaces !== true) {
      throw refusal(
        `Durable subscription "${name}" of client "${clientId}" is to topic ` +
          `"${existing.destination.name}"${wishesIn(existing.stored)}; remove it first, or use another name.`,
      );
    }
    this.removeDurable(clientId, name);
    return this.sharing(this.creator.createSubscription(wanted), isShared);
  }

  private sharing(queue: Queue, isShared: boolean): Queue {
    queue.isShared = isShared;
    return queue;
  }

  /** In memory only, and there as long as somebody is subscribed. */
  private sharedQueue(
    client: Client,
    options: SubscribeOptions,
    shared: SharedSubscription,
  ): Queue {
    const { queues } = this.index;
    const key = sharedKey(shared);
    const existing = this.sharedQueues.get(key);
    // One that is removed waits only for subscribers that were too slow to go.
    if (existing === undefined || existing.queue.removed) {
      const queue = queues.addTopicSubscription(options.destination, filterOf(client, options));
      this.sharedQueues.set(key, { queue, shared, options });
      return this.sharing(queue, true);
    }
    const wanted = describe(options, shared);
    if (isSame(describe(existing.options, shared), wanted)) return existing.queue;
    throw refusal(
      `Shared subscription "${shared.name}" is to topic "${existing.options.destination.name}"` +
        `${wishesIn(describe(existing.options, shared))} while it has subscribers; use the same, or another name.`,
    );
  }

  private prefetchOf(asked: number): number {
    const { defaultPrefetch, maxPrefetch } = this.services.limits;
    if (asked === 0) return defaultPrefetch;
    if (Number.isInteger(asked) && asked > 0 && asked <= maxPrefetch) return asked;
    throw new HoldfastError(
      'LIMIT_EXCEEDED',
      `A prefetch of ${asked} is not possible; ask for 1 to ${maxPrefetch} messages, ` +
        'or raise limits.maxPrefetch.',
    );
  }
}

type SharedSubscription = NonNullable<SubscribeOptions['shared']>;

function sharedKey({ clientId, name }: SharedSubscription): string {
  return `${clientId}\0${name}`;
}

function describe(
  { destination, selector, noLocal }: SubscribeOptions,
  { clientId, name }: SharedSubscription,
): SubscriptionDescription {
  return {
    topic: destination.name,
    clientId,
    subscriptionName: name,
    selector: selector ?? '',
    noLocal: noLocal ?? false,
  };
}

function isSame(one: SubscriptionDescription, other: SubscriptionDescription): boolean {
  return (
    one.topic === other.topic &&
    (one.selector ?? '') === (other.selector ?? '') &&
    (one.noLocal ?? false) === (other.noLocal ?? false)
  );
}

function wishesIn({ selector = '', noLocal }: SubscriptionDescription): string {
  const withSelector = selector === '' ? '' : ` with selector ${selector.slice(0, 100)}`;
  return noLocal === true ? `${withSelector} without its own messages` : withSelector;
}

/** Of a subscription in memory. */
function filterOf({ clientId }: Client, options: SubscribeOptions): SubscriptionFilter | null {
  const selector = selectorOf(options);
  const excluded = options.noLocal === true ? clientId : null;
  return selector === null && excluded === null ? null : new SubscriptionFilter(selector, excluded);
}

function selectorOf({ selector }: SubscribeOptions): Selector | null {
  return selector == null || selector === '' ? null : parseSelector(selector);
}

function refusal(what: string): HoldfastError {
  return new HoldfastError('CLIENT_FAILED', what);
}

function inUse(clientId: string, name: string): HoldfastError {
  return new HoldfastError(
    'CLIENT_FAILED',
    `Durable subscription "${name}" of client "${clientId}" is in use by another connection; ` +
      'close that one first.',
  );
}
