/** Hosts, and the ways between them: what can be cut, slow or lossy. */
import type { Socket } from '../../../src/platform/ports.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduler } from '../kernel/scheduler.js';

const LOWEST_FREE_PORT = 32_768;
const HIGHEST_FREE_PORT = 60_999;
const USUAL_LATENCY_MS = 0.1;
const USUAL_LOOPBACK_LATENCY_MS = 0.02;
/** Of the segments that are sent while the link loses some. */
const LOSS_CHANCE = 0.3;
/** A lost segment is sent again after the least retransmission timeout of Linux, or a few of them. */
const RETRANSMISSION_MS = { from: 200, to: 1_000 } as const;

export interface NetworkListener {
  readonly process: SimulatedProcess;
  /** Only for connections from the same host. */
  readonly isLocal: boolean;
  readonly onConnection: (socket: Socket) => void;
}

export class NetworkHost {
  readonly name: string;
  /** By port. */
  readonly listeners = new Map<number, NetworkListener>();
  hasPower = true;
  /** Counts power cuts: what was there before one is not there after it. */
  powerCuts = 0;
  #lastPort = LOWEST_FREE_PORT - 1;

  constructor(name: string) {
    this.name = name;
  }

  /** One that nobody listens on. */
  freePort(): number {
    do {
      this.#lastPort = this.#lastPort === HIGHEST_FREE_PORT ? LOWEST_FREE_PORT : this.#lastPort + 1;
    } while (this.listeners.has(this.#lastPort));
    return this.#lastPort;
  }
}

/** From one host to another, one way. */
export class Link {
  readonly #to: NetworkHost;
  isCut = false;
  extraDelayMs = 0;
  lossUntilMs = 0;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #usualLatencyMs: number;

  constructor(from: NetworkHost, to: NetworkHost, scheduler: Scheduler, random: SeededRandom) {
    this.#to = to;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#usualLatencyMs = from === to ? USUAL_LOOPBACK_LATENCY_MS : USUAL_LATENCY_MS;
  }

  /** What is sent now arrives. */
  get isOpen(): boolean {
    return !this.isCut && this.#to.hasPower;
  }

  /** How long a segment takes that is sent now, and its retransmissions if it is lost. */
  drawLatencyMs(): number {
    const latencyMs = this.#random.wait(this.#usualLatencyMs) + this.extraDelayMs;
    const isLost = this.#scheduler.nowMs < this.lossUntilMs && this.#random.chance(LOSS_CHANCE);
    if (!isLost) return latencyMs;
    return latencyMs + this.#random.between(RETRANSMISSION_MS.from, RETRANSMISSION_MS.to);
  }
}
