/** What has happened in one queue while this node was live. For operators: nothing is decided by it. */

import type { QueueHistory } from './facts.js';
import { REMOVAL_REASON, type RemovalReason } from './records.js';

export class QueueCounts implements QueueHistory {
  /** Taken for the queue from producers, or moved there. */
  arrived = 0;
  /** Handed to consumers, the same message perhaps several times. */
  delivered = 0;
  /** Those of them that may have been delivered before. */
  redelivered = 0;
  /** Deliveries that their consumers called failed, or lost their connection with. */
  failed = 0;
  private readonly removals: number[] = [];

  constructor() {
    for (const reason of Object.values(REMOVAL_REASON)) this.removals[reason] = 0;
  }

  removed(reason: RemovalReason): void {
    (this.removals[reason] as number) += 1;
  }

  get acknowledged(): number {
    return this.removals[REMOVAL_REASON.acknowledged] as number;
  }

  get expired(): number {
    return this.removals[REMOVAL_REASON.expired] as number;
  }

  get deadLettered(): number {
    return this.removals[REMOVAL_REASON.deadLettered] as number;
  }

  /** As it is now. */
  snapshot(): QueueHistory {
    const { arrived, delivered, redelivered, failed, acknowledged, expired, deadLettered } = this;
    return { arrived, delivered, redelivered, failed, acknowledged, expired, deadLettered };
  }
}
