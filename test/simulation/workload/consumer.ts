/** Clients that receive: of queues, dead letters and topics, with every way to acknowledge or not. */
import type { ReceivedMessage } from '../../../src/client/received-message.js';
import type { AckMode, ClientSubscription } from '../../../src/client/stomp-client.js';
import type { SeededRandom } from '../kernel/random.js';
import { frameOf, type Role, type Session, whenConfirmed } from './client.js';
import type { Ledger } from './ledger.js';
import type { Arrival, LedgerSubscription, Place } from './ledger-records.js';
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
}

/** A client that can be asked to do nothing but to empty what it is subscribed to. */
export interface ReceivingRole extends Role {
  drain(): void;
}

const DRAINING: Pick<ConsumerHabits, 'workMs' | 'rejectShare' | 'unconfirmedShare' | 'leaveShare'> =
  { workMs: 0, rejectShare: 0, unconfirmedShare: 0, leaveShare: 0 };

export class Consumer implements ReceivingRole {
  readonly clientId?: string;
  readonly #place: Place;
  readonly #destination: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  #habits: ConsumerHabits;

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
    if (durable !== null) this.clientId = durable;
    this.#headers = {
      ...(habits.prefetch === 0 ? {} : { 'prefetch-count': String(habits.prefetch) }),
      ...(durable === null ? {} : { 'durable-subscription-name': durable }),
    };
  }

  drain(): void {
    this.#habits = { ...this.#habits, ...DRAINING };
  }

  onSession(session: Session): void {
    const { acknowledgement } = this.#habits;
    const ledger = this.#ledger;
    const subscription = ledger.subscribing(session.connection, this.#place, acknowledgement);
    const stay: Stay = { session, subscription, handle: null, isLeaving: false, batch: [] };
    const sentAtMs = ledger.options.nowMs();
    const request = {
      destination: this.#destination,
      ack: acknowledgement,
      headers: this.#headers,
      onMessage: (message: ReceivedMessage) => this.#receive(stay, message),
    };
    session.stomp.subscribe(request).then((handle) => {
      stay.handle = handle;
      ledger.subscribed(subscription, sentAtMs);
    }, ignore);
  }

  onSessionOver(): void {}

  #receive(stay: Stay, message: ReceivedMessage): void {
    const arrival = this.#ledger.delivered(stay.subscription, frameOf(message));
    const { acknowledgement, workMs, isBatching } = this.#habits;
    if (arrival === null || acknowledgement === 'auto' || stay.isLeaving) return;
    if (isBatching) this.#settleWithOthers(stay, { message, arrival });
    else if (workMs === 0) this.#settle(stay, message, arrival);
    else stay.session.later(this.#drawWorkMs(), () => this.#settle(stay, message, arrival));
  }

  #settleWithOthers(stay: Stay, job: Job): void {
    stay.batch.push(job);
    if (stay.batch.length > 1) return;
    stay.session.later(this.#drawWorkMs(), () => {
      // The last one first: in the cumulative mode that settles the others.
      for (const { message, arrival } of stay.batch.splice(0).reverse()) {
        this.#settle(stay, message, arrival);
      }
    });
  }

  #drawWorkMs(): number {
    return this.#random.between(0, 2 * this.#habits.workMs);
  }

  #settle(stay: Stay, message: ReceivedMessage, arrival: Arrival): void {
    const { subscription, session } = stay;
    // In the cumulative mode a later one may have been acknowledged, and it with that.
    if (stay.isLeaving || !subscription.held.has(arrival)) return;
    const random = this.#random;
    const { acknowledgement, rejectShare, unconfirmedShare, leaveShare } = this.#habits;
    if (rejectShare > 0 && random.chance(rejectShare)) {
      this.#ledger.rejecting(subscription, arrival);
      session.stomp.reject(message);
      return;
    }
    const isCumulative = acknowledgement === 'client';
    const sentAtMs = this.#ledger.options.nowMs();
    const arrivals = this.#ledger.acknowledging(subscription, arrival, isCumulative);
    if (unconfirmedShare > 0 && random.chance(unconfirmedShare)) {
      session.stomp.acknowledge(message);
    } else {
      whenConfirmed(session.stomp.acknowledgeConfirmed(message), () =>
        this.#ledger.acknowledged(subscription, arrivals, sentAtMs),
      );
    }
    if (leaveShare > 0 && random.chance(leaveShare)) this.#leave(stay);
  }

  /** And comes back, on the same connection. */
  #leave(stay: Stay): void {
    if (stay.handle === null || this.#place.kind === 'durable') return;
    const { session, subscription } = stay;
    const sentAtMs = this.#ledger.options.nowMs();
    stay.isLeaving = true;
    this.#ledger.leaving(subscription);
    whenConfirmed(session.stomp.unsubscribe(stay.handle), () => {
      // What came in between was given back, too.
      this.#ledger.leaving(subscription);
      this.#ledger.barrier(session.connection, sentAtMs);
      if (session.isOpen) this.onSession(session);
    });
  }
}

