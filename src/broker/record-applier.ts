/**
 * Does to the index what records say: those of blocks, on the live node, on a backup that follows and on a node
 * that replays, so that they cannot drift apart; and those of a checkpoint, which checkpoint.ts writes.
 */

import type { BlockPosition, SegmentUsage } from './host.js';
import { groupIn } from './message-groups.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, NONE } from './message-table.js';
import type { Queue } from './queue.js';
import { RecordReader } from './record-reader.js';
import { type Counters, RECORD_TYPE, REMOVAL_REASON, shareBytes } from './records.js';
import { isStoredRedelivered, storedGroup, storedPriority } from './stored-traits.js';

export class RecordApplier {
  private readonly index: MessageIndex;
  private readonly usage: SegmentUsage;
  private readonly reader = new RecordReader();
  private segment = 0;
  private blockOffset = 0;

  constructor(index: MessageIndex, usage: SegmentUsage) {
    this.index = index;
    this.usage = usage;
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

  /** Restores one checkpoint payload. Returns the record count. */
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
        this.index.removeQueue(this.storedQueue(reader.readQueueRemoved()));
        break;
      case RECORD_TYPE.entryIdsReserved:
        this.reserveEntryIds(reader.readEntryIdsReserved());
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
    const { reader, index } = this;
    const { table } = index;
    reader.readMessage();
    const { baseEntryId, count } = reader;
    if (count === 0) reader.fail('a message record has no targets');
    if (baseEntryId <= index.highestEntryId) {
      reader.fail(`entry id ${baseEntryId} comes after ${index.highestEntryId}`);
    }
    const share = shareBytes(reader.length, count);
    const { deliverAtMs, priority } = reader;
    const group = groupIn(reader.group);
    for (let target = 0; target < count; target += 1) {
      const queue = this.storedQueue(reader.targetQueueId(target));
      const slot = table.allocate(baseEntryId + target);
      table.setPlace(slot, this.segment, this.blockOffset, reader.offset, share);
      table.setPriority(slot, priority);
      if (group !== 0) table.setGroup(slot, group);
      index.enter(slot, queue, reader.expiresAtMs);
      if (deliverAtMs > 0) index.scheduleAsSent(slot, deliverAtMs);
      if (own) index.arrive(queue, -1, -share);
    }
    index.highestEntryId = baseEntryId + count - 1;
    if (reader.timestampMs >= index.arrivals.nextMs) {
      index.arrivals.note(baseEntryId, reader.timestampMs);
    }
    this.usage.retain(this.segment, share * count);
  }

  private applyDuplicateIds(own: boolean): void {
    const { address, keys, ownIds } = this.reader.readDuplicateIds();
    for (const key of keys) {
      const isNew = this.index.duplicates.add(address, key, ownIds);
      if (!isNew) this.reader.fail('a duplicate id is there already');
      if (own) this.index.arrivingDuplicates.remove(address, key);
    }
  }

  private applyDuplicateLimits(): void {
    this.index.duplicates.setLimits(this.reader.readDuplicateLimits());
  }

  private applyRemoved(): void {
    const { reader } = this;
    reader.readIdList();
    if (reader.variant === 0 || reader.variant > REMOVAL_REASON.purged) {
      reader.fail(`no removal reason ${reader.variant} exists`);
    }
    for (let index = 0; index < reader.count; index += 1) {
      this.index.removeEntry(this.storedSlot(reader.listedId(index)));
    }
  }

  private applyDelivered(): void {
    const { reader } = this;
    const { table } = this.index;
    reader.readIdList();
    for (let index = 0; index < reader.count; index += 1) {
      table.setFlag(this.storedSlot(reader.listedId(index)), ENTRY_FLAG.redelivered);
    }
  }

  private applyFailed(): void {
    const { reader } = this;
    const { table } = this.index;
    reader.readFailures();
    for (let index = 0; index < reader.count; index += 1) {
      const slot = this.storedSlot(reader.failedId(index));
      table.setFlag(slot, ENTRY_FLAG.redelivered);
      table.applyFailedDeliveries(slot, reader.failedCount(index));
    }
  }

  private applyRelocated(): void {
    const { reader, index } = this;
    const { table, queues } = index;
    reader.readMessage();
    if (reader.count === 0) reader.fail('a relocated record has no targets');
    const share = shareBytes(reader.length, reader.count);
    for (let target = 0; target < reader.count; target += 1) {
      const slot = this.storedSlot(reader.targetEntryId(target));
      const queue = queues.at(table.queueOf(slot));
      if (queue.stored?.id !== reader.targetQueueId(target)) {
        reader.fail(`entry ${table.idOf(slot)} is not in queue ${reader.targetQueueId(target)}`);
      }
      index.relocate(slot, this.segment, this.blockOffset, reader.offset, share);
    }
  }

  private applyQueueCreated(own: boolean): void {
    const { reader } = this;
    const { queues } = this.index;
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
    const { index } = this;
    index.highestEntryId = Math.max(index.highestEntryId, counters.highestEntryId);
    index.queues.nextQueueId = Math.max(index.queues.nextQueueId, counters.nextQueueId);
    this.reserveEntryIds(counters.reservedEntryIds);
  }

  private reserveEntryIds(until: number): void {
    const { index } = this;
    index.reservedEntryIds = Math.max(index.reservedEntryIds, until);
  }

  private restoreEntries(): void {
    const { reader, index } = this;
    const { table } = index;
    const queue = this.storedQueue(reader.readStoredEntries());
    for (let entry = 0; entry < reader.count; entry += 1) {
      const at = reader.storedEntryOffset(entry);
      const id = reader.entryIdAt(at);
      if (id > index.highestEntryId) reader.fail(`entry id ${id} is beyond the counters`);
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
      index.enter(slot, queue, reader.wholeNumber(at + 8, 'expiry'));
      this.usage.retain(segment, bytes);
    }
  }

  private restoreDeliveryTimes(): void {
    const { reader } = this;
    reader.readDeliveryTimes();
    for (let index = 0; index < reader.count; index += 1) {
      const slot = this.storedSlot(reader.timedId(index));
      this.index.scheduleAsSent(slot, reader.timeOf(index));
    }
  }

  private storedQueue(id: number): Queue {
    const queue = this.index.queues.withId(id);
    if (queue === undefined || !queue.created) return this.reader.fail(`no queue ${id} exists`);
    return queue;
  }

  private storedSlot(id: number): number {
    const { table } = this.index;
    const slot = table.find(id);
    if (slot === NONE || table.hasFlag(slot, ENTRY_FLAG.volatile)) {
      this.reader.fail(`no entry ${id} exists`);
    }
    return slot;
  }
}
