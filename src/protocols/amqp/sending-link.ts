/** A link on which the client receives: a subscription of the broker with credit (part 2, 2.6.7). */
import type { DeliveryView, Subscriber } from '../../broker/api.js';
import type { Outcome } from './delivery-state.js';
import { difference, next } from './serial-number.js';

/** Where deliveries for a link go. */
export interface DeliveringSession {
  deliver(link: SendingLink, message: DeliveryView): void;
}

export class SendingLink {
  readonly name: string;
  readonly handle: number;
  readonly session: DeliveringSession;
  /** Messages count as acknowledged when they are sent. */
  readonly isSettled: boolean;
  /** The name of the durable subscription that it is on, or null. */
  readonly durableName: string | null;
  /** What a settlement without an outcome means (part 3, 3.5.3). */
  readonly defaultOutcome: Outcome;
  /** The client was told that it is attached; nothing comes before that. */
  isAnnounced = false;
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
    readonly durableName: string | null;
    readonly defaultOutcome?: Outcome | null;
  }) {
    this.name = options.name;
    this.handle = options.handle;
    this.session = options.session;
    this.isSettled = options.isSettled;
    this.durableName = options.durableName;
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
