/**
 * What the clients of one seed are and do, drawn as plain data: which queues and topics there are,
 * who sends to them and how, who consumes them and how badly, and which clients die in between.
 */
import type { AckMode } from '../../../src/client/stomp-client.js';
import { SeededRandom } from '../kernel/random.js';

type ClientProtocol = 'stomp' | 'amqp';

export type RolePlan =
  | {
      readonly kind: 'producer';
      readonly destinations: readonly string[];
      readonly messages: number;
      /** Unconfirmed messages at most. */
      readonly window: number;
      /** Sends so many at once, and then rests. */
      readonly burst: number;
      readonly restMs: number;
      readonly mostBodyBytes: number;
      readonly expiringShare: number;
      readonly isDurable: boolean;
      /** Each message has an id, and comes once however often it is sent. */
      readonly hasIds: boolean;
      /** Of so many message groups, and of none; with priorities. 0: neither the one nor the other. */
      readonly groups: number;
    }
  | {
      readonly kind: 'transactional-producer';
      readonly destinations: readonly string[];
      readonly transactions: number;
      readonly mostMessages: number;
      readonly abortShare: number;
      /** Every other time; else the next one follows at once. */
      readonly restMs: number;
      readonly mostBodyBytes: number;
      /** As above: what a COMMIT without an answer has done is not done again. */
      readonly hasIds: boolean;
    }
  /** Takes messages from one queue and puts others into another, each step in a transaction. */
  | {
      readonly kind: 'mover';
      readonly from: string;
      readonly to: string;
      readonly prefetch: number;
      readonly abortShare: number;
      readonly workMs: number;
    }
  | {
      readonly kind: 'consumer';
      readonly destination: string;
      readonly acknowledgement: AckMode;
      /** 0: as the broker likes. */
      readonly prefetch: number;
      readonly workMs: number;
      /** Works on what has come meanwhile at once, and tells of all of it in one go. */
      readonly isBatching: boolean;
      readonly rejectShare: number;
      /** Of the acknowledgements, those that ask for no receipt. */
      readonly unconfirmedShare: number;
      /** Unsubscribes now and then, with messages in its hands. */
      readonly leaveShare: number;
      /** Of the acknowledgements, those that it gives in a transaction first, and takes back. */
      readonly rollbackShare: number;
    }
  | {
      readonly kind: 'durable-subscriber';
      readonly topic: string;
      readonly prefetch: number;
      readonly isBatching: boolean;
      readonly workMs: number;
    }
  | { readonly kind: 'subscriber'; readonly topic: string };

export interface ClientPlan {
  readonly name: string;
  readonly protocol: ClientProtocol;
  readonly host: string;
  readonly startMs: number;
  readonly heartbeatMs: number;
  /** Killed, and started again after a while. */
  readonly deaths: readonly { readonly atMs: number; readonly forMs: number }[];
  readonly role: RolePlan;
}

export interface WorkloadPlan {
  /** Consumed in the end, whether somebody does so before or not. */
  readonly queues: readonly string[];
  readonly topics: readonly string[];
  readonly clients: readonly ClientPlan[];
}

export const CLIENT_HOSTS: readonly string[] = ['client-1', 'client-2'];

const ORDERS = '/queue/orders';
const WORK = '/queue/work';
/** Nobody consumes it before the end, so that old messages lie about and have to be relocated. */
const ARCHIVE = '/queue/archive';
/** Consumed without acknowledgements: what was handed to a connection that then failed is gone. */
const FEED = '/queue/feed';
const MOVED = '/queue/moved';
const FLEETING = '/queue/fleeting';
const GROUPED = '/queue/grouped';
const NEWS = '/topic/news';

/** Of producers and consumers, those that do many things at once, as programs under load do. */
const BATCHING_SHARE = 0.7;
const LARGEST_BODY_BYTES = 3 * 1024;
/** Of all seeds, those with a queue for messages with priorities and groups. */
const GROUPED_SHARE = 0.3;
/** Of their acknowledgements. */
const ROLLBACK_SHARE = 0.2;
/**
 * Producers spread what they send over `activeMs`, more or less. Whether there are priorities and groups comes
 * from a stream of its own, so that every seed draws what it always drew.
 */
