/**
 * Failed deliveries, and what becomes of a message that failed too often: it moves to the queue
 * `DLQ.<name>`, its new copy and the removal of the old one in one batch. The failure itself is
 * journaled first, so a node that dies in between leaves the move to the next one.
 */

import { type Destination, REJECTION, type Rejection } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Deliveries } from './deliveries.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, ENTRY_STATE, NONE } from './message-table.js';
import type { Publisher } from './publisher.js';
import { DEAD_LETTER_PREFIX, type Queue } from './queue.js';
import { RecordReader } from './record-reader.js';
import {
  contentBytes,
  FIXED_BYTES,
  MESSAGE_TARGET_BYTES,
  type MessageContent,
  REMOVAL_REASON,
  removalBytes,
} from './records.js';
import { segmentsMissing } from './segments-missing.js';
import type { BrokerServices } from './services.js';

export class DeadLetters {
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
    this.queueOf(slot).counts.failed += 1;
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
    if (table.hasFlag(slot, ENTRY_FLAG.volatile)) {
      this.moveRecord(slot, this.index.volatile.recordAt(table.blockOffsetOf(slot)), 0);
      return;
    }
    const segment = table.segmentOf(slot);
    const blockOffset = table.blockOffsetOf(slot);
    const payload = this.services.bodies.cached(segment, blockOffset);
    if (payload !== undefined) {
      this.moveRecord(slot, payload, table.recordOffsetOf(slot));
      return;
    }
    const id = table.idOf(slot);
    const { tenure } = this;
    this.services.bodies.load(segment, blockOffset, () => {
      if (tenure !== this.tenure || table.idOf(slot) !== id) return;
      if (table.stateOf(slot) !== ENTRY_STATE.deadLettering || this.queueOf(slot).removed) return;
      this.moveLoaded(slot, segment, blockOffset);
    });
  }

  private moveLoaded(slot: number, segment: number, blockOffset: number): void {
    const { table } = this.index;
    if (table.segmentOf(slot) !== segment || table.blockOffsetOf(slot) !== blockOffset) {
      // It was relocated while its body was being loaded.
      this.move(slot);
      return;
    }
    const payload = this.services.bodies.cached(segment, blockOffset);
    if (payload === undefined) throw segmentsMissing([segment]);
    this.moveRecord(slot, payload, table.recordOffsetOf(slot));
  }

  private moveRecord(slot: number, payload: Uint8Array, recordOffset: number): void {
    const { table } = this.index;
    const { reader } = this;
    const queue = this.queueOf(slot);
    const durable = !table.hasFlag(slot, ENTRY_FLAG.volatile);
    const segment = durable ? table.segmentOf(slot) : 0;
    reader.open(payload, segment, table.blockOffsetOf(slot));
    reader.readHeader(recordOffset);
    reader.readMessage();
    const { contentKind, priority, timestampMs, group } = reader;
    const deliveries = table.failedDeliveriesOf(slot);
    const topic = reader.topic();
    const origin: Destination = topic === null ? queue.destination : { kind: 'topic', name: topic };
    const headers = this.services.contents.deadLetterHeaders(
      contentKind,
      payload.subarray(reader.headersStart, reader.bodyStart),
      {
        reason: `It failed ${deliveries} deliveries, and no more are allowed.`,
        originalDestination: origin,
        deliveries,
      },
    );
    const body = payload.subarray(reader.bodyStart, reader.bodyEnd);
    const target = this.publisher.deadLetterQueue(DEAD_LETTER_PREFIX + origin.name);
    // A dead letter is kept until somebody looks at it, so its expiry ends here.
    const message = { contentKind, headers, body, priority, expiresAtMs: 0, group };
    this.batches.reserve(moveBytes(message));
    this.publisher.publishTo(target, message, timestampMs, durable);
    this.deliveries.remove(slot, REMOVAL_REASON.deadLettered);
    this.services.counts.deadLettered += 1;
  }

  private queueOf(slot: number): Queue {
    return this.index.queues.at(this.index.table.queueOf(slot));
  }
}

/** Room for the message and the removal, and for ids that may have to be reserved. */
function moveBytes(message: MessageContent): number {
  const messageBytes = contentBytes(message) + MESSAGE_TARGET_BYTES;
  return messageBytes + removalBytes(true, 1) + FIXED_BYTES.entryIdsReserved;
}
