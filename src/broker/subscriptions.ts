/** Who is subscribed to what: opening and closing subscriptions, and the durable ones of topics. */

import { HoldfastError } from '../platform/errors.js';
import type { SubscribeOptions } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Client } from './client.js';
import type { Deliveries } from './deliveries.js';
import type { MessageIndex } from './message-index.js';
import type { Publisher } from './publisher.js';
import { Consumer, type Queue } from './queue.js';
import { encodeQueueRemoved } from './records.js';
import type { BrokerServices } from './services.js';

export class Subscriptions {
  private readonly index: MessageIndex;
  private readonly batches: BatchBuilder;
  private readonly publisher: Publisher;
  private readonly deliveries: Deliveries;
  private readonly services: BrokerServices;
  /** The table's owner column holds places in it. */
  private consumers: (Consumer | undefined)[] = [];
  private freePlaces: number[] = [];

  constructor(options: {
    readonly index: MessageIndex;
    readonly batches: BatchBuilder;
    readonly publisher: Publisher;
    readonly deliveries: Deliveries;
    readonly services: BrokerServices;
  }) {
    this.index = options.index;
    this.batches = options.batches;
    this.publisher = options.publisher;
    this.deliveries = options.deliveries;
    this.services = options.services;
  }

  open(client: Client, options: SubscribeOptions): Consumer {
    const prefetch = this.prefetchOf(options.prefetch);
    const queue = this.queueFor(options);
    const consumer = new Consumer(this.index.table, client, queue, {
      mode: options.acknowledgement,
      prefetch,
      credit: options.credit ?? Number.POSITIVE_INFINITY,
      returnsAtRollback: options.returnsAtRollback ?? false,
      context: options.context,
    });
    consumer.index = this.freePlaces.pop() ?? this.consumers.length;
    this.consumers[consumer.index] = consumer;
    queue.consumers.push(consumer);
    return consumer;
  }

  /** What the consumer has unacknowledged goes back; a queue that is only its own goes away. */
  close(consumer: Consumer): void {
    const { queue } = consumer;
    consumer.closed = true;
    queue.removeConsumer(consumer);
    this.deliveries.giveBackAll(consumer);
    this.consumers[consumer.index] = undefined;
    this.freePlaces.push(consumer.index);
    if (queue.stored === null) this.index.removeQueue(queue);
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
    this.index.queues.unpublish(queue);
    // Removals that were decided earlier name entries which go away with the queue.
    this.batches.flushRemovals();
    this.batches.addRecord(encodeQueueRemoved(queue.stored.id));
  }

  /** Forgets every consumer. Their entries are the caller's concern. */
  reset(): void {
    for (const consumer of this.consumers) {
      if (consumer === undefined) continue;
      consumer.closed = true;
      consumer.delivered.clear();
      consumer.queue.consumers.length = 0;
      consumer.queue.draining = 0;
      consumer.queue.unacknowledged = 0;
    }
    this.consumers = [];
    this.freePlaces = [];
  }

  private queueFor(options: SubscribeOptions): Queue {
    const { destination, durable } = options;
    if (destination.kind === 'queue') {
      if (durable === null) return this.publisher.queueFor(destination);
      throw new HoldfastError(
        'CLIENT_FAILED',
        `Queue "${destination.name}" keeps its messages anyway; ` +
          'only a subscription to a topic can be durable.',
      );
    }
    if (durable === null) return this.index.queues.addTopicSubscription(destination);
    const { clientId, name } = durable;
    const existing = this.index.queues.subscription(clientId, name);
    if (existing === undefined) {
      return this.publisher.createSubscription(destination.name, clientId, name);
    }
    if (existing.destination.name !== destination.name) {
      throw new HoldfastError(
        'CLIENT_FAILED',
        `Durable subscription "${name}" of client "${clientId}" is to topic ` +
          `"${existing.destination.name}"; remove it first, or use another name.`,
      );
    }
    if (existing.consumers.length > 0) throw inUse(clientId, name);
    return existing;
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

function inUse(clientId: string, name: string): HoldfastError {
  return new HoldfastError(
    'CLIENT_FAILED',
    `Durable subscription "${name}" of client "${clientId}" is in use by another connection; ` +
      'close that one first.',
  );
}
