/**
 * One client: a process on a client host that keeps a connection to whichever node is live, by a list of
 * all nodes, and speaks STOMP or AMQP. What it does with the connection is its role's.
 */
import { BrokerRefusal } from '../../../src/client/stomp-client.js';
import { messageOf } from '../../../src/platform/errors.js';
import type { HostPort, Network } from '../../../src/platform/ports.js';
import { amqpAddressOf } from '../cluster/config.js';
import { type HostClocks, SimulatedClock } from '../kernel/clock.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduled, Scheduler } from '../kernel/scheduler.js';
import type { Trace } from '../kernel/trace.js';
import { openAmqp } from './amqp/amqp-messaging.js';
import type { Ledger } from './ledger.js';
import type { LedgerConnection } from './ledger-records.js';
import type { Messaging } from './messaging.js';
import { openStomp } from './stomp-messaging.js';
import type { ClientPlan } from './workload-plan.js';

const CONNECT_TIMEOUT_MS = { from: 800, to: 3_000 } as const;
const RECONNECT_MS = { from: 100, to: 300 } as const;

/** A machine that clients run on. */
export interface ClientHost {
  readonly name: string;
  readonly clocks: HostClocks;
  startProcess(name: string): SimulatedProcess;
}

export interface ClientSurroundings {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly network: { portOf(process: SimulatedProcess, hostName: string): Network };
  /** Where every node speaks STOMP. */
  readonly servers: readonly HostPort[];
}

/** A connection that is open, as far as the client knows. */
export interface Session {
  readonly messaging: Messaging;
  readonly connection: LedgerConnection;
  readonly clock: SimulatedClock;
  readonly isOpen: boolean;
  /** Runs in the client's process after so long, unless the connection is over by then. */
  later(delayMs: number, callback: () => void): Scheduled;
}

/** What a client does. It outlives connections and processes, as what a program keeps on disk does. */
export interface Role {
  readonly clientId?: string;
  onSession(session: Session): void;
  /** Nothing of what was under way was answered. */
  onSessionOver(): void;
}

class OpenSession implements Session {
  readonly messaging: Messaging;
  readonly connection: LedgerConnection;
  readonly clock: SimulatedClock;
  readonly #process: SimulatedProcess;

  constructor(
    messaging: Messaging,
    connection: LedgerConnection,
    clock: SimulatedClock,
    process: SimulatedProcess,
  ) {
    this.messaging = messaging;
    this.connection = connection;
    this.clock = clock;
    this.#process = process;
  }

  get isOpen(): boolean {
    return this.connection.isOpen;
  }

  later(delayMs: number, callback: () => void): Scheduled {
    return this.#process.main.run(delayMs, () => {
      if (this.isOpen) callback();
    });
  }
}

export class Client {
  readonly name: string;
  readonly #plan: Omit<ClientPlan, 'role'>;
  readonly #host: ClientHost;
  readonly #role: Role;
  readonly #surroundings: ClientSurroundings;
  readonly #random: SeededRandom;
  /** For what its protocol leaves to a client. */
  readonly #protocolRandom: SeededRandom;
  #process: SimulatedProcess | null = null;
  #connection: LedgerConnection | null = null;
  #session: OpenSession | null = null;
  #server: number;
  #runs = 0;
  #isImmortal = false;
  connectionCount = 0;

  constructor(
    plan: Omit<ClientPlan, 'role'>,
    host: ClientHost,
    role: Role,
    surroundings: ClientSurroundings,
    random: SeededRandom,
    protocolRandom: SeededRandom,
  ) {
    this.name = plan.name;
    this.#plan = plan;
    this.#host = host;
    this.#role = role;
    this.#surroundings = surroundings;
    this.#random = random;
    this.#protocolRandom = protocolRandom;
    this.#server = random.whole(0, surroundings.servers.length - 1);
  }

