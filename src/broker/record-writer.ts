/** How records are written (docs/records-format.md): into the memory of a batch, or as bytes of their own where they are rare. */

import { keyKind, writeKeyContent, writeText } from './duplicate-key.js';
import type { DuplicateLimits, DuplicatesOfAddress } from './duplicate-windows.js';
import {
  ADDRESS_KIND,
  type Counters,
  contentBytes,
  DELIVER_AT_BYTES,
  DELIVERY_TIME_BYTES,
  DUPLICATE_ID_BYTES,
  duplicateIdsMaxBytes,
  ENTRY_ID_BYTES,
  FAILURE_BYTES,
  FIXED_BYTES,
  GROUP_BYTES,
  MESSAGE_FLAG,
  MESSAGE_TARGET_BYTES,
  type MessageContent,
  type MessageExtras,
  NO_LOCAL_FLAG,
  OWN_IDS_BYTES,
  OWN_IDS_FLAG,
  type QueueDescription,
  RECORD_TYPE,
  RELOCATED_TARGET_BYTES,
  type RemovalReason,
  SELECTIVE_SUBSCRIPTION,
  STORED_ENTRY_BYTES,
  TOPIC_LENGTH_BYTES,
} from './records.js';

const encoder = new TextEncoder();

/** Bytes and a view of the same memory; records are written at offsets from its start. */
export interface RecordTarget {
  readonly slab: Uint8Array;
  readonly view: DataView;
}

function writeHeader(view: DataView, offset: number, bytes: number, type: number): void {
  view.setUint32(offset, bytes, true);
  // The type, and zero for the flags, for the reason or kind, and for the padding.
  view.setUint32(offset + 4, type, true);
}

/** Returns the offset behind the record. */
export function writeMessage(
  into: RecordTarget,
  offset: number,
  message: MessageContent,
  timestampMs: number,
  baseEntryId: number,
  targetQueueIds: readonly number[],
): number {
  const { slab, view } = into;
  const { headers, body } = message;
  const targetCount = targetQueueIds.length;
  const bytes = contentBytes(message) + MESSAGE_TARGET_BYTES * targetCount;
  writeHeader(view, offset, bytes, RECORD_TYPE.message);
  slab[offset + 6] = message.contentKind;
  slab[offset + 7] = message.priority;
  view.setUint32(offset + 8, headers.length, true);
  view.setUint32(offset + 12, body.length, true);
  view.setFloat64(offset + 16, timestampMs, true);
  view.setFloat64(offset + 24, message.expiresAtMs, true);
  view.setFloat64(offset + 32, baseEntryId, true);
  view.setUint32(offset + 40, targetCount, true);
  let at = offset + FIXED_BYTES.message;
  slab.set(headers, at);
  at += headers.length;
  slab.set(body, at);
  at = writeExtras(into, offset, at + body.length, message);
  return writeTargets(view, at, targetQueueIds);
}

function writeExtras(
  { slab, view }: RecordTarget,
  recordOffset: number,
  offset: number,
  { deliverAtMs = 0, topic, group = 0 }: MessageExtras,
): number {
  let at = offset;
  if (deliverAtMs > 0) {
    slab[recordOffset + 5] = MESSAGE_FLAG.deliverAt;
    view.setFloat64(at, deliverAtMs, true);
    at += DELIVER_AT_BYTES;
  }
  if (topic !== undefined) {
    slab[recordOffset + 5] = (slab[recordOffset + 5] as number) | MESSAGE_FLAG.topic;
    const { written } = encoder.encodeInto(topic, slab.subarray(at + TOPIC_LENGTH_BYTES));
    view.setUint16(at, written, true);
    at += TOPIC_LENGTH_BYTES + written;
  }
  if (group > 0) {
    slab[recordOffset + 5] = (slab[recordOffset + 5] as number) | MESSAGE_FLAG.group;
    view.setUint16(at, group, true);
    at += GROUP_BYTES;
  }
  return at;
}

function writeTargets(view: DataView, offset: number, targetQueueIds: readonly number[]): number {
  let at = offset;
  for (let index = 0; index < targetQueueIds.length; index += 1) {
    view.setUint32(at, targetQueueIds[index] as number, true);
    at += MESSAGE_TARGET_BYTES;
  }
  return at;
}

