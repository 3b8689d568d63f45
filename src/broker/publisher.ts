/**
 * Takes messages: finds the queues a message is for, gives it its entry ids and puts it into the
 * batch, as a record when it is durable and something stored gets it, else in memory only.
 */

import type { PropertySource } from '../selector/property-source.js';
import type { Destination, IncomingMessage, SelectableMessage } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Client } from './client.js';
import { assertThat } from './contract.js';
import type { DuplicateFilter } from './duplicate-filter.js';
import type { DuplicateKey } from './duplicate-key.js';
import type { FlowControl } from './flow-control.js';
import { FullQueues, PlannedMessages } from './full-queues.js';
import { checkMessage, checkName } from './message-checks.js';
import { groupMark } from './message-groups.js';
import type { MessageIndex } from './message-index.js';
import { encodeWithoutTargets, type PreparedMessage, selectable } from './prepared-message.js';
import type { Queue } from './queue.js';
import type { QueueCreator } from './queue-creator.js';
import { encodeEntryIdsReserved } from './record-writer.js';
import {
  contentBytes,
  type EntryTraits,
  FIXED_BYTES,
  MESSAGE_TARGET_BYTES,
  type MessageContent,
  shareBytes,
} from './records.js';
import type { BrokerServices } from './services.js';
import type { TemporaryDestinations } from './temporary-destinations.js';

/** Ids given to non-durable messages are reserved in the journal in steps of this many. */
const RESERVATION_STEP = 1_000_000;

export class Publisher {
  private readonly index: MessageIndex;
  private readonly creator: QueueCreator;
  private readonly batches: BatchBuilder;
  private readonly flow: FlowControl;
  private readonly fullQueues: FullQueues;
  private readonly duplicates: DuplicateFilter;
  private readonly services: BrokerServices;
  private readonly temporary: TemporaryDestinations;
  private nextEntryId = 1;
  private reservedUntil = 1;
  /** Reused for every message. */
  private readonly storedTargets: Queue[] = [];
  private readonly storedTargetIds: number[] = [];
  private readonly memoryTargets: Queue[] = [];
  /** Some of the targets may not want the message. */
  private isFiltered = false;
  /** One of them is a subscription to many topics. */
  private saysTopic = false;
  /** One of them drops or rejects what it has no room for. */
  private mayRefuse = false;

  constructor(parts: {
    readonly index: MessageIndex;
    readonly creator: QueueCreator;
    readonly batches: BatchBuilder;
    readonly flow: FlowControl;
    readonly duplicates: DuplicateFilter;
    readonly temporary: TemporaryDestinations;
    readonly services: BrokerServices;
  }) {
    this.index = parts.index;
    this.creator = parts.creator;
    this.batches = parts.batches;
    this.flow = parts.flow;
    this.duplicates = parts.duplicates;
    this.temporary = parts.temporary;
    this.services = parts.services;
    this.fullQueues = new FullQueues(parts.flow, parts.services.drops);
  }

  /** Ids go on behind everything that the journal has seen. */
  start(): void {
    this.nextEntryId = Math.max(this.index.highestEntryId + 1, this.index.reservedEntryIds, 1);
    this.reservedUntil = this.nextEntryId;
    this.duplicates.start();
  }

  publish(client: Client, message: IncomingMessage): void {
    checkMessage(message);
    const { destination } = message;
    const key = this.duplicates.keyOf(destination, message.duplicateId);
    if (key !== null && this.isDuplicate(client, message, key)) return;
    this.route(destination, message.durable);
    const timestampMs = Math.floor(this.services.wallMs());
    if (this.isFiltered) {
      this.leaveOutUnwanted(client, { ...message, timestampMs, failedDeliveries: 0 });
    }
    if (this.mayRefuse) {
      for (const queue of this.storedTargets) this.fullQueues.requireRoom(queue);
      for (const queue of this.memoryTargets) this.fullQueues.requireRoom(queue);
    }
    const isDropped = this.mayRefuse && this.isDroppedByAll();
    const living = this.services.rules.withTimeToLive(message, timestampMs);
    const content = withGroup(
      living,
      this.saysTopic ? { ...living, topic: destination.name } : living,
    );
    if (key !== null && !isDropped) this.noteId(message, key, contentBytes(content));
    this.services.counts.sent += 1;
    if (this.storedTargets.length > 0) {
      const baseEntryId = this.takeEntryIds(this.storedTargets.length);
      this.batches.addMessage(content, timestampMs, baseEntryId, this.storedTargetIds);
      this.countStored(contentBytes(content));
    }
    if (this.memoryTargets.length > 0) {
      this.addVolatile(encodeWithoutTargets(content, timestampMs), traitsOf(content));
    }
    this.checkFlow(client);
  }

