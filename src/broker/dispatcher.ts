/**
 * Hands ready entries to consumers, round robin, by priority and in the order of arrival. After every run a
 * queue has nothing more for each consumer, or waits for a body to be loaded, or the consumer can
 * take no more; that is why a consumer that acknowledges is the only one worth trying then.
 */

import type { Selector } from '../selector/selector.js';
import { ACKNOWLEDGEMENT } from './api.js';
import type { Deliveries } from './deliveries.js';
import { loadPayload } from './entry-content.js';
import { EntryReader } from './entry-reader.js';
import type { BlockPosition } from './host.js';
import type { MessageIndex } from './message-index.js';
import type { MessageMover } from './message-mover.js';
import { ENTRY_FLAG, NONE } from './message-table.js';
import type { Consumer, Queue } from './queue.js';
import type { Scan } from './scan.js';
import type { BrokerServices } from './services.js';

/** Entries that consumers are asked about in one turn of the event loop: others have theirs meanwhile. */
const LOOKS_PER_TURN = 100;
/** Of an entry that is passed over unread, for its message group is another consumer's. */
const PASSING_COST = 1 / 50;
/** How far behind an entry the next block is looked for. */
const MOST_ENTRIES_AHEAD = 2_000;
const BYTES_PER_LOOK = 4_096;
const HIGHEST_LOOK_COST = 50;

export class Dispatcher {
  private readonly index: MessageIndex;
  private readonly deliveries: Deliveries;
  private readonly mover: MessageMover;
  private readonly services: BrokerServices;
  private readonly entries: EntryReader;
  private paused = false;
  private running = false;
  /** Changes when the node stops serving: loads that were begun before it come to nothing. */
  private tenure = 0;
  /** How many more entries may be looked at in this turn. */
  private looksLeft = LOOKS_PER_TURN;
  /** What was left to look at for the next turn. */
  private readonly unlooked = new Set<Queue>();
  constructor(parts: {
    readonly index: MessageIndex;
    readonly deliveries: Deliveries;
    readonly mover: MessageMover;
    readonly services: BrokerServices;
  }) {
    this.index = parts.index;
    this.deliveries = parts.deliveries;
    this.mover = parts.mover;
    this.services = parts.services;
    this.entries = new EntryReader(parts.index, parts.services);
  }

  /** Nothing is delivered any more until the node stops serving. */
  pause(): void {
    this.paused = true;
  }

