/**
 * Moves messages from one queue to another, the new copy and the removal of the old one in one batch: as operators
 * order it, and to where what is set for their address sends them, what failed too often to the dead-letter
 * address, what expired to the expiry address. A full queue refuses none of those. What a node that dies leaves unmoved, the next one finds
 * again: the failures are journaled, and an expiry is part of the message.
 */

import { DEAD_LETTER_PREFIX, OTHER_DEAD_LETTERS } from './address-settings.js';
import type { DeadLetterFacts, Destination } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Deliveries } from './deliveries.js';
import { type EntryContent, loadPayload, payloadOf, readContent } from './entry-content.js';
import type { FlowControl } from './flow-control.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_STATE } from './message-table.js';
import type { Publisher } from './publisher.js';
import type { Queue } from './queue.js';
import type { QueueCreator } from './queue-creator.js';
import { RecordReader } from './record-reader.js';
import {
  contentBytes,
  FIXED_BYTES,
  MESSAGE_TARGET_BYTES,
  type MessageContent,
  REMOVAL_REASON,
  type RemovalReason,
  removalBytes,
} from './records.js';
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
  private readonly creator: QueueCreator;
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
    readonly creator: QueueCreator;
    readonly publisher: Publisher;
    readonly deliveries: Deliveries;
    readonly services: BrokerServices;
  }) {
    this.index = options.index;
    this.batches = options.batches;
    this.flow = options.flow;
    this.creator = options.creator;
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
        const payload = payloadOf(this.index, this.services, move.slot);
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
    if (MessageMover.keepsExpired(queue)) this.move(slot, true);
    else this.deliveries.remove(slot, REMOVAL_REASON.expired);
  }

  /** An entry that is in no list has failed too often. */
  moveFailed(slot: number): void {
    const queue = this.queueOf(slot);
    if (keepsFailed(queue)) this.move(slot, false);
    else this.dropFailed(slot, queue);
  }

  /** Whether what expires in the queue is kept elsewhere. */
  static keepsExpired({ isTemporary, settings }: Queue): boolean {
    return !isTemporary && settings.expiryAddress !== '';
  }

  /** As `expire`, of a queue that keeps what expires: its copy is in the batch when this returns. */
  expireNow(slot: number, content: EntryContent): void {
    this.index.takeOut(slot);
    this.services.counts.expired += 1;
    const { expiresAtMs } = content.message;
    this.moveAway(slot, content, expiresAtMs || Math.floor(this.services.wallMs()));
  }

  /** An entry that is in no list goes to another queue, in one batch. Returns the id of the copy. */
  moveTo(
    target: Queue,
    slot: number,
    { message, timestampMs, durable }: Pick<EntryContent, 'message' | 'timestampMs' | 'durable'>,
    reason: RemovalReason,
  ): number {
    this.batches.reserve(moveBytes(message));
    const copyId = this.publisher.publishTo(target, message, timestampMs, durable);
    this.deliveries.remove(slot, reason);
    return copyId;
  }

  private dropFailed(slot: number, queue: Queue): void {
    this.services.counts.deadLettered += 1;
    if (queue.settings.deadLetterAddress === '') this.services.drops.dropped(queue, 'failed');
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

  /** One at a time: what lies behind in the journal comes with it. */
  private load({ slot }: Move): void {
    const { tenure } = this;
    this.isLoading = true;
    const loaded = (): void => {
      this.isLoading = false;
      this.goOn();
    };
    loadPayload(this.index, this.services, slot, loaded, () => tenure !== this.tenure);
  }

  private moveNow({ slot, hasExpired }: Move, payload: Uint8Array): void {
    const queue = this.queueOf(slot);
    // The rules may have changed since it was decided.
    if (hasExpired && !MessageMover.keepsExpired(queue)) {
      this.deliveries.remove(slot, REMOVAL_REASON.expired);
      return;
    }
    if (!hasExpired && !keepsFailed(queue)) {
      this.dropFailed(slot, queue);
      return;
    }
    const content = readContent(this.index, this.reader, slot, payload);
    this.bytesLeft -= moveBytes(content.message);
    this.moveAway(slot, content, hasExpired ? content.message.expiresAtMs : 0);
  }

  /** `expiredAtMs`: 0 when it did not expire, but failed. */
  private moveAway(slot: number, content: EntryContent, expiredAtMs: number): void {
    const { services } = this;
    const hasExpired = expiredAtMs > 0;
    const { contentKind, headers, ...kept } = content.message;
    const { destination, settings } = this.queueOf(slot);
    const { topic } = content;
    const original: Destination = topic === null ? destination : { kind: 'topic', name: topic };
    const facts = factsOf(original, this.index.table.failedDeliveriesOf(slot), expiredAtMs);
    const message: MessageContent = {
      ...kept,
      contentKind,
      headers: services.contents.deadLetterHeaders(contentKind, headers, facts),
      // It is kept until somebody looks at it, so its expiry ends here.
      expiresAtMs: 0,
      deliverAtMs: 0,
    };
    const address = hasExpired
      ? settings.expiryAddress
      : (settings.deadLetterAddress ?? this.ownDeadLetterAddress(destination, original));
    const target = this.creator.queueForMoved(address);
    const reason = hasExpired ? REMOVAL_REASON.expired : REMOVAL_REASON.deadLettered;
    this.moveTo(target, slot, { ...content, message }, reason);
    if (!hasExpired) services.counts.deadLettered += 1;
  }

  /** What a subscription with wildcards fails may be of any number of topics. */
  private ownDeadLetterAddress(destination: Destination, original: Destination): string {
    const name = DEAD_LETTER_PREFIX + original.name;
    const isOneOfMany = original.name !== destination.name;
    return isOneOfMany && !this.creator.hasRoomFor(name) ? OTHER_DEAD_LETTERS : name;
  }

  private queueOf(slot: number): Queue {
    return this.index.queues.at(this.index.table.queueOf(slot));
  }
}

/** Of a temporary queue it would outlive the only client that knows what it was. */
function keepsFailed({ isTemporary, settings }: Queue): boolean {
  return !isTemporary && settings.deadLetterAddress !== '';
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
