/** A link on which the client receives: a subscription of the broker with credit (part 2, 2.6.7). */
import type { DeliveryView, Destination, Subscriber } from '../../broker/api.js';
import type { Outcome } from './delivery-state.js';
import { CODE } from './format-codes.js';
import type { ByteRange } from './frame-writer.js';
import { SECTION } from './message-sections.js';
import { difference, next } from './serial-number.js';

const TWO_TO_32 = 4_294_967_296;
/** Descriptor, list of five fields of at most five bytes. */
const HEADER_SECTION_BYTES = 3 + 3 + 2 + 2 + 5 + 1 + 5;

/** Durable subscriptions are known by these two; the client id is empty when it is everybody's. */
export interface SubscriptionName {
  readonly clientId: string;
  readonly name: string;
}

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

/** The header section that the broker writes anew for each delivery (part 3, 3.2.1). */
function headerSection(message: DeliveryView, wallMs: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SECTION_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set([CODE.described, CODE.smallUlong, SECTION.header, CODE.list8, 0, 5]);
  bytes[6] = message.durable ? CODE.true : CODE.false;
  bytes[7] = CODE.ubyte;
  bytes[8] = message.priority;
  let at = 9;
  if (message.expiresAtMs === 0) {
    bytes[at] = CODE.null;
    at += 1;
  } else {
    const leftMs = Math.min(Math.max(1, Math.ceil(message.expiresAtMs - wallMs)), TWO_TO_32 - 1);
    bytes[at] = CODE.uint;
    view.setUint32(at + 1, leftMs);
    at += 5;
  }
  bytes[at] = message.redelivered ? CODE.false : CODE.true;
  const deliveryCount = message.redelivered ? Math.max(1, message.failedDeliveries) : 0;
  bytes[at + 1] = CODE.uint;
  view.setUint32(at + 2, deliveryCount);
  at += 6;
  bytes[4] = at - 5;
  return bytes.subarray(0, at);
}

/** What a delivery carries: the header, the annotations, and the message as its sender wrote it. */
export function payloadOf(message: DeliveryView, wallMs: number): ByteRange[] {
  const header = headerSection(message, wallMs);
  const { bytes, headersStart, headersEnd, bodyStart, bodyEnd } = message;
  return [
    { bytes: header, start: 0, end: header.length },
    { bytes, start: headersStart, end: headersEnd },
    { bytes, start: bodyStart, end: bodyEnd },
  ];
}
