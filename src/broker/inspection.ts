/**
 * What operators see of the broker: queues, subscriptions, consumers, connections and open transactions. It only
 * reads. A backup answers too, with what it has followed so far: it knows of no clients.
 */

import { ACKNOWLEDGEMENT } from './api.js';
import type { Client } from './client.js';
import type {
  ConnectionFacts,
  ConsumerFacts,
  LiveCounts,
  QueueFacts,
  SubscriptionFacts,
  TopicFacts,
  TotalFacts,
  TransactionFacts,
} from './facts.js';
import type { MessageIndex } from './message-index.js';
import type { Consumer, Queue } from './queue.js';
import { depthOf, liveDepthOf, totalsOf } from './statistics.js';
import type { Transaction } from './transaction.js';

const ACKNOWLEDGEMENT_NAMES = invert(ACKNOWLEDGEMENT);
/** Of a queue, on a backup. */
const UNKNOWN = { ready: null, unacknowledged: null, consumers: null, counts: null } as const;

export class Inspection {
  private readonly index: MessageIndex;
  private readonly clients: Iterable<Client>;
  private readonly transactionsOpen: Iterable<Transaction>;
  private readonly counts: LiveCounts;
  private isServing = false;

  constructor(options: {
    readonly index: MessageIndex;
    readonly clients: Iterable<Client>;
    readonly busyTransactions: Iterable<Transaction>;
    readonly counts: LiveCounts;
  }) {
    this.index = options.index;
    this.clients = options.clients;
    this.transactionsOpen = options.busyTransactions;
    this.counts = options.counts;
  }

  start(): void {
    this.isServing = true;
  }

  stop(): void {
    this.isServing = false;
  }

  queues(): QueueFacts[] {
    const found: QueueFacts[] = [];
    for (const queue of this.index.queues.all()) {
      if (queue.destination.kind !== 'queue' || queue.removed) continue;
      found.push(this.queueFacts(queue));
    }
    return found.sort(byName);
  }

  /** Null when there is none of that name. */
  queue(name: string): QueueFacts | null {
    const queue = this.index.queues.named(name);
    return queue === undefined ? null : this.queueFacts(queue);
  }

  subscriptions(): SubscriptionFacts[] {
    return this.topicQueues().map((queue) => this.subscriptionFacts(queue));
  }

  /** Of a durable subscription; null when there is none of the name. */
  topicOf(clientId: string, name: string): string | null {
    return this.index.queues.subscription(clientId, name)?.destination.name ?? null;
  }

  topics(): TopicFacts[] {
    const byTopic = new Map<string, TopicFacts>();
    for (const queue of this.topicQueues()) {
      const { name } = queue.destination;
      const before = byTopic.get(name);
      byTopic.set(name, {
        name,
        subscriptions: (before?.subscriptions ?? 0) + 1,
        consumers: this.isServing ? (before?.consumers ?? 0) + queue.consumers.length : null,
        messages: (before?.messages ?? 0) + queue.messages,
        bytes: (before?.bytes ?? 0) + queue.bytes,
      });
    }
    return [...byTopic.values()].sort(byName);
  }

  consumers(): ConsumerFacts[] {
    const found: ConsumerFacts[] = [];
    for (const queue of this.index.queues.all()) found.push(...queue.consumers.map(consumerFacts));
    return found;
  }

  connections(): ConnectionFacts[] {
    const held = new Map<Client, { consumers: number; unacknowledged: number }>();
    for (const queue of this.index.queues.all()) {
      for (const { client, delivered } of queue.consumers) {
        const before = held.get(client) ?? { consumers: 0, unacknowledged: 0 };
        before.consumers += 1;
        before.unacknowledged += delivered.length;
        held.set(client, before);
      }
    }
    const found: ConnectionFacts[] = [];
    for (const client of this.clients) {
      if (client.isOfNode) continue;
      found.push({
        id: client.id,
        description: client.description,
        clientId: client.isAnonymous ? null : client.clientId,
        ...(held.get(client) ?? { consumers: 0, unacknowledged: 0 }),
        sends: client.sends,
        held: client.holds > 0,
      });
    }
    return found;
  }

  transactions(): TransactionFacts[] {
    return [...this.transactionsOpen].map((transaction) => transaction.facts());
  }

  totals(): TotalFacts {
    return { ...totalsOf(this.index, this.counts), queues: this.index.queues.count };
  }

  private topicQueues(): Queue[] {
    const all = [...this.index.queues.all()];
    return all.filter(({ destination, removed }) => destination.kind === 'topic' && !removed);
  }

  private queueFacts(queue: Queue): QueueFacts {
    return {
      name: queue.destination.name,
      ...this.depthFacts(queue),
      paused: this.isServing ? queue.isPaused : null,
      temporary: queue.isTemporary,
      deadLetters: queue.isDeadLetterQueue,
    };
  }

  private subscriptionFacts(queue: Queue): SubscriptionFacts {
    const { stored } = queue;
    return {
      topic: queue.destination.name,
      name: stored?.subscriptionName ?? null,
      clientId: stored?.clientId ?? null,
      durable: stored !== null,
      shared: queue.isShared,
      selector: stored?.selector || null,
      noLocal: stored?.noLocal ?? false,
      ...this.depthFacts(queue),
    };
  }

  private depthFacts(queue: Queue) {
    const live = this.isServing
      ? { ...liveDepthOf(queue), counts: queue.counts.snapshot() }
      : UNKNOWN;
    return { ...depthOf(queue, this.index), ...live };
  }
}

function consumerFacts(consumer: Consumer): ConsumerFacts {
  const { client, queue, mode, prefetch, delivered, selector, isBrowser } = consumer;
  return {
    connection: client.id,
    destination: queue.destination.name,
    kind: queue.destination.kind,
    subscription: queue.stored?.subscriptionName || null,
    acknowledgement: ACKNOWLEDGEMENT_NAMES[mode],
    prefetch,
    unacknowledged: delivered.length,
    selector: selector?.text ?? null,
    browser: isBrowser,
  };
}

function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return one.name < other.name ? -1 : 1;
}

function invert<K extends string, V extends number>(table: Record<K, V>): Record<V, K> {
  const pairs = Object.entries(table).map(([key, value]) => [value, key]);
  return Object.fromEntries(pairs) as Record<V, K>;
}
