/**
 * Takes messages: finds the queues a message is for, gives it its entry ids and puts it into the
 * batch, as a record when it is durable and something stored gets it, else in memory only.
 */

import { HoldfastError } from '../platform/errors.js';
import type { Destination, IncomingMessage } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Client } from './client.js';
import type { DuplicateFilter } from './duplicate-filter.js';
import type { DuplicateKey } from './duplicate-key.js';
import type { FlowControl } from './flow-control.js';
import type { MessageIndex } from './message-index.js';
import type { Queue } from './queue.js';
import {
  encodeEntryIdsReserved,
  encodeQueueCreated,
  FIXED_BYTES,
  MESSAGE_TARGET_BYTES,
  type MessageContent,
  messageRecordBytes,
  QUEUE_KIND,
  type QueueDescription,
  shareBytes,
  writeMessage,
} from './records.js';
import type { BrokerServices } from './services.js';

/** Ids given to non-durable messages are reserved in the journal in steps of this many. */
const RESERVATION_STEP = 1_000_000;
const MAX_NAME_BYTES = 1000;
/** A unit of UTF-16 takes at most so many in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;
const NO_TARGETS: readonly number[] = [];
const encoder = new TextEncoder();

/** A message of a transaction: kept as bytes until the commit. */
export interface PreparedMessage {
  /** A message record without targets. */
  readonly record: Uint8Array;
  readonly destination: Destination;
  readonly durable: boolean;
  readonly expiresAtMs: number;
  /** Null: never a duplicate. */
  readonly duplicateKey: DuplicateKey | null;
}

export class Publisher {
  private readonly index: MessageIndex;
  private readonly batches: BatchBuilder;
  private readonly flow: FlowControl;
  private readonly duplicates: DuplicateFilter;
  private readonly services: BrokerServices;
  private nextEntryId = 1;
  private nextQueueId = 1;
  private reservedUntil = 1;
  private lastDestination: Destination | null = null;
  private lastQueue: Queue | null = null;
  /** Reused for every message. */
  private readonly storedTargets: Queue[] = [];
  private readonly storedTargetIds: number[] = [];
  private readonly memoryTargets: Queue[] = [];

  constructor(
    index: MessageIndex,
    batches: BatchBuilder,
    flow: FlowControl,
    duplicates: DuplicateFilter,
    services: BrokerServices,
  ) {
    this.index = index;
    this.batches = batches;
    this.flow = flow;
    this.duplicates = duplicates;
    this.services = services;
  }

  /** Ids go on behind everything that the journal has seen. */
  start(): void {
    this.nextEntryId = Math.max(this.index.highestEntryId + 1, this.index.reservedEntryIds, 1);
    this.reservedUntil = this.nextEntryId;
    this.nextQueueId = this.index.queues.nextQueueId;
    this.lastDestination = null;
    this.lastQueue = null;
    this.duplicates.start();
  }

  publish(client: Client, message: IncomingMessage): void {
    checkMessage(message);
    const { headers, body } = message;
    const key = this.duplicates.keyOf(message.duplicateId);
    if (key !== null && this.isDuplicate(client, message, key)) return;
    this.route(message.destination, message.durable);
    if (key !== null) {
      this.noteId(message, key, messageRecordBytes(headers.length, body.length, 0));
    }
    const timestampMs = Math.floor(this.services.wallMs());
    this.services.counts.sent += 1;
    if (this.storedTargets.length > 0) {
      const baseEntryId = this.takeEntryIds(this.storedTargets.length);
      this.batches.addMessage(message, timestampMs, baseEntryId, this.storedTargetIds);
      this.countStored(headers.length + body.length + FIXED_BYTES.message);
    }
    if (this.memoryTargets.length > 0) {
      this.addVolatile(encodeWithoutTargets(message, timestampMs), message.expiresAtMs);
    }
    this.checkFlow(client);
  }

  /** Encodes a message for later; creates its queue now, so that publishing it cannot fail. */
  prepare(message: IncomingMessage): PreparedMessage {
    checkMessage(message);
    const duplicateKey = this.duplicates.keyOf(message.duplicateId);
    if (message.destination.kind === 'queue') this.queueFor(message.destination);
    else if (duplicateKey !== null) checkName('topic', message.destination.name);
    return {
      record: encodeWithoutTargets(message, Math.floor(this.services.wallMs())),
      destination: { ...message.destination },
      durable: message.durable,
      expiresAtMs: message.expiresAtMs,
      duplicateKey,
    };
  }

