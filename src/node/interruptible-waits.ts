/** What the storage thread waits for, and what ends such a wait early: something has happened, or the node is to stop. */

import type { Clock } from '../platform/ports.js';

export class InterruptibleWaits {
  readonly #clock: Clock;
  #wake: () => void = () => undefined;
  #stop: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until `wake`, or for so long. */
  async sleep(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(delayMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  wake(): void {
    this.#wake();
  }

  /** Null when this node is told to stop before. */
  orStop<Result>(task: Promise<Result>): Promise<Result | null> {
    return new Promise((resolve, reject) => {
      this.#stop = () => resolve(null);
      task.then(resolve, reject);
    });
  }

  /** Ends `orStop` and `sleep`. */
  stop(): void {
    this.#stop();
    this.#wake();
  }

  /** Null when it takes longer. */
  atMost<Result>(limitMs: number, task: Promise<Result>): Promise<Result | null> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(limitMs, () => resolve(null));
      task.finally(() => timer.cancel()).then(resolve, reject);
    });
  }
}