/** Writes `prepared`, a message record without targets, with a base id and targets. */
export function writePreparedMessage(
  into: RecordTarget,
  offset: number,
  prepared: Uint8Array,
  baseEntryId: number,
  targetQueueIds: readonly number[],
): number {
  const { slab, view } = into;
  slab.set(prepared, offset);
  view.setUint32(offset, prepared.length + MESSAGE_TARGET_BYTES * targetQueueIds.length, true);
  view.setFloat64(offset + 32, baseEntryId, true);
  view.setUint32(offset + 40, targetQueueIds.length, true);
  return writeTargets(view, offset + prepared.length, targetQueueIds);
}

/** `content`: the message record from its start to where its targets begin. */
export function writeRelocated(
  into: RecordTarget,
  offset: number,
  content: Uint8Array,
  entryIds: readonly number[],
  queueIds: readonly number[],
): number {
  const { slab, view } = into;
  const bytes = content.length + RELOCATED_TARGET_BYTES * entryIds.length;
  slab.set(content, offset);
  view.setUint32(offset, bytes, true);
  slab[offset + 4] = RECORD_TYPE.relocated;
  view.setFloat64(offset + 32, 0, true);
  view.setUint32(offset + 40, entryIds.length, true);
  let at = offset + content.length;
  for (const [index, entryId] of entryIds.entries()) {
    view.setFloat64(at, entryId, true);
    view.setUint32(at + ENTRY_ID_BYTES, queueIds[index] as number, true);
    at += RELOCATED_TARGET_BYTES;
  }
  return at;
}

function writeIdList(
  view: DataView,
  offset: number,
  type: number,
  ids: readonly number[],
  count: number,
): number {
  writeHeader(view, offset, FIXED_BYTES.idList + ENTRY_ID_BYTES * count, type);
  view.setUint32(offset + 8, count, true);
  let at = offset + FIXED_BYTES.idList;
  for (let index = 0; index < count; index += 1) {
    view.setFloat64(at, ids[index] as number, true);
    at += ENTRY_ID_BYTES;
  }
  return at;
}

export function writeRemoved(
  into: RecordTarget,
  offset: number,
  reason: RemovalReason,
  ids: readonly number[],
): number {
  const end = writeIdList(into.view, offset, RECORD_TYPE.removed, ids, ids.length);
  into.slab[offset + 6] = reason;
  return end;
}

export function writeDelivered(
  into: RecordTarget,
  offset: number,
  ids: readonly number[],
  count: number,
): number {
  return writeIdList(into.view, offset, RECORD_TYPE.delivered, ids, count);
}

/** `count`: the entry's failed deliveries with this one, so that applying it twice does no harm. */
export function writeFailed(into: RecordTarget, offset: number, id: number, count: number): number {
  const end = offset + FIXED_BYTES.idList + FAILURE_BYTES;
  writeHeader(into.view, offset, end - offset, RECORD_TYPE.failed);
  into.view.setUint32(offset + 8, 1, true);
  into.view.setFloat64(offset + 12, id, true);
  into.view.setUint16(offset + 20, count, true);
  return end;
}

/** The whole record as bytes of its own: queues are created rarely. */
export function encodeQueueCreated(queue: QueueDescription): Uint8Array {
  const texts = [queue.name, queue.topic, queue.clientId, queue.subscriptionName].map((text) =>
    encoder.encode(text),
  );
  const wishes = encodeWishes(queue);
  const textBytes = texts.reduce((sum, text) => sum + text.length, 0);
  const slab = new Uint8Array(FIXED_BYTES.queueCreated + textBytes + wishes.length);
  const view = new DataView(slab.buffer);
  writeHeader(view, 0, slab.length, RECORD_TYPE.queueCreated);
  slab[6] = wishes.length > 0 ? SELECTIVE_SUBSCRIPTION : queue.kind;
  view.setUint32(8, queue.id, true);
  let at: number = FIXED_BYTES.queueCreated;
  for (const [index, text] of texts.entries()) {
    view.setUint16(12 + 2 * index, text.length, true);
    slab.set(text, at);
    at += text.length;
  }
  slab.set(wishes, at);
  return slab;
}

/** Nothing for a queue that gets everything. */
function encodeWishes({ selector = '', noLocal = false }: QueueDescription): Uint8Array {
  if (selector === '' && !noLocal) return new Uint8Array(0);
  const text = encoder.encode(selector);
  const wishes = new Uint8Array(1 + text.length);
  wishes[0] = noLocal ? NO_LOCAL_FLAG : 0;
  wishes.set(text, 1);
  return wishes;
}