  /** Encodes a message for later; creates its queue now, so that publishing it cannot fail. */
  prepare(message: IncomingMessage): PreparedMessage {
    checkMessage(message);
    const duplicateKey = this.duplicates.keyOf(message.destination, message.duplicateId);
    if (message.destination.kind === 'queue') this.requireRoomIn(message, duplicateKey);
    else if (duplicateKey !== null) checkName('topic', message.destination.name);
    const { kind, name } = message.destination;
    // Who is subscribed is known only when it is published.
    const timestampMs = Math.floor(this.services.wallMs());
    const living = this.services.rules.withTimeToLive(message, timestampMs);
    const content = withGroup(living, kind === 'topic' ? { ...living, topic: name } : living);
    return {
      record: encodeWithoutTargets(content, timestampMs),
      destination: { kind, name },
      durable: message.durable,
      traits: traitsOf(content),
      duplicateKey,
    };
  }

  /** Only now its id counts: whatever was published since it was prepared came before. */
  publishPrepared(client: Client, message: PreparedMessage): void {
    const key = message.duplicateKey;
    if (key !== null && this.isDuplicate(client, message, key)) return;
    this.routePrepared(message);
    if (this.isFiltered) this.leaveOutUnwanted(client, selectable(message));
    const isDropped = this.mayRefuse && this.isDroppedByAll();
    if (key !== null && !isDropped) this.noteId(message, key, message.record.length);
    this.services.counts.sent += 1;
    if (this.storedTargets.length > 0) {
      const baseEntryId = this.takeEntryIds(this.storedTargets.length);
      this.batches.addPreparedMessage(message.record, baseEntryId, this.storedTargetIds);
      this.countStored(message.record.length);
    }
    if (this.memoryTargets.length > 0) this.addVolatile(message.record, message.traits);
    this.checkFlow(client);
  }

  /**
   * Before a transaction is published: throws when one of its messages is for a queue that rejects it, so that
   * all of it is refused. From here on only a queue that drops leaves out some.
   */
  requireRoom(client: Client, messages: readonly PreparedMessage[]): void {
    if (!this.services.rules.canReject) return;
    const planned = new PlannedMessages();
    for (const message of messages) {
      this.routePrepared(message);
      if (!this.mayRefuse || this.isKnown(message, message.duplicateKey)) continue;
      if (planned.isAgain(message)) continue;
      if (this.isFiltered) this.leaveOutUnwanted(client, selectable(message));
      for (const queue of this.storedTargets) this.plan(queue, message, planned);
      for (const queue of this.memoryTargets) this.plan(queue, message, planned);
    }
  }

  /** Upper bound of the record bytes that `publishPrepared` adds to the batch. */
  preparedBytes(message: PreparedMessage): number {
    this.routePrepared(message);
    return this.groupBytes(message.destination, message.duplicateKey, message.record.length);
  }

  /** Puts a message into one queue, with the time at which the broker first took it. Returns the id of its entry. */
  publishTo(queue: Queue, message: MessageContent, timestampMs: number, durable: boolean): number {
    this.clearTargets();
    const entryId = this.nextEntryId;
    if (durable) {
      this.addStoredTarget(queue);
      this.batches.addMessage(message, timestampMs, this.takeEntryIds(1), this.storedTargetIds);
      this.countStored(contentBytes(message));
    } else {
      this.memoryTargets.push(queue);
      this.addVolatile(encodeWithoutTargets(message, timestampMs), traitsOf(message));
    }
    return entryId;
  }

  /** All that is in a queue now, or on its way there, has a lower id. */
  get upcomingEntryId(): number {
    return this.nextEntryId;
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
    if (!this.isKnown({ destination, durable }, key)) return false;
    this.services.counts.duplicates += 1;
    this.flow.sentAnything(client);
    return true;
  }

  private isKnown(
    { destination, durable }: Pick<IncomingMessage, 'destination' | 'durable'>,
    key: DuplicateKey | null,
  ): boolean {
    return key !== null && this.duplicates.isKnown(destination, key, durable);
  }

  /** Its queue is created when there is none; one that is full now refuses the message without waiting for the commit. */
  private requireRoomIn(message: IncomingMessage, key: DuplicateKey | null): void {
    const queue = this.creator.queueFor(message.destination);
    if (FullQueues.mayRefuse(queue) && !this.isKnown(message, key)) {
      this.fullQueues.requireRoom(queue);
    }
  }

