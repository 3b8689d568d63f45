/**
 * One session of a connection (OASIS AMQP 1.0, part 2, 2.5): its links, its windows, and which
 * deliveries are settled.
 */
import { type DeliveryView, REJECTION } from '../../broker/api.js';
import { HoldfastError } from '../../platform/errors.js';
import { AmqpError, CONDITION, isOfLink } from './amqp-error.js';
import type { Read } from './composite.js';
import { CoordinatorLink } from './coordinator-link.js';
import { DeliveryPayload } from './delivery-payload.js';
import { type Outcome, readDeliveryState, type TransactionReference } from './delivery-state.js';
import { encodedState } from './encoded-state.js';
import { errorFields } from './error-fields.js';
import { HeldTransfers, type TakeId } from './held-transfers.js';
import { attachReceiving, attachSending, refuseAttach, tellUnattached } from './link-attachment.js';
import { OutgoingDeliveries } from './outgoing-deliveries.js';
import {
  ACCEPTED_STATE,
  type ATTACH,
  BEGIN,
  DETACH,
  DISPOSITION,
  FLOW,
  REJECTED,
  ROLE,
  TRANSACTIONAL_STATE,
} from './performatives.js';
import { type ReceivedDelivery, ReceivingLink } from './receiving-link.js';
import { SendingLink } from './sending-link.js';
import { next } from './serial-number.js';
import type { SessionHost } from './session-host.js';
import type { TransferFields } from './transfer-reader.js';

/** Frames that the client may send before it hears of a window again: credit limits it long before. */
const INCOMING_WINDOW = 0x7fffffff;
const OUTGOING_WINDOW = 0x7fffffff;
const FIRST_DELIVERY_ID = 0;

/** An outcome that the client has not settled: it waits for the same from this side. */
interface UnsettledOutcome {
  readonly deliveryId: number;
  readonly state: Uint8Array | null;
}

export type Link = ReceivingLink | CoordinatorLink | SendingLink;

export class AmqpSession {
  readonly channel: number;
  readonly host: SessionHost;
  private readonly links = new Map<number, Link>();
  private readonly outgoing = new OutgoingDeliveries(FIRST_DELIVERY_ID);
  private readonly held: HeldTransfers;
  private readonly payload = new DeliveryPayload();
  private nextIncomingId: number;
  /** Deliveries of the client that are on stable storage and not told of yet: ranges of ids. */
  private readonly accepted: number[] = [];
  /** Handles of links that this side has detached, and the client not yet. */
  private readonly detached = new Set<number>();
  /** The answers to detaches that wait until something is on stable storage, by handle. */
  private readonly detaching = new Map<number, () => void>();
  private hasEnded = false;

  constructor(host: SessionHost, channel: number, begin: Read<typeof BEGIN>) {
    this.host = host;
    this.channel = channel;
    this.nextIncomingId = begin.nextOutgoingId;
    const takeId: TakeId = (link, entryId) =>
      this.outgoing.add(link.isSettled ? null : link, entryId);
    this.held = new HeldTransfers(host, channel, begin.incomingWindow, {
      takeId,
      onUnblocked: () => {
        if (!this.hasEnded) this.offerAllCredit();
      },
    });
    host.frames.frame(channel, BEGIN, {
      remoteChannel: channel,
      nextOutgoingId: 0,
      incomingWindow: INCOMING_WINDOW,
      outgoingWindow: OUTGOING_WINDOW,
      handleMax: host.config.maxLinksPerSession - 1,
    });
  }

  get linkCount(): number {
    return this.links.size;
  }

  // What the client sends.

  attach(attach: Read<typeof ATTACH>): void {
    this.finishLeaving(attach.handle);
    if (this.links.has(attach.handle)) {
      throw new AmqpError(
        'session',
        CONDITION.handleInUse,
        `Handle ${attach.handle} is attached already; detach it first, or use another one`,
      );
    }
    if (attach.handle >= this.host.config.maxLinksPerSession) {
      throw new AmqpError(
        'session',
        CONDITION.resourceLimitExceeded,
        `Handle ${attach.handle} is above the limit of ${this.host.config.maxLinksPerSession} links (amqp.maxLinksPerSession)`,
      );
    }
    const { maxLinksPerConnection } = this.host.config;
    if (this.host.linkCount >= maxLinksPerConnection) {
      throw new AmqpError(
        'session',
        CONDITION.resourceLimitExceeded,
        `This connection has its ${maxLinksPerConnection} links (amqp.maxLinksPerConnection)`,
      );
    }
    this.detached.delete(attach.handle);
    // The client does not wait for the answer to its last detach, which has to come before this one's.
    this.detaching.get(attach.handle)?.();
    try {
      if (attach.role === ROLE.sender) {
        const link = attachReceiving(this, attach);
        this.links.set(attach.handle, link);
        this.replenish(link);
      } else {
        attachSending(this, attach, (link) => this.links.set(attach.handle, link));
      }
    } catch (error) {
      if (!isOfLink(error)) throw error;
      this.links.delete(attach.handle);
      this.detached.add(attach.handle);
      refuseAttach(this, attach, errorFields(error));
    }
  }