export function encodeQueueRemoved(queueId: number): Uint8Array {
  const slab = new Uint8Array(FIXED_BYTES.queueRemoved);
  const view = new DataView(slab.buffer);
  writeHeader(view, 0, slab.length, RECORD_TYPE.queueRemoved);
  view.setUint32(8, queueId, true);
  return slab;
}

/** Entry ids below `until` may have been given to messages that are not in the journal. */
export function encodeEntryIdsReserved(until: number): Uint8Array {
  const slab = new Uint8Array(FIXED_BYTES.entryIdsReserved);
  const view = new DataView(slab.buffer);
  writeHeader(view, 0, slab.length, RECORD_TYPE.entryIdsReserved);
  view.setFloat64(8, until, true);
  return slab;
}

export function encodeCounters(counters: Counters): Uint8Array {
  const slab = new Uint8Array(FIXED_BYTES.counters);
  const view = new DataView(slab.buffer);
  writeHeader(view, 0, slab.length, RECORD_TYPE.counters);
  view.setFloat64(8, counters.highestEntryId, true);
  view.setFloat64(16, counters.reservedEntryIds, true);
  view.setUint32(24, counters.nextQueueId, true);
  return slab;
}

/** Ids that came to an address, the oldest first. */
export function writeDuplicateIds(
  { slab, view }: RecordTarget,
  offset: number,
  { address, keys, ownIds }: DuplicatesOfAddress,
): number {
  const slash = address.indexOf('/');
  const nameStart = offset + FIXED_BYTES.duplicateIds;
  const nameEnd = writeText(slab, nameStart, address, slash + 1);
  let end = nameEnd;
  if (ownIds !== null) {
    view.setUint32(end, ownIds, true);
    end += OWN_IDS_BYTES;
  }
  for (const key of keys) {
    const contentEnd = writeKeyContent(slab, end + DUPLICATE_ID_BYTES, key);
    slab[end] = keyKind(key);
    view.setUint16(end + 1, contentEnd - end - DUPLICATE_ID_BYTES, true);
    end = contentEnd;
  }
  writeHeader(view, offset, end - offset, RECORD_TYPE.duplicateIds);
  if (ownIds !== null) slab[offset + 5] = OWN_IDS_FLAG;
  slab[offset + 6] = ADDRESS_KIND[address.slice(0, slash) as keyof typeof ADDRESS_KIND];
  view.setUint32(offset + 8, keys.length, true);
  view.setUint16(offset + 12, nameEnd - nameStart, true);
  return end;
}

/** The whole record as bytes of its own, for a checkpoint. */
export function encodeDuplicateIds(ids: DuplicatesOfAddress): Uint8Array {
  const slab = new Uint8Array(duplicateIdsMaxBytes(ids.address, ids.keys));
  const end = writeDuplicateIds({ slab, view: new DataView(slab.buffer) }, 0, ids);
  return slab.subarray(0, end);
}

/** How many ids are remembered from here on. */
export function encodeDuplicateLimits(limits: DuplicateLimits): Uint8Array {
  const slab = new Uint8Array(FIXED_BYTES.duplicateLimits);
  const view = new DataView(slab.buffer);
  writeHeader(view, 0, slab.length, RECORD_TYPE.duplicateLimits);
  view.setUint32(8, limits.idsPerAddress, true);
  view.setFloat64(12, limits.maxBytes, true);
  return slab;
}

/** Entries, by id, and when their senders want them delivered. */
export function encodeDeliveryTimes(times: readonly (readonly [number, number])[]): Uint8Array {
  const slab = new Uint8Array(FIXED_BYTES.idList + DELIVERY_TIME_BYTES * times.length);
  const view = new DataView(slab.buffer);
  writeHeader(view, 0, slab.length, RECORD_TYPE.deliveryTimes);
  view.setUint32(8, times.length, true);
  let at: number = FIXED_BYTES.idList;
  for (const [id, timeMs] of times) {
    view.setFloat64(at, id, true);
    view.setFloat64(at + 8, timeMs, true);
    at += DELIVERY_TIME_BYTES;
  }
  return slab;
}

/** The head of a stored-entries record; checkpoint.ts writes the entries behind it. */
export function writeStoredEntriesHead(
  into: RecordTarget,
  offset: number,
  queueId: number,
  count: number,
): void {
  const bytes = FIXED_BYTES.storedEntries + STORED_ENTRY_BYTES * count;
  writeHeader(into.view, offset, bytes, RECORD_TYPE.storedEntries);
  into.view.setUint32(offset + 8, queueId, true);
  into.view.setUint32(offset + 12, count, true);
}
