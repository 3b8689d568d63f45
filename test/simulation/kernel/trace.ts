/** What happened, in lines for people. Costs next to nothing while nobody listens. */
import type { Scheduler } from './scheduler.js';

export class Trace {
  readonly #scheduler: Scheduler;
  readonly #onLine: ((line: string) => void) | null;

  /** Without `onLine` nothing is written. */
  constructor(scheduler: Scheduler, onLine: ((line: string) => void) | null) {
    this.#scheduler = scheduler;
    this.#onLine = onLine;
  }

  get isOn(): boolean {
    return this.#onLine !== null;
  }

  /** `describe` is only called when somebody listens. */
  note(who: string, describe: () => string): void {
    if (this.#onLine === null) return;
    const time = this.#scheduler.nowMs.toFixed(3).padStart(12);
    this.#onLine(`${time}  ${who.padEnd(10)} ${describe()}`);
  }
}