  flow(flow: Read<typeof FLOW>): void {
    const wasBlocked = this.held.isBlocked;
    this.held.onFlow(flow);
    if (wasBlocked && !this.held.isBlocked) this.offerAllCredit();
    if (flow.handle === null) {
      if (flow.echo) this.sendFlow(null);
    } else if (!this.detached.has(flow.handle)) {
      this.linkFlow(flow, this.linkAt(flow.handle));
    }
  }

  transfer(transfer: TransferFields, bytes: Uint8Array, start: number, end: number): void {
    this.nextIncomingId = next(this.nextIncomingId);
    if (this.detached.has(transfer.handle)) {
      this.host.openTransactions.fail(readDeliveryState(transfer.state).transaction);
      return;
    }
    const link = this.linkAt(transfer.handle);
    if (link instanceof SendingLink) {
      throw new AmqpError(
        'session',
        CONDITION.notAllowed,
        `A transfer came on handle ${transfer.handle}, on which this client receives`,
      );
    }
    // Not by `guardLink`: this happens for every message, and a function of its own would be made for each.
    try {
      if (link instanceof CoordinatorLink) link.take(transfer, bytes, start, end);
      else this.receive(link, transfer, bytes, start, end);
      if (link.replenish()) this.sendFlow(link);
    } catch (error) {
      this.onLinkError(link, error);
    }
  }

  /** Throws an error of the session for a transaction that is none. */
  disposition(disposition: Read<typeof DISPOSITION>): void {
    // What the client says of its own deliveries adds nothing: they are settled when they are confirmed.
    if (disposition.role === ROLE.sender) return;
    const { first, settled } = disposition;
    const { outcome, transaction } = readDeliveryState(disposition.state);
    if (outcome === null && !settled) return;
    this.host.openTransactions.require(transaction, 'session');
    const last = disposition.last ?? first;
    try {
      this.outgoing.settle(first, last, (link, entryId, id) => {
        const answer = settled ? null : { deliveryId: id, state: disposition.state };
        this.settle(link, entryId, outcome ?? link.defaultOutcome, transaction, answer);
      });
    } catch (error) {
      this.host.openTransactions.fail(transaction);
      throw error;
    }
  }

  detach(detach: Read<typeof DETACH>): void {
    // The answer to a detach of this side.
    if (this.detached.delete(detach.handle)) return;
    const link = this.linkAt(detach.handle);
    const { handle } = link;
    if (link instanceof SendingLink && !link.isAnnounced) {
      // A durable subscription, which is told of when it is on stable storage: then this comes next.
      link.leaving = detach;
      const then = (): void => {
        if (!this.hasEnded && this.has(link)) this.detach(detach);
      };
      this.host.broker.barrier(this.host.tokenFor(then));
      return;
    }
    this.guardLink(link, () => {
      this.close(link);
      const detached = (): void => {
        if (this.hasEnded || !this.detaching.delete(handle)) return;
        this.host.frames.frame(this.channel, DETACH, { handle, closed: detach.closed });
      };
      this.detaching.set(handle, detached);
      if (detach.closed && link instanceof SendingLink && link.removes !== null) {
        const { clientId, name } = link.removes;
        // It is gone for good when the client hears of it.
        const token = this.host.tokenFor(detached);
        this.host.broker.removeDurableSubscription(clientId, name, token);
      } else {
        detached();
      }
      this.links.delete(handle);
    });
    // Both sides have detached, whichever way.
    this.detached.delete(handle);
  }

