/** Messages as bytes before their queues are known: those of transactions, and those in memory only. */
import type { Destination, SelectableMessage } from './api.js';
import type { DuplicateKey } from './duplicate-key.js';
import { RecordReader } from './record-reader.js';
import { writeMessage } from './record-writer.js';
import { contentBytes, type EntryTraits, type MessageContent } from './records.js';

const NO_TARGETS: readonly number[] = [];

/** A message of a transaction: kept as bytes until the commit. */
export interface PreparedMessage {
  /** A message record without targets. */
  readonly record: Uint8Array;
  readonly destination: Destination;
  readonly durable: boolean;
  readonly traits: EntryTraits;
  /** Null: never a duplicate. */
  readonly duplicateKey: DuplicateKey | null;
}

/** A message record without targets. */
export function encodeWithoutTargets(message: MessageContent, timestampMs: number): Uint8Array {
  const slab = new Uint8Array(contentBytes(message));
  const view = new DataView(slab.buffer);
  writeMessage({ slab, view }, 0, message, timestampMs, 0, NO_TARGETS);
  return slab;
}

/** A prepared message as selectors see it. */
export function selectable({ record, durable }: PreparedMessage): SelectableMessage {
  const reader = new RecordReader();
  reader.open(record, 0, 0);
  reader.readHeader(0);
  reader.readMessage();
  const { contentKind, priority, expiresAtMs, timestampMs } = reader;
  return {
    contentKind,
    headers: record.subarray(reader.headersStart, reader.bodyStart),
    body: record.subarray(reader.bodyStart, reader.bodyEnd),
    durable,
    priority,
    expiresAtMs,
    timestampMs,
    failedDeliveries: 0,
  };
}
