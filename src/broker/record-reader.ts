/**
 * Strict reading of records (docs/records-format.md). Anything that cannot be is JOURNAL_CORRUPT
 * with the place, never skipped and never guessed. One reader is reused for many records, and
 * what it read last lies in its fields, so that reading a message allocates nothing.
 */

import { HoldfastError } from '../platform/errors.js';
import { CONTENT_KIND, type ContentKind } from './api.js';
import { type DuplicateKey, readKey } from './duplicate-key.js';
import {
  type DuplicateAddress,
  type DuplicateLimits,
  type DuplicatesOfAddress,
  duplicateAddress,
} from './duplicate-windows.js';
import { isGroupMark } from './message-groups.js';
import { PRIORITIES } from './priority.js';
import {
  type Counters,
  DELIVER_AT_BYTES,
  DELIVERY_TIME_BYTES,
  DUPLICATE_ID_BYTES,
  ENTRY_ID_BYTES,
  FAILURE_BYTES,
  FIXED_BYTES,
  GROUP_BYTES,
  MESSAGE_FLAG,
  MESSAGE_TARGET_BYTES,
  NO_LOCAL_FLAG,
  OWN_IDS_BYTES,
  OWN_IDS_FLAG,
  QUEUE_KIND,
  type QueueDescription,
  RECORD_TYPE,
  RELOCATED_TARGET_BYTES,
  SELECTIVE_SUBSCRIPTION,
  SMALLEST_RECORD_BYTES,
  STORED_ENTRY_BYTES,
  TOPIC_LENGTH_BYTES,
} from './records.js';
import { areStoredTraits } from './stored-traits.js';

