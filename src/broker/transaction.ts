/**
 * What a session asked for between `begin` and `commit`. Messages are kept as bytes and
 * acknowledgements as marks on their entries; the commit writes all of it into one batch.
 */

import { HoldfastError } from '../platform/errors.js';
import { REJECTION, type Rejection } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import type { Client } from './client.js';
import type { DeadLetters } from './dead-letters.js';
import { wasBefore } from './delivered-list.js';
import type { Deliveries } from './deliveries.js';
import type { TransactionFacts } from './facts.js';
import type { MessageIndex } from './message-index.js';
import type { MessageMover } from './message-mover.js';
import { ENTRY_STATE, NONE } from './message-table.js';
import type { PreparedMessage } from './prepared-message.js';
import type { Publisher } from './publisher.js';
import type { Consumer } from './queue.js';
import { FAILURE_BYTES, FIXED_BYTES, removalBytes } from './records.js';
import type { BrokerServices } from './services.js';

/** What one acknowledgement or rejection counts against the limit of a transaction. */
const SETTLEMENT_BYTES = 64;

interface Settlement {
  readonly consumer: Consumer;
  readonly entryId: number;
  /** Null: acknowledged. */
  readonly rejection: Rejection | null;
}

/** A settlement whose entry is still there. */
interface Held {
  readonly consumer: Consumer;
  readonly slot: number;
  readonly rejection: Rejection | null;
}

export interface TransactionParts {
  readonly index: MessageIndex;
  readonly batches: BatchBuilder;
  readonly publisher: Publisher;
  readonly deliveries: Deliveries;
  readonly deadLetters: DeadLetters;
  readonly mover: MessageMover;
  readonly services: BrokerServices;
  /** Those that have something to commit, the oldest first. */
  readonly busyTransactions: Set<Transaction>;
}

export class Transaction {
  private readonly name: string;
  private readonly client: Client;
  private readonly parts: TransactionParts;
  private readonly maxBytes: number;
  private readonly messages: PreparedMessage[] = [];
  private readonly settlements: Settlement[] = [];
  private bytes = 0;
  /** When it got something to do; 0 before. Wall-clock milliseconds. */
  private busySinceMs = 0;
  private isTimedOut = false;

  constructor(name: string, client: Client, maxBytes: number, parts: TransactionParts) {
    this.name = name;
    this.client = client;
    this.maxBytes = maxBytes;
    this.parts = parts;
  }

  facts(): TransactionFacts {
    const { name, client, busySinceMs, messages, settlements, bytes } = this;
    return {
      connection: client.id,
      name,
      sinceMs: busySinceMs,
      messages: messages.length,
      settlements: settlements.length,
      bytes,
    };
  }

  /** Throws when `bytes` more would be too much; the transaction stays as it is. */
  reserve(bytes: number): void {
    this.requireTime();
    if (this.bytes + bytes > this.maxBytes) {
      throw new HoldfastError(
        'LIMIT_EXCEEDED',
        `Transaction "${this.name}" would hold more than ${this.maxBytes} bytes; ` +
          'commit more often, or raise limits.maxTransactionBytes.',
      );
    }
    this.bytes += bytes;
  }

  addMessage(message: PreparedMessage): void {
    this.messages.push(message);
    this.isBusy();
  }

  /** Rolls it back when it has been busy since before `limitMs` ago; it can then only be ended. */
  timeOut(nowMs: number, limitMs: number): boolean {
    if (nowMs - this.busySinceMs < limitMs) return false;
    this.rollback();
    this.messages.length = 0;
    this.settlements.length = 0;
    this.isTimedOut = true;
    return true;
  }

  private isBusy(): void {
    if (this.busySinceMs > 0) return;
    this.busySinceMs = this.parts.services.wallMs();
    this.parts.busyTransactions.add(this);
  }

  private requireTime(): void {
    if (!this.isTimedOut) return;
    throw new HoldfastError(
      'CLIENT_FAILED',
      `Transaction "${this.name}" was open for more than ${this.parts.services.limits.transactionTimeoutMs} ms ` +
        'and is rolled back; commit earlier, or raise limits.transactionTimeoutMs.',
    );
  }

  reserveSettlements(count: number): void {
    this.reserve(SETTLEMENT_BYTES * count);
  }