  /** The session is over, or its connection: links go, what they had unsettled goes back. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.held.dropAll();
    // What one link gives back must not go out on another one.
    this.withholdCredit();
    const links = [...this.links.values()];
    for (const link of links) if (link instanceof CoordinatorLink) link.close();
    for (const link of links) this.close(link);
    this.links.clear();
  }

  // What the broker does.

  /** The transfer with this id is on stable storage. */
  confirmed(deliveryId: number): void {
    if (this.hasEnded) return;
    const { accepted } = this;
    const last = accepted.length - 1;
    if (last > 0 && next(accepted[last] as number) === deliveryId) {
      accepted[last] = deliveryId;
      return;
    }
    accepted.push(deliveryId, deliveryId);
    // Whoever added to it before has announced it.
    if (last < 0) this.host.touched(this);
  }

  /** Writes what `touched` announced. */
  flush(): void {
    const { accepted } = this;
    for (let index = 0; index < accepted.length; index += 2) {
      this.host.frames.frame(this.channel, DISPOSITION, {
        role: ROLE.receiver,
        first: accepted[index] as number,
        last: accepted[index + 1] as number,
        settled: true,
        state: ACCEPTED_STATE,
      });
    }
    accepted.length = 0;
  }

  deliver(link: SendingLink, message: DeliveryView): void {
    link.countDelivery();
    this.payload.set(message, this.host.wallMs);
    this.held.send(link, message, this.payload);
    this.payload.release();
    if (this.held.isBlocked) this.withholdCredit();
  }

  /** The connection is gone. */
  dropHeld(): void {
    this.held.dropAll();
  }

  has(link: Link): boolean {
    return this.links.get(link.handle) === link;
  }

  /** Lets the broker deliver what the client has credit for. */
  offerCredit(link: SendingLink): void {
    if (link.subscriber === null || !link.isAnnounced) return;
    this.host.broker.setCredit(link.subscriber, this.held.isBlocked ? 0 : link.credit);
    if (link.isDraining) this.host.broker.drain(link.subscriber, () => this.drained(link));
  }

  /** Producers are not held back any more. */
  resume(): void {
    for (const link of this.links.values()) {
      if (!(link instanceof SendingLink)) this.replenish(link);
    }
  }

  // Parts of these.

  private linkFlow(flow: Read<typeof FLOW>, link: Link): void {
    if (!(link instanceof SendingLink)) {
      if (flow.echo) this.sendFlow(link);
      return;
    }
    if (flow.linkCredit !== null) link.grant(flow.deliveryCount, flow.linkCredit);
    link.isDraining = flow.drain;
    this.offerCredit(link);
    if (flow.echo && !flow.drain && link.isAnnounced) this.sendFlow(link);
  }

  /** There is nothing more for the link now: its credit is used up by saying so. */
  private drained(link: SendingLink): void {
    // A flow may have taken the drain back meanwhile, and a full window is no empty queue.
    if (!link.isDraining || !this.has(link) || this.held.isBlocked) return;
    link.isDraining = false;
    link.useUpCredit();
    if (link.subscriber !== null) this.host.broker.setCredit(link.subscriber, 0);
    this.sendFlow(link, true);
  }

  private replenish(link: ReceivingLink | CoordinatorLink): void {
    if (link.replenish()) this.sendFlow(link);
  }

  private publish(delivery: ReceivedDelivery): void {
    const { deliveryId, settled, transaction, message, refusal } = delivery;
    const { host } = this;
    this.host.openTransactions.require(transaction, 'link');
    // What a transaction takes is confirmed by its discharge.
    const isAwaited = !settled && transaction === null;
    try {
      if (refusal !== null) throw refusal;
      host.broker.send(message, isAwaited ? host.transferToken : null, transaction?.name ?? null);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (transaction !== null) this.host.openTransactions.fail(transaction);
      else if (settled) throw error;
      if (settled) return;
      this.settleIncoming(deliveryId, encodedState(REJECTED, { error: errorFields(error) }));
      return;
    }
    if (isAwaited) {
      host.awaits(this, deliveryId);
    } else if (transaction !== null && !settled) {
      const { txnId } = transaction;
      this.settleIncoming(
        deliveryId,
        encodedState(TRANSACTIONAL_STATE, { txnId, outcome: ACCEPTED_STATE }),
      );
    }
  }

  private receive(
    link: ReceivingLink,
    transfer: TransferFields,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const transaction = link.transactionOf(transfer);
    try {
      const delivery = link.take(transfer, bytes, start, end);
      if (delivery === null) return;
      this.publish(delivery);
      link.release();
    } catch (error) {
      this.host.openTransactions.fail(transaction);
      throw error;
    }
  }