  stop(): void {
    this.paused = false;
    this.tenure += 1;
    this.unlooked.clear();
    this.looksLeft = LOOKS_PER_TURN;
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
      // Valid within one run only.
      this.entries.forgetBlock();
    }
  }

  /** As `run`, with the payload of the block that was just committed, which is at hand anyway. */
  runWith(payload: Uint8Array, position: BlockPosition): void {
    this.entries.keepBlock(payload, position);
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
    if (queue.groupedMessages > 0 && queue.groups === null) queue.startGrouping();
    if (queue.isScanned) this.handOutWanted(queue, only);
    else this.handOut(queue, only);
    if (queue.draining > 0) tellDrained(queue);
  }

  private handOut(queue: Queue, only: Consumer | null): void {
    while (!queue.loading && queue.ready.head !== NONE) {
      const consumer = only === null ? nextConsumer(queue) : only.canTake() ? only : null;
      if (consumer === null) return;
      this.handOutHead(queue, consumer);
    }
  }

  /** Some consumers do not want everything: each in turn gets the next one that it wants, until a round brought nothing. */
  private handOutWanted(queue: Queue, only: Consumer | null): void {
    if (only !== null) {
      while (only.canTake() && this.handOutNext(queue, only));
      return;
    }
    for (let idle = 0; idle < queue.consumers.length; ) {
      const consumer = inTurn(queue);
      const hasGot = consumer.canTake() && this.handOutNext(queue, consumer);
      idle = hasGot ? 0 : idle + 1;
    }
  }

  /** False when there is nothing for the consumer now. */
  private handOutNext(queue: Queue, consumer: Consumer): boolean {
    if (consumer.scan !== null) return this.lookOn(queue, consumer, consumer.scan);
    if (queue.loading || queue.ready.head === NONE) return false;
    this.handOutHead(queue, consumer);
    return true;
  }

  /** The first entry that is ready goes to the consumer, or is loaded for it, or has expired. */
  private handOutHead(queue: Queue, consumer: Consumer): void {
    const slot = queue.ready.head;
    if (this.expires(slot)) return;
    const payload = this.entries.payloadOf(slot);
    if (payload === undefined) {
      queue.loading = true;
      this.load(queue, slot, () => {
        queue.loading = false;
      });
      return;
    }
    this.entries.read(slot, payload);
    this.deliver(consumer, slot, payload);
  }

  /** Looks for the next entry that the consumer wants; false when it has not got one. */
  private lookOn(queue: Queue, consumer: Consumer, scan: Scan): boolean {
    while (!scan.isLoading) {
      const slot = scan.next();
      if (slot === NONE) return false;
      if (this.looksLeft <= 0) {
        this.lookLater(queue);
        return false;
      }
      if (this.expires(slot)) continue;
      const claim = this.claimOn(consumer, slot);
      if (claim === 'refused') {
        this.passOver(consumer, slot, scan);
        continue;
      }
      const payload = this.entries.payloadOf(slot);
      if (payload === undefined) {
        scan.isLoading = true;
        this.load(queue, slot, () => {
          scan.isLoading = false;
        });
        return false;
      }
      this.readAhead(scan, slot);
      this.entries.read(slot, payload);
      if (consumer.selector !== null || consumer.isBrowser || claim !== null) {
        this.looksLeft -= lookCost(this.entries.record.length);
      }
      if (claim !== null && this.entries.matches(claim, slot, payload)) {
        this.passOver(consumer, slot, scan);
        continue;
      }
      scan.passed(slot);
      if (consumer.selector !== null && !this.entries.matches(consumer.selector, slot, payload))
        continue;
      this.deliver(consumer, slot, payload);
      return true;
    }
    return false;
  }

  /** While one block is looked through, the next one is loaded. */
  private readAhead(scan: Scan, slot: number): void {
    const { table } = this.index;
    if (table.hasFlag(slot, ENTRY_FLAG.volatile)) return;
    const segment = table.segmentOf(slot);
    const offset = table.blockOffsetOf(slot);
    if (!scan.entersBlock(segment, offset)) return;
    let next = table.nextOf(slot);
    for (let step = 0; next !== NONE && step < MOST_ENTRIES_AHEAD; step += 1) {
      const nextSegment = table.segmentOf(next);
      const nextOffset = table.blockOffsetOf(next);
      const isOther = nextSegment !== segment || nextOffset !== offset;
      if (isOther && !table.hasFlag(next, ENTRY_FLAG.volatile)) {
        const { bodies } = this.services;
        if (bodies.cached(nextSegment, nextOffset) === undefined) {
          bodies.load(nextSegment, nextOffset, () => undefined);
        }
        return;
      }
      next = table.nextOf(next);
    }
  }

  /**
   * Whether an entry is another consumer's because of its message group: null when it is not, else the
   * selector that it has to match for that, if there is one.
   */
  private claimOn(consumer: Consumer, slot: number): Selector | 'refused' | null {
    const group = this.index.table.groupOf(slot);
    const { groups } = consumer.queue;
    if (group === 0 || groups === null || consumer.isBrowser) return null;
    if (groups.mayTake(group, consumer)) return null;
    const owner = groups.ownerOf(group);
    return owner === null || owner === consumer ? 'refused' : (owner.selector ?? 'refused');
  }

  private passOver({ queue }: Consumer, slot: number, scan: Scan): void {
    scan.passed(slot);
    queue.groups?.passOver(this.index.table.groupOf(slot), slot);
    this.looksLeft -= PASSING_COST;
  }

  /** The rest of what is to be looked at waits for the next turn, so that nobody else does. */
  private lookLater(queue: Queue): void {
    const isFirst = this.unlooked.size === 0;
    this.unlooked.add(queue);
    if (!isFirst) return;
    const { tenure } = this;
    this.services.later(() => {
      if (tenure !== this.tenure) return;
      this.looksLeft = LOOKS_PER_TURN;
      for (const waiting of this.unlooked) this.index.markDirty(waiting);
      this.unlooked.clear();
      this.run();
    });
  }

  private expires(slot: number): boolean {
    const expiresAtMs = this.index.table.expiresAtMsOf(slot);
    if (expiresAtMs === 0 || expiresAtMs > this.services.wallMs()) return false;
    this.mover.expire(slot);
    return true;
  }

  /** One load per queue, or per scan, at a time; dispatch goes on when it is `done`, so order is kept. */
  private load(queue: Queue, slot: number, done: () => void): void {
    const { tenure } = this;
    const loaded = (): void => {
      done();
      this.index.markDirty(queue);
      this.run();
    };
    loadPayload(this.index, this.services, slot, loaded, () => tenure !== this.tenure);
  }

  /** The message has just been read. */
  private deliver(consumer: Consumer, slot: number, payload: Uint8Array): void {
    const view = this.entries.show(consumer.queue, slot, payload);
    const { group } = this.entries.record;
    consumer.credit -= 1;
    if (consumer.isBrowser) {
      consumer.client.events.deliver(consumer, view);
      return;
    }
    if (group !== 0) this.takeGroup(consumer, slot, group);
    this.deliveries.handOver(slot, consumer);
    consumer.client.events.deliver(consumer, view);
    if (consumer.mode === ACKNOWLEDGEMENT.auto) this.deliveries.acknowledged(slot);
  }

  /** What is acknowledged by being delivered holds its group up no longer. */
  private takeGroup(consumer: Consumer, slot: number, mark: number): void {
    const { queue, mode } = consumer;
    const isHeld = mode !== ACKNOWLEDGEMENT.auto;
    const isFree = queue.groups?.take(mark, slot, consumer, isHeld) ?? false;
    if (isFree) this.index.markDirty(queue);
  }
}

