/**
 * Virtual time. Whatever happens in a simulated world is an event here, and the order of the events
 * is the interleaving: by their time, and at the same time by the order in which they were
 * scheduled. One event runs to the end, with every promise that it resolves, before the next begins.
 */

export interface Scheduled {
  cancel(): void;
}

class Event implements Scheduled {
  readonly atMs: number;
  readonly order: number;
  callback: (() => void) | null;

  constructor(atMs: number, order: number, callback: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.callback = callback;
  }

  cancel(): void {
    this.callback = null;
  }
}

/** After so many events the real event loop gets a turn, or nothing else of the process would run. */
const EVENTS_PER_TURN = 5_000;

export class Scheduler {
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #order = 0;
  #eventCount = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that ran so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  schedule(delayMs: number, callback: () => void): Scheduled {
    if (Number.isNaN(delayMs)) throw new Error('an event was scheduled at no time');
    const event = new Event(this.#nowMs + Math.max(0, delayMs), this.#order, callback);
    this.#order += 1;
    this.#push(event);
    return event;
  }

  /** Runs until `isDone`, or until nothing is left, or until virtual time has come to `untilMs`. Throws what an event throws. */
  run(isDone: () => boolean, untilMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = EVENTS_PER_TURN;
      const step = (): void => {
        try {
          const next = isDone() ? undefined : this.#heap[0];
          if (next === undefined || next.atMs > untilMs) {
            resolve();
            return;
          }
          this.#runNext(next);
        } catch (error) {
          reject(error as Error);
          return;
        }
        left -= 1;
        // From a microtask: a tick scheduled there begins only when all microtasks have run.
        if (left > 0) void resolved.then(tick);
        else setImmediate(turn);
      };
      // Cheaper than queueMicrotask, which makes an object for async_hooks each time.
      const resolved = Promise.resolve();
      const tick = (): void => process.nextTick(step);
      const turn = (): void => {
        left = EVENTS_PER_TURN;
        step();
      };
      setImmediate(turn);
    });
  }

  #runNext(event: Event): void {
    this.#pop();
    const { callback } = event;
    if (callback === null) return;
    event.callback = null;
    this.#nowMs = event.atMs;
    this.#eventCount += 1;
    callback();
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as Event;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = heap[childAt];
      if (child === undefined) break;
      const right = heap[childAt + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childAt += 1;
      }
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

function isBefore(one: Event, two: Event): boolean {
  return one.atMs < two.atMs || (one.atMs === two.atMs && one.order < two.order);
}