export function drawWorkloadPlan(seed: number, activeMs: number): WorkloadPlan {
  const plan = new PlanDraw(new SeededRandom(seed, 'workload'), activeMs).draw();
  const random = new SeededRandom(seed, 'grouped workload');
  if (!random.chance(GROUPED_SHARE)) return plan;
  const grouped = new PlanDraw(random, activeMs).drawGrouped();
  return {
    queues: [...plan.queues, ...grouped.queues],
    topics: plan.topics,
    clients: [...plan.clients, ...grouped.clients],
  };
}

/** Only these clients, in the same order; and no more messages than so many from each. */
export function reducePlan(
  plan: WorkloadPlan,
  clients: readonly string[] | undefined,
  maxMessagesPerClient: number | undefined,
): WorkloadPlan {
  const kept = plan.clients.filter(({ name }) => clients === undefined || clients.includes(name));
  const most = maxMessagesPerClient ?? Number.POSITIVE_INFINITY;
  return {
    ...plan,
    clients: kept.map((client) => ({ ...client, role: limit(client.role, most) })),
  };
}

function limit(role: RolePlan, most: number): RolePlan {
  if (role.kind === 'producer') return { ...role, messages: Math.min(role.messages, most) };
  if (role.kind !== 'transactional-producer') return role;
  const transactions = Math.min(role.transactions, Math.ceil(most / role.mostMessages));
  return { ...role, transactions };
}

class PlanDraw {
  readonly #random: SeededRandom;
  readonly #clients: ClientPlan[] = [];
  readonly #activeMs: number;

  constructor(random: SeededRandom, activeMs: number) {
    this.#random = random;
    // Some of the time nobody is live, and what was not sent by the end is not sent at all.
    this.#activeMs = 0.7 * activeMs;
  }

