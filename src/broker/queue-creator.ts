/** Finds queues by their names, and creates those that do not exist, as far as the limit and their names allow. */

import { HoldfastError } from '../platform/errors.js';
import type { Destination } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import { checkName } from './message-checks.js';
import type { Queue } from './queue.js';
import type { QueueRegistry } from './queue-registry.js';
import { encodeQueueCreated } from './record-writer.js';
import { QUEUE_KIND, type QueueDescription } from './records.js';
import type { BrokerServices } from './services.js';
import type { TemporaryDestinations } from './temporary-destinations.js';

/** What a durable subscription is made of. */
export type SubscriptionDescription = Omit<QueueDescription, 'id' | 'kind' | 'name'>;

export class QueueCreator {
  private readonly queues: QueueRegistry;
  private readonly batches: BatchBuilder;
  private readonly services: BrokerServices;
  private readonly temporary: TemporaryDestinations;
  private nextQueueId = 1;
  private lastDestination: Destination | null = null;
  private lastQueue: Queue | null = null;

  constructor(parts: {
    readonly queues: QueueRegistry;
    readonly batches: BatchBuilder;
    readonly services: BrokerServices;
    readonly temporary: TemporaryDestinations;
  }) {
    this.queues = parts.queues;
    this.batches = parts.batches;
    this.services = parts.services;
    this.temporary = parts.temporary;
  }

  /** Ids go on behind everything that the journal has seen. */
  start(): void {
    this.nextQueueId = this.queues.nextQueueId;
    this.lastDestination = null;
    this.lastQueue = null;
  }

  /** The queue of this name; created when it does not exist, unless it was a temporary one. */
  queueFor(destination: Destination): Queue {
    const last = this.lastQueue;
    if (destination === this.lastDestination && last !== null && !last.removed) return last;
    const existing = this.queues.named(destination.name);
    if (existing === undefined) this.temporary.requireExisting(destination);
    const queue = existing ?? this.createNamedQueue(destination.name);
    this.lastDestination = destination;
    this.lastQueue = queue;
    return queue;
  }

  /** The queue of this name for what is moved, which no limit keeps from being created. */
  queueForMoved(name: string): Queue {
    return this.queues.named(name) ?? this.create(describeQueue(name));
  }

  /** Whether the queue exists, or one more is allowed. */
  hasRoomFor(name: string): boolean {
    return this.queues.named(name) !== undefined || this.mayAddQueue;
  }

  createSubscription(subscription: SubscriptionDescription): Queue {
    checkName('topic', subscription.topic);
    if (subscription.clientId !== '') checkName('client id', subscription.clientId);
    checkName('subscription', subscription.subscriptionName);
    this.checkQueueCount();
    return this.create({ kind: QUEUE_KIND.durableSubscription, name: '', ...subscription });
  }

  /** Throws unless one more queue, temporary topic or durable subscription is allowed. */
  checkQueueCount(): void {
    if (this.mayAddQueue) return;
    throw new HoldfastError(
      'LIMIT_EXCEEDED',
      `There are ${this.services.limits.maxQueues} queues and durable subscriptions already; ` +
        'remove some, or raise limits.maxQueues.',
    );
  }

  private createNamedQueue(name: string): Queue {
    checkName('queue', name);
    this.checkQueueCount();
    return this.create(describeQueue(name));
  }

  private create(description: Omit<QueueDescription, 'id'>): Queue {
    const stored: QueueDescription = { id: this.nextQueueId, ...description };
    this.nextQueueId += 1;
    this.batches.addRecord(encodeQueueCreated(stored));
    return this.queues.addStored(stored);
  }

  private get mayAddQueue(): boolean {
    const count = this.queues.count + this.temporary.topicCount;
    return count < this.services.limits.maxQueues;
  }
}

function describeQueue(name: string): Omit<QueueDescription, 'id'> {
  return {
    kind: QUEUE_KIND.queue,
    name,
    topic: '',
    clientId: '',
    subscriptionName: '',
  };
}
