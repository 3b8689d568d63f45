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
import { attachReceiving, attachSending, refuseAttach } from './link-attachment.js';
import { OutgoingDeliveries } from './outgoing-deliveries.js';
import {
  ACCEPTED_STATE,
  type ATTACH,
  BEGIN,
  type DETACH,
  DISPOSITION,
  FLOW,
  REJECTED,
  ROLE,
  TRANSACTIONAL_STATE,
} from './performatives.js';
import type { ReceivedDelivery, ReceivingLink } from './receiving-link.js';
import { SendingLink } from './sending-link.js';
import { next } from './serial-number.js';
import type { SessionHost } from './session-host.js';
import { type Link, SessionLinks } from './session-links.js';
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

export class AmqpSession {
  readonly channel: number;
  readonly host: SessionHost;
  private readonly links: SessionLinks;
  private readonly outgoing = new OutgoingDeliveries(FIRST_DELIVERY_ID);
  private readonly held: HeldTransfers;
  private readonly payload = new DeliveryPayload();
  private nextIncomingId: number;
  /** Deliveries of the client that are on stable storage and not told of yet: ranges of ids. */
  private readonly accepted: number[] = [];
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
    this.links = new SessionLinks({ host, channel, outgoing: this.outgoing, held: this.held });
    host.frames.frame(channel, BEGIN, {
      remoteChannel: channel,
      nextOutgoingId: 0,
      incomingWindow: INCOMING_WINDOW,
      outgoingWindow: OUTGOING_WINDOW,
      handleMax: host.config.maxLinksPerSession - 1,
    });
  }

  get linkCount(): number {
    return this.links.count;
  }

  // What the client sends.

  attach(attach: Read<typeof ATTACH>): void {
    this.links.free(attach.handle);
    try {
      if (attach.role === ROLE.sender) {
        const link = attachReceiving(this, attach);
        this.links.place(link);
        this.replenish(link);
      } else {
        attachSending(this, attach, (link) => this.links.place(link));
      }
    } catch (error) {
      if (!isOfLink(error)) throw error;
      this.links.refused(attach.handle);
      refuseAttach(this, attach, errorFields(error));
    }
  }

  flow(flow: Read<typeof FLOW>): void {
    const wasBlocked = this.held.isBlocked;
    this.held.onFlow(flow);
    if (wasBlocked && !this.held.isBlocked) this.offerAllCredit();
    if (flow.handle === null) {
      if (flow.echo) this.sendFlow(null);
    } else if (!this.links.detached.has(flow.handle)) {
      this.linkFlow(flow, this.links.at(flow.handle));
    }
  }

  transfer(transfer: TransferFields, bytes: Uint8Array, start: number, end: number): void {
    this.nextIncomingId = next(this.nextIncomingId);
    if (this.links.detached.has(transfer.handle)) {
      this.host.openTransactions.fail(readDeliveryState(transfer.state).transaction);
      return;
    }
    const link = this.links.at(transfer.handle);
    if (link instanceof SendingLink) {
      throw new AmqpError(
        'session',
        CONDITION.notAllowed,
        `A transfer came on handle ${transfer.handle}, on which this client receives`,
      );
    }
    try {
      if (link instanceof CoordinatorLink) link.take(transfer, bytes, start, end);
      else this.receive(link, transfer, bytes, start, end);
      if (link.replenish()) this.sendFlow(link);
    } catch (error) {
      this.links.fail(link, error);
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
    this.links.detach(detach);
  }

  /** The session is over, or its connection: links go, what they had unsettled goes back. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.held.dropAll();
    // What one link gives back must not go out on another one.
    this.withholdCredit();
    this.links.end();
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
    return this.links.has(link);
  }

  sourceIsGone(link: SendingLink, reason: string): void {
    this.links.sourceIsGone(link, reason);
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
    if (!link.isDraining || !this.links.has(link) || this.held.isBlocked) return;
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
}

/** ActiveMQ's reading: what failed is tried again, what is rejected or cannot be delivered here is a dead letter. */
function rejectionOf(outcome: Outcome) {
  if (outcome.kind === 'released') return REJECTION.released;
  if (outcome.kind !== 'modified') return REJECTION.poison;
  if (outcome.undeliverableHere) return REJECTION.poison;
  return outcome.deliveryFailed ? REJECTION.failed : REJECTION.released;
}
