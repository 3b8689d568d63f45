/**
 * What is stored: queues and their entries, each in its list, its heaps and its sums. What the journal says comes
 * through record-applier.ts; only what the live node alone knows (who has a delivery, what is being
 * removed) is set by others.
 */

import type { AddressRules } from './address-settings.js';
import { ArrivalTimes } from './arrival-times.js';
import { ArrivingDuplicates } from './arriving-duplicates.js';
import { DeliveryTimes } from './delivery-times.js';
import { DuplicateWindows } from './duplicate-windows.js';
import type { SegmentUsage } from './host.js';
import { groupIn } from './message-groups.js';
import { ENTRY_FLAG, ENTRY_STATE, MessageTable, NONE } from './message-table.js';
import type { Queue } from './queue.js';
import { QueueRegistry } from './queue-registry.js';
import type { EntryTraits } from './records.js';
import { TimeHeap } from './time-heap.js';
import { VolatileMessages } from './volatile-messages.js';

export class MessageIndex {
  readonly table = new MessageTable();
  readonly queues: QueueRegistry;
  readonly volatile = new VolatileMessages();
  readonly duplicates = new DuplicateWindows();
  readonly arrivingDuplicates = new ArrivingDuplicates();
  readonly expiry = new TimeHeap((id) => this.shallStayInHeap(id));
  readonly deliveryTimes = new DeliveryTimes(this.table);
  readonly arrivals = new ArrivalTimes();
  /** Entries and bytes in all queues, with those in memory only. */
  messages = 0;
  bytes = 0;
  /** Taken from producers by this node, but in batches that are not applied yet. */
  arrivingMessages = 0;
  arrivingBytes = 0;
  arrivingMemoryBytes = 0;
  highestEntryId = 0;
  reservedEntryIds = 0;
  /** Queues with consumers that got something to deliver. */
  readonly dirtyQueues: Queue[] = [];

  private readonly usage: SegmentUsage;

  constructor(usage: SegmentUsage, rules: AddressRules) {
    this.usage = usage;
    this.queues = new QueueRegistry(this.table, rules);
  }

  /** Counts what was taken for a queue and is in a batch, or takes it off when it was applied. */
  arrive(queue: Queue, messages: number, bytes: number): void {
    queue.arrivingMessages += messages;
    if (messages > 0) queue.counts.arrived += messages;
    queue.arrivingBytes += bytes;
    this.arrivingMessages += messages;
    this.arrivingBytes += bytes;
  }

  /** An entry whose bytes are in memory only. */
  addVolatile(
    id: number,
    queue: Queue,
    place: number,
    bytes: number,
    { priority, expiresAtMs, deliverAtMs, group }: EntryTraits,
  ): void {
    const slot = this.table.allocate(id);
    this.table.setFlag(slot, ENTRY_FLAG.volatile);
    this.table.setPlace(slot, 0, place, 0, bytes);
    this.table.setPriority(slot, priority);
    if (group !== 0) this.table.setGroup(slot, groupIn(group));
    this.enter(slot, queue, expiresAtMs);
    if (deliverAtMs > 0) this.scheduleAsSent(slot, deliverAtMs);
  }

  /** Frees an entry. It must be in no list but its queue's. */
  removeEntry(slot: number): void {
    const { table } = this;
    const queue = this.queues.at(table.queueOf(slot));
    if (table.stateOf(slot) === ENTRY_STATE.ready) queue.removeReady(slot);
    this.letGo(slot);
    if (table.groupOf(slot) !== 0) queue.groupedMessages -= 1;
    this.deliveryTimes.forget(slot);
    this.leaveSchedule(slot, queue);
    const bytes = table.bytesOf(slot);
    queue.messages -= 1;
    queue.bytes -= bytes;
    this.messages -= 1;
    this.bytes -= bytes;
    if (table.hasFlag(slot, ENTRY_FLAG.volatile)) this.volatile.release(table.blockOffsetOf(slot));
    else this.usage.release(table.segmentOf(slot), bytes);
    table.release(slot);
  }

  /** The message of an entry lies elsewhere from now on. */
  relocate(
    slot: number,
    segment: number,
    blockOffset: number,
    recordOffset: number,
    bytes: number,
  ): void {
    const { table, usage } = this;
    const more = bytes - table.bytesOf(slot);
    usage.release(table.segmentOf(slot), table.bytesOf(slot));
    usage.retain(segment, bytes);
    table.setPlace(slot, segment, blockOffset, recordOffset, bytes);
    this.queues.at(table.queueOf(slot)).bytes += more;
    this.bytes += more;
  }

  /** Takes a ready entry, or one that is in no list, out of sight until `timeMs`. */
  delay(slot: number, timeMs: number): void {
    const { table } = this;
    this.takeOut(slot);
    this.letGo(slot);
    this.queues.at(table.queueOf(slot)).delayedBytes += table.bytesOf(slot);
    table.setState(slot, ENTRY_STATE.scheduled);
    table.setOwner(slot, NONE);
    this.deliveryTimes.wait(slot, timeMs);
  }

  /** As `delay`, of an entry that failed: what else is of its message group waits with it. */
  delayAttempt(slot: number, timeMs: number): void {
    const group = this.table.groupOf(slot);
    const { groups } = this.queues.at(this.table.queueOf(slot));
    if (group === 0 || groups === null) {
      this.delay(slot, timeMs);
      return;
    }
    groups.wait(group);
    this.delay(slot, timeMs);
    this.table.setFlag(slot, ENTRY_FLAG.triesAgain);
  }

