/**
 * What is stored: queues and their entries. The live node, a backup that follows and a node that
 * replays all change it through the same `apply`, so they cannot drift apart. Only what the
 * live node alone knows (who has a delivery, what is being removed) is set from outside.
 */

import type { AddressRules } from './address-settings.js';
import { ArrivalTimes } from './arrival-times.js';
import { ArrivingDuplicates } from './arriving-duplicates.js';
import { DeliveryTimes } from './delivery-times.js';
import { DuplicateWindows } from './duplicate-windows.js';
import type { BlockPosition, SegmentUsage } from './host.js';
import { groupIn } from './message-groups.js';
import { ENTRY_FLAG, ENTRY_STATE, MessageTable, NONE } from './message-table.js';
import type { Queue } from './queue.js';
import { QueueRegistry } from './queue-registry.js';
import { RecordReader } from './record-reader.js';
import {
  type Counters,
  type EntryTraits,
  RECORD_TYPE,
  REMOVAL_REASON,
  shareBytes,
} from './records.js';
import { isStoredRedelivered, storedGroup, storedPriority } from './stored-traits.js';
import { TimeHeap } from './time-heap.js';
import { VolatileMessages } from './volatile-messages.js';

export class MessageIndex {
  readonly table = new MessageTable();
  readonly queues: QueueRegistry;
  readonly volatile = new VolatileMessages();
  readonly duplicates = new DuplicateWindows();
  readonly arrivingDuplicates = new ArrivingDuplicates();
  readonly expiry = new TimeHeap((id) => this.shallStayInHeap(id));
  readonly deliveryTimes = new DeliveryTimes(this.table);
  readonly arrivals = new ArrivalTimes();
  /** Entries and bytes in all queues, with those in memory only. */
  messages = 0;
  bytes = 0;
  /** Taken from producers by this node, but in batches that are not applied yet. */
  arrivingMessages = 0;
  arrivingBytes = 0;
  arrivingMemoryBytes = 0;
  highestEntryId = 0;
  reservedEntryIds = 0;
  /** Queues with consumers that got something to deliver. */
  readonly dirtyQueues: Queue[] = [];

  private readonly usage: SegmentUsage;
  private readonly reader = new RecordReader();
  private segment = 0;
  private blockOffset = 0;
  private lastQueueId = 0;
  private lastQueue: Queue | undefined;

  constructor(usage: SegmentUsage, rules: AddressRules) {
    this.usage = usage;
    this.queues = new QueueRegistry(this.table, rules);
  }

  /** Opens a payload whose records `applyUpTo` then applies, perhaps in several steps. */
  openPayload(payload: Uint8Array, position: BlockPosition): void {
    this.reader.open(payload, position.segment, position.blockOffset);
    this.segment = position.segment;
    this.blockOffset = position.blockOffset;
  }

  /** Applies the records from `start`; they must end at `end` exactly. Returns how many there were. */
  applyUpTo(start: number, end: number, own: boolean): number {
    let offset = start;
    let records = 0;
    while (offset < end) {
      offset = this.applyRecord(offset, own);
      records += 1;
    }
    if (offset !== end) this.reader.fail('it reaches beyond the end of its part of the block');
    return records;
  }

  /** Fails when a block says another number of records than it holds. */
  expectRecords(expected: number, found: number): void {
    if (expected !== found) {
      this.reader.fail(`the block counts ${expected} records but holds ${found}`);
    }
  }

  /** Restores one checkpoint payload; see checkpoint.ts for its writing. Returns the record count. */
  restore(payload: Uint8Array): number {
    const { reader } = this;
    reader.open(payload, 0, 0);
    let offset = 0;
    let records = 0;
    while (offset < payload.length) {
      reader.readHeader(offset);
      if (reader.type === RECORD_TYPE.counters) this.restoreCounters(reader.readCounters());
      else if (reader.type === RECORD_TYPE.queueCreated) this.applyQueueCreated(false);
      else if (reader.type === RECORD_TYPE.storedEntries) this.restoreEntries();
      else if (reader.type === RECORD_TYPE.deliveryTimes) this.restoreDeliveryTimes();
      else if (reader.type === RECORD_TYPE.duplicateIds) this.applyDuplicateIds(false);
      else if (reader.type === RECORD_TYPE.duplicateLimits) this.applyDuplicateLimits();
      else reader.fail(`record type ${reader.type} has no place in a checkpoint`);
      offset += reader.length;
      records += 1;
    }
    return records;
  }

