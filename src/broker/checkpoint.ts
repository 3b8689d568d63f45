/**
 * The index as records, so that a cold start need not replay the whole journal. Entries are
 * written in the order of delivery, packed into payloads of at most 1 MiB.
 */

import type { DuplicateWindows } from './duplicate-windows.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, ENTRY_STATE, type MessageTable, NONE } from './message-table.js';
import type { Queue } from './queue.js';
import {
  encodeCounters,
  encodeDeliveryTimes,
  encodeDuplicateIds,
  encodeDuplicateLimits,
  encodeQueueCreated,
  writeStoredEntriesHead,
} from './record-writer.js';
import { FIXED_BYTES, STORED_ENTRY_BYTES } from './records.js';
import { storedTraits } from './stored-traits.js';

const PAYLOAD_BYTES = 1024 * 1024;
/** So that a record has its place in a payload, however long its ids are. */
const IDS_PER_RECORD = 1000;
const TIMES_PER_RECORD = 10_000;
/** Room for the records of some hundred queues in the first payload. */
const QUEUES_BYTES = 16 * 1024;

/** Payloads that `MessageIndex.restore` takes, in this order, onto an empty index. */
export function writeCheckpoint(index: MessageIndex): Uint8Array[] {
  const writer = new CheckpointWriter(index.table);
  writer.add(
    encodeCounters({
      highestEntryId: index.highestEntryId,
      reservedEntryIds: index.reservedEntryIds,
      nextQueueId: index.queues.nextQueueId,
    }),
  );
  writeDuplicates(index.duplicates, writer);
  const held = heldSlots(index.table);
  for (const queue of index.queues.byId.values()) {
    if (!queue.created) continue;
    if (queue.stored !== null) writer.add(encodeQueueCreated(queue.stored));
    writer.addEntries(queue, held.get(queue.index) ?? []);
  }
  const times = [...index.deliveryTimes.stored()];
  for (let from = 0; from < times.length; from += TIMES_PER_RECORD) {
    writer.add(encodeDeliveryTimes(times.slice(from, from + TIMES_PER_RECORD)));
  }
  return writer.finish();
}

/** Nothing of a store in which nobody sends with ids. */
function writeDuplicates(duplicates: DuplicateWindows, writer: CheckpointWriter): void {
  const { limits } = duplicates;
  if (limits.maxBytes > 0) writer.add(encodeDuplicateLimits(limits));
  for (const { address, keys, ownIds } of duplicates.all()) {
    for (let from = 0; from < keys.length; from += IDS_PER_RECORD) {
      const some = keys.slice(from, from + IDS_PER_RECORD);
      writer.add(encodeDuplicateIds({ address, keys: some, ownIds }));
    }
  }
}

/** The entries that are in no queue's ready list at this moment, by queue, in the order of delivery. */
function heldSlots(table: MessageTable): Map<number, number[]> {
  const byQueue = new Map<number, number[]>();
  for (let slot = 0; slot < table.slotLimit; slot += 1) {
    const state = table.stateOf(slot);
    if (state === ENTRY_STATE.free || state === ENTRY_STATE.ready) continue;
    const slots = byQueue.get(table.queueOf(slot));
    if (slots === undefined) byQueue.set(table.queueOf(slot), [slot]);
    else slots.push(slot);
  }
  for (const slots of byQueue.values()) {
    slots.sort((one, two) => (table.isBefore(one, two) ? -1 : 1));
  }
  return byQueue;
}

class CheckpointWriter {
  private readonly table: MessageTable;
  private readonly payloads: Uint8Array[] = [];
  slab: Uint8Array;
  view: DataView;
  private end = 0;
  /** The stored-entries record that is being filled. */
  private recordStart = 0;
  private recordCount = 0;

  constructor(table: MessageTable) {
    this.table = table;
    const likelyBytes = QUEUES_BYTES + table.size * STORED_ENTRY_BYTES;
    this.slab = new Uint8Array(Math.min(likelyBytes, PAYLOAD_BYTES));
    this.view = new DataView(this.slab.buffer);
  }

  add(record: Uint8Array): void {
    if (this.end + record.length > this.slab.length) this.nextPayload();
    this.slab.set(record, this.end);
    this.end += record.length;
  }

  /** Merges the ready entries with the held ones, both in the order of delivery. */
  addEntries(queue: Queue, held: readonly number[]): void {
    const { table } = this;
    const queueId = queue.stored?.id ?? 0;
    let ready = queue.ready.head;
    let heldIndex = 0;
    this.recordCount = 0;
    while (ready !== NONE || heldIndex < held.length) {
      const heldSlot = heldIndex < held.length ? (held[heldIndex] as number) : NONE;
      const takeHeld = ready === NONE || (heldSlot !== NONE && table.isBefore(heldSlot, ready));
      const slot = takeHeld ? heldSlot : ready;
      if (takeHeld) heldIndex += 1;
      else ready = table.nextOf(ready);
      if (!table.hasFlag(slot, ENTRY_FLAG.volatile)) this.addEntry(queueId, slot);
    }
    this.closeRecord(queueId);
  }

  finish(): Uint8Array[] {
    this.payloads.push(this.slab.subarray(0, this.end));
    return this.payloads;
  }

  private addEntry(queueId: number, slot: number): void {
    const headBytes = this.recordCount === 0 ? FIXED_BYTES.storedEntries : 0;
    if (this.end + headBytes + STORED_ENTRY_BYTES > this.slab.length) {
      this.closeRecord(queueId);
      this.nextPayload();
    }
    if (this.recordCount === 0) {
      this.recordStart = this.end;
      this.end += FIXED_BYTES.storedEntries;
    }
    const { table, view, end } = this;
    view.setFloat64(end, table.idOf(slot), true);
    view.setFloat64(end + 8, table.expiresAtMsOf(slot), true);
    view.setUint32(end + 16, table.segmentOf(slot), true);
    view.setUint32(end + 20, table.blockOffsetOf(slot), true);
    view.setUint32(end + 24, table.recordOffsetOf(slot), true);
    view.setUint32(end + 28, table.bytesOf(slot), true);
    view.setUint16(end + 32, table.storedFailedDeliveriesOf(slot), true);
    const isRedelivered = table.hasFlag(slot, ENTRY_FLAG.redelivered);
    const traits = storedTraits(isRedelivered, table.priorityOf(slot), table.groupOf(slot));
    view.setUint16(end + 34, traits, true);
    this.end = end + STORED_ENTRY_BYTES;
    this.recordCount += 1;
  }

  private closeRecord(queueId: number): void {
    if (this.recordCount === 0) return;
    writeStoredEntriesHead(this, this.recordStart, queueId, this.recordCount);
    this.recordCount = 0;
  }

  private nextPayload(): void {
    this.payloads.push(this.slab.subarray(0, this.end));
    this.slab = new Uint8Array(PAYLOAD_BYTES);
    this.view = new DataView(this.slab.buffer);
    this.end = 0;
  }
}
