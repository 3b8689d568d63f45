/** The commands of one client connection, checked and passed on to the parts that do the work. */

import { HoldfastError } from '../platform/errors.js';
import {
  ACKNOWLEDGEMENT,
  type BrokerSession,
  type ConfirmationToken,
  type Destination,
  type IncomingMessage,
  type Rejection,
  type SubscribeOptions,
  type Subscriber,
} from './api.js';
import type { Client } from './client.js';
import type { Dispatcher } from './dispatcher.js';
import type { FlowControl } from './flow-control.js';
import { ENTRY_STATE, NONE } from './message-table.js';
import type { Consumer } from './queue.js';
import type { Subscriptions } from './subscriptions.js';
import { Transaction, type TransactionParts } from './transaction.js';

/** Of all subscriptions of one connection. */
const MAX_SELECTOR_CHARACTERS = 256 * 1024;

export interface SessionParts extends TransactionParts {
  readonly dispatcher: Dispatcher;
  readonly flow: FlowControl;
  readonly subscriptions: Subscriptions;
  readonly onClosed: (client: Client) => void;
}

export class Session implements BrokerSession {
  private readonly client: Client;
  private readonly parts: SessionParts;
  private readonly consumers = new Set<Consumer>();
  private readonly transactions = new Map<string, Transaction>();

  constructor(client: Client, parts: SessionParts) {
    this.client = client;
    this.parts = parts;
  }

  send(message: IncomingMessage, token: ConfirmationToken, transaction: string | null): void {
    this.assertOpen();
    const { publisher } = this.parts;
    if (transaction === null) {
      publisher.publish(this.client, message);
    } else {
      const open = this.transaction(transaction);
      const prepared = publisher.prepare(message);
      open.reserve(prepared.record.length);
      open.addMessage(prepared);
    }
    this.confirm(token);
  }

  /** The broker itself knows no users: src/security/ asks before it. */
  requireSend(_destination: Destination): void {
    this.assertOpen();
  }

  subscribe(options: SubscribeOptions, token: ConfirmationToken): Subscriber {
    this.assertOpen();
    const { limits } = this.parts.services;
    if (this.consumers.size >= limits.maxSubscriptionsPerSession) {
      throw new HoldfastError(
        'LIMIT_EXCEEDED',
        `${this.client.description} has ${this.consumers.size} subscriptions already; ` +
          'unsubscribe from some, or raise limits.maxSubscriptionsPerSession.',
      );
    }
    this.requireShortSelectors(options.selector ?? '');
    const consumer = this.parts.subscriptions.open(this.client, options);
    this.consumers.add(consumer);
    this.confirm(token);
    this.parts.index.markDirty(consumer.queue);
    this.parts.dispatcher.run();
    return consumer;
  }

  unsubscribe(subscriber: Subscriber, token: ConfirmationToken): void {
    this.assertOpen();
    const consumer = this.ownConsumer(subscriber);
    this.consumers.delete(consumer);
    this.parts.subscriptions.close(consumer);
    this.confirm(token);
    this.settled();
  }

  setCredit(subscriber: Subscriber, credit: number): void {
    this.assertOpen();
    const consumer = this.ownConsumer(subscriber);
    const hadNone = consumer.credit === 0;
    consumer.credit = credit;
    if (hadNone && credit > 0) this.parts.dispatcher.runFor(consumer);
  }

  drain(subscriber: Subscriber, drained: () => void): void {
    this.assertOpen();
    const consumer = this.ownConsumer(subscriber);
    if (consumer.onDrained === null) consumer.queue.draining += 1;
    consumer.onDrained = drained;
    this.parts.index.markDirty(consumer.queue);
    this.parts.dispatcher.run();
  }

  createTemporary(destination: Destination): void {
    this.assertOpen();
    this.parts.subscriptions.createTemporary(this.client, destination);
  }

  removeTemporary({ name }: Destination): void {
    this.assertOpen();
    this.parts.subscriptions.removeTemporary(this.client, name);
    this.settled();
  }

  durableSubscription(clientId: string, name: string): Destination | null {
    return this.parts.index.queues.subscription(clientId, name)?.destination ?? null;
  }

  removeDurableSubscription(clientId: string, name: string, token: ConfirmationToken): void {
    this.assertOpen();
    this.parts.subscriptions.removeDurable(clientId, name);
    this.confirm(token);
  }

  acknowledge(
    subscriber: Subscriber,
    entryId: number,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    this.assertOpen();
    const consumer = this.ownConsumer(subscriber);
    const slot = this.deliveredSlot(consumer, entryId);
    const open = transaction === null ? null : this.transaction(transaction);
    if (consumer.mode === ACKNOWLEDGEMENT.cumulative) this.acknowledgeUpTo(consumer, slot, open);
    else this.acknowledgeOne(consumer, slot, open);
    this.confirm(token);
    this.parts.flow.recheck();
    this.parts.dispatcher.runFor(consumer);
  }

  reject(
    subscriber: Subscriber,
    entryId: number,
    rejection: Rejection,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    this.assertOpen();
    const consumer = this.ownConsumer(subscriber);
    const slot = this.deliveredSlot(consumer, entryId);
    if (transaction !== null) {
      const open = this.transaction(transaction);
      open.reserveSettlements(1);
      open.settle(consumer, slot, rejection);
    } else {
      this.parts.deliveries.takeFrom(consumer, slot);
      this.parts.deadLetters.reject(slot, rejection, NONE);
    }
    this.confirm(token);
    this.parts.index.markDirty(consumer.queue);
    this.settled();
  }

