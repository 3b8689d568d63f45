/** The Network port of one simulated process: it listens and connects by host names. */
import { HoldfastError } from '../../../src/platform/errors.js';
import type { HostPort, Listener, Network, Socket } from '../../../src/platform/ports.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { Link, NetworkHost, NetworkListener } from './link.js';
import type { SimulatedSocket } from './socket.js';

const SYSTEM_CALL_MS = 0.02;
/** An unanswered request to connect is sent again after this, then after twice as long, and so on. */
const FIRST_RETRANSMISSION_MS = 1_000;

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);
const ANY = new Set(['0.0.0.0', '::']);

/** What a port needs of the network. */
export interface NetworkOfHosts {
  readonly scheduler: Scheduler;
  linkTo(from: NetworkHost, to: NetworkHost): Link;
  /** Null for a name that no host has. */
  hostNamed(name: string): NetworkHost | null;
  /** Both ends of a new connection, the one of `client` first. */
  join(
    client: NetworkedProcess,
    server: NetworkedProcess,
    serverPort: number,
  ): [SimulatedSocket, SimulatedSocket];
}

export interface NetworkedProcess {
  readonly host: NetworkHost;
  readonly process: SimulatedProcess;
}

export class NetworkPort implements Network {
  readonly #network: NetworkOfHosts;
  readonly #process: SimulatedProcess;
  readonly #host: NetworkHost;

  constructor(network: NetworkOfHosts, process: SimulatedProcess, host: NetworkHost) {
    this.#network = network;
    this.#process = process;
    this.#host = host;
  }

  listen(address: HostPort, onConnection: (socket: Socket) => void): Promise<Listener> {
    const host = this.#host;
    const process = this.#process;
    const { promise, resolve, reject } = deferred<Listener>();
    process.main.run(SYSTEM_CALL_MS, () => {
      const isLocal = LOOPBACK.has(address.host);
      const port = address.port === 0 ? host.freePort() : address.port;
      if (!isLocal && !ANY.has(address.host) && address.host !== host.name) {
        reject(listenFailure(address, `Host ${host.name} has no such address`));
        return;
      }
      if (host.listeners.has(port)) {
        reject(listenFailure(address, 'Another program listens there'));
        return;
      }
      const listener: NetworkListener = { process, isLocal, onConnection };
      host.listeners.set(port, listener);
      resolve({
        address: { host: address.host, port },
        close: () => {
          if (host.listeners.get(port) === listener) host.listeners.delete(port);
          return Promise.resolve();
        },
      });
    });
    return promise;
  }

  connect(address: HostPort, timeoutMs: number): Promise<Socket> {
    const attempt = new ConnectAttempt(this.#network, this.#process, this.#host, address);
    return attempt.run(timeoutMs);
  }
}

class ConnectAttempt {
  readonly #network: NetworkOfHosts;
  readonly #process: SimulatedProcess;
  readonly #host: NetworkHost;
  readonly #address: HostPort;
  readonly #settle = deferred<Socket>();
  /** Answered, or given up. */
  #isOver = false;

  constructor(
    network: NetworkOfHosts,
    process: SimulatedProcess,
    host: NetworkHost,
    address: HostPort,
  ) {
    this.#network = network;
    this.#process = process;
    this.#host = host;
    this.#address = address;
  }

  run(timeoutMs: number): Promise<Socket> {
    const { host: name } = this.#address;
    const target = LOOPBACK.has(name) ? this.#host : this.#network.hostNamed(name);
    if (target === null) {
      this.#failAfter(SYSTEM_CALL_MS, 'ENOTFOUND');
    } else {
      const timer = this.#process.main.run(timeoutMs, () =>
        this.#fail(`no answer within ${timeoutMs} ms`),
      );
      this.#knock(target, FIRST_RETRANSMISSION_MS, () => timer.cancel());
    }
    return this.#settle.promise;
  }

  /** One request to connect; `onAnswer` when one comes back. */
  #knock(target: NetworkHost, retryMs: number, onAnswer: () => void): void {
    const { scheduler } = this.#network;
    const there = this.#network.linkTo(this.#host, target);
    const back = this.#network.linkTo(target, this.#host);
    scheduler.schedule(there.drawLatencyMs(), () => {
      if (this.#isOver || !this.#process.isAlive) return;
      if (!there.isOpen || !back.isOpen) {
        scheduler.schedule(retryMs, () => {
          if (!this.#isOver) this.#knock(target, 2 * retryMs, onAnswer);
        });
        return;
      }
      this.#isOver = true;
      onAnswer();
      this.#answer(target, back.drawLatencyMs());
    });
  }

  #answer(target: NetworkHost, delayMs: number): void {
    const { port } = this.#address;
    const listener = target.listeners.get(port);
    if (listener === undefined || (listener.isLocal && target !== this.#host)) {
      this.#isOver = false;
      this.#failAfter(delayMs, 'ECONNREFUSED');
      return;
    }
    const client = { host: this.#host, process: this.#process };
    const server = { host: target, process: listener.process };
    const [ofClient, ofServer] = this.#network.join(client, server, port);
    // The kernel has it already; the process takes it when it gets round to that.
    listener.process.main.run(0, () => {
      if (target.listeners.get(port) === listener) listener.onConnection(ofServer);
      else ofServer.destroy();
    });
    this.#process.main.run(delayMs, () => this.#settle.resolve(ofClient));
  }

  #failAfter(delayMs: number, reason: string): void {
    this.#process.main.run(delayMs, () => this.#fail(reason));
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const where = `${this.#address.host}:${this.#address.port}`;
    const sentence = `Cannot connect to ${where} (${reason}). Check the address, and that a node is running there.`;
    this.#settle.reject(new HoldfastError('CLIENT_FAILED', sentence));
  }
}

function listenFailure({ host, port }: HostPort, reason: string): HoldfastError {
  const sentence = `Cannot listen on ${host}:${port}. ${reason}; choose another address.`;
  return new HoldfastError('ADDRESS_IN_USE', sentence);
}

function deferred<Value>(): {
  promise: Promise<Value>;
  resolve: (value: Value) => void;
  reject: (error: Error) => void;
} {
  let resolve!: (value: Value) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