  draw(): WorkloadPlan {
    const random = this.#random;
    const queues = [ORDERS, WORK, ARCHIVE];
    const topics: string[] = [];
    const hasFeed = random.chance(0.3);
    if (hasFeed) queues.push(FEED);
    this.#producer('producer-1', queues, random.whole(100, 220), true);
    if (random.chance(0.6))
      this.#producer('producer-2', [ORDERS, WORK], random.whole(60, 140), true);
    if (random.chance(0.7)) this.#transactionalProducer([ORDERS, WORK, ARCHIVE]);
    this.#consumer('consumer-1', ORDERS, random.chance(0.7) ? 'client-individual' : 'client');
    this.#consumer('consumer-2', WORK, random.chance(0.4) ? 'client-individual' : 'client');
    if (random.chance(0.4)) this.#consumer('consumer-3', ORDERS, 'client-individual');
    if (random.chance(0.4)) this.#mover();
    if (this.#clients.some(({ role }) => role.kind === 'mover')) queues.push(MOVED);
    if (hasFeed) this.#consumer('feed-consumer', FEED, 'auto');
    if (random.chance(0.25)) this.#consumer('dead-letters', deadLettersOf(ORDERS), 'client');
    if (random.chance(0.5)) this.#topic(topics);
    if (random.chance(0.2)) this.#fleeting(queues);
    return { queues, topics, clients: this.#clients };
  }

  /** A queue of its own, and several consumers, so that groups have somebody to move to. */
  drawGrouped(): WorkloadPlan {
    const random = this.#random;
    const groups = random.whole(1, 6);
    this.#producer('grouped-producer', [GROUPED], random.whole(60, 160), true, groups);
    if (random.chance(0.4)) {
      this.#producer('grouped-producer-2', [GROUPED], random.whole(30, 80), true, groups);
    }
    const consumers = random.whole(2, 3);
    for (let number = 1; number <= consumers; number += 1) {
      const mode = random.chance(0.7) ? 'client-individual' : 'client';
      this.#consumer(`grouped-${number}`, GROUPED, mode);
    }
    return { queues: [GROUPED], topics: [], clients: this.#clients };
  }

  #producer(
    name: string,
    destinations: readonly string[],
    messages: number,
    isDurable: boolean,
    groups = 0,
  ) {
    const random = this.#random;
    const isBursty = random.chance(BATCHING_SHARE);
    const burst = isBursty ? random.whole(8, 40) : random.whole(1, 12);
    this.#add(name, 0.3, {
      kind: 'producer',
      destinations,
      messages,
      window: isBursty ? burst : random.whole(1, 24),
      burst,
      restMs: (2 * this.#activeMs * burst) / messages,
      mostBodyBytes: this.#mostBodyBytes(),
      expiringShare: isDurable && random.chance(0.4) ? 0.15 : 0,
      isDurable,
      // Not drawn, so that every seed draws what it always drew.
      hasIds: isDurable && messages % 2 === 0,
      groups,
    });
  }

  #transactionalProducer(destinations: readonly string[]): void {
    const random = this.#random;
    const transactions = random.whole(15, 40);
    this.#add('transactional', 0.3, {
      kind: 'transactional-producer',
      destinations,
      transactions,
      mostMessages: random.whole(2, 8),
      abortShare: 0.2,
      restMs: (4 * this.#activeMs) / transactions,
      mostBodyBytes: this.#mostBodyBytes(),
      hasIds: transactions % 2 === 0,
    });
  }

  #mover(): void {
    const random = this.#random;
    this.#add('mover', 0.3, {
      kind: 'mover',
      from: WORK,
      to: MOVED,
      prefetch: random.whole(0, 2),
      abortShare: 0.2,
      workMs: random.between(1, 60),
    });
  }

  #consumer(name: string, destination: string, acknowledgement: AckMode): void {
    const random = this.#random;
    this.#add(name, 0.3, {
      kind: 'consumer',
      destination,
      acknowledgement,
      ...this.#pace(),
      workMs: random.chance(0.3) ? random.between(50, 300) : random.between(0, 20),
      rejectShare: random.chance(0.5) ? random.between(0.05, 0.4) : 0,
      unconfirmedShare: random.chance(0.3) ? 0.3 : 0,
      leaveShare: random.chance(0.2) ? 0.05 : 0,
      // Not drawn, so that every seed draws what it always drew.
      rollbackShare: destination === GROUPED ? ROLLBACK_SHARE : 0,
    });
  }

  #pace(): { readonly isBatching: boolean; readonly prefetch: number } {
    const isBatching = this.#random.chance(BATCHING_SHARE);
    return { isBatching, prefetch: isBatching ? 0 : this.#random.whole(0, 2) };
  }

  #topic(topics: string[]): void {
    const random = this.#random;
    topics.push(NEWS);
    this.#producer('publisher', [NEWS], random.whole(20, 60), true);
    const subscribers = random.whole(1, 2);
    for (let number = 1; number <= subscribers; number += 1) {
      this.#add(`durable-${number}`, 0.5, {
        kind: 'durable-subscriber',
        topic: NEWS,
        ...this.#pace(),
        workMs: random.between(0, 60),
      });
    }
    if (random.chance(0.5)) this.#add('subscriber', 0.2, { kind: 'subscriber', topic: NEWS });
  }

  #fleeting(queues: string[]): void {
    queues.push(FLEETING);
    this.#producer('fleeting-producer', [FLEETING], this.#random.whole(10, 40), false);
    this.#consumer('fleeting-consumer', FLEETING, 'client-individual');
  }

  #mostBodyBytes(): number {
    return this.#random.chance(0.5) ? LARGEST_BODY_BYTES : 256;
  }

  #add(name: string, deathChance: number, role: RolePlan): void {
    const random = this.#random;
    const deaths: { atMs: number; forMs: number }[] = [];
    while (deaths.length < 4 && random.chance(deathChance)) {
      deaths.push({ atMs: random.between(0, this.#activeMs), forMs: random.wait(1_000) });
    }
    this.#clients.push({
      name,
      // Which of them speak AMQP is drawn elsewhere: protocols.ts.
      protocol: 'stomp',
      host: random.pick(CLIENT_HOSTS),
      startMs: random.between(0, 500),
      heartbeatMs: random.whole(1_000, 4_000),
      deaths,
      role,
    });
  }
}

/** Where what was rejected too often goes, from a queue or from a durable subscription to a topic. */
export function deadLettersOf(destination: string): string {
  return `/queue/DLQ.${destination.slice(destination.indexOf('/', 1) + 1)}`;
}