  /** Counts what was taken for a queue and is in a batch, or takes it off when it was applied. */
  arrive(queue: Queue, messages: number, bytes: number): void {
    queue.arrivingMessages += messages;
    if (messages > 0) queue.counts.arrived += messages;
    queue.arrivingBytes += bytes;
    this.arrivingMessages += messages;
    this.arrivingBytes += bytes;
  }

  /** An entry whose bytes are in memory only. */
  addVolatile(
    id: number,
    queue: Queue,
    place: number,
    bytes: number,
    { priority, expiresAtMs, deliverAtMs, group }: EntryTraits,
  ): void {
    const slot = this.table.allocate(id);
    this.table.setFlag(slot, ENTRY_FLAG.volatile);
    this.table.setPlace(slot, 0, place, 0, bytes);
    this.table.setPriority(slot, priority);
    if (group !== 0) this.table.setGroup(slot, groupIn(group));
    this.enter(slot, queue, expiresAtMs);
    if (deliverAtMs > 0) this.scheduleAsSent(slot, deliverAtMs);
  }

  /** Frees an entry. It must be in no list but its queue's. */
  removeEntry(slot: number): void {
    const { table } = this;
    const queue = this.queues.at(table.queueOf(slot));
    if (table.stateOf(slot) === ENTRY_STATE.ready) queue.removeReady(slot);
    this.letGo(slot);
    if (table.groupOf(slot) !== 0) queue.groupedMessages -= 1;
    this.deliveryTimes.forget(slot);
    this.leaveSchedule(slot, queue);
    const bytes = table.bytesOf(slot);
    queue.messages -= 1;
    queue.bytes -= bytes;
    this.messages -= 1;
    this.bytes -= bytes;
    if (table.hasFlag(slot, ENTRY_FLAG.volatile)) this.volatile.release(table.blockOffsetOf(slot));
    else this.usage.release(table.segmentOf(slot), bytes);
    table.release(slot);
  }

  /** Takes a ready entry, or one that is in no list, out of sight until `timeMs`. */
  delay(slot: number, timeMs: number): void {
    const { table } = this;
    this.takeOut(slot);
    this.letGo(slot);
    this.queues.at(table.queueOf(slot)).delayedBytes += table.bytesOf(slot);
    table.setState(slot, ENTRY_STATE.scheduled);
    table.setOwner(slot, NONE);
    this.deliveryTimes.wait(slot, timeMs);
  }

  /** As `delay`, of an entry that failed: what else is of its message group waits with it. */
  delayAttempt(slot: number, timeMs: number): void {
    const group = this.table.groupOf(slot);
    const { groups } = this.queues.at(this.table.queueOf(slot));
    if (group === 0 || groups === null) {
      this.delay(slot, timeMs);
      return;
    }
    groups.wait(group);
    this.delay(slot, timeMs);
    this.table.setFlag(slot, ENTRY_FLAG.triesAgain);
  }

  /** As consumers are told. */
  mayHaveBeenDelivered(slot: number): boolean {
    return (this.table.flagsOf(slot) & (ENTRY_FLAG.redelivered | ENTRY_FLAG.handedOver)) !== 0;
  }

  /** An entry that is ready, or waits for its time, does neither any more; its state is the caller's to set. */
  takeOut(slot: number): void {
    const queue = this.queues.at(this.table.queueOf(slot));
    if (this.table.stateOf(slot) === ENTRY_STATE.ready) queue.removeReady(slot);
    else this.leaveSchedule(slot, queue);
  }

  /** Puts back what is due. */
  releaseDue(nowMs: number): void {
    let hint = NONE;
    for (
      let slot = this.deliveryTimes.takeDue(nowMs);
      slot !== NONE;
      slot = this.deliveryTimes.takeDue(nowMs)
    ) {
      const isSameQueue = hint !== NONE && this.table.queueOf(hint) === this.table.queueOf(slot);
      this.putBack(slot, isSameQueue ? hint : NONE);
      hint = slot;
    }
  }

