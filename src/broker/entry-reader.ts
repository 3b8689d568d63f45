/**
 * Finds and reads the message of an entry, asks a selector about it, and shows it to a consumer. What it read
 * last lies in fields that the next one reuses, so that a delivery allocates nothing; entry-content.ts is for
 * whoever keeps what it reads.
 */

import type { Selector } from '../selector/selector.js';
import {
  CONTENT_KIND,
  type DeliveryView,
  type Destination,
  type HeldBytes,
  inMemory,
} from './api.js';
import type { BlockPosition } from './host.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG } from './message-table.js';
import type { Queue } from './queue.js';
import { RecordReader } from './record-reader.js';
import type { BrokerServices } from './services.js';

const NO_BYTES = new Uint8Array(0);

export class EntryReader {
  private readonly index: MessageIndex;
  private readonly services: BrokerServices;
  /** On the message that was read last. */
  readonly record = new RecordReader();
  /** The block that was asked for last, as long as it is sure to be there. */
  private payload: Uint8Array | undefined;
  private payloadSegment = 0;
  private payloadBlockOffset = 0;
  private readonly view: DeliveryView = {
    entryId: 0,
    destination: { kind: 'queue', name: '' },
    contentKind: CONTENT_KIND.stomp,
    bytes: NO_BYTES,
    headersStart: 0,
    headersEnd: 0,
    bodyStart: 0,
    bodyEnd: 0,
    durable: true,
    priority: 0,
    expiresAtMs: 0,
    timestampMs: 0,
    redelivered: false,
    failedDeliveries: 0,
    hold: () => this.hold(),
  };

  constructor(index: MessageIndex, services: BrokerServices) {
    this.index = index;
    this.services = services;
  }

  /** A block that is at hand anyway. */
  keepBlock(payload: Uint8Array, { segment, blockOffset }: BlockPosition): void {
    this.payload = payload;
    this.payloadSegment = segment;
    this.payloadBlockOffset = blockOffset;
  }

  forgetBlock(): void {
    this.payload = undefined;
  }

  /** Undefined when it has to be loaded. */
  payloadOf(slot: number): Uint8Array | undefined {
    const { table } = this.index;
    if (table.hasFlag(slot, ENTRY_FLAG.volatile)) {
      return this.index.volatile.recordAt(table.blockOffsetOf(slot));
    }
    const segment = table.segmentOf(slot);
    const blockOffset = table.blockOffsetOf(slot);
    if (
      this.payload !== undefined &&
      segment === this.payloadSegment &&
      blockOffset === this.payloadBlockOffset
    ) {
      return this.payload;
    }
    this.payload = this.services.bodies.cached(segment, blockOffset);
    this.payloadSegment = segment;
    this.payloadBlockOffset = blockOffset;
    return this.payload;
  }

  /** Puts `record` on the entry's message. `payload`: as `payloadOf` has just given it. */
  read(slot: number, payload: Uint8Array): void {
    const { table } = this.index;
    const isVolatile = table.hasFlag(slot, ENTRY_FLAG.volatile);
    this.record.open(payload, this.payloadSegment, this.payloadBlockOffset);
    this.record.readHeader(isVolatile ? 0 : table.recordOffsetOf(slot));
    this.record.readMessage();
  }

  /** Of the message that was read last. */
  matches(selector: Selector, slot: number, payload: Uint8Array): boolean {
    const { record } = this;
    const { table } = this.index;
    const propertyOf = this.services.contents.propertiesOf({
      contentKind: record.contentKind,
      headers: payload.subarray(record.headersStart, record.bodyStart),
      body: payload.subarray(record.bodyStart, record.bodyEnd),
      durable: !table.hasFlag(slot, ENTRY_FLAG.volatile),
      priority: record.priority,
      expiresAtMs: record.expiresAtMs,
      timestampMs: record.timestampMs,
      failedDeliveries: table.failedDeliveriesOf(slot),
    });
    return selector.matches(propertyOf);
  }

  /** The message that was read last, as it is before this delivery; good until the next one is shown. */
  show(queue: Queue, slot: number, payload: Uint8Array): DeliveryView {
    const { table } = this.index;
    const { view, record } = this;
    const flags = table.flagsOf(slot);
    view.entryId = table.idOf(slot);
    view.destination = this.destinationFor(queue);
    view.contentKind = record.contentKind;
    view.bytes = payload;
    view.headersStart = record.headersStart;
    view.headersEnd = record.bodyStart;
    view.bodyStart = record.bodyStart;
    view.bodyEnd = record.bodyEnd;
    view.durable = (flags & ENTRY_FLAG.volatile) === 0;
    view.priority = record.priority;
    view.expiresAtMs = record.expiresAtMs;
    view.timestampMs = record.timestampMs;
    view.redelivered = (flags & (ENTRY_FLAG.redelivered | ENTRY_FLAG.handedOver)) !== 0;
    view.failedDeliveries = table.failedDeliveriesOf(slot);
    return view;
  }

  /** Of a subscription to many topics the message says which one it was sent to. */
  private destinationFor({ isPattern, destination }: Queue): Destination {
    const topic = isPattern ? this.record.topic() : null;
    return topic === null ? destination : { kind: 'topic', name: topic };
  }

  /** What is in memory only stays there. */
  private hold(): HeldBytes {
    const { bytes } = this.view;
    if (!this.view.durable) return inMemory(bytes);
    return this.services.bodies.hold(this.payloadSegment, this.payloadBlockOffset, bytes);
  }
}
