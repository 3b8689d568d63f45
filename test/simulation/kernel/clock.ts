/** The clocks of one thread on one host. */
import type { Clock, Timer } from '../../../src/platform/ports.js';
import type { SimulatedThread } from './process.js';

/** A turn of the event loop takes some time, so a loop over `soon` cannot stop virtual time. */
const TURN_MS = 0.005;

/** What a host's clocks show; shared by all threads of the host, so that a jump is seen at once. */
export interface HostClocks {
  /** The monotonic clock counts from the boot of the host. */
  readonly bootedAtMs: number;
  /** Wall clock minus virtual time. Jumps, and differs from host to host. */
  wallOffsetMs: number;
}

export class SimulatedClock implements Clock {
  readonly #thread: SimulatedThread;
  readonly #clocks: HostClocks;

  constructor(thread: SimulatedThread, clocks: HostClocks) {
    this.#thread = thread;
    this.#clocks = clocks;
  }

  monotonicMs(): number {
    return this.#thread.process.scheduler.nowMs - this.#clocks.bootedAtMs;
  }

  /** Whole milliseconds, as Date.now() has them. */
  wallMs(): number {
    return Math.floor(this.#thread.process.scheduler.nowMs + this.#clocks.wallOffsetMs);
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#thread.run(delayMs, callback);
  }

  soon(callback: () => void): void {
    this.#thread.run(TURN_MS, callback);
  }
}