  /** Only now its id counts: whatever was published since it was prepared came before. */
  publishPrepared(client: Client, message: PreparedMessage): void {
    const key = message.duplicateKey;
    if (key !== null && this.isDuplicate(client, message, key)) return;
    this.route(message.destination, message.durable);
    if (key !== null) this.noteId(message, key, message.record.length);
    this.services.counts.sent += 1;
    if (this.storedTargets.length > 0) {
      const baseEntryId = this.takeEntryIds(this.storedTargets.length);
      this.batches.addPreparedMessage(message.record, baseEntryId, this.storedTargetIds);
      this.countStored(message.record.length);
    }
    if (this.memoryTargets.length > 0) this.addVolatile(message.record, message.expiresAtMs);
    this.checkFlow(client);
  }

  /** Upper bound of the record bytes that `publishPrepared` adds to the batch. */
  preparedBytes(message: PreparedMessage): number {
    this.route(message.destination, message.durable);
    return this.groupBytes(message.destination, message.duplicateKey, message.record.length);
  }

  /** Puts a message into one queue, with the time at which the broker first took it. */
  publishTo(queue: Queue, message: MessageContent, timestampMs: number, durable: boolean): void {
    this.clearTargets();
    if (durable) {
      this.addStoredTarget(queue);
      this.batches.addMessage(message, timestampMs, this.takeEntryIds(1), this.storedTargetIds);
      this.countStored(FIXED_BYTES.message + message.headers.length + message.body.length);
    } else {
      this.memoryTargets.push(queue);
      this.addVolatile(encodeWithoutTargets(message, timestampMs), message.expiresAtMs);
    }
  }

  /** The queue of this name; created when it does not exist. */
  queueFor(destination: Destination): Queue {
    if (destination === this.lastDestination && this.lastQueue !== null) return this.lastQueue;
    const existing = this.index.queues.named(destination.name);
    const queue = existing ?? this.createNamedQueue(destination.name);
    this.lastDestination = destination;
    this.lastQueue = queue;
    return queue;
  }

  /** The dead-letter queue of this name, which no limit keeps from being created. */
  deadLetterQueue(name: string): Queue {
    return this.index.queues.named(name) ?? this.create(describeQueue(name));
  }

  createSubscription(topic: string, clientId: string, subscriptionName: string): Queue {
    checkName('topic', topic);
    checkName('client id', clientId);
    checkName('subscription', subscriptionName);
    this.checkQueueCount();
    const kind = QUEUE_KIND.durableSubscription;
    return this.create({ kind, name: '', topic, clientId, subscriptionName });
  }

  /** Upper bound of the record bytes of a message with its id, for which `route` has set the targets. */
  private groupBytes(
    destination: Destination,
    key: DuplicateKey | null,
    bytesWithoutTargets: number,
  ): number {
    const stored = this.storedTargets.length;
    const storedBytes = stored > 0 ? bytesWithoutTargets + MESSAGE_TARGET_BYTES * stored : 0;
    const idBytes = key === null ? 0 : this.duplicates.recordBytes(destination, key);
    return storedBytes + idBytes + FIXED_BYTES.entryIdsReserved;
  }

  private isDuplicate(
    client: Client,
    { destination, durable }: Pick<IncomingMessage, 'destination' | 'durable'>,
    key: DuplicateKey,
  ): boolean {
    if (!this.duplicates.isKnown(destination, key, durable)) return false;
    this.services.counts.duplicates += 1;
    this.flow.sentAnything(client);
    return true;
  }

  /**
   * In one batch with the message, for which `route` has set the targets. A transaction has reserved at least
   * as much for it, so that nothing of that is parted here.
   */
  private noteId(
    { destination, durable }: Pick<IncomingMessage, 'destination' | 'durable'>,
    key: DuplicateKey,
    bytesWithoutTargets: number,
  ): void {
    checkName(destination.kind, destination.name);
    this.batches.reserve(this.groupBytes(destination, key, bytesWithoutTargets));
    this.duplicates.note(destination, key, durable);
  }

  private createNamedQueue(name: string): Queue {
    checkName('queue', name);
    this.checkQueueCount();
    return this.create(describeQueue(name));
  }