  start(): void {
    const { scheduler } = this.#surroundings;
    const { startMs, deaths } = this.#plan;
    scheduler.schedule(startMs, () => this.#live());
    for (const { atMs, forMs } of deaths) {
      scheduler.schedule(startMs + atMs, () => this.#die(forMs));
    }
  }

  /** It is not killed any more. */
  becomeImmortal(): void {
    this.#isImmortal = true;
  }

  #die(forMs: number): void {
    const process = this.#process;
    if (this.#isImmortal || process === null || !process.isAlive) return;
    this.#surroundings.trace.note(this.name, () => 'is killed');
    process.die();
    this.#surroundings.scheduler.schedule(forMs, () => this.#live());
  }

  #live(): void {
    if (this.#process?.isAlive === true) return;
    this.#runs += 1;
    const process = this.#host.startProcess(`${this.name}.${this.#runs}`);
    this.#process = process;
    process.onDeath(() => this.#over());
    const network = this.#surroundings.network.portOf(process, this.#host.name);
    const clock = new SimulatedClock(process.main, this.#host.clocks);
    process.main.run(0, () => void this.#connect(process, network, clock));
  }

  /** The next server of the list, and so on until one takes it. */
  async #connect(
    process: SimulatedProcess,
    network: Network,
    clock: SimulatedClock,
  ): Promise<void> {
    const { servers, ledger, trace } = this.#surroundings;
    const server = this.#nextServer();
    const connectTimeoutMs = this.#random.between(CONNECT_TIMEOUT_MS.from, CONNECT_TIMEOUT_MS.to);
    try {
      const socket = await network.connect(server, connectTimeoutMs);
      const connection = ledger.connecting(this.name);
      this.#connection = connection;
      const { clientId } = this.#role;
      const open = this.#plan.protocol === 'amqp' ? openAmqp : openStomp;
      const messaging = await open(socket, {
        client: this.name,
        ...(clientId === undefined ? {} : { clientId }),
        server,
        network,
        clock,
        connectTimeoutMs,
        heartbeatMs: this.#plan.heartbeatMs,
        random: this.#protocolRandom,
        connection,
        onNode: (node) => ledger.connected(connection, node),
      });
      trace.note(this.name, () => `is connected to ${connection.node}`);
      this.connectionCount += 1;
      const session = new OpenSession(messaging, connection, clock, process);
      this.#session = session;
      this.#role.onSession(session);
      this.#hasClosed(await messaging.closed, connection);
    } catch (error) {
      const connection = this.#connection;
      if (connection !== null) this.#hasClosed(error, connection);
      else trace.note(this.name, () => messageOf(error));
    }
    this.#server += 1;
    const roundIsOver = this.#server % servers.length === 0;
    const { from, to } = RECONNECT_MS;
    const delayMs = roundIsOver ? this.#random.between(from, to) : this.#random.between(1, from);
    process.main.run(delayMs, () => void this.#connect(process, network, clock));
  }

  #nextServer(): HostPort {
    const { servers } = this.#surroundings;
    const server = servers[this.#server % servers.length] as HostPort;
    return this.#plan.protocol === 'amqp' ? amqpAddressOf(server) : server;
  }

  #hasClosed(reason: unknown, connection: LedgerConnection): void {
    const { ledger, trace } = this.#surroundings;
    trace.note(this.name, () => `its connection is over: ${messageOf(reason)}`);
    if (reason instanceof BrokerRefusal) ledger.refused(connection, reason.message);
    else if (!isConnectionLoss(reason)) throw reason;
    this.#over();
  }

  #over(): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#connection = null;
    this.#surroundings.ledger.closed(connection);
    if (this.#session === null) return;
    this.#session = null;
    this.#role.onSessionOver();
  }
}

/** Null after a farewell. */
function isConnectionLoss(reason: unknown): boolean {
  return reason === null || (reason instanceof Error && reason.name === 'HoldfastError');
}

/** A promise of an answer that a lost connection breaks: the role is told of that by itself. */
export function whenAnswered<Value>(answer: Promise<Value>, then: (value: Value) => void): void {
  answer.then(then, ignore);
}

function ignore(): void {}
