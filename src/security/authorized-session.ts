/**
 * A client's session with the broker, in which it can do what its user may and nothing else, whatever
 * protocol it speaks. Rules are looked at once for each destination; a user whose rules change is
 * disconnected, so they hold for as long as the session.
 */
import {
  type BrokerSession,
  type ConfirmationToken,
  type Destination,
  type IncomingMessage,
  type SubscribeOptions,
  type Subscriber,
  TEMPORARY_PREFIX,
} from '../broker/api.js';
import { ForwardedSession } from '../broker/forwarded-session.js';
import type { HoldfastError } from '../platform/errors.js';
import { accessDenied, isAllowed, type Right, type Rule } from './rights.js';

export interface Rights {
  readonly user: string;
  readonly rules: readonly Rule[];
  /** Whether a queue is there already. */
  readonly hasQueue: (name: string) => boolean;
}

/** Destinations that a session is remembered to may send to; beyond, they are looked up anew. */
const MAX_REMEMBERED = 1_000;

export class AuthorizedSession extends ForwardedSession {
  private readonly rights: Rights;
  /** The object itself: sessions give the same one for message after message. */
  private lastSentTo: Destination | null = null;
  private readonly sendable = new Set<string>();

  constructor(inner: BrokerSession, rights: Rights) {
    super(inner);
    this.rights = rights;
  }

  override requireSend(destination: Destination): void {
    const { kind, name } = destination;
    // Whoever was told the name of a temporary destination may answer there.
    if (name.startsWith(TEMPORARY_PREFIX)) return;
    const key = `${kind} ${name}`;
    if (this.sendable.has(key)) return;
    this.require('send', destination);
    if (this.mayCreate(destination)) this.remember(key);
  }

  override send(
    message: IncomingMessage,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    const { destination } = message;
    if (destination !== this.lastSentTo) {
      this.requireSend(destination);
      const { kind, name } = destination;
      if (this.sendable.has(`${kind} ${name}`)) this.lastSentTo = destination;
    }
    this.inner.send(message, token, transaction);
  }

  override subscribe(options: SubscribeOptions, token: ConfirmationToken): Subscriber {
    const { destination, durable } = options;
    if (!destination.name.startsWith(TEMPORARY_PREFIX)) {
      this.require(options.browses === true ? 'browse' : 'consume', destination);
      if (destination.kind === 'queue') {
        this.mayCreate(destination);
      } else if (durable !== null) {
        this.requireDurable(destination, durable.clientId, durable.name);
      }
    }
    return this.inner.subscribe(options, token);
  }

  override removeDurableSubscription(
    clientId: string,
    name: string,
    token: ConfirmationToken,
  ): void {
    const destination = this.inner.durableSubscription(clientId, name);
    if (destination !== null) this.require('consume', destination);
    this.inner.removeDurableSubscription(clientId, name, token);
  }

  /** Throws unless the queue is there, or the user may make it; true when the user may. */
  private mayCreate(destination: Destination): boolean {
    const { kind, name } = destination;
    if (kind === 'topic' || isAllowed(this.rights.rules, 'create', name)) return true;
    if (!this.rights.hasQueue(name)) throw this.denied('create', destination);
    return false;
  }

  /** One that is there may be to another topic, which this user would then take it away from. */
  private requireDurable(topic: Destination, clientId: string, name: string): void {
    const existing = this.inner.durableSubscription(clientId, name);
    if (existing !== null) this.require('consume', existing);
    if (existing === null || existing.name !== topic.name) this.require('create', topic);
  }

  private remember(key: string): void {
    if (this.sendable.size >= MAX_REMEMBERED) this.sendable.clear();
    this.sendable.add(key);
  }

  private require(right: Right, destination: Destination): void {
    if (!isAllowed(this.rights.rules, right, destination.name))
      throw this.denied(right, destination);
  }

  private denied(right: Right, { kind, name }: Destination): HoldfastError {
    return accessDenied(this.rights.user, right, `${kind} "${name}"`);
  }
}