  private plan(queue: Queue, { record }: PreparedMessage, planned: PlannedMessages): void {
    this.fullQueues.requireRoom(queue, planned.of(queue));
    planned.add(queue, record.length);
  }

  /** Whether nobody is left of the targets, because all of them are full and drop what comes. */
  private isDroppedByAll(): boolean {
    if (this.storedTargets.length + this.memoryTargets.length === 0) return false;
    this.keepTargets((queue) => !this.fullQueues.drops(queue));
    return this.storedTargets.length + this.memoryTargets.length === 0;
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

  /** A temporary destination may be gone by now: then nobody waits for the message. */
  private routePrepared({ destination, durable }: PreparedMessage): void {
    if (this.temporary.isGone(destination)) this.clearTargets();
    else this.route(destination, durable);
  }

  /** Sets the targets of a message, with those that may not want it: see `isFiltered`. */
  private route(destination: Destination, durable: boolean): void {
    this.clearTargets();
    if (destination.kind === 'queue') {
      const queue = this.creator.queueFor(destination);
      this.mayRefuse = FullQueues.mayRefuse(queue);
      if (durable && queue.stored !== null) this.addStoredTarget(queue);
      else this.memoryTargets.push(queue);
      return;
    }
    this.temporary.requireExisting(destination);
    for (const queue of this.index.queues.subscribedTo(destination.name)) {
      this.isFiltered ||= queue.filter !== null;
      this.saysTopic ||= queue.isPattern;
      this.mayRefuse ||= FullQueues.mayRefuse(queue);
      if (durable && queue.stored !== null) this.addStoredTarget(queue);
      else this.memoryTargets.push(queue);
    }
  }

  /** Takes the targets away that do not want the message. */
  private leaveOutUnwanted(client: Client, message: SelectableMessage): void {
    let properties: PropertySource | null = null;
    const propertyOf = (): PropertySource => {
      properties ??= this.services.contents.propertiesOf(message);
      return properties;
    };
    const wants = ({ filter }: Queue): boolean =>
      filter === null || filter.lets(client.clientId, propertyOf);
    this.keepTargets(wants);
  }

  private keepTargets(wanted: (queue: Queue) => boolean): void {
    const stored = this.storedTargets.filter(wanted);
    const inMemory = this.memoryTargets.filter(wanted);
    const { saysTopic, mayRefuse } = this;
    this.clearTargets();
    this.saysTopic = saysTopic;
    this.mayRefuse = mayRefuse;
    for (const queue of stored) this.addStoredTarget(queue);
    for (const queue of inMemory) this.memoryTargets.push(queue);
  }

  private clearTargets(): void {
    this.isFiltered = false;
    this.saysTopic = false;
    this.mayRefuse = false;
    this.storedTargets.length = 0;
    this.storedTargetIds.length = 0;
    this.memoryTargets.length = 0;
  }

  private addStoredTarget(queue: Queue): void {
    // Behind the record of its removal nobody could read the journal any more.
    assertThat(!queue.removed, 'a queue that is removed gets nothing more');
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
  private addVolatile(record: Uint8Array, traits: EntryTraits): void {
    const baseEntryId = this.takeEntryIds(this.memoryTargets.length);
    if (this.nextEntryId > this.reservedUntil) {
      this.reservedUntil = this.nextEntryId + RESERVATION_STEP;
      this.batches.addRecord(encodeEntryIdsReserved(this.reservedUntil));
    }
    this.batches.addVolatile(record, traits, baseEntryId, this.memoryTargets.slice());
    for (const queue of this.memoryTargets) this.index.arrive(queue, 1, record.length);
    this.index.arrivingMemoryBytes += record.length;
  }

  private checkFlow(client: Client): void {
    for (const queue of this.storedTargets) this.flow.sent(client, queue);
    for (const queue of this.memoryTargets) {
      if (!queue.isBacklog) this.flow.sent(client, queue);
    }
    this.flow.sentAnything(client);
  }
}

/** `content` with what it says of its group, if it is of one. */
function withGroup(
  { groupId, closesGroup = false }: IncomingMessage,
  content: MessageContent,
): MessageContent {
  if (groupId == null || groupId === '') return content;
  return { ...content, group: groupMark(groupId, closesGroup) };
}

function traitsOf({
  priority,
  expiresAtMs,
  deliverAtMs = 0,
  group = 0,
}: MessageContent): EntryTraits {
  return { priority, expiresAtMs, deliverAtMs, group };
}
