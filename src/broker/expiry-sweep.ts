/** Takes out what has expired, and leaves the rest for later turns when that is much: others have theirs in between. */

import type { Dispatcher } from './dispatcher.js';
import type { FlowControl } from './flow-control.js';
import type { MessageIndex } from './message-index.js';
import type { MessageMover } from './message-mover.js';
import { ENTRY_FLAG, ENTRY_STATE, NONE } from './message-table.js';
import type { BrokerServices } from './services.js';

/** Some ten milliseconds. */
const EXPIRED_PER_TURN = 20_000;

export interface ExpirySweepParts {
  readonly index: MessageIndex;
  readonly mover: MessageMover;
  readonly dispatcher: Dispatcher;
  readonly flow: FlowControl;
  readonly services: BrokerServices;
}

export class ExpirySweep {
  private readonly parts: ExpirySweepParts;
  /** Some of what has expired is left for a later turn. */
  private isUnderWay = false;
  /** Changes when the node stops serving: what was left before it comes to nothing. */
  private tenure = 0;

  constructor(parts: ExpirySweepParts) {
    this.parts = parts;
  }

  stop(): void {
    this.isUnderWay = false;
    this.tenure += 1;
  }

  /** Nothing happens while the one before is under way. */
  run(nowMs: number): void {
    if (!this.isUnderWay) this.expireSome(nowMs);
  }

  private expireSome(nowMs: number): void {
    const { index, dispatcher, flow, services } = this.parts;
    const { table, expiry } = index;
    let left = EXPIRED_PER_TURN;
    for (; left > 0 && expiry.earliestMs <= nowMs; left -= 1) {
      const slot = table.find(expiry.pop());
      if (slot === NONE) continue;
      // What is not in its queue now is watched again when it comes back.
      table.clearFlag(slot, ENTRY_FLAG.inExpiryHeap);
      this.expire(slot);
    }
    dispatcher.run();
    flow.recheck();
    this.isUnderWay = left === 0;
    if (!this.isUnderWay) return;
    const { tenure } = this;
    services.later(() => {
      if (tenure === this.tenure) this.expireSome(nowMs);
    });
  }

  private expire(slot: number): void {
    const { index, mover } = this.parts;
    const state = index.table.stateOf(slot);
    const isReady = state === ENTRY_STATE.ready || state === ENTRY_STATE.scheduled;
    const queue = index.queues.at(index.table.queueOf(slot));
    if (!isReady || queue.removed) return;
    mover.expire(slot);
    // Somebody may wait to hear that it has become empty.
    if (queue.draining > 0) index.markDirty(queue);
  }
}