/** A consumer that could take more, if its socket took it, is told later. */
function tellDrained(queue: Queue): void {
  for (const consumer of queue.consumers) {
    const { onDrained } = consumer;
    if (onDrained === null) continue;
    const isFull = consumer.credit <= 0 || consumer.delivered.length >= consumer.prefetch;
    if (!isFull && hasMoreFor(queue, consumer)) continue;
    consumer.onDrained = null;
    queue.draining -= 1;
    onDrained();
  }
}

/** One, and more for a large message, whose properties may take long to decode. */
function lookCost(recordBytes: number): number {
  return Math.min(1 + Math.floor(recordBytes / BYTES_PER_LOOK), HIGHEST_LOOK_COST);
}

/** Whether something is there for it, or may be: what was not looked at yet, or is being loaded. */
function hasMoreFor(queue: Queue, { scan, isBrowser }: Consumer): boolean {
  if (queue.isPaused && !isBrowser) return false;
  return scan === null ? queue.ready.head !== NONE : scan.isLoading || scan.next() !== NONE;
}

/** The next consumer in turn that can take a message, or null. */
function nextConsumer(queue: Queue): Consumer | null {
  for (let left = queue.consumers.length; left > 0; left -= 1) {
    const consumer = inTurn(queue);
    if (consumer.canTake()) return consumer;
  }
  return null;
}

/** Of at least one. */
function inTurn(queue: Queue): Consumer {
  const { consumers } = queue;
  if (queue.nextConsumer >= consumers.length) queue.nextConsumer = 0;
  const consumer = consumers[queue.nextConsumer] as Consumer;
  queue.nextConsumer += 1;
  return consumer;
}
