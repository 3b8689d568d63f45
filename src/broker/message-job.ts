/**
 * One operator's order for many messages of a queue: purge, expire, move, copy, retry. It goes in slices, each
 * begun when the one before is on stable storage and owned, so that a million messages take neither the
 * time nor the memory of others. A takeover in the middle leaves each message where it was, or done.
 */

import { HoldfastError } from '../platform/errors.js';
import { type Destination, TEMPORARY_PREFIX } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Client } from './client.js';
import type { Deliveries } from './deliveries.js';
import { type EntryContent, selectableOf } from './entry-content.js';
import type { FlowControl } from './flow-control.js';
import type {
  ActionOutcome,
  Ending,
  MessageAction,
  MessageCopy,
  MessageSelection,
} from './management-api.js';
import type { MessageIndex } from './message-index.js';
import { MessageMover } from './message-mover.js';
import { ENTRY_STATE, NONE } from './message-table.js';
import { MessageWalk } from './message-walk.js';
import type { Publisher } from './publisher.js';
import type { Queue } from './queue.js';
import type { QueueCreator } from './queue-creator.js';
import {
  contentBytes,
  FIXED_BYTES,
  MESSAGE_TARGET_BYTES,
  REMOVAL_REASON,
  removalBytes,
} from './records.js';
import type { BrokerServices } from './services.js';

const MESSAGES_PER_SLICE = 1_000;
const BYTES_PER_SLICE = 1024 * 1024;
/** More would make an answer that nobody reads. */
const COPIES_TOLD = 1_000;

const WITH_OTHERS = 'Consumers or transactions have some of them.';
const NO_DESTINATION = 'Some do not say where they were sent first.';

export interface JobParts {
  readonly index: MessageIndex;
  readonly batches: BatchBuilder;
  readonly flow: FlowControl;
  readonly creator: QueueCreator;
  readonly publisher: Publisher;
  readonly deliveries: Deliveries;
  readonly mover: MessageMover;
  readonly services: BrokerServices;
}

export interface JobOptions {
  readonly parts: JobParts;
  /** In whose name it waits for confirmations: its tokens are callbacks. */
  readonly client: Client;
  readonly queue: Queue;
  readonly action: MessageAction;
  readonly selection: MessageSelection;
  readonly ending: Ending<ActionOutcome>;
}

export class MessageJob {
  private readonly options: JobOptions;
  private readonly upTo: number;
  private readonly walk: MessageWalk;
  /** Null until it is known: it exists, or is made, when the job begins. */
  private target: Queue | null = null;
  private after: number;
  private done = 0;
  private skipped = 0;
  private readonly copies: MessageCopy[] = [];
  private sliceMessages = 0;
  private sliceBytes = 0;
  private reason: string | null = null;
  /** For want of room nothing more can be done. */
  private isBlocked = false;
  private isOver = false;

  constructor(options: JobOptions) {
    const { parts, queue, selection } = options;
    const { index, publisher, services } = parts;
    this.options = options;
    this.after = selection.after;
    this.upTo = selection.upTo ?? publisher.upcomingEntryId - 1;
    const isOver = (): boolean => this.isOver;
    const meant = { ...selection, upTo: this.upTo };
    this.walk = new MessageWalk({ index, services, queue, ...meant, isOver });
  }

  /** Throws when the target is none. */
  start(): void {
    const { action, queue, selection } = this.options;
    if (action.kind === 'move' || action.kind === 'copy') {
      this.target = this.targetOf({ kind: 'queue', name: action.to });
      if (this.target === queue) {
        throw refusal(`Queue "${action.to}" is the one that they are in; name another.`);
      }
    }
    if (selection.ids === null) this.nextPortion();
    else this.later();
  }

  /** The node does not serve any more: what was confirmed is done, of the rest nothing is known. */
  stop(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.options.ending.failed(error);
  }

  private nextPortion(): void {
    this.walk.nextPortion((isEnd) => {
      if (isEnd) this.finish(true);
      else this.later();
    });
  }

  private later(): void {
    this.options.parts.services.later(() => this.guarded(() => this.runSlice()));
  }

  /** What an operator's order cannot do ends the order, and nothing else. */
  private guarded(task: () => void): void {
    if (this.isOver) return;
    try {
      task();
    } catch (error) {
      const isRefused = error instanceof HoldfastError && error.code !== 'JOURNAL_CORRUPT';
      if (!isRefused) throw error;
      this.stop(error);
    }
  }

