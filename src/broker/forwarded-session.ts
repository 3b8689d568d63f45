/** A session that passes everything on to another one: for those that look at, or refuse, some of it. */
import type {
  BrokerSession,
  ConfirmationToken,
  Destination,
  IncomingMessage,
  Rejection,
  SubscribeOptions,
  Subscriber,
} from './api.js';

export class ForwardedSession implements BrokerSession {
  protected readonly inner: BrokerSession;

  constructor(inner: BrokerSession) {
    this.inner = inner;
  }

  requireSend(destination: Destination): void {
    this.inner.requireSend(destination);
  }

  send(message: IncomingMessage, token: ConfirmationToken, transaction: string | null): void {
    this.inner.send(message, token, transaction);
  }

  subscribe(options: SubscribeOptions, token: ConfirmationToken): Subscriber {
    return this.inner.subscribe(options, token);
  }

  unsubscribe(subscriber: Subscriber, token: ConfirmationToken): void {
    this.inner.unsubscribe(subscriber, token);
  }

  setCredit(subscriber: Subscriber, credit: number): void {
    this.inner.setCredit(subscriber, credit);
  }

  drain(subscriber: Subscriber, drained: () => void): void {
    this.inner.drain(subscriber, drained);
  }

  createTemporary(destination: Destination): void {
    this.inner.createTemporary(destination);
  }

  removeTemporary(destination: Destination): void {
    this.inner.removeTemporary(destination);
  }

  durableSubscription(clientId: string, name: string): Destination | null {
    return this.inner.durableSubscription(clientId, name);
  }

  removeDurableSubscription(clientId: string, name: string, token: ConfirmationToken): void {
    this.inner.removeDurableSubscription(clientId, name, token);
  }

  acknowledge(
    subscriber: Subscriber,
    entryId: number,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    this.inner.acknowledge(subscriber, entryId, token, transaction);
  }

  reject(
    subscriber: Subscriber,
    entryId: number,
    rejection: Rejection,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    this.inner.reject(subscriber, entryId, rejection, token, transaction);
  }

  begin(transaction: string): void {
    this.inner.begin(transaction);
  }

  commit(transaction: string, token: ConfirmationToken): void {
    this.inner.commit(transaction, token);
  }

  rollback(transaction: string, token: ConfirmationToken): void {
    this.inner.rollback(transaction, token);
  }

  barrier(token: ConfirmationToken): void {
    this.inner.barrier(token);
  }

  resumeDelivery(): void {
    this.inner.resumeDelivery();
  }

  close(): void {
    this.inner.close();
  }
}