  private create(description: Omit<QueueDescription, 'id'>): Queue {
    const stored: QueueDescription = { id: this.nextQueueId, ...description };
    this.nextQueueId += 1;
    this.batches.addRecord(encodeQueueCreated(stored));
    return this.index.queues.addStored(stored);
  }

  private checkQueueCount(): void {
    if (this.index.queues.byId.size < this.services.limits.maxQueues) return;
    throw new HoldfastError(
      'LIMIT_EXCEEDED',
      `There are ${this.services.limits.maxQueues} queues and durable subscriptions already; ` +
        'remove some, or raise limits.maxQueues.',
    );
  }

  /** Sets the targets of a message. */
  private route(destination: Destination, durable: boolean): void {
    this.clearTargets();
    if (destination.kind === 'queue') {
      const queue = this.queueFor(destination);
      if (durable) this.addStoredTarget(queue);
      else this.memoryTargets.push(queue);
      return;
    }
    for (const queue of this.index.queues.subscribedTo(destination.name)) {
      if (durable && queue.stored !== null) this.addStoredTarget(queue);
      else this.memoryTargets.push(queue);
    }
  }

  private clearTargets(): void {
    this.storedTargets.length = 0;
    this.storedTargetIds.length = 0;
    this.memoryTargets.length = 0;
  }

  private addStoredTarget(queue: Queue): void {
    this.storedTargets.push(queue);
    this.storedTargetIds.push(queue.stored?.id as number);
  }

  private takeEntryIds(count: number): number {
    const first = this.nextEntryId;
    this.nextEntryId += count;
    return first;
  }

  private countStored(bytesWithoutTargets: number): void {
    const targets = this.storedTargets.length;
    const share = shareBytes(bytesWithoutTargets + MESSAGE_TARGET_BYTES * targets, targets);
    for (const queue of this.storedTargets) this.index.arrive(queue, 1, share);
  }

  /** Ids of messages that are not journaled are reserved there, so that no later node gives them again. */
  private addVolatile(record: Uint8Array, expiresAtMs: number): void {
    const baseEntryId = this.takeEntryIds(this.memoryTargets.length);
    if (this.nextEntryId > this.reservedUntil) {
      this.reservedUntil = this.nextEntryId + RESERVATION_STEP;
      this.batches.addRecord(encodeEntryIdsReserved(this.reservedUntil));
    }
    this.batches.addVolatile(record, expiresAtMs, baseEntryId, this.memoryTargets.slice());
    for (const queue of this.memoryTargets) this.index.arrive(queue, 1, record.length);
    this.index.arrivingMemoryBytes += record.length;
  }

  private checkFlow(client: Client): void {
    for (const queue of this.storedTargets) this.flow.sent(client, queue);
    for (const queue of this.memoryTargets) {
      if (queue.stored !== null) this.flow.sent(client, queue);
    }
    this.flow.sentAnything(client);
  }
}

function describeQueue(name: string): Omit<QueueDescription, 'id'> {
  return { kind: QUEUE_KIND.queue, name, topic: '', clientId: '', subscriptionName: '' };
}

function encodeWithoutTargets(message: MessageContent, timestampMs: number): Uint8Array {
  const slab = new Uint8Array(messageRecordBytes(message.headers.length, message.body.length, 0));
  const view = new DataView(slab.buffer);
  writeMessage({ slab, view }, 0, message, timestampMs, 0, NO_TARGETS);
  return slab;
}

function checkMessage(message: IncomingMessage): void {
  const { expiresAtMs, priority } = message;
  if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs < 0) {
    throw new HoldfastError(
      'CLIENT_FAILED',
      `An expiry of ${expiresAtMs} is not possible; give milliseconds since 1970, or 0 for never.`,
    );
  }
  if (!Number.isInteger(priority) || priority < 0 || priority > 9) {
    throw new HoldfastError(
      'CLIENT_FAILED',
      `A priority of ${priority} is not possible; give a whole number from 0 to 9.`,
    );
  }
}

function checkName(what: string, name: string): void {
  if (name.length >= 1 && name.length <= MAX_NAME_BYTES / MAX_BYTES_PER_UNIT) return;
  const bytes = name.length > MAX_NAME_BYTES ? name.length : encoder.encode(name).length;
  if (bytes >= 1 && bytes <= MAX_NAME_BYTES) return;
  throw new HoldfastError(
    'CLIENT_FAILED',
    `The name of a ${what} has ${bytes} bytes; it must have 1 to ${MAX_NAME_BYTES}.`,
  );
}