  /** Puts an entry back into its queue where it belongs. `hint`: see ReadyList.insert. */
  putBack(slot: number, hint: number): void {
    const { table } = this;
    const queue = this.queues.at(table.queueOf(slot));
    const priority = table.priorityOf(slot);
    const isSamePriority = hint !== NONE && table.priorityOf(hint) === priority;
    this.leaveSchedule(slot, queue);
    this.letGo(slot);
    table.setState(slot, ENTRY_STATE.ready);
    table.setOwner(slot, NONE);
    queue.putBack(slot, isSamePriority ? hint : this.lastPutBack(queue, priority));
    queue.lastPutBack[priority] = slot;
    this.watchExpiry(slot);
    this.markDirty(queue);
  }

  /** What goes back one after the other belongs side by side: to search for each place anew would take its square. */
  private lastPutBack(queue: Queue, priority: number): number {
    const slot = queue.lastPutBack[priority] as number;
    if (slot === NONE || this.table.stateOf(slot) !== ENTRY_STATE.ready) return NONE;
    return this.table.queueOf(slot) === queue.index ? slot : NONE;
  }

  /** Frees all entries of a queue, and the queue. */
  removeQueue(queue: Queue): void {
    while (queue.ready.head !== NONE) this.removeEntry(queue.ready.head);
    if (queue.messages > 0) {
      // The rest is in transactions or on its way to a dead-letter queue: rare, so a scan will do.
      for (let slot = 0; slot < this.table.slotLimit; slot += 1) {
        const exists = this.table.stateOf(slot) !== ENTRY_STATE.free;
        if (exists && this.table.queueOf(slot) === queue.index) this.removeEntry(slot);
      }
    }
    if (!queue.removed) this.queues.unpublish(queue);
    this.queues.discard(queue);
    this.lastQueueId = 0;
    this.lastQueue = undefined;
  }

  markDirty(queue: Queue): void {
    if (queue.dirty || queue.consumers.length === 0) return;
    queue.dirty = true;
    this.dirtyQueues.push(queue);
  }

  private applyRecord(offset: number, own: boolean): number {
    const { reader } = this;
    reader.readHeader(offset);
    switch (reader.type) {
      case RECORD_TYPE.message:
        this.applyMessage(own);
        break;
      case RECORD_TYPE.removed:
        this.applyRemoved();
        break;
      case RECORD_TYPE.delivered:
        this.applyDelivered();
        break;
      case RECORD_TYPE.failed:
        this.applyFailed();
        break;
      case RECORD_TYPE.relocated:
        this.applyRelocated();
        break;
      case RECORD_TYPE.queueCreated:
        this.applyQueueCreated(own);
        break;
      case RECORD_TYPE.queueRemoved:
        this.removeQueue(this.storedQueue(reader.readQueueRemoved()));
        break;
      case RECORD_TYPE.entryIdsReserved:
        this.reservedEntryIds = Math.max(this.reservedEntryIds, reader.readEntryIdsReserved());
        break;
      case RECORD_TYPE.duplicateIds:
        this.applyDuplicateIds(own);
        break;
      case RECORD_TYPE.duplicateLimits:
        this.applyDuplicateLimits();
        break;
      default:
        reader.fail(`record type ${reader.type} has no place in the journal`);
    }
    return offset + reader.length;
  }

  private applyMessage(own: boolean): void {
    const { reader, table } = this;
    reader.readMessage();
    const { baseEntryId, count } = reader;
    if (count === 0) reader.fail('a message record has no targets');
    if (baseEntryId <= this.highestEntryId) {
      reader.fail(`entry id ${baseEntryId} comes after ${this.highestEntryId}`);
    }
    const share = shareBytes(reader.length, count);
    const { deliverAtMs, priority } = reader;
    const group = groupIn(reader.group);
    for (let index = 0; index < count; index += 1) {
      const queue = this.storedQueue(reader.targetQueueId(index));
      const slot = table.allocate(baseEntryId + index);
      table.setPlace(slot, this.segment, this.blockOffset, reader.offset, share);
      table.setPriority(slot, priority);
      if (group !== 0) table.setGroup(slot, group);
      this.enter(slot, queue, reader.expiresAtMs);
      if (deliverAtMs > 0) this.scheduleAsSent(slot, deliverAtMs);
      if (own) this.arrive(queue, -1, -share);
    }
    this.highestEntryId = baseEntryId + count - 1;
    if (reader.timestampMs >= this.arrivals.nextMs) {
      this.arrivals.note(baseEntryId, reader.timestampMs);
    }
    this.usage.retain(this.segment, share * count);
  }

