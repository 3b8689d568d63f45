/**
 * Gathers state changes as records while a write is under way. What belongs together (a
 * transaction, a message and its removal from elsewhere) is reserved in one piece and so never
 * spans two batches. Nothing here changes the index; that happens once a batch is committed.
 */

import { BLOCK_HEADER_BYTES } from '../journal/format.js';
import type { ConfirmationToken, SessionEvents } from './api.js';
import type { Client } from './client.js';
import type { DuplicatesOfAddress } from './duplicate-windows.js';
import type { Batch } from './host.js';
import type { Queue } from './queue.js';
import {
  writeDelivered,
  writeDuplicateIds,
  writeFailed,
  writeMessage,
  writePreparedMessage,
  writeRelocated,
  writeRemoved,
} from './record-writer.js';
import {
  contentBytes,
  duplicateIdsMaxBytes,
  ENTRY_ID_BYTES,
  type EntryTraits,
  FAILURE_BYTES,
  FIXED_BYTES,
  MESSAGE_TARGET_BYTES,
  type MessageContent,
  RELOCATED_TARGET_BYTES,
  REMOVAL_REASON,
  type RemovalReason,
  removalBytes,
} from './records.js';

const NO_SLAB = new Uint8Array(BLOCK_HEADER_BYTES);
const NO_VIEW = new DataView(NO_SLAB.buffer);
const REMOVAL_REASONS: readonly RemovalReason[] = Object.values(REMOVAL_REASON);

/** A message that is in memory only, and takes effect before the records at `slabOffset`. */
export interface VolatileArrival {
  readonly slabOffset: number;
  readonly record: Uint8Array;
  readonly traits: EntryTraits;
  readonly baseEntryId: number;
  readonly queues: readonly Queue[];
}

export class PendingBatch implements Batch {
  slab: Uint8Array = NO_SLAB;
  view: DataView = NO_VIEW;
  end = BLOCK_HEADER_BYTES;
  recordCount = 0;
  readonly confirmSessions: SessionEvents[] = [];
  readonly confirmTokens: ConfirmationToken[] = [];
  readonly confirmClients: Client[] = [];
  readonly volatileArrivals: VolatileArrival[] = [];
  /** Where the slab is full; BLOCK_HEADER_BYTES while there is no slab. */
  limit = BLOCK_HEADER_BYTES;

  get isEmpty(): boolean {
    return (
      this.recordCount === 0 &&
      this.confirmTokens.length === 0 &&
      this.volatileArrivals.length === 0
    );
  }
}

/** Deliveries to note in the journal: those that are unacknowledged when a batch is taken. */
export interface DeliveryNotes {
  /** Moves up to `limit` ids of entries to note into `into`; returns how many. */
  takeInto(into: number[], limit: number): number;
}

export class BatchBuilder {
  private readonly maxBatchBytes: number;
  private readonly allocateSlab: (minimumBytes: number) => Uint8Array;
  private readonly onPending: () => void;
  private open = new PendingBatch();
  private closed: PendingBatch[] = [];
  private signalled = false;
  /** Ids whose removal is decided, by reason; written when their batch is closed. */
  private readonly removals = new Map<RemovalReason, number[]>(
    REMOVAL_REASONS.map((reason) => [reason, []]),
  );
  private readonly acknowledged = this.removals.get(REMOVAL_REASON.acknowledged) as number[];
  private removalBytes = 0;
  private readonly noteIds: number[] = [];

  /** `onPending` must not call back into the broker. */
  constructor(options: {
    readonly maxBatchBytes: number;
    readonly allocateSlab: (minimumBytes: number) => Uint8Array;
    readonly onPending: () => void;
  }) {
    this.maxBatchBytes = options.maxBatchBytes;
    this.allocateSlab = options.allocateSlab;
    this.onPending = options.onPending;
  }

  /** Makes room for `bytes` of records in one batch: whatever fits in them goes out together. */
  reserve(bytes: number): void {
    let batch = this.open;
    if (batch.end + this.removalBytes + bytes <= batch.limit) return;
    if (batch.limit > BLOCK_HEADER_BYTES) {
      this.closeOpen();
      batch = this.open;
    }
    const payloadBytes = Math.max(this.maxBatchBytes, bytes);
    batch.slab = this.allocateSlab(BLOCK_HEADER_BYTES + payloadBytes);
    batch.view = new DataView(batch.slab.buffer, batch.slab.byteOffset, batch.slab.byteLength);
    batch.limit = BLOCK_HEADER_BYTES + payloadBytes;
  }

  addMessage(
    message: MessageContent,
    timestampMs: number,
    baseEntryId: number,
    targetQueueIds: readonly number[],
  ): void {
    this.reserve(contentBytes(message) + MESSAGE_TARGET_BYTES * targetQueueIds.length);
    const batch = this.open;
    this.wrote(writeMessage(batch, batch.end, message, timestampMs, baseEntryId, targetQueueIds));
  }

