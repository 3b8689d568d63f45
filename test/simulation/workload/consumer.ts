/** Clients that receive: of queues, dead letters and topics, with every way to acknowledge or not. */
import type { AckMode } from '../../../src/client/stomp-client.js';
import type { SeededRandom } from '../kernel/random.js';
import { type Role, type Session, whenAnswered } from './client.js';
import type { Ledger } from './ledger.js';
import type { Arrival, LedgerSubscription, Place } from './ledger-records.js';
import type { Delivery, Subscribed } from './messaging.js';
import { drawBody, sendInTransaction } from './producer.js';
import type { RolePlan } from './workload-plan.js';

type MoverPlan = Extract<RolePlan, { kind: 'mover' }>;

/** How it consumes; a subscriber is one that fails at nothing. */
export interface ConsumerHabits {
  readonly acknowledgement: AckMode;
  readonly prefetch: number;
  readonly workMs: number;
  readonly isBatching: boolean;
  readonly rejectShare: number;
  readonly unconfirmedShare: number;
  readonly leaveShare: number;
  readonly rollbackShare: number;
}

/** A client that can be asked to do nothing but to empty what it is subscribed to. */
export interface ReceivingRole extends Role {
  drain(): void;
}

const DRAINING: Omit<ConsumerHabits, 'acknowledgement' | 'prefetch' | 'isBatching'> = {
  workMs: 0,
  rejectShare: 0,
  unconfirmedShare: 0,
  leaveShare: 0,
  rollbackShare: 0,
};

export class Consumer implements ReceivingRole {
  readonly clientId?: string;
  readonly #place: Place;
  readonly #destination: string;
  readonly #durable: string | null;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  #habits: ConsumerHabits;
  #rollbacks = 0;

  /** `durable`: the client id and the name of a durable subscription. */
  constructor(options: {
    readonly place: Place;
    readonly destination: string;
    readonly durable: string | null;
    readonly habits: ConsumerHabits;
    readonly ledger: Ledger;
    readonly random: SeededRandom;
  }) {
    const { durable, habits } = options;
    this.#place = options.place;
    this.#destination = options.destination;
    this.#ledger = options.ledger;
    this.#random = options.random;
    this.#habits = habits;
    this.#durable = durable;
    if (durable !== null) this.clientId = durable;
  }

  drain(): void {
    this.#habits = { ...this.#habits, ...DRAINING };
  }

  onSession(session: Session): void {
    const { acknowledgement, prefetch } = this.#habits;
    const ledger = this.#ledger;
    const subscription = ledger.subscribing(session.connection, this.#place, acknowledgement);
    const stay: Stay = { session, subscription, subscribed: null, isLeaving: false, batch: [] };
    const sentAtMs = ledger.options.nowMs();
    const request = {
      destination: this.#destination,
      acknowledgement,
      prefetch,
      durable: this.#durable,
      onMessage: (delivery: Delivery) => this.#receive(stay, delivery),
    };
    whenAnswered(session.messaging.subscribe(request), (subscribed) => {
      stay.subscribed = subscribed;
      if (subscribed.answer === 'confirmed') ledger.subscribed(subscription, sentAtMs);
    });
  }

  onSessionOver(): void {}

  #receive(stay: Stay, delivery: Delivery): void {
    const arrival = this.#ledger.delivered(stay.subscription, delivery.frame);
    const { acknowledgement, workMs, isBatching } = this.#habits;
    if (arrival === null || acknowledgement === 'auto' || stay.isLeaving) return;
    if (isBatching) this.#settleWithOthers(stay, { delivery, arrival });
    else if (workMs === 0) this.#settle(stay, delivery, arrival);
    else stay.session.later(this.#drawWorkMs(), () => this.#settle(stay, delivery, arrival));
  }

  #settleWithOthers(stay: Stay, job: Job): void {
    stay.batch.push(job);
    if (stay.batch.length > 1) return;
    stay.session.later(this.#drawWorkMs(), () => {
      // The last one first: in the cumulative mode that settles the others.
      for (const { delivery, arrival } of stay.batch.splice(0).reverse()) {
        this.#settle(stay, delivery, arrival);
      }
    });
  }

  #drawWorkMs(): number {
    return this.#random.between(0, 2 * this.#habits.workMs);
  }

  #settle(stay: Stay, delivery: Delivery, arrival: Arrival): void {
    const { subscription } = stay;
    // In the cumulative mode a later one may have been acknowledged, and it with that.
    if (stay.isLeaving || !subscription.held.has(arrival)) return;
    const random = this.#random;
    const { acknowledgement, rejectShare, unconfirmedShare, leaveShare, rollbackShare } =
      this.#habits;
    if (rollbackShare > 0 && random.chance(rollbackShare)) this.#takeBack(stay, delivery);
    if (rejectShare > 0 && random.chance(rejectShare)) {
      this.#ledger.rejecting(subscription, arrival, delivery.reject());
      return;
    }
    const isCumulative = acknowledgement === 'client';
    const sentAtMs = this.#ledger.options.nowMs();
    const arrivals = this.#ledger.acknowledging(subscription, arrival, isCumulative);
    if (unconfirmedShare > 0 && random.chance(unconfirmedShare)) {
      delivery.acknowledge();
    } else {
      whenAnswered(delivery.acknowledgeConfirmed(), () =>
        this.#ledger.acknowledged(subscription, arrivals, sentAtMs),
      );
    }
    if (leaveShare > 0 && random.chance(leaveShare)) this.#leave(stay);
  }

  /** Acknowledges in a transaction that it rolls back: what was delivered stays so, as it was. */
  #takeBack({ session, subscription }: Stay, delivery: Delivery): void {
    const { messaging, connection } = session;
    if (messaging.returnsAtRollback) return;
    this.#rollbacks += 1;
    const name = `${subscription.place.name}-${this.#rollbacks}`;
    messaging.begin(name);
    delivery.acknowledge(name);
    const sentAtMs = this.#ledger.options.nowMs();
    whenAnswered(messaging.rollback(name), () => this.#ledger.barrier(connection, sentAtMs));
  }

  /** And comes back, on the same connection. */
  #leave(stay: Stay): void {
    if (stay.subscribed === null) return;
    const { session, subscription } = stay;
    const sentAtMs = this.#ledger.options.nowMs();
    stay.isLeaving = true;
    this.#ledger.leaving(subscription);
    whenAnswered(stay.subscribed.leave(), (answer) => {
      // What came in between was given back, too.
      this.#ledger.leaving(subscription);
      if (answer === 'confirmed') this.#ledger.barrier(session.connection, sentAtMs);
      if (session.isOpen) this.onSession(session);
    });
  }
}

