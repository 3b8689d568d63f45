/**
 * One client: a process on a client host that keeps a connection to whichever node is live, through
 * the product's own client and a list of all nodes. What it does with the connection is its role's.
 */
import type { ReceivedMessage } from '../../../src/client/received-message.js';
import { BrokerRefusal, StompClient } from '../../../src/client/stomp-client.js';
import { messageOf } from '../../../src/platform/errors.js';
import type { HostPort, Network, Socket } from '../../../src/platform/ports.js';
import { type HostClocks, SimulatedClock } from '../kernel/clock.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduled, Scheduler } from '../kernel/scheduler.js';
import type { Trace } from '../kernel/trace.js';
import type { Ledger } from './ledger.js';
import type { LedgerConnection } from './ledger-records.js';
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
  /** Every node's. */
  readonly servers: readonly HostPort[];
}

/** A connection that is open, as far as the client knows. */
export interface Session {
  readonly stomp: StompClient;
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
  readonly stomp: StompClient;
  readonly connection: LedgerConnection;
  readonly clock: SimulatedClock;
  readonly #process: SimulatedProcess;

  constructor(
    stomp: StompClient,
    connection: LedgerConnection,
    clock: SimulatedClock,
    process: SimulatedProcess,
  ) {
    this.stomp = stomp;
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
  ) {
    this.name = plan.name;
    this.#plan = plan;
    this.#host = host;
    this.#role = role;
    this.#surroundings = surroundings;
    this.#random = random;
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
    const server = servers[this.#server % servers.length] as HostPort;
    const connectTimeoutMs = this.#random.between(CONNECT_TIMEOUT_MS.from, CONNECT_TIMEOUT_MS.to);
    try {
      const socket = await network.connect(server, connectTimeoutMs);
      const connection = ledger.connecting(this.name);
      this.#connection = connection;
      const { clientId } = this.#role;
      const stomp = await StompClient.open(withNodeName(socket, connection, ledger), server, {
        network,
        clock,
        connectTimeoutMs,
        heartbeatMs: this.#plan.heartbeatMs,
        ...(clientId === undefined ? {} : { clientId }),
      });
      trace.note(this.name, () => `is connected to ${connection.node}`);
      this.connectionCount += 1;
      const session = new OpenSession(stomp, connection, clock, process);
      this.#session = session;
      this.#role.onSession(session);
      this.#hasClosed(await stomp.closed, connection);
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

/** Null after a DISCONNECT. */
function isConnectionLoss(reason: unknown): boolean {
  return reason === null || (reason instanceof Error && reason.name === 'HoldfastError');
}

const SERVER_HEADER = /\nserver:\S+ (\S+)\n/;

/** Passes everything on and reads in CONNECTED which node answered. */
function withNodeName(socket: Socket, connection: LedgerConnection, ledger: Ledger): Socket {
  let beginning: string | null = '';
  const read = (bytes: Uint8Array): void => {
    beginning += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const node = SERVER_HEADER.exec(beginning ?? '')?.[1];
    if (node === undefined) return;
    ledger.connected(connection, node);
    beginning = null;
  };
  return {
    remoteAddress: socket.remoteAddress,
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    write: (bytes) => socket.write(bytes),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
    pauseReading: () => socket.pauseReading(),
    resumeReading: () => socket.resumeReading(),
    receive(events) {
      socket.receive({
        onData(bytes) {
          if (beginning !== null) read(bytes);
          events.onData(bytes);
        },
        onDrain: () => events.onDrain(),
        onClose: () => events.onClose(),
      });
    },
  };
}

/** What the ledger needs to know of a MESSAGE. */
export function frameOf(message: ReceivedMessage) {
  return {
    copyNumber: Number(message.header('copy') ?? Number.NaN),
    messageId: Number(message.messageId),
    isRedelivered: message.header('redelivered') === 'true',
    expiresAtMs: Number(message.header('expires') ?? 0),
    body: message.body,
  };
}

/** A promise of a receipt that a lost connection breaks: the role is told of that by itself. */
export function whenConfirmed(receipt: Promise<void>, then: () => void): void {
  receipt.then(then, ignore);
}

function ignore(): void {}