  begin(transaction: string): void {
    this.assertOpen();
    const { limits } = this.parts.services;
    if (this.transactions.has(transaction)) {
      throw new HoldfastError(
        'CLIENT_FAILED',
        `Transaction "${transaction}" has begun already; commit or abort it, or use another name.`,
      );
    }
    if (this.transactions.size >= limits.maxTransactionsPerSession) {
      throw new HoldfastError(
        'LIMIT_EXCEEDED',
        `${this.client.description} has ${this.transactions.size} open transactions already; ` +
          'end some, or raise limits.maxTransactionsPerSession.',
      );
    }
    const { maxTransactionBytes } = limits;
    const opened = new Transaction(transaction, this.client, maxTransactionBytes, this.parts);
    this.transactions.set(transaction, opened);
  }

  commit(transaction: string, token: ConfirmationToken): void {
    this.assertOpen();
    const open = this.transaction(transaction);
    this.transactions.delete(transaction);
    try {
      open.commit();
    } catch (error) {
      // Nothing of it is done yet: what it holds must not stay with nobody.
      open.rollback();
      // What its consumer does not want back is for others.
      this.parts.dispatcher.run();
      throw error;
    }
    this.confirm(token);
    this.settled();
  }

  rollback(transaction: string, token: ConfirmationToken): void {
    this.assertOpen();
    const open = this.transaction(transaction);
    this.transactions.delete(transaction);
    open.rollback();
    this.confirm(token);
    this.parts.dispatcher.run();
  }

  barrier(token: ConfirmationToken): void {
    this.assertOpen();
    this.confirm(token);
  }

  resumeDelivery(): void {
    if (this.client.closed) return;
    for (const consumer of this.consumers) this.parts.index.markDirty(consumer.queue);
    this.parts.dispatcher.run();
  }

  close(): void {
    if (this.client.closed) return;
    this.client.closed = true;
    for (const transaction of this.transactions.values()) transaction.rollback(true);
    this.transactions.clear();
    for (const consumer of this.consumers) {
      // Only the oldest can have made the client fail; the others were merely on their way.
      const oldest = consumer.queue.stored === null ? NONE : consumer.delivered.head;
      if (oldest !== NONE) this.parts.deliveries.takeFrom(consumer, oldest);
      this.parts.subscriptions.close(consumer);
      if (oldest !== NONE) this.parts.deadLetters.fail(oldest);
    }
    this.consumers.clear();
    this.parts.subscriptions.removeTemporariesOf(this.client);
    this.parts.flow.forget(this.client);
    this.parts.onClosed(this.client);
    this.settled();
  }

  /** They take memory as nodes of trees, twenty times their length. */
  private requireShortSelectors(selector: string): void {
    if (selector === '') return;
    let characters = selector.length;
    for (const consumer of this.consumers) characters += consumer.selectorCharacters;
    if (characters <= MAX_SELECTOR_CHARACTERS) return;
    throw new HoldfastError(
      'LIMIT_EXCEEDED',
      `The selectors of ${this.client.description} would have ${characters} characters together, and ` +
        `${MAX_SELECTOR_CHARACTERS} are allowed; unsubscribe from some, or use shorter ones.`,
    );
  }

  /** After entries went back or away: others may take them, and there may be room again. */
  private settled(): void {
    this.parts.flow.recheck();
    this.parts.dispatcher.run();
  }

  private confirm(token: ConfirmationToken): void {
    this.parts.batches.confirm(this.client, token);
  }

  private acknowledgeOne(consumer: Consumer, slot: number, open: Transaction | null): void {
    if (open !== null) {
      open.reserveSettlements(1);
      open.settle(consumer, slot, null);
      return;
    }
    this.parts.deliveries.takeFrom(consumer, slot);
    this.parts.deliveries.acknowledged(slot);
  }

  /** The entry and everything that was delivered before it. */
  private acknowledgeUpTo(consumer: Consumer, slot: number, open: Transaction | null): void {
    const { table } = this.parts.index;
    if (open !== null) {
      let count = 1;
      for (let at = consumer.delivered.head; at !== slot; at = table.nextOf(at)) count += 1;
      open.reserveSettlements(count);
    }
    for (let done = false; !done; ) {
      const oldest = consumer.delivered.head;
      done = oldest === slot;
      if (open !== null) {
        open.settle(consumer, oldest, null);
      } else {
        this.parts.deliveries.takeFrom(consumer, oldest);
        this.parts.deliveries.acknowledged(oldest);
      }
    }
  }

  private deliveredSlot(consumer: Consumer, entryId: number): number {
    const { table } = this.parts.index;
    const slot = table.find(entryId);
    if (
      slot === NONE ||
      table.stateOf(slot) !== ENTRY_STATE.delivered ||
      table.ownerOf(slot) !== consumer.index
    ) {
      throw new HoldfastError(
        'CLIENT_FAILED',
        `Message ${entryId} is not delivered to this subscription and unacknowledged; ` +
          'acknowledge each message once, on the connection that it came on.',
      );
    }
    return slot;
  }

  private ownConsumer(subscriber: Subscriber): Consumer {
    const consumer = subscriber as Consumer;
    if (this.consumers.has(consumer)) return consumer;
    throw new HoldfastError(
      'CLIENT_FAILED',
      `${this.client.description} is not subscribed there; subscribe before it.`,
    );
  }

  private transaction(name: string): Transaction {
    const open = this.transactions.get(name);
    if (open !== undefined) return open;
    throw new HoldfastError(
      'CLIENT_FAILED',
      `There is no open transaction "${name}" on this connection; begin it first.`,
    );
  }

  private assertOpen(): void {
    if (!this.client.closed) return;
    throw new HoldfastError(
      'CLIENT_FAILED',
      `The connection of ${this.client.description} is closed; connect again.`,
    );
  }
}
