/**
 * Failed deliveries, and what becomes of a message that failed too often: it moves to the queue
 * `DLQ.<name>`, its new copy and the removal of the old one in one batch. The failure itself is
 * journaled first, so a node that dies in between leaves the move to the next one.
 */

import { type Destination, REJECTION, type Rejection } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Deliveries } from './deliveries.js';
import { loadPayload, payloadOf, readContent } from './entry-content.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, ENTRY_STATE, NONE } from './message-table.js';
import { type MoveParts, moveMessage } from './move-message.js';
import type { Publisher } from './publisher.js';
import { DEAD_LETTER_PREFIX, type Queue } from './queue.js';
import { RecordReader } from './record-reader.js';
import { REMOVAL_REASON } from './records.js';
import type { BrokerServices } from './services.js';

export class DeadLetters {
  private readonly parts: MoveParts;
  private readonly index: MessageIndex;
  private readonly batches: BatchBuilder;
  private readonly publisher: Publisher;
  private readonly deliveries: Deliveries;
  private readonly services: BrokerServices;
  private readonly reader = new RecordReader();
  /** Changes when the node stops serving: loads that were begun before it come to nothing. */
  private tenure = 0;

  constructor(options: {
    readonly index: MessageIndex;
    readonly batches: BatchBuilder;
    readonly publisher: Publisher;
    readonly deliveries: Deliveries;
    readonly services: BrokerServices;
  }) {
    this.parts = options;
    this.index = options.index;
    this.batches = options.batches;
    this.publisher = options.publisher;
    this.deliveries = options.deliveries;
    this.services = options.services;
  }

  /** Moves what a node before this one left behind: messages that have failed too often already. */
  start(): void {
    const { table } = this.index;
    for (let slot = 0; slot < table.slotLimit; slot += 1) {
      if (table.stateOf(slot) !== ENTRY_STATE.ready) continue;
      if (table.failedDeliveriesOf(slot) < this.services.limits.maxDeliveries) continue;
      const queue = this.queueOf(slot);
      if (queue.isDeadLetterQueue) continue;
      queue.ready.remove(slot);
      this.move(slot);
    }
  }

  stop(): void {
    this.tenure += 1;
  }

  /** Counts a failed delivery of an entry that is in no list, and puts it where it belongs now. */
  fail(slot: number): void {
    this.reject(slot, REJECTION.failed, NONE);
  }

  /** As `fail`, for any rejection; `hint` is for `putBack`. Returns whether the entry is in its queue's list. */
  reject(slot: number, rejection: Rejection, hint: number): boolean {
    if (!this.count(slot, rejection)) return this.giveBack(slot, rejection, hint);
    this.move(slot);
    return false;
  }

  /** Puts an entry that is in no list back into its queue; false when it waits for that, because it failed. */
  giveBack(slot: number, rejection: Rejection, hint: number): boolean {
    const { redeliveryDelayMs } = this.services.limits;
    if (rejection === REJECTION.failed && redeliveryDelayMs > 0) {
      this.index.delayAttempt(slot, this.services.wallMs() + redeliveryDelayMs);
      return false;
    }
    this.index.putBack(slot, hint);
    return true;
  }

  /** Counts a rejection. Returns whether the entry, which is in no list, has to be moved now. */
  count(slot: number, rejection: Rejection): boolean {
    if (rejection === REJECTION.released) return false;
    const { table } = this.index;
    const { maxDeliveries } = this.services.limits;
    this.services.counts.failed += 1;
    const failures =
      rejection === REJECTION.poison ? maxDeliveries : table.failedDeliveriesOf(slot) + 1;
    const count = Math.min(failures, maxDeliveries);
    table.setFailedDeliveries(slot, count);
    table.setFlag(slot, ENTRY_FLAG.handedOver);
    if (!table.hasFlag(slot, ENTRY_FLAG.volatile)) this.batches.addFailed(table.idOf(slot), count);
    return count >= maxDeliveries && !this.queueOf(slot).isDeadLetterQueue;
  }

  /** Moves an entry that is in no list to its dead-letter queue. */
  move(slot: number): void {
    const { table } = this.index;
    if (this.queueOf(slot).isTemporary) {
      // It would outlive the only client that knows what it was.
      this.services.counts.deadLettered += 1;
      this.deliveries.remove(slot, REMOVAL_REASON.deadLettered);
      return;
    }
    this.index.letGo(slot);
    table.setState(slot, ENTRY_STATE.deadLettering);
    const payload = payloadOf(this.index, this.services, slot);
    if (payload !== undefined) {
      this.moveRecord(slot, payload);
      return;
    }
    const id = table.idOf(slot);
    const { tenure } = this;
    const isOver = (): boolean => tenure !== this.tenure;
    const loaded = (): void => {
      if (table.idOf(slot) !== id || table.stateOf(slot) !== ENTRY_STATE.deadLettering) return;
      if (!this.queueOf(slot).removed) this.move(slot);
    };
    loadPayload(this.index, this.services, slot, loaded, isOver);
  }

  private moveRecord(slot: number, payload: Uint8Array): void {
    const content = readContent(this.index, this.reader, slot, payload);
    const { headers, ...kept } = content.message;
    const deliveries = this.index.table.failedDeliveriesOf(slot);
    const { topic } = content;
    const origin: Destination =
      topic === null ? this.queueOf(slot).destination : { kind: 'topic', name: topic };
    const deadLetterHeaders = this.services.contents.deadLetterHeaders(kept.contentKind, headers, {
      reason: `It failed ${deliveries} deliveries, and no more are allowed.`,
      originalDestination: origin,
      deliveries,
    });
    const target = this.publisher.deadLetterQueue(DEAD_LETTER_PREFIX + origin.name);
    // A dead letter is kept until somebody looks at it, so its expiry ends here.
    const message = { ...kept, headers: deadLetterHeaders, expiresAtMs: 0, deliverAtMs: 0 };
    moveMessage(this.parts, slot, target, { ...content, message }, REMOVAL_REASON.deadLettered);
    this.services.counts.deadLettered += 1;
  }

  private queueOf(slot: number): Queue {
    return this.index.queues.at(this.index.table.queueOf(slot));
  }
}