/** From SUBSCRIBE to UNSUBSCRIBE or the end of the connection. */
interface Stay {
  readonly session: Session;
  readonly subscription: LedgerSubscription;
  subscribed: Subscribed | null;
  isLeaving: boolean;
  /** What is worked on together. */
  readonly batch: Job[];
}

interface Job {
  readonly delivery: Delivery;
  readonly arrival: Arrival;
}

interface MovingJob extends Job {
  readonly subscription: LedgerSubscription;
}

/** Listens to a topic without a durable subscription: it gets what is said while it is there. */
export class Listener implements Role {
  readonly #topic: string;
  readonly #ledger: Ledger;

  constructor(topic: string, ledger: Ledger) {
    this.#topic = topic;
    this.#ledger = ledger;
  }

  onSession({ messaging, connection }: Session): void {
    const ledger = this.#ledger;
    const subscription = ledger.passing(connection, this.#topic);
    const sentAtMs = ledger.options.nowMs();
    const subscribed = messaging.subscribe({
      destination: this.#topic,
      acknowledgement: 'auto',
      prefetch: 0,
      durable: null,
      onMessage: ({ frame }) => ledger.delivered(subscription, frame),
    });
    whenAnswered(subscribed, ({ answer }) => {
      if (answer === 'confirmed') ledger.subscribed(subscription, sentAtMs);
    });
  }

  onSessionOver(): void {}
}

/** Takes a message from one queue and puts another into another queue, both or neither. */
export class Mover implements ReceivingRole {
  readonly #name: string;
  readonly #plan: MoverPlan;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  #number = 0;
  #isDraining = false;

  constructor(name: string, plan: MoverPlan, ledger: Ledger, random: SeededRandom) {
    this.#name = name;
    this.#plan = plan;
    this.#ledger = ledger;
    this.#random = random;
  }

  drain(): void {
    this.#isDraining = true;
  }

  onSession(session: Session): void {
    const { from, prefetch } = this.#plan;
    const ledger = this.#ledger;
    const place = ledger.queue(from);
    const subscription = ledger.subscribing(session.connection, place, 'client-individual');
    const onMessage = (delivery: Delivery): void => {
      const arrival = ledger.delivered(subscription, delivery.frame);
      if (arrival !== null) this.#moveLater(session, { delivery, arrival, subscription });
    };
    const sentAtMs = ledger.options.nowMs();
    const acknowledgement = 'client-individual';
    const request = {
      destination: from,
      acknowledgement,
      prefetch,
      durable: null,
      onMessage,
    } as const;
    whenAnswered(session.messaging.subscribe(request), ({ answer }) => {
      if (answer === 'confirmed') ledger.subscribed(subscription, sentAtMs);
    });
  }

  onSessionOver(): void {}

  #moveLater(session: Session, job: MovingJob): void {
    const delayMs = this.#isDraining ? 0 : this.#random.between(0, 2 * this.#plan.workMs);
    session.later(delayMs, () => this.#move(session, job));
  }

  #move(session: Session, job: MovingJob): void {
    const { delivery, arrival, subscription } = job;
    const { messaging, connection } = session;
    const ledger = this.#ledger;
    this.#number += 1;
    const name = `${this.#name}-${this.#number}`;
    const transaction = ledger.begin(connection, name);
    messaging.begin(name);
    const moved = {
      message: `${this.#name}/${this.#number}`,
      destination: this.#plan.to,
      body: drawBody(this.#random, 64),
      isDurable: true,
      expiresAtMs: 0,
      duplicateId: null,
    };
    sendInTransaction(ledger, session, moved, transaction);
    ledger.acknowledgingIn(transaction, arrival);
    delivery.acknowledge(name);
    const sentAtMs = ledger.options.nowMs();
    if (!this.#isDraining && this.#random.chance(this.#plan.abortShare)) {
      ledger.aborting(transaction);
      if (messaging.returnsAtRollback) ledger.rejecting(subscription, arrival);
      whenAnswered(messaging.rollback(name), () => {
        ledger.barrier(connection, sentAtMs);
        if (!messaging.returnsAtRollback) this.#moveLater(session, job);
      });
      return;
    }
    ledger.committing(transaction);
    whenAnswered(messaging.commit(name), () => ledger.committed(transaction, sentAtMs));
  }
}
