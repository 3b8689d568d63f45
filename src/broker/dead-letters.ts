/**
 * Failed deliveries: each is counted, and the message comes again, perhaps after a while, until it has failed
 * as often as its address allows. Then it moves to the dead-letter address. The failure itself is journaled
 * first, so a node that dies in between leaves the move to the next one.
 */

import { redeliveryDelay } from './address-settings.js';
import { REJECTION, type Rejection } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { MessageIndex } from './message-index.js';
import type { MessageMover } from './message-mover.js';
import { ENTRY_FLAG, ENTRY_STATE, NONE } from './message-table.js';
import type { Queue } from './queue.js';
import type { BrokerServices } from './services.js';

export class DeadLetters {
  private readonly index: MessageIndex;
  private readonly batches: BatchBuilder;
  private readonly mover: MessageMover;
  private readonly services: BrokerServices;

  constructor(options: {
    readonly index: MessageIndex;
    readonly batches: BatchBuilder;
    readonly mover: MessageMover;
    readonly services: BrokerServices;
  }) {
    this.index = options.index;
    this.batches = options.batches;
    this.mover = options.mover;
    this.services = options.services;
  }

  /** Moves what a node before this one left behind: messages that have failed too often already. */
  start(): void {
    const { table } = this.index;
    for (let slot = 0; slot < table.slotLimit; slot += 1) {
      if (table.stateOf(slot) !== ENTRY_STATE.ready) continue;
      if (table.failedDeliveriesOf(slot) === 0) continue;
      const queue = this.queueOf(slot);
      if (table.failedDeliveriesOf(slot) < queue.settings.maxDeliveries) continue;
      if (queue.isDeadLetterQueue) continue;
      this.index.takeOut(slot);
      this.mover.moveFailed(slot);
    }
  }

  /** Counts a failed delivery of an entry that is in no list, and puts it where it belongs now. */
  fail(slot: number): void {
    this.reject(slot, REJECTION.failed, NONE);
  }

  /** As `fail`, for any rejection; `hint` is for `putBack`. Returns whether the entry is in its queue's list. */
  reject(slot: number, rejection: Rejection, hint: number): boolean {
    if (!this.count(slot, rejection)) return this.giveBack(slot, rejection, hint);
    this.mover.moveFailed(slot);
    return false;
  }

  /** Puts an entry that is in no list back into its queue; false when it waits for that, because it failed. */
  giveBack(slot: number, rejection: Rejection, hint: number): boolean {
    if (rejection === REJECTION.failed) {
      const failures = this.index.table.failedDeliveriesOf(slot);
      const delayMs = redeliveryDelay(this.queueOf(slot).settings, failures);
      if (delayMs > 0) {
        this.index.delayAttempt(slot, this.services.wallMs() + delayMs);
        return false;
      }
    }
    this.index.putBack(slot, hint);
    return true;
  }

  /** Counts a rejection. Returns whether the entry, which is in no list, has to be moved now. */
  count(slot: number, rejection: Rejection): boolean {
    if (rejection === REJECTION.released) return false;
    const { table } = this.index;
    const queue = this.queueOf(slot);
    const { maxDeliveries } = queue.settings;
    this.services.counts.failed += 1;
    this.queueOf(slot).counts.failed += 1;
    const failures =
      rejection === REJECTION.poison ? maxDeliveries : table.failedDeliveriesOf(slot) + 1;
    const count = Math.min(failures, maxDeliveries);
    table.setFailedDeliveries(slot, count);
    table.setFlag(slot, ENTRY_FLAG.handedOver);
    if (!table.hasFlag(slot, ENTRY_FLAG.volatile)) this.batches.addFailed(table.idOf(slot), count);
    return count >= maxDeliveries && !queue.isDeadLetterQueue;
  }

  private queueOf(slot: number): Queue {
    return this.index.queues.at(this.index.table.queueOf(slot));
  }
}
