/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../../../src/platform/ports.js';

interface Pending {
  readonly atMs: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  nowMs = 1_000;
  #timers: Pending[] = [];
  #soon: (() => void)[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { atMs: this.nowMs + delayMs, callback };
    this.#timers.push(pending);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((timer) => timer !== pending);
      },
    };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Ends this turn of the event loop. */
  endTurn(): void {
    for (const callback of this.#soon.splice(0)) callback();
  }

  /** Moves on by `byMs`, running what falls due at its time. */
  advance(byMs: number): void {
    const until = this.nowMs + byMs;
    for (;;) {
      const due = this.#timers
        .filter(({ atMs }) => atMs <= until)
        .sort((one, two) => one.atMs - two.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.nowMs = Math.max(this.nowMs, due.atMs);
      due.callback();
    }
    this.nowMs = until;
  }
}