/** From SUBSCRIBE to UNSUBSCRIBE or the end of the connection. */
interface Stay {
  readonly session: Session;
  readonly subscription: LedgerSubscription;
  handle: ClientSubscription | null;
  isLeaving: boolean;
  /** What is worked on together. */
  readonly batch: Job[];
}

interface Job {
  readonly message: ReceivedMessage;
  readonly arrival: Arrival;
}

/** Listens to a topic without a durable subscription: it gets what is said while it is there. */
export class Listener implements Role {
  readonly #topic: string;
  readonly #ledger: Ledger;

  constructor(topic: string, ledger: Ledger) {
    this.#topic = topic;
    this.#ledger = ledger;
  }

  onSession({ stomp, connection }: Session): void {
    const subscription = this.#ledger.passing(connection, this.#topic);
    const onMessage = (message: ReceivedMessage): void => {
      this.#ledger.delivered(subscription, frameOf(message));
    };
    const sentAtMs = this.#ledger.options.nowMs();
    const receipt = stomp.subscribe({ destination: this.#topic, ack: 'auto', onMessage });
    receipt.then(() => this.#ledger.subscribed(subscription, sentAtMs), ignore);
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
    const onMessage = (message: ReceivedMessage): void => {
      const arrival = ledger.delivered(subscription, frameOf(message));
      if (arrival !== null) this.#moveLater(session, message, arrival);
    };
    const sentAtMs = ledger.options.nowMs();
    const headers: Record<string, string> =
      prefetch === 0 ? {} : { 'prefetch-count': String(prefetch) };
    session.stomp
      .subscribe({ destination: from, ack: 'client-individual', headers, onMessage })
      .then(() => ledger.subscribed(subscription, sentAtMs), ignore);
  }

  onSessionOver(): void {}

  #moveLater(session: Session, message: ReceivedMessage, arrival: Arrival): void {
    const delayMs = this.#isDraining ? 0 : this.#random.between(0, 2 * this.#plan.workMs);
    session.later(delayMs, () => this.#move(session, message, arrival));
  }

  #move(session: Session, message: ReceivedMessage, arrival: Arrival): void {
    const { stomp, connection } = session;
    const ledger = this.#ledger;
    this.#number += 1;
    const name = `${this.#name}-${this.#number}`;
    const transaction = ledger.begin(connection, name);
    stomp.begin(name);
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
    stomp.acknowledge(message, name);
    const sentAtMs = ledger.options.nowMs();
    if (!this.#isDraining && this.#random.chance(this.#plan.abortShare)) {
      ledger.aborting(transaction);
      whenConfirmed(stomp.rollback(name), () => {
        ledger.barrier(connection, sentAtMs);
        this.#moveLater(session, message, arrival);
      });
      return;
    }
    ledger.committing(transaction);
    whenConfirmed(stomp.commit(name), () => ledger.committed(transaction, sentAtMs));
  }
}

/** A connection that is lost tells the role so. */
function ignore(): void {}
