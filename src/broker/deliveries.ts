/**
 * What happens to an entry once a consumer has it: acknowledged, given back, removed. The
 * removal of an entry is decided here, and takes effect when its batch is applied.
 */

import { ACKNOWLEDGEMENT } from './api.js';
import type { BatchBuilder, DeliveryNotes } from './batch-builder.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, ENTRY_STATE, NONE } from './message-table.js';
import type { Consumer } from './queue.js';
import { REMOVAL_REASON, type RemovalReason } from './records.js';
import type { BrokerServices } from './services.js';

export class Deliveries implements DeliveryNotes {
  private readonly index: MessageIndex;
  private readonly batches: BatchBuilder;
  private readonly services: BrokerServices;
  /** Deliveries to note in the journal, if they are still unacknowledged when a batch is taken. */
  private noteSlots: number[] = [];
  private noteIds: number[] = [];

  constructor(index: MessageIndex, batches: BatchBuilder, services: BrokerServices) {
    this.index = index;
    this.batches = batches;
    this.services = services;
  }

  /** Moves a ready entry to a consumer; in auto mode it is acknowledged by that. */
  handOver(slot: number, consumer: Consumer): void {
    const { table } = this.index;
    const { queue } = consumer;
    queue.removeReady(slot);
    this.services.counts.delivered += 1;
    queue.counts.delivered += 1;
    if (table.hasFlag(slot, ENTRY_FLAG.redelivered | ENTRY_FLAG.handedOver)) {
      queue.counts.redelivered += 1;
    }
    if (consumer.mode === ACKNOWLEDGEMENT.auto) {
      table.setState(slot, ENTRY_STATE.removing);
      return;
    }
    table.setState(slot, ENTRY_STATE.delivered);
    table.setOwner(slot, consumer.index);
    consumer.delivered.append(slot);
    queue.unacknowledged += 1;
    const flags = table.flagsOf(slot);
    const known = ENTRY_FLAG.redelivered | ENTRY_FLAG.noted | ENTRY_FLAG.volatile;
    table.setFlag(slot, ENTRY_FLAG.handedOver);
    if ((flags & known) !== 0) return;
    table.setFlag(slot, ENTRY_FLAG.noted);
    this.noteSlots.push(slot);
    this.noteIds.push(table.idOf(slot));
  }

  /** Takes a delivered entry away from its consumer; its state is the caller's to set. */
  takeFrom(consumer: Consumer, slot: number): void {
    consumer.delivered.remove(slot);
    consumer.queue.unacknowledged -= 1;
  }

  /** An entry that is in no list and was acknowledged. */
  acknowledged(slot: number): void {
    this.services.counts.acknowledged += 1;
    this.remove(slot, REMOVAL_REASON.acknowledged);
  }

  /** Removes an entry that is in no list: in memory at once, stored ones with their batch. */
  remove(slot: number, reason: RemovalReason): void {
    const { table, queues } = this.index;
    queues.at(table.queueOf(slot)).counts.removed(reason);
    this.index.letGo(slot);
    table.setState(slot, ENTRY_STATE.removing);
    if (table.hasFlag(slot, ENTRY_FLAG.volatile)) this.index.removeEntry(slot);
    else this.batches.addRemoval(reason, table.idOf(slot));
  }

  /** Everything that is delivered to a consumer goes back to its queue. */
  giveBackAll(consumer: Consumer): void {
    const { delivered, queue } = consumer;
    const { table } = this.index;
    let hint = NONE;
    queue.unacknowledged -= delivered.length;
    let slot = delivered.head;
    delivered.clear();
    while (slot !== NONE) {
      const next = table.nextOf(slot);
      this.index.putBack(slot, hint);
      hint = slot;
      slot = next;
    }
  }

  takeInto(into: number[], limit: number): number {
    if (limit <= 0 || this.noteSlots.length === 0) return 0;
    const { table, queues } = this.index;
    let taken = 0;
    let read = 0;
    while (read < this.noteSlots.length && taken < limit) {
      const slot = this.noteSlots[read] as number;
      const id = this.noteIds[read] as number;
      read += 1;
      const state = table.stateOf(slot);
      if (state === ENTRY_STATE.free || table.idOf(slot) !== id) continue;
      if (state === ENTRY_STATE.removing || queues.at(table.queueOf(slot)).removed) continue;
      into[taken] = id;
      taken += 1;
    }
    this.noteSlots = read === this.noteSlots.length ? [] : this.noteSlots.slice(read);
    this.noteIds = read === this.noteIds.length ? [] : this.noteIds.slice(read);
    return taken;
  }

  forgetNotes(): void {
    this.noteSlots = [];
    this.noteIds = [];
  }
}
