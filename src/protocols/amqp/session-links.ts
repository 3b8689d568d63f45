/**
 * The links of one session by their handles, and how they end (OASIS AMQP 1.0, part 2, 2.6.6): detached by the
 * client, by an error, because what they receive from is gone, or with the session.
 */
import { AmqpError, CONDITION, isOfLink } from './amqp-error.js';
import type { Read } from './composite.js';
import { CoordinatorLink } from './coordinator-link.js';
import { errorFields } from './error-fields.js';
import type { HeldTransfers } from './held-transfers.js';
import { tellUnattached } from './link-attachment.js';
import type { OutgoingDeliveries } from './outgoing-deliveries.js';
import { DETACH, ROLE } from './performatives.js';
import { ReceivingLink } from './receiving-link.js';
import { SendingLink } from './sending-link.js';
import type { SessionHost } from './session-host.js';

export type Link = ReceivingLink | CoordinatorLink | SendingLink;

export interface LinksOptions {
  readonly host: SessionHost;
  readonly channel: number;
  readonly outgoing: OutgoingDeliveries;
  readonly held: HeldTransfers;
}

export class SessionLinks {
  /** Handles of links that this side has detached, and the client not yet. */
  readonly detached = new Set<number>();
  private readonly host: SessionHost;
  private readonly channel: number;
  private readonly outgoing: OutgoingDeliveries;
  private readonly held: HeldTransfers;
  private readonly byHandle = new Map<number, Link>();
  /** The answers to detaches that wait until something is on stable storage, by handle. */
  private readonly detaching = new Map<number, () => void>();
  private isOver = false;

  constructor({ host, channel, outgoing, held }: LinksOptions) {
    this.host = host;
    this.channel = channel;
    this.outgoing = outgoing;
    this.held = held;
  }

  get count(): number {
    return this.byHandle.size;
  }

  values(): Iterable<Link> {
    return this.byHandle.values();
  }

  has(link: Link): boolean {
    return this.byHandle.get(link.handle) === link;
  }

  /** Throws an error of the session when no link is attached there. */
  at(handle: number): Link {
    const link = this.byHandle.get(handle);
    if (link !== undefined) return link;
    throw new AmqpError(
      'session',
      CONDITION.unattachedHandle,
      `No link is attached to handle ${handle}; attach one first`,
    );
  }

  /** Makes the handle free for a link. Throws an error of the session when it is in use, or there is no room for one more. */
  free(handle: number): void {
    this.finishLeaving(handle);
    if (this.byHandle.has(handle)) {
      throw new AmqpError(
        'session',
        CONDITION.handleInUse,
        `Handle ${handle} is attached already; detach it first, or use another one`,
      );
    }
    const { maxLinksPerSession, maxLinksPerConnection } = this.host.config;
    if (handle >= maxLinksPerSession) {
      throw new AmqpError(
        'session',
        CONDITION.resourceLimitExceeded,
        `Handle ${handle} is above the limit of ${maxLinksPerSession} links (amqp.maxLinksPerSession)`,
      );
    }
    if (this.host.linkCount >= maxLinksPerConnection) {
      throw new AmqpError(
        'session',
        CONDITION.resourceLimitExceeded,
        `This connection has its ${maxLinksPerConnection} links (amqp.maxLinksPerConnection)`,
      );
    }
    this.detached.delete(handle);
    // The client does not wait for the answer to its last detach, which has to come before this one's.
    this.detaching.get(handle)?.();
  }

  place(link: Link): void {
    this.byHandle.set(link.handle, link);
  }

  /** The client is told that what it wanted to attach here is detached. */
  refused(handle: number): void {
    this.byHandle.delete(handle);
    this.detached.add(handle);
  }

  /** By the client. */
  detach(detach: Read<typeof DETACH>): void {
    // The answer to a detach of this side.
    if (this.detached.delete(detach.handle)) return;
    const link = this.at(detach.handle);
    if (link instanceof SendingLink && !link.isAnnounced) {
      // A durable subscription, which is told of when it is on stable storage: then this comes next.
      link.leaving = detach;
      const then = (): void => {
        if (!this.isOver && this.has(link)) this.detach(detach);
      };
      this.host.broker.barrier(this.host.tokenFor(then));
      return;
    }
    try {
      this.answer(link, detach.closed);
    } catch (error) {
      this.fail(link, error);
    }
    // Both sides have detached, whichever way.
    this.detached.delete(link.handle);
  }

  /** An error of the link ends the link only; every other one is thrown on. */
  fail(link: Link, error: unknown): void {
    if (!isOfLink(error)) throw error;
    const { handle } = link;
    this.byHandle.delete(handle);
    this.detaching.delete(handle);
    this.detached.add(handle);
    this.close(link);
    const fields = { handle, closed: true, error: errorFields(error) };
    this.host.frames.frame(this.channel, DETACH, fields);
  }

  /** The broker gives it nothing more. */
  sourceIsGone(link: SendingLink, reason: string): void {
    if (this.isOver || !this.has(link)) return;
    const { handle } = link;
    link.subscriber = null;
    this.outgoing.forget(link);
    this.held.drop(handle);
    this.byHandle.delete(handle);
    this.detached.add(handle);
    const error = { condition: CONDITION.resourceDeleted, description: reason };
    this.host.frames.frame(this.channel, DETACH, { handle, closed: true, error });
  }

  /** The session is over: links go without a word, what they had unsettled goes back. */
  end(): void {
    this.isOver = true;
    const links = [...this.byHandle.values()];
    for (const link of links) if (link instanceof CoordinatorLink) link.close();
    for (const link of links) this.close(link);
    this.byHandle.clear();
  }

  private answer(link: Link, closed: boolean): void {
    const { host } = this;
    const { handle } = link;
    this.close(link);
    const detached = (): void => {
      if (this.isOver || !this.detaching.delete(handle)) return;
      host.frames.frame(this.channel, DETACH, { handle, closed });
    };
    this.detaching.set(handle, detached);
    if (closed && link instanceof SendingLink && link.removes !== null) {
      const { clientId, name } = link.removes;
      // It is gone for good when the client hears of it.
      host.broker.removeDurableSubscription(clientId, name, host.tokenFor(detached));
    } else {
      detached();
    }
    this.byHandle.delete(handle);
  }

  /** What it had unsettled goes back, and a durable subscription stays. */
  private close(link: Link): void {
    if (link instanceof CoordinatorLink) {
      link.close();
      return;
    }
    if (link instanceof ReceivingLink) link.reset();
    if (link instanceof SendingLink && link.subscriber !== null) {
      const { subscriber } = link;
      link.subscriber = null;
      this.outgoing.forget(link);
      this.held.drop(link.handle);
      this.host.broker.unsubscribe(subscriber, null);
    }
    if (link.isTemporary && link.destination !== null) {
      this.host.broker.removeTemporary(link.destination);
    }
  }

  /**
   * The client uses the handle again before it was told of its last link there. That one comes to nothing,
   * as a refused one does: what is not on stable storage yet is not told of.
   */
  private finishLeaving(handle: number): void {
    const link = this.byHandle.get(handle);
    if (!(link instanceof SendingLink) || link.leaving === null) return;
    tellUnattached(this.host, this.channel, {
      name: link.name,
      handle,
      role: ROLE.receiver,
      source: null,
      target: null,
    });
    link.isAnnounced = true;
    this.detach(link.leaving);
  }
}
