/**
 * Moves messages to where what is set for their address sends them: what failed too often to the
 * dead-letter address, what expired to the expiry address. The new copy and the removal of the old one are in
 * one batch. A full queue refuses none of them. What a node that dies leaves unmoved, the next one finds
 * again: the failures are journaled, and an expiry is part of the message.
 */

import { DEAD_LETTER_PREFIX } from './address-settings.js';
import type { DeadLetterFacts, Destination } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Deliveries } from './deliveries.js';
import type { FlowControl } from './flow-control.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, ENTRY_STATE } from './message-table.js';
import type { Publisher } from './publisher.js';
import type { Queue } from './queue.js';
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

/** Moved between two commits at most, and one message more: many may expire at the same moment. */
const BYTES_PER_COMMIT = 1024 * 1024;
/** Moves that are done are cut off the front of those that wait from this many on. */
const MIN_CUT = 1024;

interface Move {
  readonly slot: number;
  readonly entryId: number;
  readonly hasExpired: boolean;
}

export class MessageMover {
  private readonly index: MessageIndex;
  private readonly batches: BatchBuilder;
  private readonly flow: FlowControl;
  private readonly publisher: Publisher;
  private readonly deliveries: Deliveries;
  private readonly services: BrokerServices;
  private readonly reader = new RecordReader();
  /** In the order in which it was asked for them, from `first` on. */
  private waiting: Move[] = [];
  private first = 0;
  private bytesLeft = BYTES_PER_COMMIT;
  private isLoading = false;
  /** Changes when the node stops serving: loads that were begun before it come to nothing. */
  private tenure = 0;

  constructor(options: {
    readonly index: MessageIndex;
    readonly batches: BatchBuilder;
    readonly flow: FlowControl;
    readonly publisher: Publisher;
    readonly deliveries: Deliveries;
    readonly services: BrokerServices;
  }) {
    this.index = options.index;
    this.batches = options.batches;
    this.flow = options.flow;
    this.publisher = options.publisher;
    this.deliveries = options.deliveries;
    this.services = options.services;
  }

  stop(): void {
    this.tenure += 1;
    this.waiting = [];
    this.first = 0;
    this.bytesLeft = BYTES_PER_COMMIT;
    this.isLoading = false;
  }

  /** A batch is on stable storage: there is room for more. */
  committed(): void {
    this.bytesLeft = BYTES_PER_COMMIT;
    this.goOn();
  }

  /** What waits is moved as far as may be: no more than between two commits, and nothing while the node holds producers. */
  goOn(): void {
    if (this.flow.isHeldByNode) return;
    while (!this.isLoading && this.bytesLeft > 0 && this.first < this.waiting.length) {
      const move = this.waiting[this.first] as Move;
      if (this.isStillThere(move)) {
        const payload = this.payloadOf(move.slot);
        if (payload === undefined) {
          this.load(move);
          return;
        }
        this.moveNow(move, payload);
      }
      this.dropFirst();
    }
  }

  /** An entry that is ready, or waits for its time, has expired. */
  expire(slot: number): void {
    const queue = this.queueOf(slot);
    this.index.takeOut(slot);
    this.services.counts.expired += 1;
    if (queue.isTemporary || queue.settings.expiryAddress === '') {
      this.deliveries.remove(slot, REMOVAL_REASON.expired);
    } else {
      this.move(slot, true);
    }
  }

  /** An entry that is in no list has failed too often. */
  moveFailed(slot: number): void {
    const queue = this.queueOf(slot);
    const hasAddress = queue.settings.deadLetterAddress !== '';
    // Of a temporary queue it would outlive the only client that knows what it was.
    if (hasAddress && !queue.isTemporary) {
      this.move(slot, false);
      return;
    }
    this.services.counts.deadLettered += 1;
    if (!hasAddress) this.services.drops.dropped(queue, 'failed');
    this.deliveries.remove(slot, REMOVAL_REASON.deadLettered);
  }

  private move(slot: number, hasExpired: boolean): void {
    const { table } = this.index;
    this.index.letGo(slot);
    table.setState(slot, ENTRY_STATE.moving);
    this.waiting.push({ slot, entryId: table.idOf(slot), hasExpired });
    this.goOn();
  }