  private runSlice(): void {
    const { parts, queue, selection } = this.options;
    const { walk, target } = this;
    if (queue.removed) throw gone(queue);
    if (target?.removed) throw gone(target);
    // What only removes needs no room.
    if (this.writesMessages && parts.flow.resumesWithRoom(() => this.later())) return;
    for (let id = walk.id; id !== undefined; id = walk.step()) {
      if (this.done >= selection.limit) break;
      if (this.sliceMessages >= MESSAGES_PER_SLICE || this.sliceBytes >= BYTES_PER_SLICE) {
        this.confirmThen(() => this.later());
        return;
      }
      const slot = walk.slotOf(id);
      if (slot !== NONE && !this.handle(slot)) return;
      if (this.isBlocked) {
        this.finish(false);
        return;
      }
      this.after = id;
      this.sliceMessages += 1;
    }
    if (this.done >= selection.limit) this.finish(false);
    else this.nextPortion();
  }

  /** False when its bytes have to be loaded first: then it is tried again. */
  private handle(slot: number): boolean {
    const { walk } = this;
    if (this.options.selection.selector === null && !this.writesMessages) {
      this.apply(slot, null);
      return true;
    }
    const content = walk.read(slot, () => this.guarded(() => this.runSlice()));
    if (content === undefined) return false;
    this.sliceBytes += walk.reader.length;
    if (walk.isWanted(slot, content)) this.apply(slot, content);
    return true;
  }

  /** So it has to read them, and not only their ids. */
  private get writesMessages(): boolean {
    const { action, queue } = this.options;
    if (action.kind === 'purge') return false;
    return action.kind !== 'expire' || MessageMover.keepsExpired(queue);
  }

  private apply(slot: number, content: EntryContent | null): void {
    const { parts, action } = this.options;
    const state = parts.index.table.stateOf(slot);
    const isFree = state === ENTRY_STATE.ready || state === ENTRY_STATE.scheduled;
    const mayBeDone = isFree || action.kind === 'copy' || this.leave(WITH_OTHERS);
    if (mayBeDone && this.carryOut(slot, content)) this.done += 1;
    else if (!this.isBlocked) this.skipped += 1;
  }

  private carryOut(slot: number, content: EntryContent | null): boolean {
    const { parts, action, queue } = this.options;
    const { index, deliveries } = parts;
    switch (action.kind) {
      case 'purge':
        index.takeOut(slot);
        deliveries.remove(slot, REMOVAL_REASON.purged);
        break;
      case 'expire':
        if (!this.expire(slot, content)) return false;
        break;
      case 'retry':
        if (!this.retry(slot, content as EntryContent)) return false;
        break;
      case 'move':
        if (!this.findRoom(this.target as Queue)) return false;
        this.move(slot, this.target as Queue, content as EntryContent);
        break;
      case 'copy':
        if (!this.findRoom(this.target as Queue)) return false;
        this.copy(slot, this.target as Queue, content as EntryContent);
    }
    // Somebody may wait to hear that it has become empty.
    if (queue.draining > 0) index.markDirty(queue);
    return true;
  }

  /** As if its time had come, so that no full queue refuses it. */
  private expire(slot: number, content: EntryContent | null): boolean {
    const { mover, flow } = this.options.parts;
    if (content === null || !this.writesMessages) {
      mover.expire(slot);
      return true;
    }
    const why = flow.whyNodeHolds();
    if (why !== null) return this.block(why);
    mover.expireNow(slot, content);
    return true;
  }

  /** Back to where it was sent; false when it says no such place, or it is full, or nobody there would get it. */
  private retry(slot: number, content: EntryContent): boolean {
    const { parts, queue, action } = this.options;
    const { contentKind, headers } = content.message;
    const original = parts.services.contents.originalDestination(contentKind, headers);
    if (original === null || original.name.startsWith(TEMPORARY_PREFIX))
      return this.leave(NO_DESTINATION);
    if (action.kind === 'retry' && !action.mayGoTo(original)) {
      return this.leave(
        `Some were sent to ${original.kind} "${original.name}", where you may not send.`,
      );
    }
    if (original.kind === 'topic') return this.publishAgain(slot, original, content);
    const target = this.targetOf(original);
    if (target === queue) return this.leave(NO_DESTINATION);
    if (!this.hasRoom(target)) return false;
    this.move(slot, target, content);
    return true;
  }