  /** As consumers are told. */
  mayHaveBeenDelivered(slot: number): boolean {
    return (this.table.flagsOf(slot) & (ENTRY_FLAG.redelivered | ENTRY_FLAG.handedOver)) !== 0;
  }

  /** An entry that is ready, or waits for its time, does neither any more; its state is the caller's to set. */
  takeOut(slot: number): void {
    const queue = this.queues.at(this.table.queueOf(slot));
    if (this.table.stateOf(slot) === ENTRY_STATE.ready) queue.removeReady(slot);
    else this.leaveSchedule(slot, queue);
  }

  /** Puts back what is due. */
  releaseDue(nowMs: number): void {
    let hint = NONE;
    for (
      let slot = this.deliveryTimes.takeDue(nowMs);
      slot !== NONE;
      slot = this.deliveryTimes.takeDue(nowMs)
    ) {
      const isSameQueue = hint !== NONE && this.table.queueOf(hint) === this.table.queueOf(slot);
      this.putBack(slot, isSameQueue ? hint : NONE);
      hint = slot;
    }
  }

  /** Puts an entry back into its queue where it belongs. `hint`: see ReadyList.insert. */
  putBack(slot: number, hint: number): void {
    const { table } = this;
    const queue = this.queues.at(table.queueOf(slot));
    const priority = table.priorityOf(slot);
    const isSamePriority = hint !== NONE && table.priorityOf(hint) === priority;
    this.leaveSchedule(slot, queue);
    this.letGo(slot);
    table.setState(slot, ENTRY_STATE.ready);
    table.setOwner(slot, NONE);
    queue.putBack(slot, isSamePriority ? hint : this.lastPutBack(queue, priority));
    queue.lastPutBack[priority] = slot;
    this.watchExpiry(slot);
    this.markDirty(queue);
  }

  /** What goes back one after the other belongs side by side: to search for each place anew would take its square. */
  private lastPutBack(queue: Queue, priority: number): number {
    const slot = queue.lastPutBack[priority] as number;
    if (slot === NONE || this.table.stateOf(slot) !== ENTRY_STATE.ready) return NONE;
    return this.table.queueOf(slot) === queue.index ? slot : NONE;
  }

  /** Frees all entries of a queue, and the queue. */
  removeQueue(queue: Queue): void {
    while (queue.ready.head !== NONE) this.removeEntry(queue.ready.head);
    if (queue.messages > 0) {
      // The rest is in transactions or on its way to a dead-letter queue: rare, so a scan will do.
      for (let slot = 0; slot < this.table.slotLimit; slot += 1) {
        const exists = this.table.stateOf(slot) !== ENTRY_STATE.free;
        if (exists && this.table.queueOf(slot) === queue.index) this.removeEntry(slot);
      }
    }
    if (!queue.removed) this.queues.unpublish(queue);
    this.queues.discard(queue);
  }

  markDirty(queue: Queue): void {
    if (queue.dirty || queue.consumers.length === 0) return;
    queue.dirty = true;
    this.dirtyQueues.push(queue);
  }

  /** Its sender wants it delivered at `deliverAtMs`. */
  scheduleAsSent(slot: number, deliverAtMs: number): void {
    this.deliveryTimes.setBySender(slot, deliverAtMs);
    this.delay(slot, deliverAtMs);
  }

  /** Of a message group, before an entry leaves its consumer or its transaction for good, or is done waiting. */
  letGo(slot: number): void {
    const { table } = this;
    const group = table.groupOf(slot);
    if (group === 0) return;
    const queue = this.queues.at(table.queueOf(slot));
    const { groups } = queue;
    if (groups === null) return;
    if (table.hasFlag(slot, ENTRY_FLAG.triesAgain)) {
      table.clearFlag(slot, ENTRY_FLAG.triesAgain);
      if (groups.waited(group)) this.markDirty(queue);
      return;
    }
    const state = table.stateOf(slot);
    if (state !== ENTRY_STATE.delivered && state !== ENTRY_STATE.inTransaction) return;
    if (groups.letGo(group)) this.markDirty(queue);
  }

  /** To be called before the state of an entry changes that may wait for its time. */
  private leaveSchedule(slot: number, queue: Queue): void {
    if (this.table.stateOf(slot) !== ENTRY_STATE.scheduled) return;
    queue.delayedBytes -= this.table.bytesOf(slot);
  }

  /** Puts an entry whose place, priority and group are set into its queue. */
  enter(slot: number, queue: Queue, expiresAtMs: number): void {
    const { table } = this;
    const bytes = table.bytesOf(slot);
    table.setQueue(slot, queue.index);
    table.setExpiresAtMs(slot, expiresAtMs);
    queue.arrive(slot);
    if (table.groupOf(slot) !== 0) queue.groupedMessages += 1;
    queue.messages += 1;
    queue.bytes += bytes;
    this.messages += 1;
    this.bytes += bytes;
    if (expiresAtMs > 0) this.watchExpiry(slot);
    if (!queue.dirty) this.markDirty(queue);
  }

  private watchExpiry(slot: number): void {
    const { table } = this;
    const expiresAtMs = table.expiresAtMsOf(slot);
    if (expiresAtMs === 0 || table.hasFlag(slot, ENTRY_FLAG.inExpiryHeap)) return;
    table.setFlag(slot, ENTRY_FLAG.inExpiryHeap);
    this.expiry.push(expiresAtMs, table.idOf(slot));
  }

  private shallStayInHeap(id: number): boolean {
    const slot = this.table.find(id);
    return slot !== NONE && this.table.hasFlag(slot, ENTRY_FLAG.inExpiryHeap);
  }
}
