/** Messages that are dropped although somebody may miss them: each is counted, the first of a queue is told of. */
import type { Destination } from './api.js';
import type { Queue } from './queue.js';

/** It came to a full queue, or failed too often and has no dead-letter address. */
export type DropCause = 'full' | 'failed';

/** For the log: once for each queue and cause while a node is live. */
export type OnFirstDrop = (destination: Destination, cause: DropCause) => void;

export class Drops {
  private readonly counts: { dropped: number };
  private readonly onFirstDrop: OnFirstDrop;
  private told = noQueues();

  constructor(counts: { dropped: number }, onFirstDrop: OnFirstDrop) {
    this.counts = counts;
    this.onFirstDrop = onFirstDrop;
  }

  start(): void {
    this.told = noQueues();
  }

  dropped(queue: Queue, cause: DropCause): void {
    this.counts.dropped += 1;
    const told = this.told[cause];
    if (told.has(queue)) return;
    told.add(queue);
    this.onFirstDrop(queue.destination, cause);
  }
}

function noQueues(): Record<DropCause, WeakSet<Queue>> {
  return { full: new WeakSet(), failed: new WeakSet() };
}