  private applyDuplicateIds(own: boolean): void {
    const { address, keys, ownIds } = this.reader.readDuplicateIds();
    for (const key of keys) {
      const isNew = this.duplicates.add(address, key, ownIds);
      if (!isNew) this.reader.fail('a duplicate id is there already');
      if (own) this.arrivingDuplicates.remove(address, key);
    }
  }

  private applyDuplicateLimits(): void {
    this.duplicates.setLimits(this.reader.readDuplicateLimits());
  }

  private applyRemoved(): void {
    const { reader } = this;
    reader.readIdList();
    if (reader.variant === 0 || reader.variant > REMOVAL_REASON.purged) {
      reader.fail(`no removal reason ${reader.variant} exists`);
    }
    for (let index = 0; index < reader.count; index += 1) {
      this.removeEntry(this.storedSlot(reader.listedId(index)));
    }
  }

  private applyDelivered(): void {
    const { reader } = this;
    reader.readIdList();
    for (let index = 0; index < reader.count; index += 1) {
      this.table.setFlag(this.storedSlot(reader.listedId(index)), ENTRY_FLAG.redelivered);
    }
  }

  private applyFailed(): void {
    const { reader, table } = this;
    reader.readFailures();
    for (let index = 0; index < reader.count; index += 1) {
      const slot = this.storedSlot(reader.failedId(index));
      table.setFlag(slot, ENTRY_FLAG.redelivered);
      table.applyFailedDeliveries(slot, reader.failedCount(index));
    }
  }

  private applyRelocated(): void {
    const { reader, table } = this;
    reader.readMessage();
    if (reader.count === 0) reader.fail('a relocated record has no targets');
    const share = shareBytes(reader.length, reader.count);
    for (let index = 0; index < reader.count; index += 1) {
      const slot = this.storedSlot(reader.targetEntryId(index));
      const queue = this.queues.at(table.queueOf(slot));
      if (queue.stored?.id !== reader.targetQueueId(index)) {
        reader.fail(`entry ${table.idOf(slot)} is not in queue ${reader.targetQueueId(index)}`);
      }
      const bytesBefore = table.bytesOf(slot);
      this.usage.release(table.segmentOf(slot), bytesBefore);
      this.usage.retain(this.segment, share);
      table.setPlace(slot, this.segment, this.blockOffset, reader.offset, share);
      queue.bytes += share - bytesBefore;
      this.bytes += share - bytesBefore;
    }
  }

  private applyQueueCreated(own: boolean): void {
    const { reader, queues } = this;
    const stored = reader.readQueueCreated();
    const decided = own ? queues.byId.get(stored.id) : undefined;
    if (decided !== undefined) {
      decided.created = true;
    } else {
      if (queues.byId.has(stored.id)) reader.fail(`queue ${stored.id} exists already`);
      if (queues.find(stored) !== undefined) reader.fail('a queue of the same name exists already');
      if (stored.id === 0) reader.fail('a queue id is 0');
      queues.addStored(stored).created = true;
    }
    queues.nextQueueId = Math.max(queues.nextQueueId, stored.id + 1);
  }

  private restoreCounters(counters: Counters): void {
    this.highestEntryId = Math.max(this.highestEntryId, counters.highestEntryId);
    this.reservedEntryIds = Math.max(this.reservedEntryIds, counters.reservedEntryIds);
    this.queues.nextQueueId = Math.max(this.queues.nextQueueId, counters.nextQueueId);
  }