  private dropFirst(): void {
    this.first += 1;
    if (this.first === this.waiting.length) this.waiting = [];
    else if (this.first < MIN_CUT || 2 * this.first < this.waiting.length) return;
    else this.waiting = this.waiting.slice(this.first);
    this.first = 0;
  }

  /** Its queue may be gone by now. */
  private isStillThere({ slot, entryId }: Move): boolean {
    const { table } = this.index;
    if (table.stateOf(slot) !== ENTRY_STATE.moving || table.idOf(slot) !== entryId) return false;
    return !this.queueOf(slot).removed;
  }

  /** Undefined when it has to be loaded. */
  private payloadOf(slot: number): Uint8Array | undefined {
    const { table, volatile } = this.index;
    const blockOffset = table.blockOffsetOf(slot);
    return table.hasFlag(slot, ENTRY_FLAG.volatile)
      ? volatile.recordAt(blockOffset)
      : this.services.bodies.cached(table.segmentOf(slot), blockOffset);
  }

  /** One at a time: what lies behind in the journal comes with it. */
  private load(move: Move): void {
    const { table } = this.index;
    const segment = table.segmentOf(move.slot);
    const blockOffset = table.blockOffsetOf(move.slot);
    const { tenure } = this;
    this.isLoading = true;
    this.services.bodies.load(segment, blockOffset, () => {
      if (tenure !== this.tenure) return;
      this.isLoading = false;
      // It may have been relocated meanwhile, and the segment with the old block deleted.
      const isSamePlace =
        this.isStillThere(move) &&
        table.segmentOf(move.slot) === segment &&
        table.blockOffsetOf(move.slot) === blockOffset;
      if (isSamePlace && this.services.bodies.cached(segment, blockOffset) === undefined) {
        throw segmentsMissing([segment]);
      }
      this.goOn();
    });
  }

  private moveNow({ slot, hasExpired }: Move, payload: Uint8Array): void {
    const { table } = this.index;
    const { reader, services } = this;
    const durable = !table.hasFlag(slot, ENTRY_FLAG.volatile);
    reader.open(payload, durable ? table.segmentOf(slot) : 0, table.blockOffsetOf(slot));
    reader.readHeader(durable ? table.recordOffsetOf(slot) : 0);
    reader.readMessage();
    const { contentKind, priority, timestampMs, group } = reader;
    const topic = reader.topic();
    const { destination, settings } = this.queueOf(slot);
    const origin: Destination = topic === null ? destination : { kind: 'topic', name: topic };
    const headers = services.contents.deadLetterHeaders(
      contentKind,
      payload.subarray(reader.headersStart, reader.bodyStart),
      factsOf(origin, table.failedDeliveriesOf(slot), hasExpired ? reader.expiresAtMs : 0),
    );
    const body = payload.subarray(reader.bodyStart, reader.bodyEnd);
    const address = hasExpired
      ? settings.expiryAddress
      : (settings.deadLetterAddress ?? DEAD_LETTER_PREFIX + origin.name);
    const target = this.publisher.queueForMoved(address);
    // It is kept until somebody looks at it, so its expiry ends here.
    const message = { contentKind, headers, body, priority, expiresAtMs: 0, group };
    const bytes = moveBytes(message);
    this.bytesLeft -= bytes;
    this.batches.reserve(bytes);
    this.publisher.publishTo(target, message, timestampMs, durable);
    this.deliveries.remove(slot, hasExpired ? REMOVAL_REASON.expired : REMOVAL_REASON.deadLettered);
    if (!hasExpired) services.counts.deadLettered += 1;
  }

  private queueOf(slot: number): Queue {
    return this.index.queues.at(this.index.table.queueOf(slot));
  }
}

/** `expiredAtMs`: 0 when it did not expire, but failed. */
function factsOf(
  originalDestination: Destination,
  deliveries: number,
  expiredAtMs: number,
): DeadLetterFacts {
  const reason =
    expiredAtMs === 0
      ? `It failed ${deliveries} deliveries, and no more are allowed.`
      : 'It expired before anybody was done with it.';
  return { reason, originalDestination, deliveries, expiredAtMs };
}

/** Room for the message and the removal, and for ids that may have to be reserved. */
function moveBytes(message: MessageContent): number {
  const messageBytes = contentBytes(message) + MESSAGE_TARGET_BYTES;
  return messageBytes + removalBytes(true, 1) + FIXED_BYTES.entryIdsReserved;
}
