/** Time in steps, for those who wait for a sign of life: a pause of this whole process counts for little. */

import type { Clock, Timer } from '../platform/ports.js';

const STEP_MS = 250;
/** A step that took longer was a pause of this very process, which says nothing of anybody else. */
const LONGEST_COUNTED_STEP_MS = 2 * STEP_MS;

export class CountedSteps {
  readonly #clock: Clock;
  readonly #onStep: (countedMs: number) => void;
  #lastStepMs = 0;
  #timer: Timer | null = null;

  /** `onStep` is called every 250 ms between `start` and `stop` with the time that counts. */
  constructor(clock: Clock, onStep: (countedMs: number) => void) {
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /** Idempotent. */
  start(): void {
    if (this.#timer !== null) return;
    this.#lastStepMs = this.#clock.monotonicMs();
    this.#scheduleNext();
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #scheduleNext(): void {
    this.#timer = this.#clock.after(STEP_MS, () => {
      const now = this.#clock.monotonicMs();
      const countedMs = Math.min(now - this.#lastStepMs, LONGEST_COUNTED_STEP_MS);
      this.#lastStepMs = now;
      this.#scheduleNext();
      this.#onStep(countedMs);
    });
  }
}