  private move(slot: number, target: Queue, content: EntryContent): void {
    const { index, mover } = this.options.parts;
    const id = index.table.idOf(slot);
    index.takeOut(slot);
    this.tell(id, mover.moveTo(target, slot, content, REMOVAL_REASON.purged), target);
  }

  private copy(slot: number, target: Queue, content: EntryContent): void {
    const { index, publisher } = this.options.parts;
    const { message, timestampMs, durable } = content;
    const copyId = publisher.publishTo(target, message, timestampMs, durable);
    this.tell(index.table.idOf(slot), copyId, target);
  }

  /** To everybody who is subscribed now, in one batch with its removal; there must be one who keeps it. */
  private publishAgain(slot: number, destination: Destination, content: EntryContent): boolean {
    const { parts, client } = this.options;
    const { index, batches, publisher, deliveries, services } = parts;
    const subscribed = index.queues.subscribedTo(destination.name);
    const selectable = selectableOf(index, slot, content);
    const propertyOf = () => services.contents.propertiesOf(selectable);
    const keeping = subscribed.filter(
      ({ stored, filter }) =>
        stored !== null && (filter === null || filter.lets(client.clientId, propertyOf)),
    );
    if (keeping.length === 0) {
      return this.leave(
        `No durable subscription to topic "${destination.name}" wants some of them.`,
      );
    }
    if (!keeping.every((queue) => this.hasRoom(queue))) return false;
    const message = { ...content.message, topic: destination.name };
    const targets = MESSAGE_TARGET_BYTES * subscribed.length;
    const bytes = contentBytes(message) + targets + removalBytes(true, 1);
    batches.reserve(bytes + FIXED_BYTES.entryIdsReserved);
    const { durable } = content;
    publisher.publish(client, { ...content.message, destination, durable, duplicateId: null });
    index.takeOut(slot);
    deliveries.remove(slot, REMOVAL_REASON.purged);
    return true;
  }

  /** What has one target for all messages is over when that is full. */
  private findRoom(target: Queue): boolean {
    const why = this.whyNoRoom(target);
    return why === null || this.block(why);
  }

  /** One that is full does not keep others from getting theirs. */
  private hasRoom(target: Queue): boolean {
    const why = this.whyNoRoom(target);
    if (why === null) return true;
    return this.options.parts.flow.isHeldByNode ? this.block(why) : this.leave(why);
  }

  /** An order puts nothing into what is full, whatever else would become of the message there. */
  private whyNoRoom(target: Queue): string | null {
    const { parts, action } = this.options;
    return parts.flow.whyNoRoom(target, action.kind === 'copy');
  }

  private leave(reason: string): false {
    this.reason ??= reason;
    return false;
  }

  private block(reason: string): false {
    this.reason = reason;
    this.isBlocked = true;
    return false;
  }

  private targetOf(destination: Destination): Queue {
    const queue = this.options.parts.creator.queueFor(destination);
    if (queue.stored !== null) return queue;
    throw refusal(
      `Queue "${destination.name}" is temporary, of one client alone; name one that is stored.`,
    );
  }

  private tell(from: number, to: number, { destination }: Queue): void {
    if (this.copies.length === COPIES_TOLD) return;
    this.copies.push({ from, to, queue: destination.name });
  }

  private confirmThen(task: () => void): void {
    this.sliceMessages = 0;
    this.sliceBytes = 0;
    const { parts, client } = this.options;
    parts.batches.confirm(client, () => {
      if (!this.isOver) task();
    });
  }

  private finish(isComplete: boolean): void {
    this.confirmThen(() => {
      this.isOver = true;
      const { done, skipped, reason, after, upTo, copies } = this;
      this.options.ending.done({ done, skipped, reason, isComplete, after, upTo, copies });
    });
  }
}

function refusal(sentence: string): HoldfastError {
  return new HoldfastError('CLIENT_FAILED', sentence);
}

function gone({ destination }: Queue): HoldfastError {
  return new HoldfastError('NOT_FOUND', `Queue "${destination.name}" was removed meanwhile.`);
}
