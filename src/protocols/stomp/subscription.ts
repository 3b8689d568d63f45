/** One SUBSCRIBE of one session, with the parts of its MESSAGE frames that never change as bytes. */
import type { AcknowledgementMode, Destination, Subscriber } from '../../broker/api.js';
import { ACKNOWLEDGEMENT } from '../../broker/api.js';
import { NO_BYTES, utf8 } from './bytes.js';
import { destinationText } from './destination.js';
import { escapeHeader } from './escaping.js';
import { type StompVersion, VERSION } from './version.js';

export interface SubscriptionOptions {
  /** Part of the `ack` headers; never used again in this session. */
  readonly number: number;
  /** The client's own name for it; undefined where 1.0 lets the destination serve. */
  readonly id: string | undefined;
  readonly destination: Destination;
  readonly acknowledgement: AcknowledgementMode;
  readonly durable: { readonly clientId: string; readonly name: string } | null;
  readonly version: StompVersion;
}

export class Subscription {
  readonly number: number;
  readonly id: string | undefined;
  readonly destination: Destination;
  readonly acknowledgement: AcknowledgementMode;
  readonly durable: { readonly clientId: string; readonly name: string } | null;
  readonly version: StompVersion;
  /** `MESSAGE` up to the subscription header. */
  readonly head: Uint8Array;
  /** The destination header of messages that were sent to the destination subscribed to. */
  readonly destinationLine: Uint8Array;
  /** From behind the message-id to the entry in the `ack` header; empty without such a header. */
  readonly ackHead: Uint8Array;
  private known: Subscriber | undefined;

  constructor(options: SubscriptionOptions) {
    const { version } = options;
    this.number = options.number;
    this.id = options.id;
    this.destination = options.destination;
    this.acknowledgement = options.acknowledgement;
    this.durable = options.durable;
    this.version = version;
    const idLine =
      options.id === undefined ? '' : `subscription:${escapeHeader(options.id, version)}\n`;
    this.head = utf8(`MESSAGE\n${idLine}`);
    this.destinationLine = utf8(destinationLine(options.destination, version));
    const hasAckHeader = version >= VERSION.v12 && options.acknowledgement !== ACKNOWLEDGEMENT.auto;
    this.ackHead = hasAckHeader ? utf8(`\nack:${options.number}-`) : NO_BYTES;
  }

  /** The broker's side of it; set by whoever subscribed. */
  get subscriber(): Subscriber {
    if (this.known === undefined)
      throw new Error('The broker does not know this subscription yet.');
    return this.known;
  }

  set subscriber(subscriber: Subscriber) {
    this.known = subscriber;
  }
}

export function destinationLine(destination: Destination, version: StompVersion): string {
  return `destination:${escapeHeader(destinationText(destination), version)}\n`;
}