  private restoreEntries(): void {
    const { reader, table } = this;
    const queue = this.storedQueue(reader.readStoredEntries());
    for (let index = 0; index < reader.count; index += 1) {
      const at = reader.storedEntryOffset(index);
      const id = reader.entryIdAt(at);
      if (id > this.highestEntryId) reader.fail(`entry id ${id} is beyond the counters`);
      if (table.find(id) !== NONE) reader.fail(`entry ${id} is there twice`);
      const traits = reader.storedTraitsAt(at);
      const last = queue.ready.tail;
      const segment = reader.uint32At(at + 16);
      const bytes = reader.uint32At(at + 28);
      const slot = table.allocate(id);
      table.setPlace(slot, segment, reader.uint32At(at + 20), reader.uint32At(at + 24), bytes);
      table.applyFailedDeliveries(slot, reader.uint16At(at + 32));
      if (isStoredRedelivered(traits)) table.setFlag(slot, ENTRY_FLAG.redelivered);
      table.setPriority(slot, storedPriority(traits));
      table.setGroup(slot, storedGroup(traits));
      if (last !== NONE && !table.isBefore(last, slot)) reader.fail(`entry ${id} is out of order`);
      this.enter(slot, queue, reader.wholeNumber(at + 8, 'expiry'));
      this.usage.retain(segment, bytes);
    }
  }

  private restoreDeliveryTimes(): void {
    const { reader } = this;
    reader.readDeliveryTimes();
    for (let index = 0; index < reader.count; index += 1) {
      const slot = this.storedSlot(reader.timedId(index));
      this.scheduleAsSent(slot, reader.timeOf(index));
    }
  }

  private scheduleAsSent(slot: number, deliverAtMs: number): void {
    this.deliveryTimes.setBySender(slot, deliverAtMs);
    this.delay(slot, deliverAtMs);
  }

  /** Of a message group, before an entry leaves its consumer or its transaction for good, or is done waiting. */
  letGo(slot: number): void {
    const { table } = this;
    const group = table.groupOf(slot);
    if (group === 0) return;
    const queue = this.queues.at(table.queueOf(slot));
    const { groups } = queue;
    if (groups === null) return;
    if (table.hasFlag(slot, ENTRY_FLAG.triesAgain)) {
      table.clearFlag(slot, ENTRY_FLAG.triesAgain);
      if (groups.waited(group)) this.markDirty(queue);
      return;
    }
    const state = table.stateOf(slot);
    if (state !== ENTRY_STATE.delivered && state !== ENTRY_STATE.inTransaction) return;
    if (groups.letGo(group)) this.markDirty(queue);
  }

  /** To be called before the state of an entry changes that may wait for its time. */
  private leaveSchedule(slot: number, queue: Queue): void {
    if (this.table.stateOf(slot) !== ENTRY_STATE.scheduled) return;
    queue.delayedBytes -= this.table.bytesOf(slot);
  }

  private enter(slot: number, queue: Queue, expiresAtMs: number): void {
    const { table } = this;
    const bytes = table.bytesOf(slot);
    table.setQueue(slot, queue.index);
    table.setExpiresAtMs(slot, expiresAtMs);
    queue.arrive(slot);
    if (table.groupOf(slot) !== 0) queue.groupedMessages += 1;
    queue.messages += 1;
    queue.bytes += bytes;
    this.messages += 1;
    this.bytes += bytes;
    if (expiresAtMs > 0) this.watchExpiry(slot);
    if (!queue.dirty) this.markDirty(queue);
  }

  private watchExpiry(slot: number): void {
    const { table } = this;
    const expiresAtMs = table.expiresAtMsOf(slot);
    if (expiresAtMs === 0 || table.hasFlag(slot, ENTRY_FLAG.inExpiryHeap)) return;
    table.setFlag(slot, ENTRY_FLAG.inExpiryHeap);
    this.expiry.push(expiresAtMs, table.idOf(slot));
  }

  private shallStayInHeap(id: number): boolean {
    const slot = this.table.find(id);
    return slot !== NONE && this.table.hasFlag(slot, ENTRY_FLAG.inExpiryHeap);
  }

  private storedQueue(id: number): Queue {
    const queue = id === this.lastQueueId ? this.lastQueue : this.queues.byId.get(id);
    if (queue === undefined || !queue.created) return this.reader.fail(`no queue ${id} exists`);
    this.lastQueueId = id;
    this.lastQueue = queue;
    return queue;
  }

  private storedSlot(id: number): number {
    const slot = this.table.find(id);
    if (slot === NONE || this.table.hasFlag(slot, ENTRY_FLAG.volatile)) {
      this.reader.fail(`no entry ${id} exists`);
    }
    return slot;
  }
}
