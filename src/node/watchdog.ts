/**
 * The two threads watch each other: when one makes no progress for too long, the other ends the
 * process, so that a hung file server or a hung loop never leaves a node that holds the lock and
 * serves nobody. Time is counted in small steps, so a pause of the whole process counts for little.
 */

import type { Clock, Timer } from '../platform/ports.js';

const STEP_MS = 250;
/** A step that took longer was a pause of this very process, which says nothing of the other thread. */
const LONGEST_COUNTED_STEP_MS = 2 * STEP_MS;

/** One counter for each thread, in memory that both see. */
export const PULSE = { main: 0, storage: 1 } as const;
export const PULSE_BYTES = 8;

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly pulses: Int32Array<SharedArrayBuffer>;
  readonly mine: number;
  readonly other: number;
  readonly limitMs: number;
  /** Whether silence matters now. */
  readonly isArmed: () => boolean;
  readonly onSilence: (silentMs: number) => void;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  #timer: Timer | null = null;
  #lastStepMs: number;
  #lastPulse = -1;
  #silentMs = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#lastStepMs = options.clock.monotonicMs();
    this.#step();
  }

  /** How long the other thread has made no progress. */
  get silentMs(): number {
    return this.#silentMs;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #step(): void {
    const { clock, pulses, mine, other, limitMs, isArmed, onSilence } = this.#options;
    Atomics.add(pulses, mine, 1);
    const now = clock.monotonicMs();
    const counted = Math.min(now - this.#lastStepMs, LONGEST_COUNTED_STEP_MS);
    this.#lastStepMs = now;
    const pulse = Atomics.load(pulses, other);
    this.#silentMs = pulse === this.#lastPulse && isArmed() ? this.#silentMs + counted : 0;
    this.#lastPulse = pulse;
    this.#timer = clock.after(STEP_MS, () => this.#step());
    if (this.#silentMs > limitMs) onSilence(this.#silentMs);
  }
}
