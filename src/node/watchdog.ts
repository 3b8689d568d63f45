/**
 * The two threads watch each other: when one makes no progress for too long, the other ends the
 * process, so that a hung file server or a hung loop never leaves a node that holds the lock and
 * serves nobody.
 */

import type { Clock } from '../platform/ports.js';
import { CountedSteps } from './counted-steps.js';

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
  readonly #steps: CountedSteps;
  #lastPulse = -1;
  #silentMs = 0;
  /** The part of it that counts for the limit. */
  #armedMs = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#steps = new CountedSteps(options.clock, (countedMs) => this.#step(countedMs));
    this.#steps.start();
    this.#step(0);
  }

  /** How long the other thread has made no progress, whether or not that matters now. */
  get silentMs(): number {
    return this.#silentMs;
  }

  stop(): void {
    this.#steps.stop();
  }

  #step(countedMs: number): void {
    const { pulses, mine, other, limitMs, isArmed, onSilence } = this.#options;
    Atomics.add(pulses, mine, 1);
    const pulse = Atomics.load(pulses, other);
    const isSilent = pulse === this.#lastPulse;
    this.#lastPulse = pulse;
    this.#silentMs = isSilent ? this.#silentMs + countedMs : 0;
    this.#armedMs = isSilent && isArmed() ? this.#armedMs + countedMs : 0;
    if (this.#armedMs > limitMs) onSilence(this.#armedMs);
  }
}