  /** Tells the client what became of its delivery, for good. */
  settleIncoming(deliveryId: number, state: Uint8Array): void {
    if (this.hasEnded) return;
    const role = ROLE.receiver;
    const { frames } = this.host;
    frames.frame(this.channel, DISPOSITION, { role, first: deliveryId, settled: true, state });
  }

  /** `answer`: what the client wants to hear once the outcome is on stable storage. */
  private settle(
    link: SendingLink,
    entryId: number,
    outcome: Outcome,
    transaction: TransactionReference | null,
    answer: UnsettledOutcome | null,
  ): void {
    const { broker } = this.host;
    const { subscriber } = link;
    if (subscriber === null) return;
    const name = transaction?.name ?? null;
    const token = answer === null ? null : this.host.tokenFor(() => this.settled(answer));
    if (outcome.kind === 'accepted') {
      broker.acknowledge(subscriber, entryId, token, name);
    } else {
      broker.reject(subscriber, entryId, rejectionOf(outcome), token, name);
    }
  }

  private settled({ deliveryId, state }: UnsettledOutcome): void {
    if (this.hasEnded) return;
    const role = ROLE.sender;
    const { frames } = this.host;
    frames.frame(this.channel, DISPOSITION, { role, first: deliveryId, settled: true, state });
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
    const link = this.links.get(handle);
    if (!(link instanceof SendingLink) || link.leaving === null) return;
    tellUnattached(this, {
      name: link.name,
      handle,
      role: ROLE.receiver,
      source: null,
      target: null,
    });
    link.isAnnounced = true;
    this.detach(link.leaving);
  }

  sourceIsGone(link: SendingLink, reason: string): void {
    if (this.hasEnded || !this.has(link)) return;
    const { handle } = link;
    link.subscriber = null;
    this.outgoing.forget(link);
    this.held.drop(handle);
    this.links.delete(handle);
    this.detached.add(handle);
    const error = { condition: CONDITION.resourceDeleted, description: reason };
    this.host.frames.frame(this.channel, DETACH, { handle, closed: true, error });
  }

  /** An error of the link ends the link only. */
  private guardLink(link: Link, task: () => void): void {
    try {
      task();
    } catch (error) {
      this.onLinkError(link, error);
    }
  }

  private onLinkError(link: Link, error: unknown): void {
    if (!isOfLink(error)) throw error;
    this.links.delete(link.handle);
    this.detaching.delete(link.handle);
    this.detached.add(link.handle);
    this.close(link);
    this.host.frames.frame(this.channel, DETACH, {
      handle: link.handle,
      closed: true,
      error: errorFields(error),
    });
  }

  /** The client's window is full: the broker keeps what it has until there is room. */
  private withholdCredit(): void {
    for (const link of this.links.values()) {
      if (link instanceof SendingLink && link.subscriber !== null) {
        this.host.broker.setCredit(link.subscriber, 0);
      }
    }
  }

  private offerAllCredit(): void {
    for (const link of [...this.links.values()]) {
      if (link instanceof SendingLink) this.offerCredit(link);
    }
  }

  private sendFlow(link: Link | null, drain = false): void {
    this.host.frames.frame(this.channel, FLOW, {
      nextIncomingId: this.nextIncomingId,
      incomingWindow: INCOMING_WINDOW,
      nextOutgoingId: this.held.nextTransferId,
      outgoingWindow: OUTGOING_WINDOW,
      ...(link === null
        ? {}
        : {
            handle: link.handle,
            deliveryCount: link.deliveryCount,
            linkCredit: link.credit,
            drain,
          }),
    });
  }

  private linkAt(handle: number): Link {
    const link = this.links.get(handle);
    if (link !== undefined) return link;
    throw new AmqpError(
      'session',
      CONDITION.unattachedHandle,
      `No link is attached to handle ${handle}; attach one first`,
    );
  }
}

/** ActiveMQ's reading: what failed is tried again, what is rejected or cannot be delivered here is a dead letter. */
function rejectionOf(outcome: Outcome) {
  if (outcome.kind === 'released') return REJECTION.released;
  if (outcome.kind !== 'modified') return REJECTION.poison;
  if (outcome.undeliverableHere) return REJECTION.poison;
  return outcome.deliveryFailed ? REJECTION.failed : REJECTION.released;
}
