/**
 * All clients of one seed: they work while faults happen, and in the end empty every queue, so that
 * the ledger can say whether each promise was kept.
 */
import { SeededRandom } from '../kernel/random.js';
import {
  Client,
  type ClientHost,
  type ClientSurroundings,
  type Role,
  type Session,
  whenAnswered,
} from './client.js';
import { Consumer, type ConsumerHabits, Listener, Mover, type ReceivingRole } from './consumer.js';
import { Ledger } from './ledger.js';
import type { LedgerOptions } from './ledger-book.js';
import {
  drawBody,
  Producer,
  type SendingRole,
  sendCopy,
  TransactionalProducer,
} from './producer.js';
import {
  CLIENT_HOSTS,
  type ClientPlan,
  deadLettersOf,
  type WorkloadPlan,
} from './workload-plan.js';

export interface WorkloadOptions extends Omit<ClientSurroundings, 'ledger'> {
  readonly seed: number;
  readonly plan: WorkloadPlan;
  /** The machine of this name. */
  readonly hostOf: (name: string) => ClientHost;
  readonly ledger: Omit<LedgerOptions, 'nowMs'>;
}

/** Messages behind all others: where they have come, everything has. */
const MARKER_BYTES = 16;
const DRAIN_CHECK_MS = 50;
const HEARTBEAT_MS = 1_000;
const EMPTYING: ConsumerHabits = {
  acknowledgement: 'client-individual',
  prefetch: 0,
  workMs: 0,
  isBatching: false,
  rejectShare: 0,
  unconfirmedShare: 0,
  leaveShare: 0,
  rollbackShare: 0,
};

type Stage = 'working' | 'emptying-queues' | 'emptying-dead-letters' | 'drained';

export class Workload {
  readonly ledger: Ledger;
  readonly #options: WorkloadOptions;
  readonly #surroundings: ClientSurroundings;
  readonly #clients: Client[] = [];
  readonly #senders: SendingRole[] = [];
  readonly #receivers: ReceivingRole[] = [];
  #stage: Stage = 'working';

  constructor(options: WorkloadOptions) {
    const { scheduler, trace, network, servers } = options;
    this.#options = options;
    this.ledger = new Ledger({ ...options.ledger, nowMs: () => scheduler.nowMs });
    this.#surroundings = { scheduler, trace, network, servers, ledger: this.ledger };
    for (const client of options.plan.clients) {
      const random = this.#stream(`${client.name} works`);
      this.#add(client, this.#roleOf(client, random));
    }
  }

  get isDrained(): boolean {
    return this.#stage === 'drained';
  }

  /** Every message that producers wanted to send was sent and confirmed. */
  get isIdle(): boolean {
    return this.#senders.every(({ isIdle }) => isIdle);
  }

  /** As they were drawn. */
  get clientNames(): readonly string[] {
    return this.#options.plan.clients.map(({ name }) => name);
  }

  get sentCount(): number {
    return this.ledger.copies.length;
  }

  get connectionCount(): number {
    return this.#clients.reduce((sum, { connectionCount }) => sum + connectionCount, 0);
  }

  start(): void {
    for (const client of this.#clients) client.start();
  }

  /** What is under way is still sent until it is confirmed. */
  stopProducing(): void {
    for (const sender of this.#senders) sender.stopProducing();
  }

  /** Nobody sends, fails or dies any more; everything there is gets consumed. */
  drain(): void {
    if (this.#stage !== 'working') return;
    this.#stage = 'emptying-queues';
    const { queues, topics } = this.#options.plan;
    this.stopProducing();
    for (const receiver of this.#receivers) receiver.drain();
    for (const client of this.#clients) client.becomeImmortal();
    this.#empty(queues, [...queues, ...topics]);
    this.#mark([...queues, ...topics]);
    this.#checkLater();
  }

  /** Says what has not come; and what can only be said in the end. */
  judge(): void {
    this.ledger.judge();
  }

  #roleOf({ name, protocol, role }: ClientPlan, random: SeededRandom): Role {
    const { ledger } = this;
    switch (role.kind) {
      case 'producer':
        return this.#sends(new Producer(name, role, ledger, random));
      case 'transactional-producer':
        return this.#sends(new TransactionalProducer(name, role, ledger, random));
      case 'mover':
        return this.#receives(new Mover(name, role, ledger, random));
      case 'consumer': {
        const { destination } = role;
        const place = this.#placeOf(destination);
        const options = { place, destination, durable: null, habits: role, ledger, random };
        return this.#receives(new Consumer(options));
      }
      case 'durable-subscriber': {
        const { topic, prefetch, isBatching, workMs } = role;
        const place = ledger.durable(topic, name);
        // A STOMP client that leaves one removes it, or has to close its connection.
        const leaveShare = protocol === 'amqp' ? 0.05 : 0;
        const habits = { ...EMPTYING, prefetch, isBatching, workMs, leaveShare };
        const options = { place, destination: topic, durable: name, habits, ledger, random };
        return this.#receives(new Consumer(options));
      }
      case 'subscriber':
        return new Listener(role.topic, ledger);
    }
  }

  #sends(role: SendingRole): Role {
    this.#senders.push(role);
    return role;
  }

  #receives(role: ReceivingRole): Role {
    this.#receivers.push(role);
    return role;
  }

  #placeOf(destination: string) {
    const { queues, topics } = this.#options.plan;
    const sources = [...queues, ...topics];
    const source = sources.find((candidate) => deadLettersOf(candidate) === destination);
    return source === undefined ? this.ledger.queue(destination) : this.ledger.deadLetters(source);
  }

  /** One client for all of them: the more connections, the longer a seed takes. */
  #empty(queues: readonly string[], failing: readonly string[]): void {
    const { ledger } = this;
    const name = 'emptier';
    const random = this.#stream(name);
    const places = [
      ...queues.map((queue) => ledger.queue(queue)),
      ...failing.map((source) => ledger.deadLetters(source)),
    ];
    const consumers = places.map((place) => {
      const destination = place.name;
      return new Consumer({ place, destination, durable: null, habits: EMPTYING, ledger, random });
    });
    this.#addNow(name, new Several(consumers));
  }

