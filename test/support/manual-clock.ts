import type { Clock, Timer } from '../../src/platform/ports.js';

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  nowMs = 1_000;
  private timers: { atMs: number; callback: () => void }[] = [];
  private turnEnd: (() => void)[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((one) => one !== timer);
      },
    };
  }

  soon(callback: () => void): void {
    this.turnEnd.push(callback);
  }

  /** Timers that are neither due nor cancelled. */
  get pendingTimers(): number {
    return this.timers.length;
  }

  endTurn(): void {
    while (this.turnEnd.length > 0) {
      const callbacks = this.turnEnd;
      this.turnEnd = [];
      for (const callback of callbacks) callback();
    }
  }

  advance(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      this.endTurn();
      const next = this.timers.sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.timers.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = endMs;
  }

  get timerCount(): number {
    return this.timers.length;
  }
}