const HIGHEST_TYPE = RECORD_TYPE.deliveryTimes;
const ALL_MESSAGE_FLAGS = MESSAGE_FLAG.deliverAt | MESSAGE_FLAG.topic | MESSAGE_FLAG.group;
const ADDRESS_KIND_NAMES = [undefined, 'queue', 'topic'] as const;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class RecordReader {
  /** The record under the reader: its place in the payload, its length and type. */
  offset = 0;
  length = 0;
  type = 0;
  /** Byte 6: the content kind, reason or queue kind. */
  variant = 0;
  /** Byte 5: which extras a message, or a list of duplicate ids, has. */
  flags = 0;
  count = 0;

  contentKind: ContentKind = CONTENT_KIND.stomp;
  priority = 0;
  timestampMs = 0;
  expiresAtMs = 0;
  baseEntryId = 0;
  headersStart = 0;
  bodyStart = 0;
  bodyEnd = 0;
  /** 0: at once. */
  deliverAtMs = 0;
  /** Where the topic's name lies; both are 0 when the message does not say one. */
  topicStart = 0;
  topicEnd = 0;
  /** What it says of its message group; 0: it is of none. */
  group = 0;
  /** Where the targets begin. */
  targetsStart = 0;

  private payload: Uint8Array = new Uint8Array(0);
  private view = new DataView(this.payload.buffer);
  private lastAddress = '' as DuplicateAddress;
  private lastAddressKind = 0;
  private lastAddressName: Uint8Array = new Uint8Array(0);
  private segment = 0;
  private blockOffset = 0;

  /** Where the block lies is only for the text of errors. */
  open(payload: Uint8Array, segment: number, blockOffset: number): void {
    this.segment = segment;
    this.blockOffset = blockOffset;
    this.offset = 0;
    this.length = 0;
    if (payload === this.payload) return;
    this.payload = payload;
    this.view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  /** Puts the reader on the record at `offset`; its end is `offset + length`. */
  readHeader(offset: number): void {
    this.offset = offset;
    const room = this.payload.length - offset;
    if (room < SMALLEST_RECORD_BYTES) this.fail(`only ${room} bytes are left for a record`);
    this.length = this.view.getUint32(offset, true);
    if (this.length < SMALLEST_RECORD_BYTES || this.length > room) {
      this.fail(`a record length of ${this.length} does not fit in ${room} bytes`);
    }
    this.type = this.payload[offset + 4] as number;
    if (this.type === 0 || this.type > HIGHEST_TYPE) {
      this.fail(`there is no record type ${this.type}`);
    }
    this.flags = this.payload[offset + 5] as number;
    if (this.flags !== 0 && !hasFlags(this.type, this.flags)) {
      this.fail('it has flags that do not exist');
    }
    this.variant = this.payload[offset + 6] as number;
  }

  /** For `message` and `relocated`. */
  readMessage(): void {
    const { view, offset } = this;
    if (this.length < FIXED_BYTES.message) this.fail('a message record is too short');
    if (!isContentKind(this.variant)) this.fail(`no content kind ${this.variant} exists`);
    this.contentKind = this.variant;
    this.priority = this.payload[offset + 7] as number;
    if (this.priority >= PRIORITIES) this.fail(`a priority of ${this.priority} is too high`);
    this.timestampMs = this.wholeNumber(offset + 16, 'timestamp');
    this.expiresAtMs = this.wholeNumber(offset + 24, 'expiry');
    this.baseEntryId = this.wholeNumber(offset + 32, 'entry id');
    this.count = view.getUint32(offset + 40, true);
    this.headersStart = offset + FIXED_BYTES.message;
    this.bodyStart = this.headersStart + view.getUint32(offset + 8, true);
    this.bodyEnd = this.bodyStart + view.getUint32(offset + 12, true);
    const targetBytes =
      this.type === RECORD_TYPE.message ? MESSAGE_TARGET_BYTES : RELOCATED_TARGET_BYTES;
    this.targetsStart = this.bodyEnd;
    this.deliverAtMs = 0;
    this.topicEnd = 0;
    this.group = 0;
    if (this.flags !== 0) this.readExtras();
    if (this.targetsStart + targetBytes * this.count !== offset + this.length) {
      this.fail('the lengths of headers, body and targets do not add up to the record');
    }
  }

  /** The topic that the message says it was sent to; null when it says none. */
  topic(): string | null {
    if (this.topicEnd === 0) return null;
    return this.text(this.topicStart, this.topicEnd - this.topicStart);
  }

  private readExtras(): void {
    const end = this.offset + this.length;
    let at = this.bodyEnd;
    if ((this.flags & MESSAGE_FLAG.deliverAt) !== 0) {
      if (at + DELIVER_AT_BYTES > end) this.fail('its time of delivery is missing');
      this.deliverAtMs = this.wholeNumber(at, 'time of delivery');
      at += DELIVER_AT_BYTES;
    }
    if ((this.flags & MESSAGE_FLAG.topic) !== 0) {
      if (at + TOPIC_LENGTH_BYTES > end) this.fail('its topic is missing');
      this.topicStart = at + TOPIC_LENGTH_BYTES;
      this.topicEnd = this.topicStart + this.view.getUint16(at, true);
      if (this.topicEnd > end) this.fail('its topic is longer than the record');
      at = this.topicEnd;
    }
    if ((this.flags & MESSAGE_FLAG.group) !== 0) {
      if (at + GROUP_BYTES > end) this.fail('its message group is missing');
      this.group = this.view.getUint16(at, true);
      if (!isGroupMark(this.group)) this.fail(`no message group ${this.group} exists`);
      at += GROUP_BYTES;
    }
    this.targetsStart = at;
  }

  targetQueueId(index: number): number {
    return this.type === RECORD_TYPE.message
      ? this.view.getUint32(this.targetsStart + MESSAGE_TARGET_BYTES * index, true)
      : this.view.getUint32(
          this.targetsStart + RELOCATED_TARGET_BYTES * index + ENTRY_ID_BYTES,
          true,
        );
  }

  targetEntryId(index: number): number {
    return this.type === RECORD_TYPE.message
      ? this.baseEntryId + index
      : this.entryIdAt(this.targetsStart + RELOCATED_TARGET_BYTES * index);
  }

  /** For `removed` and `delivered`: sets `count`. */
  readIdList(): void {
    this.readCount(8, FIXED_BYTES.idList, ENTRY_ID_BYTES);
  }

  listedId(index: number): number {
    return this.entryIdAt(this.offset + FIXED_BYTES.idList + ENTRY_ID_BYTES * index);
  }

  /** For `failed`: sets `count`. */
  readFailures(): void {
    this.readCount(8, FIXED_BYTES.idList, FAILURE_BYTES);
  }

  failedId(index: number): number {
    return this.entryIdAt(this.offset + FIXED_BYTES.idList + FAILURE_BYTES * index);
  }

  failedCount(index: number): number {
    const at = this.offset + FIXED_BYTES.idList + FAILURE_BYTES * index + ENTRY_ID_BYTES;
    return this.view.getUint16(at, true);
  }

  /** Sets `count`. */
  readDeliveryTimes(): void {
    this.readCount(8, FIXED_BYTES.idList, DELIVERY_TIME_BYTES);
  }

  timedId(index: number): number {
    return this.entryIdAt(this.offset + FIXED_BYTES.idList + DELIVERY_TIME_BYTES * index);
  }

  timeOf(index: number): number {
    const at = this.offset + FIXED_BYTES.idList + DELIVERY_TIME_BYTES * index + 8;
    return this.wholeNumber(at, 'time of delivery');
  }

  readQueueCreated(): QueueDescription {
    if (this.length < FIXED_BYTES.queueCreated) this.fail('a queue-created record is too short');
    const isSelective = this.variant === SELECTIVE_SUBSCRIPTION;
    const kind = isSelective ? QUEUE_KIND.durableSubscription : this.variant;
    if (kind !== QUEUE_KIND.queue && kind !== QUEUE_KIND.durableSubscription) {
      this.fail(`no queue kind ${kind} exists`);
    }
    const texts: string[] = [];
    let at = this.offset + FIXED_BYTES.queueCreated;
    for (let index = 0; index < 4; index += 1) {
      const bytes = this.view.getUint16(this.offset + 12 + 2 * index, true);
      texts.push(this.text(at, bytes));
      at += bytes;
    }
    const wishes = isSelective ? this.readWishes(at) : {};
    if (!isSelective && at !== this.offset + this.length) {
      this.fail('the lengths of its names do not add up');
    }
    const [name, topic, clientId, subscriptionName] = texts as [string, string, string, string];
    const isQueue = kind === QUEUE_KIND.queue;
    if (isQueue !== (name !== '') || isQueue !== (topic === '')) {
      this.fail('its names do not belong to a queue of its kind');
    }
    const id = this.view.getUint32(this.offset + 8, true);
    return { id, kind, name, topic, clientId, subscriptionName, ...wishes };
  }

  /** What a subscription wants of its topic, from `at` to the end of the record. */
  private readWishes(at: number): Pick<QueueDescription, 'selector' | 'noLocal'> {
    const end = this.offset + this.length;
    if (at >= end) this.fail('what the subscription wants is missing');
    const flags = this.payload[at] as number;
    const selector = this.text(at + 1, end - at - 1);
    if (flags > NO_LOCAL_FLAG) this.fail('the subscription has flags that do not exist');
    if (flags === 0 && selector === '') this.fail('a subscription that wants everything says so');
    return { selector, noLocal: flags === NO_LOCAL_FLAG };
  }

  readQueueRemoved(): number {
    if (this.length !== FIXED_BYTES.queueRemoved) this.fail('a queue-removed record is too long');
    return this.view.getUint32(this.offset + 8, true);
  }

  readEntryIdsReserved(): number {
    if (this.length !== FIXED_BYTES.entryIdsReserved) this.fail('a reservation has another length');
    return this.wholeNumber(this.offset + 8, 'entry id');
  }

  readCounters(): Counters {
    if (this.length !== FIXED_BYTES.counters) this.fail('a counters record has another length');
    return {
      highestEntryId: this.wholeNumber(this.offset + 8, 'entry id'),
      reservedEntryIds: this.wholeNumber(this.offset + 16, 'entry id'),
      nextQueueId: this.view.getUint32(this.offset + 24, true),
    };
  }

  readDuplicateIds(): DuplicatesOfAddress {
    const { view, offset, length } = this;
    if (length < FIXED_BYTES.duplicateIds) this.fail('a duplicate-ids record is too short');
    const nameBytes = view.getUint16(offset + 12, true);
    const start = offset + FIXED_BYTES.duplicateIds;
    const address = this.addressAt(start, nameBytes);
    const keys: DuplicateKey[] = [];
    const end = offset + length;
    let at = start + nameBytes;
    let ownIds: number | null = null;
    if (this.flags === OWN_IDS_FLAG) {
      if (at + OWN_IDS_BYTES > end) this.fail('how many ids it remembers is missing');
      ownIds = view.getUint32(at, true);
      if (ownIds === 0) this.fail('an address remembers no ids and has some');
      at += OWN_IDS_BYTES;
    }
    while (at < end) {
      const content = at + DUPLICATE_ID_BYTES;
      const contentEnd = content <= end ? content + view.getUint16(at + 1, true) : content;
      if (contentEnd > end) this.fail('a duplicate id is longer than the record');
      const key = readKey(this.payload[at] as number, this.payload.subarray(content, contentEnd));
      if (key === null) this.fail('a duplicate id is none');
      keys.push(key);
      at = contentEnd;
    }
    this.count = view.getUint32(offset + 8, true);
    if (this.count !== keys.length || this.count === 0) {
      this.fail(`it counts ${this.count} duplicate ids and has ${keys.length}`);
    }
    return { address, keys, ownIds };
  }

  /** Of the kind that the variant says. Many records in a row name the same one. */
  private addressAt(start: number, nameBytes: number): DuplicateAddress {
    const kind = ADDRESS_KIND_NAMES[this.variant];
    if (kind === undefined) this.fail(`no address kind ${this.variant} exists`);
    if (nameBytes === 0) this.fail('an address has no name');
    const name = this.payload.subarray(start, start + nameBytes);
    if (this.variant !== this.lastAddressKind || !isEqual(name, this.lastAddressName)) {
      this.lastAddress = duplicateAddress({ kind, name: this.text(start, nameBytes) });
      this.lastAddressKind = this.variant;
      this.lastAddressName = name.slice();
    } else if (start + nameBytes > this.offset + this.length) {
      this.fail('a name is longer than the record');
    }
    return this.lastAddress;
  }

  readDuplicateLimits(): DuplicateLimits {
    if (this.length !== FIXED_BYTES.duplicateLimits) {
      this.fail('a duplicate-limits record has another length');
    }
    return {
      idsPerAddress: this.view.getUint32(this.offset + 8, true),
      maxBytes: this.wholeNumber(this.offset + 12, 'number of bytes'),
    };
  }

  /** For `stored-entries`: sets `count`, returns the queue's id. */
  readStoredEntries(): number {
    if (this.length < FIXED_BYTES.storedEntries) this.fail('a stored-entries record is too short');
    this.readCount(12, FIXED_BYTES.storedEntries, STORED_ENTRY_BYTES);
    return this.view.getUint32(this.offset + 8, true);
  }

  storedEntryOffset(index: number): number {
    return this.offset + FIXED_BYTES.storedEntries + STORED_ENTRY_BYTES * index;
  }

  /** See `storedTraits`. */
  storedTraitsAt(at: number): number {
    const traits = this.uint16At(at + 34);
    if (!areStoredTraits(traits)) this.fail(`an entry cannot have the flags ${traits}`);
    return traits;
  }

  entryIdAt(at: number): number {
    const id = this.wholeNumber(at, 'entry id');
    if (id === 0) this.fail('an entry id is 0');
    return id;
  }

  /** Whole numbers are stored as doubles: exact up to 2^53, and one instruction to read. */
  wholeNumber(at: number, what: string): number {
    const value = this.view.getFloat64(at, true);
    if (!Number.isSafeInteger(value) || value < 0) this.fail(`${value} cannot be an ${what}`);
    return value;
  }

  uint32At(at: number): number {
    return this.view.getUint32(at, true);
  }

  uint16At(at: number): number {
    return this.view.getUint16(at, true);
  }

  fail(what: string, cause?: unknown): never {
    const { segment, blockOffset } = this;
    throw new HoldfastError(
      'JOURNAL_CORRUPT',
      `The record at byte ${this.offset} of the block at byte ${blockOffset} of segment ${segment} ` +
        `is damaged: ${what}; run "holdfast journal verify" and restore the store from a copy.`,
      { cause },
    );
  }

  private readCount(countAt: number, fixedBytes: number, elementBytes: number): void {
    this.count = this.view.getUint32(this.offset + countAt, true);
    if (fixedBytes + elementBytes * this.count !== this.length) {
      this.fail(`a count of ${this.count} does not fit its length of ${this.length}`);
    }
  }

  private text(at: number, bytes: number): string {
    const end = at + bytes;
    if (end > this.offset + this.length) this.fail('a name is longer than the record');
    try {
      return decoder.decode(this.payload.subarray(at, end));
    } catch (error) {
      return this.fail('a name is not UTF-8', error);
    }
  }
}

function hasFlags(type: number, flags: number): boolean {
  if (type === RECORD_TYPE.duplicateIds) return flags === OWN_IDS_FLAG;
  const isMessage = type === RECORD_TYPE.message || type === RECORD_TYPE.relocated;
  return isMessage && flags <= ALL_MESSAGE_FLAGS;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false;
  return true;
}

const CONTENT_KINDS: ReadonlySet<number> = new Set(Object.values(CONTENT_KIND));

function isContentKind(variant: number): variant is ContentKind {
  return CONTENT_KINDS.has(variant);
}
