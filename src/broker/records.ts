/**
 * The records that a journal block's payload is made of: their types, what they hold, and how many bytes that is.
 * All of it is specified in docs/records-format.md; record-writer.ts writes them, record-reader.ts reads them.
 */

import type { IncomingMessage } from './api.js';
import type { DuplicateKey } from './duplicate-key.js';
import type { DuplicateAddress } from './duplicate-windows.js';

/** Zero is no type, so bytes that were never written are never a record. */
export const RECORD_TYPE = {
  message: 1,
  relocated: 2,
  removed: 3,
  delivered: 4,
  failed: 5,
  queueCreated: 6,
  queueRemoved: 7,
  entryIdsReserved: 8,
  storedEntries: 9,
  counters: 10,
  duplicateIds: 11,
  duplicateLimits: 12,
  deliveryTimes: 13,
} as const;

/** What an address is; the names are those of `Destination`. */
export const ADDRESS_KIND = { queue: 1, topic: 2 } as const;

export const REMOVAL_REASON = {
  acknowledged: 1,
  expired: 2,
  deadLettered: 3,
  purged: 4,
} as const;
export type RemovalReason = (typeof REMOVAL_REASON)[keyof typeof REMOVAL_REASON];

export const QUEUE_KIND = { queue: 1, durableSubscription: 2 } as const;
type StoredQueueKind = (typeof QUEUE_KIND)[keyof typeof QUEUE_KIND];

/** A durable subscription that does not get everything is written as this kind, with what it wants behind its names. */
export const SELECTIVE_SUBSCRIPTION = 3;
export const NO_LOCAL_FLAG = 1;

/** Bytes of each record before its variable part. */
export const FIXED_BYTES = {
  message: 44,
  idList: 12,
  queueCreated: 20,
  queueRemoved: 12,
  entryIdsReserved: 16,
  storedEntries: 16,
  counters: 28,
  duplicateIds: 14,
  duplicateLimits: 20,
} as const;

export const SMALLEST_RECORD_BYTES = 12;
export const ENTRY_ID_BYTES = 8;
export const FAILURE_BYTES = 10;
export const DELIVERY_TIME_BYTES = 16;
export const MESSAGE_TARGET_BYTES = 4;
export const RELOCATED_TARGET_BYTES = 12;
export const STORED_ENTRY_BYTES = 36;
/** Flag of a duplicate-ids record: behind the name it says how many ids the address remembers. */
export const OWN_IDS_FLAG = 1;
export const OWN_IDS_BYTES = 4;
/** Of each duplicate id before its content. */
export const DUPLICATE_ID_BYTES = 3;
/** A unit of UTF-16 takes at most so many in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

/** What a message record holds besides its targets. */
export type MessageContent = Pick<
  IncomingMessage,
  'contentKind' | 'headers' | 'body' | 'priority' | 'expiresAtMs'
> &
  MessageExtras;

/** What few messages have; written behind the body, as the record's flags say. */
export interface MessageExtras {
  /** Wall-clock milliseconds before which it is not delivered; 0 or left out: at once. */
  readonly deliverAtMs?: number;
  /** The topic that it was sent to, where one of its queues is a subscription to many. */
  readonly topic?: string | undefined;
  /** What it says of its message group (message-groups.ts); 0 or left out: it is of none. */
  readonly group?: number;
}

/** Flags of a message record: which extras it has, in this order. */
export const MESSAGE_FLAG = { deliverAt: 1, topic: 2, group: 4 } as const;
export const DELIVER_AT_BYTES = 8;
export const TOPIC_LENGTH_BYTES = 2;
export const GROUP_BYTES = 2;

/** What an entry takes from its message when it comes into its queue. */
export interface EntryTraits {
  readonly priority: number;
  readonly expiresAtMs: number;
  /** 0: at once. */
  readonly deliverAtMs: number;
  /** 0: of none. */
  readonly group: number;
}

/** A queue as `queue-created` tells it; the texts that its kind does not have are empty. */
export interface QueueDescription {
  readonly id: number;
  readonly kind: StoredQueueKind;
  readonly name: string;
  readonly topic: string;
  readonly clientId: string;
  readonly subscriptionName: string;
  /** Of a durable subscription that does not get everything: the text of its selector. */
  readonly selector?: string;
  /** It gets nothing that its own client sends. */
  readonly noLocal?: boolean;
}

export interface Counters {
  /** The highest entry id that the journal has seen; 0 when none. */
  readonly highestEntryId: number;
  readonly reservedEntryIds: number;
  readonly nextQueueId: number;
}

/** Bytes of a message record without its targets. */
export function contentBytes(message: MessageContent): number {
  const { headers, body } = message;
  return FIXED_BYTES.message + headers.length + body.length + extraBytes(message);
}

/** Bytes that the extras take behind the body. */
function extraBytes({ deliverAtMs = 0, topic, group = 0 }: MessageExtras): number {
  const topicBytes = topic === undefined ? 0 : TOPIC_LENGTH_BYTES + Buffer.byteLength(topic);
  return (deliverAtMs > 0 ? DELIVER_AT_BYTES : 0) + topicBytes + (group > 0 ? GROUP_BYTES : 0);
}

/** Each target of a message is charged an equal part of the record; every entry costs something. */
export function shareBytes(recordBytes: number, targetCount: number): number {
  return Math.max(1, Math.floor(recordBytes / targetCount));
}

/** Bytes that the removal of `count` entries adds, in a record that is there already or not. */
export function removalBytes(startsRecord: boolean, count: number): number {
  return (startsRecord ? FIXED_BYTES.idList : 0) + ENTRY_ID_BYTES * count;
}

/** At least as many bytes as a record of these ids has. */
export function duplicateIdsMaxBytes(
  address: DuplicateAddress,
  keys: readonly DuplicateKey[],
): number {
  let units = address.length;
  for (const key of keys) units += key.length;
  const idBytes = DUPLICATE_ID_BYTES * keys.length;
  return FIXED_BYTES.duplicateIds + OWN_IDS_BYTES + idBytes + MAX_BYTES_PER_UNIT * units;
}