  #mark(destinations: readonly string[]): void {
    const name = `marker-${this.#stage}`;
    const role = new Marker(destinations, this.ledger, this.#stream(name));
    this.#senders.push(role);
    this.#addNow(name, role);
  }

  #checkLater(): void {
    this.#surroundings.scheduler.schedule(DRAIN_CHECK_MS, () => {
      this.#check();
      if (this.#stage !== 'drained') this.#checkLater();
    });
  }

  /** Dead letters arise while queues are emptied, and never from dead letters. */
  #check(): void {
    if (!this.isIdle || !this.ledger.isSettled) return;
    if (this.#stage === 'emptying-queues') {
      this.#stage = 'emptying-dead-letters';
      const { queues, topics } = this.#options.plan;
      this.#mark([...queues, ...topics].map(deadLettersOf));
      return;
    }
    this.#stage = 'drained';
  }

  #addNow(name: string, role: Role): void {
    const [first] = this.#options.plan.clients;
    const host = first?.host ?? (CLIENT_HOSTS[0] as string);
    // Its deliveries have the ids of the broker, with which the ledger sees more.
    const protocol = 'stomp' as const;
    const plan = { name, protocol, host, startMs: 0, heartbeatMs: HEARTBEAT_MS, deaths: [] };
    this.#add(plan, role).start();
  }

  #add(plan: Omit<ClientPlan, 'role'>, role: Role): Client {
    const random = this.#stream(`${plan.name} connects`);
    const host = this.#options.hostOf(plan.host);
    const protocolRandom = this.#stream(`${plan.name} speaks`);
    const client = new Client(plan, host, role, this.#surroundings, random, protocolRandom);
    this.#clients.push(client);
    return client;
  }

  #stream(name: string): SeededRandom {
    return new SeededRandom(this.#options.seed, name);
  }
}

/** Several roles on one connection. */
class Several implements Role {
  readonly #roles: readonly Role[];

  constructor(roles: readonly Role[]) {
    this.#roles = roles;
  }

  onSession(session: Session): void {
    for (const role of this.#roles) role.onSession(session);
  }

  onSessionOver(): void {
    for (const role of this.#roles) role.onSessionOver();
  }
}

/** Sends one message to each destination, until each is confirmed. */
class Marker implements SendingRole {
  readonly #unmarked: Set<string>;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;

  constructor(destinations: readonly string[], ledger: Ledger, random: SeededRandom) {
    this.#unmarked = new Set(destinations);
    this.#ledger = ledger;
    this.#random = random;
  }

  get isIdle(): boolean {
    return this.#unmarked.size === 0;
  }

  stopProducing(): void {}

  onSession(session: Session): void {
    for (const destination of this.#unmarked) {
      const body = drawBody(this.#random, MARKER_BYTES);
      const message = {
        message: 'marker',
        destination,
        body,
        isDurable: true,
        expiresAtMs: 0,
        duplicateId: null,
      };
      const { copy, answer } = sendCopy(this.#ledger, session, message);
      whenAnswered(answer, () => {
        this.#unmarked.delete(destination);
        this.#ledger.confirmed(copy);
      });
    }
  }

  onSessionOver(): void {}
}
