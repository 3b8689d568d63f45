/** A link on which the client receives: a subscription of the broker with credit (part 2, 2.6.7). */
import type { DeliveryView, Destination, Subscriber } from '../../broker/api.js';
import type { Read } from './composite.js';
import type { Outcome } from './delivery-state.js';
import type { DETACH } from './performatives.js';
import { difference, next } from './serial-number.js';

/** Durable subscriptions are known by these two; the client id is empty when it is everybody's. */
export interface SubscriptionName {
  readonly clientId: string;
  readonly name: string;
}

/** Where deliveries for a link go. */
export interface DeliveringSession {
  deliver(link: SendingLink, message: DeliveryView): void;
  /** The broker gives it nothing more. */
  sourceIsGone(link: SendingLink, reason: string): void;
}

export class SendingLink {
  readonly name: string;
  readonly handle: number;
  readonly session: DeliveringSession;
  /** Messages count as acknowledged when they are sent. */
  readonly isSettled: boolean;
  /** What it receives from; null on a subscription that is only looked up, to be removed. */
  readonly destination: Destination | null;
  /** The destination was made for this link, and goes with it. */
  readonly isTemporary: boolean;
  /** The durable subscription that goes when the link is closed for good, or null. */
  readonly removes: SubscriptionName | null;
  /** What a settlement without an outcome means (part 3, 3.5.3). */
  readonly defaultOutcome: Outcome;
  /** The client was told that it is attached; nothing comes before that. */
  isAnnounced = false;
  /** How the client has detached before that. */
  leaving: Read<typeof DETACH> | null = null;
  /** Set when the broker has subscribed it. */
  subscriber: Subscriber | null = null;
  deliveryCount = 0;
  credit = 0;
  /** The client wants the credit used up or given back. */
  isDraining = false;

  constructor(options: {
    readonly name: string;
    readonly handle: number;
    readonly session: DeliveringSession;
    readonly isSettled: boolean;
    readonly destination: Destination | null;
    readonly isTemporary?: boolean;
    readonly removes: SubscriptionName | null;
    readonly defaultOutcome?: Outcome | null;
  }) {
    this.name = options.name;
    this.handle = options.handle;
    this.session = options.session;
    this.isSettled = options.isSettled;
    this.destination = options.destination;
    this.isTemporary = options.isTemporary ?? false;
    this.removes = options.removes;
    this.defaultOutcome = options.defaultOutcome ?? { kind: 'released' };
  }

  /** The client's credit, from its view of how many deliveries there were (2.6.7). */
  grant(remoteDeliveryCount: number | null, linkCredit: number): void {
    const seen = remoteDeliveryCount ?? 0;
    this.credit = Math.max(0, linkCredit - difference(this.deliveryCount, seen));
  }

  countDelivery(): void {
    this.credit -= 1;
    this.deliveryCount = next(this.deliveryCount);
  }

  /** Gives back what is left of the credit, as if it had been used. */
  useUpCredit(): void {
    this.deliveryCount = (this.deliveryCount + this.credit) >>> 0;
    this.credit = 0;
  }
}