  addPreparedMessage(
    prepared: Uint8Array,
    baseEntryId: number,
    targetQueueIds: readonly number[],
  ): void {
    this.reserve(prepared.length + MESSAGE_TARGET_BYTES * targetQueueIds.length);
    const batch = this.open;
    this.wrote(writePreparedMessage(batch, batch.end, prepared, baseEntryId, targetQueueIds));
  }

  addRelocated(
    content: Uint8Array,
    entryIds: readonly number[],
    queueIds: readonly number[],
  ): number {
    const bytes = content.length + RELOCATED_TARGET_BYTES * entryIds.length;
    this.reserve(bytes);
    const batch = this.open;
    this.wrote(writeRelocated(batch, batch.end, content, entryIds, queueIds));
    return bytes;
  }

  addFailed(entryId: number, failedDeliveries: number): void {
    this.reserve(FIXED_BYTES.idList + FAILURE_BYTES);
    const batch = this.open;
    this.wrote(writeFailed(batch, batch.end, entryId, failedDeliveries));
  }

  addDuplicateIds(ids: DuplicatesOfAddress): void {
    this.reserve(duplicateIdsMaxBytes(ids.address, ids.keys));
    const batch = this.open;
    this.wrote(writeDuplicateIds(batch, batch.end, ids));
  }

  /** Adds a record that is encoded already. */
  addRecord(record: Uint8Array): void {
    this.reserve(record.length);
    const batch = this.open;
    batch.slab.set(record, batch.end);
    this.wrote(batch.end + record.length);
  }

  /** The removal takes effect at the end of its batch, so nothing after it may name the entry. */
  addRemoval(reason: RemovalReason, entryId: number): void {
    const ids =
      reason === REMOVAL_REASON.acknowledged
        ? this.acknowledged
        : (this.removals.get(reason) as number[]);
    this.reserve(removalBytes(ids.length === 0, 1));
    // Only now: when `reserve` closed a batch, it wrote the list and emptied it.
    this.removalBytes += removalBytes(ids.length === 0, 1);
    ids.push(entryId);
    this.touch();
  }

  /** Writes the removals decided so far, for a record that makes their entries disappear. */
  flushRemovals(): void {
    if (this.removalBytes === 0) return;
    const batch = this.open;
    for (const [reason, ids] of this.removals) {
      if (ids.length === 0) continue;
      batch.end = writeRemoved(batch, batch.end, reason, ids);
      batch.recordCount += 1;
      ids.length = 0;
    }
    this.removalBytes = 0;
  }

  addVolatile(
    record: Uint8Array,
    traits: EntryTraits,
    baseEntryId: number,
    queues: readonly Queue[],
  ): void {
    const slabOffset = this.open.end;
    this.open.volatileArrivals.push({
      slabOffset,
      record,
      traits,
      baseEntryId,
      queues,
    });
    this.touch();
  }

  /** Null tokens are nobody's, and not kept. */
  confirm(client: Client, token: ConfirmationToken): void {
    if (token === null) return;
    this.open.confirmSessions.push(client.events);
    this.open.confirmTokens.push(token);
    this.open.confirmClients.push(client);
    this.touch();
  }

  /** The oldest batch with something in it, or null. */
  take(notes: DeliveryNotes): PendingBatch | null {
    this.signalled = false;
    const oldest = this.closed.shift();
    if (oldest !== undefined) return oldest;
    this.writeNotes(notes);
    this.flushRemovals();
    if (this.open.isEmpty) return null;
    const batch = this.open;
    this.open = new PendingBatch();
    return batch;
  }

  /** Forgets everything that was not taken. */
  drop(): void {
    this.open = new PendingBatch();
    this.closed = [];
    for (const ids of this.removals.values()) ids.length = 0;
    this.removalBytes = 0;
    this.signalled = false;
  }

  private writeNotes(notes: DeliveryNotes): void {
    const batch = this.open;
    const end = batch.limit > BLOCK_HEADER_BYTES ? batch.limit : this.maxBatchBytes;
    const room = end - batch.end - this.removalBytes - FIXED_BYTES.idList;
    const count = notes.takeInto(this.noteIds, Math.floor(room / ENTRY_ID_BYTES));
    if (count <= 0) return;
    this.reserve(FIXED_BYTES.idList + ENTRY_ID_BYTES * count);
    this.open.end = writeDelivered(this.open, this.open.end, this.noteIds, count);
    this.open.recordCount += 1;
  }

  private wrote(end: number): void {
    this.open.end = end;
    this.open.recordCount += 1;
    this.touch();
  }

  private closeOpen(): void {
    this.flushRemovals();
    this.closed.push(this.open);
    this.open = new PendingBatch();
  }

  /** Tells the node once that there is something to take. */
  private touch(): void {
    if (this.signalled) return;
    this.signalled = true;
    this.onPending();
  }
}
