/**
 * Hands ready entries to consumers, round robin, in the order of their ids. After every run a
 * queue is empty, or waits for its body to be loaded, or no consumer can take more; that is why a
 * consumer that acknowledges is the only one worth trying then.
 */

import { ACKNOWLEDGEMENT, CONTENT_KIND, type DeliveryView } from './api.js';
import type { Deliveries } from './deliveries.js';
import type { BlockPosition } from './host.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, NONE } from './message-table.js';
import type { Consumer, Queue } from './queue.js';
import { RecordReader } from './record-reader.js';
import { segmentsMissing } from './segments-missing.js';
import type { BrokerServices } from './services.js';

const NO_BYTES = new Uint8Array(0);

export class Dispatcher {
  private readonly index: MessageIndex;
  private readonly deliveries: Deliveries;
  private readonly services: BrokerServices;
  private readonly reader = new RecordReader();
  private paused = false;
  private running = false;
  /** Changes when the node stops serving: loads that were begun before it come to nothing. */
  private tenure = 0;
  /** The block of the last delivery; only valid within one run. */
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
  };

  constructor(index: MessageIndex, deliveries: Deliveries, services: BrokerServices) {
    this.index = index;
    this.deliveries = deliveries;
    this.services = services;
  }

  /** Nothing is delivered any more until the node stops serving. */
  pause(): void {
    this.paused = true;
  }

  stop(): void {
    this.paused = false;
    this.tenure += 1;
  }

  /** Dispatches every queue that got something since the last run, or leaves them for a later one. */
  run(): void {
    if (this.running) return;
    this.running = true;
    try {
      // Delivering may make queues dirty again, also this one.
      for (let queue = this.nextQueue(); queue !== undefined; queue = this.nextQueue()) {
        queue.dirty = false;
        this.dispatch(queue, null);
      }
    } finally {
      this.running = false;
      this.payload = undefined;
    }
  }

  /** As `run`, with the payload of the block that was just committed, which is at hand anyway. */
  runWith(payload: Uint8Array, position: BlockPosition): void {
    this.payload = payload;
    this.payloadSegment = position.segment;
    this.payloadBlockOffset = position.blockOffset;
    this.run();
  }

  /** `consumer` can take something again, which no other consumer of its queue can. */
  runFor(consumer: Consumer): void {
    if (this.running || consumer.queue.dirty) {
      this.index.markDirty(consumer.queue);
      this.run();
      return;
    }
    if (consumer.queue.ready.head === NONE && consumer.queue.draining === 0) return;
    if (!this.services.mayDeliver()) {
      this.index.markDirty(consumer.queue);
      return;
    }
    this.running = true;
    try {
      this.dispatch(consumer.queue, consumer);
    } finally {
      this.running = false;
    }
    // What a session acknowledged from within `deliver` may have made a queue dirty.
    this.run();
  }

  private nextQueue(): Queue | undefined {
    const { dirtyQueues } = this.index;
    return dirtyQueues.length > 0 && this.services.mayDeliver() ? dirtyQueues.pop() : undefined;
  }

  private dispatch(queue: Queue, only: Consumer | null): void {
    if (this.paused) return;
    this.handOut(queue, only);
    if (queue.draining > 0 && !queue.loading) tellDrained(queue);
  }

  private handOut(queue: Queue, only: Consumer | null): void {
    const { table } = this.index;
    while (!queue.loading && queue.ready.head !== NONE) {
      const consumer = only === null ? nextConsumer(queue) : only.canTake() ? only : null;
      if (consumer === null) return;
      const slot = queue.ready.head;
      const expiresAtMs = table.expiresAtMsOf(slot);
      if (expiresAtMs !== 0 && expiresAtMs <= this.services.wallMs()) {
        this.deliveries.expire(slot);
        continue;
      }
      if (table.hasFlag(slot, ENTRY_FLAG.volatile)) {
        this.deliver(consumer, slot, this.index.volatile.recordAt(table.blockOffsetOf(slot)), 0);
        continue;
      }
      const payload = this.payloadOf(slot);
      if (payload === undefined) this.load(queue, slot);
      else this.deliver(consumer, slot, payload, table.recordOffsetOf(slot));
    }
  }

  private payloadOf(slot: number): Uint8Array | undefined {
    const { table } = this.index;
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

  /** One load per queue at a time; dispatch goes on in its callback, so order is kept. */
  private load(queue: Queue, slot: number): void {
    const { table } = this.index;
    const id = table.idOf(slot);
    const segment = table.segmentOf(slot);
    const blockOffset = table.blockOffsetOf(slot);
    const { tenure } = this;
    queue.loading = true;
    this.services.bodies.load(segment, blockOffset, () => {
      if (tenure !== this.tenure) return;
      queue.loading = false;
      // The entry may be gone by now, or relocated, and the segment with the old block deleted.
      const isStillThere =
        table.find(id) === slot &&
        table.segmentOf(slot) === segment &&
        table.blockOffsetOf(slot) === blockOffset;
      if (isStillThere && this.services.bodies.cached(segment, blockOffset) === undefined) {
        throw segmentsMissing([segment]);
      }
      this.index.markDirty(queue);
      this.run();
    });
  }

  private deliver(consumer: Consumer, slot: number, payload: Uint8Array, offset: number): void {
    const { table } = this.index;
    const { view, reader } = this;
    reader.open(payload, this.payloadSegment, this.payloadBlockOffset);
    reader.readHeader(offset);
    reader.readMessage();
    const flags = table.flagsOf(slot);
    view.entryId = table.idOf(slot);
    view.destination = consumer.queue.destination;
    view.contentKind = reader.contentKind;
    view.bytes = payload;
    view.headersStart = reader.headersStart;
    view.headersEnd = reader.bodyStart;
    view.bodyStart = reader.bodyStart;
    view.bodyEnd = reader.bodyEnd;
    view.durable = (flags & ENTRY_FLAG.volatile) === 0;
    view.priority = reader.priority;
    view.expiresAtMs = reader.expiresAtMs;
    view.timestampMs = reader.timestampMs;
    view.redelivered = (flags & (ENTRY_FLAG.redelivered | ENTRY_FLAG.handedOver)) !== 0;
    view.failedDeliveries = table.failedDeliveriesOf(slot);
    consumer.credit -= 1;
    this.deliveries.handOver(slot, consumer);
    consumer.client.events.deliver(consumer, view);
    if (consumer.mode === ACKNOWLEDGEMENT.auto) this.deliveries.acknowledged(slot);
  }
}

/** A consumer that could take more, if its socket took it, is told later. */
function tellDrained(queue: Queue): void {
  for (const consumer of queue.consumers) {
    const { onDrained } = consumer;
    if (onDrained === null) continue;
    const isFull = consumer.credit <= 0 || consumer.delivered.length >= consumer.prefetch;
    if (queue.ready.head !== NONE && !isFull) continue;
    consumer.onDrained = null;
    queue.draining -= 1;
    onDrained();
  }
}

/** The next consumer in turn that can take a message, or null. */
function nextConsumer(queue: Queue): Consumer | null {
  const { consumers } = queue;
  const count = consumers.length;
  for (let tried = 0; tried < count; tried += 1) {
    if (queue.nextConsumer >= count) queue.nextConsumer = 0;
    const consumer = consumers[queue.nextConsumer] as Consumer;
    queue.nextConsumer += 1;
    if (consumer.canTake()) return consumer;
  }
  return null;
}
