/**
 * The network between all hosts of a simulated world, and what goes wrong in it. A process has its
 * port of it, with host names for addresses. Connections outlive nothing: not their processes, not
 * the power of a host, and a cut only for some time.
 */
import type { Network } from '../../../src/platform/ports.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { Trace } from '../kernel/trace.js';
import { Link, NetworkHost } from './link.js';
import { type NetworkedProcess, type NetworkOfHosts, NetworkPort } from './network-port.js';
import { SimulatedSocket } from './socket.js';
import { makeReadBuffer, Stream, type StreamSurroundings } from './stream.js';

/** The kernel takes up after a process that was killed. */
const CLEAN_UP_MS = 0.05;
const USUAL_RESET_MS = 0.1;

export interface SimulatedNetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly trace: Trace;
}

interface End extends NetworkedProcess {
  readonly socket: SimulatedSocket;
}

interface Connection {
  readonly ends: readonly [End, End];
  readonly streams: readonly [Stream, Stream];
  openEnds: number;
}

export class SimulatedNetwork implements NetworkOfHosts {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly #surroundings: StreamSurroundings;
  readonly #hosts = new Map<string, NetworkHost>();
  readonly #links = new Map<string, Link>();
  readonly #connections = new Set<Connection>();

  constructor({ scheduler, random, trace }: SimulatedNetworkOptions) {
    this.scheduler = scheduler;
    this.random = random;
    this.trace = trace;
    this.#surroundings = { scheduler, random, readBuffer: makeReadBuffer() };
  }

  /** What this process, on that host, sees of the network. */
  portOf(process: SimulatedProcess, hostName: string): Network {
    const host = this.#host(hostName);
    process.onDeath(() => this.#cleanUp(process, host));
    return new NetworkPort(this, process, host);
  }

  /** Connections that at least one side still has. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  // What cables, switches and power supplies do.

  /** Nothing goes from `from` to `to` any more, and nothing back unless it is `one-way`. */
  cut(from: string, to: string, mode: 'both' | 'one-way'): void {
    this.trace.note('network', () => `${from} and ${to} are cut off (${mode})`);
    this.#link(from, to).isCut = true;
    if (mode === 'both') this.#link(to, from).isCut = true;
    this.#linksChanged(from, to);
  }

  /** In both directions. */
  heal(from: string, to: string): void {
    this.trace.note('network', () => `${from} and ${to} are connected again`);
    this.#link(from, to).isCut = false;
    this.#link(to, from).isCut = false;
    this.#linksChanged(from, to);
  }

  /** Everything between the two takes so much longer, in both directions; 0 ends it. */
  delay(from: string, to: string, delayMs: number): void {
    this.#link(from, to).extraDelayMs = delayMs;
    this.#link(to, from).extraDelayMs = delayMs;
  }

  /** For some time, segments between the two get lost and have to be sent again. */
  drop(from: string, to: string, forMs: number): void {
    const untilMs = this.scheduler.nowMs + forMs;
    this.#link(from, to).lossUntilMs = untilMs;
    this.#link(to, from).lossUntilMs = untilMs;
  }

  /** Breaks the connections between the two; says whether there were any. */
  reset(from: string, to: string): boolean {
    const connections = this.#between(from, to);
    this.trace.note(
      'network',
      () => `${connections.length} connections of ${from} and ${to} break`,
    );
    for (const { ends } of connections) {
      for (const { socket } of ends) {
        this.scheduler.schedule(this.random.wait(USUAL_RESET_MS), () => socket.breakOff());
      }
    }
    return connections.length > 0;
  }

  /** Nobody is told of it: peers find out when nothing answers. */
  powerOffHost(hostName: string): void {
    const host = this.#host(hostName);
    host.hasPower = false;
    host.powerCuts += 1;
    host.listeners.clear();
    for (const { ends, streams } of [...this.#connections]) {
      if (!ends.some((end) => end.host === host)) continue;
      for (const end of ends) if (end.host === host) end.socket.vanish();
      for (const stream of streams) stream.linkChanged();
    }
  }

  /** Its kernel answers again, and knows none of the old connections. */
  bootHost(hostName: string): void {
    const host = this.#host(hostName);
    host.hasPower = true;
    for (const { ends, streams } of [...this.#connections]) {
      if (!ends.some((end) => end.host === host)) continue;
      for (const stream of streams) stream.linkChanged();
    }
  }

  // What ports ask for.

  linkTo(from: NetworkHost, to: NetworkHost): Link {
    return this.#link(from.name, to.name);
  }

  hostNamed(name: string): NetworkHost | null {
    return this.#hosts.get(name) ?? null;
  }

  join(
    client: NetworkedProcess,
    server: NetworkedProcess,
    serverPort: number,
  ): [SimulatedSocket, SimulatedSocket] {
    const onClosed = (): void => {
      connection.openEnds -= 1;
      if (connection.openEnds === 0) this.#connections.delete(connection);
    };
    const ofClient = new SimulatedSocket(
      client.process.main,
      `${server.host.name}:${serverPort}`,
      onClosed,
    );
    const ofServer = new SimulatedSocket(
      server.process.main,
      `${client.host.name}:${client.host.freePort()}`,
      onClosed,
    );
    const there = this.linkTo(client.host, server.host);
    const back = this.linkTo(server.host, client.host);
    const surroundings = this.#surroundings;
    const toServer = new Stream(ofClient, ofServer, { forward: there, back }, surroundings);
    const toClient = new Stream(ofServer, ofClient, { forward: back, back: there }, surroundings);
    ofClient.join(toServer, toClient);
    ofServer.join(toClient, toServer);
    const connection: Connection = {
      ends: [
        { ...client, socket: ofClient },
        { ...server, socket: ofServer },
      ],
      streams: [toServer, toClient],
      openEnds: 2,
    };
    this.#connections.add(connection);
    return [ofClient, ofServer];
  }

  #cleanUp(process: SimulatedProcess, host: NetworkHost): void {
    const { powerCuts } = host;
    for (const [port, listener] of host.listeners) {
      if (listener.process === process) host.listeners.delete(port);
    }
    // Later than a power cut of the same moment, which nobody is told of.
    this.scheduler.schedule(CLEAN_UP_MS, () => {
      if (host.powerCuts !== powerCuts) return;
      for (const { ends } of [...this.#connections]) {
        for (const end of ends) if (end.process === process) end.socket.closeByKernel();
      }
    });
  }

  #between(one: string, other: string): Connection[] {
    return [...this.#connections].filter(({ ends: [first, second] }) => {
      const from = first.host.name;
      const to = second.host.name;
      return (from === one && to === other) || (from === other && to === one);
    });
  }

  #linksChanged(one: string, other: string): void {
    for (const { streams } of this.#between(one, other)) {
      for (const stream of streams) stream.linkChanged();
    }
  }

  #host(name: string): NetworkHost {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      host = new NetworkHost(name);
      this.#hosts.set(name, host);
    }
    return host;
  }

  #link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new Link(this.#host(from), this.#host(to), this.scheduler, this.random);
      this.#links.set(key, link);
    }
    return link;
  }
}
