/**
 * All queues, by index, by stored id, and by name. A queue has its name from the moment it is
 * decided, before its record is applied, so that the next command of any client finds it.
 */

import type { AddressRules } from './address-settings.js';
import { type Destination, TEMPORARY_PREFIX } from './api.js';
import { type MessageTable, NONE } from './message-table.js';
import { Queue } from './queue.js';
import { QUEUE_KIND, type QueueDescription } from './records.js';
import type { SubscriptionFilter } from './subscription-filter.js';
import { TopicPatterns } from './topic-patterns.js';

const NOBODY: readonly Queue[] = [];

export class QueueRegistry {
  /** One higher than the highest id in the journal. */
  nextQueueId = 1;
  readonly byId = new Map<number, Queue>();

  private readonly table: MessageTable;
  private readonly rules: AddressRules;
  private readonly byIndex: (Queue | undefined)[] = [];
  private readonly freeIndexes: number[] = [];
  private readonly byName = new Map<string, Queue>();
  private readonly subscriptions = new Map<string, Queue>();
  private readonly topics = new Map<string, readonly Queue[]>();
  private readonly patterns = new TopicPatterns<Queue>();
  private lastId = 0;
  private lastWithId: Queue | undefined;

  constructor(table: MessageTable, rules: AddressRules) {
    this.table = table;
    this.rules = rules;
  }

  /** Queues and durable subscriptions, temporary ones too. */
  get count(): number {
    return this.byName.size + this.subscriptions.size;
  }

  at(index: number): Queue {
    return this.byIndex[index] as Queue;
  }

  /** Of a stored queue. Many records in a row name the same one. */
  withId(id: number): Queue | undefined {
    if (id === this.lastId) return this.lastWithId;
    const queue = this.byId.get(id);
    if (queue === undefined) return undefined;
    this.lastId = id;
    this.lastWithId = queue;
    return queue;
  }

  named(name: string): Queue | undefined {
    return this.byName.get(name);
  }

  subscription(clientId: string, name: string): Queue | undefined {
    return this.subscriptions.get(subscriptionKey(clientId, name));
  }

  /** The queues that get a copy of what is sent to a topic: durable subscriptions and others. */
  subscribedTo(topic: string): readonly Queue[] {
    const named = this.topics.get(topic) ?? NOBODY;
    // Answers are for who asked, not for whoever listens to everything.
    if (this.patterns.isEmpty || topic.startsWith(TEMPORARY_PREFIX)) return named;
    const matching = this.patterns.matching(topic);
    return matching.length === 0 ? named : [...named, ...matching];
  }

  *all(): IterableIterator<Queue> {
    for (const queue of this.byIndex) if (queue !== undefined) yield queue;
  }

  /** Whether a queue with these names is there already, under whatever id. */
  find(stored: QueueDescription): Queue | undefined {
    return stored.kind === QUEUE_KIND.queue
      ? this.named(stored.name)
      : this.subscription(stored.clientId, stored.subscriptionName);
  }

  addStored(stored: QueueDescription): Queue {
    const destination: Destination =
      stored.kind === QUEUE_KIND.queue
        ? { kind: 'queue', name: stored.name }
        : { kind: 'topic', name: stored.topic };
    const queue = this.place(this.newQueue(destination, stored));
    this.byId.set(stored.id, queue);
    this.publish(queue);
    return queue;
  }

  /** A queue in memory only, for the subscriber of a topic, or several that share it. */
  addTopicSubscription(destination: Destination, filter: SubscriptionFilter | null): Queue {
    const queue = this.place(this.newQueue({ ...destination }, null, filter));
    this.publish(queue);
    return queue;
  }

  /** A queue in memory only, by its name. */
  addTemporary(destination: Destination): Queue {
    const queue = this.place(this.newQueue({ ...destination }, null));
    queue.isTemporary = true;
    this.publish(queue);
    return queue;
  }

  /** Takes the names away, so that nothing new reaches the queue. Its entries are still there. */
  unpublish(queue: Queue): void {
    queue.removed = true;
    if (queue.destination.kind === 'queue') {
      this.byName.delete(queue.destination.name);
      return;
    }
    if (queue.stored !== null) {
      const { clientId, subscriptionName } = queue.stored;
      this.subscriptions.delete(subscriptionKey(clientId, subscriptionName));
    }
    const topic = queue.destination.name;
    if (queue.isPattern) {
      this.patterns.remove(topic, queue);
      return;
    }
    const others = (this.topics.get(topic) ?? NOBODY).filter((other) => other !== queue);
    if (others.length > 0) this.topics.set(topic, others);
    else this.topics.delete(topic);
  }

  /** Undoes `unpublish` or does it for the first time. */
  publish(queue: Queue): void {
    queue.removed = false;
    if (queue.destination.kind === 'queue') {
      this.byName.set(queue.destination.name, queue);
      return;
    }
    if (queue.stored !== null) {
      const { clientId, subscriptionName } = queue.stored;
      this.subscriptions.set(subscriptionKey(clientId, subscriptionName), queue);
    }
    const topic = queue.destination.name;
    if (queue.isPattern) this.patterns.add(topic, queue);
    else this.topics.set(topic, [...(this.topics.get(topic) ?? NOBODY), queue]);
  }

  /** The rules have changed: every queue has the settings that they say now. */
  useRules(): void {
    for (const queue of this.all()) queue.settings = this.rules.settingsFor(queue.destination);
  }

  /** Forgets a queue that was unpublished and has no entries any more. */
  discard(queue: Queue): void {
    if (queue.stored !== null) this.byId.delete(queue.stored.id);
    this.lastId = 0;
    this.lastWithId = undefined;
    this.byIndex[queue.index] = undefined;
    this.freeIndexes.push(queue.index);
    queue.index = NONE;
  }

  private newQueue(
    destination: Destination,
    stored: QueueDescription | null,
    filter?: SubscriptionFilter | null,
  ): Queue {
    return new Queue(this.table, destination, this.rules.settingsFor(destination), stored, filter);
  }

  private place(queue: Queue): Queue {
    queue.index = this.freeIndexes.pop() ?? this.byIndex.length;
    this.byIndex[queue.index] = queue;
    return queue;
  }
}

function subscriptionKey(clientId: string, name: string): string {
  return `${clientId}\0${name}`;
}