  /** Takes a delivered entry from its consumer until the transaction ends. */
  settle(consumer: Consumer, slot: number, rejection: Rejection | null): void {
    const { table } = this.parts.index;
    this.parts.deliveries.takeFrom(consumer, slot);
    table.setState(slot, ENTRY_STATE.inTransaction);
    this.settlements.push({ consumer, entryId: table.idOf(slot), rejection });
    this.isBusy();
  }

  commit(): void {
    this.requireTime();
    this.parts.busyTransactions.delete(this);
    const { batches, publisher, deliveries, deadLetters, mover } = this.parts;
    publisher.requireRoom(this.client, this.messages);
    batches.reserve(this.recordBytes());
    for (const message of this.messages) publisher.publishPrepared(this.client, message);
    const exhausted: number[] = [];
    let hint = NONE;
    let hintConsumer: Consumer | null = null;
    for (const { slot, consumer, rejection } of this.inOrder(this.held())) {
      if (rejection === null) {
        deliveries.acknowledged(slot);
      } else if (deadLetters.count(slot, rejection)) {
        exhausted.push(slot);
      } else if (deadLetters.giveBack(slot, rejection, consumer === hintConsumer ? hint : NONE)) {
        hint = slot;
        hintConsumer = consumer;
      }
    }
    // Each of these is a group of its own; the failure that calls for it is in this one.
    for (const slot of exhausted) mover.moveFailed(slot);
  }

  /**
   * What was acknowledged or rejected is delivered and unacknowledged again, or goes back to its queue:
   * as its consumer has chosen, unless that is gone. Of a lost connection nothing counts as failed here:
   * the session decides that.
   */
  rollback(isClientGone = false): void {
    this.parts.busyTransactions.delete(this);
    const stays: Held[] = [];
    const leaves: Held[] = [];
    for (const held of this.held()) {
      const { closed, returnsAtRollback } = held.consumer;
      (closed || (returnsAtRollback && !isClientGone) ? leaves : stays).push(held);
    }
    this.keepDelivered(stays);
    this.giveBack(leaves);
  }

  private keepDelivered(stays: Held[]): void {
    const { table } = this.parts.index;
    stays.sort(
      (one, two) =>
        one.consumer.index - two.consumer.index || (wasBefore(table, one.slot, two.slot) ? -1 : 1),
    );
    let last: Held | null = null;
    for (const held of stays) {
      const { slot, consumer } = held;
      table.setState(slot, ENTRY_STATE.delivered);
      consumer.delivered.putBack(slot, last?.consumer === consumer ? last.slot : NONE);
      consumer.queue.unacknowledged += 1;
      last = held;
    }
  }

  private giveBack(leaves: Held[]): void {
    const { index, deadLetters } = this.parts;
    let hint = NONE;
    let hintConsumer: Consumer | null = null;
    for (const { slot, consumer } of this.inOrder(leaves)) {
      const near = consumer === hintConsumer ? hint : NONE;
      if (consumer.closed) index.putBack(slot, near);
      else if (!deadLetters.reject(slot, REJECTION.failed, near)) continue;
      hint = slot;
      hintConsumer = consumer;
    }
  }

  private recordBytes(): number {
    const { publisher } = this.parts;
    let bytes = removalBytes(true, this.settlements.length);
    for (const message of this.messages) bytes += publisher.preparedBytes(message);
    const rejected = this.settlements.filter(({ rejection }) => rejection !== null).length;
    return bytes + rejected * (FIXED_BYTES.idList + FAILURE_BYTES);
  }

  /** The settlements, without those whose entry went away with its durable subscription. */
  private held(): Held[] {
    const { table, queues } = this.parts.index;
    const held: Held[] = [];
    for (const { consumer, entryId, rejection } of this.settlements) {
      const slot = table.find(entryId);
      if (slot === NONE || queues.at(table.queueOf(slot)).removed) continue;
      held.push({ slot, consumer, rejection });
    }
    return held;
  }

  /** By consumer and in the order of their queue, which makes putting them back there quick. */
  private inOrder(held: Held[]): Held[] {
    const { table } = this.parts.index;
    return held.sort(
      (one, two) =>
        one.consumer.index - two.consumer.index || (table.isBefore(one.slot, two.slot) ? -1 : 1),
    );
  }
}
