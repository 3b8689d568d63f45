/**
 * Where a message goes that came on a link without an address (OASIS AMQP Anonymous Terminus, 2.2): its
 * property `to` says so, and with JMS clients an annotation what kind of destination that is.
 */
import type { Destination, IncomingMessage } from '../../broker/api.js';
import type { Addresses } from './addresses.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import { PROPERTIES } from './bare-message.js';
import { readFields } from './composite.js';
import { SECTION, sectionCode } from './message-sections.js';
import { NODE_CAPABILITY } from './terminus.js';
import { type AmqpValue, ValueReader } from './value-reader.js';

/** OASIS AMQP JMS mapping, 3.2.2: queue, topic, temporary queue, temporary topic. */
const KIND_ANNOTATION = 'x-opt-jms-dest';
const TOPIC_KINDS: ReadonlySet<AmqpValue> = new Set<AmqpValue>([1, 3]);
const NO_CAPABILITIES: readonly string[] = [];
const TOPIC_CAPABILITIES: readonly string[] = [NODE_CAPABILITY.topic];

export class MessageAddresses {
  private readonly addresses: Addresses;
  private readonly reader = new ValueReader(new Uint8Array(0));
  /** The last address, which the next message mostly has again. */
  private last: {
    readonly to: string;
    readonly isTopic: boolean;
    readonly destination: Destination;
  } | null = null;

  constructor(addresses: Addresses) {
    this.addresses = addresses;
  }

  /** Throws an error of the link when the message names no possible destination. */
  of({ headers, body }: IncomingMessage): Destination {
    const to = this.readTo(body);
    if (to === null) {
      throw new AmqpError(
        'link',
        CONDITION.preconditionFailed,
        'The message has no property to, and its link has no address; give one of them',
      );
    }
    const isTopic = this.saysTopic(headers);
    const { last } = this;
    if (last !== null && last.to === to && last.isTopic === isTopic) return last.destination;
    const capabilities = isTopic ? TOPIC_CAPABILITIES : NO_CAPABILITIES;
    const destination = this.addresses.destinationOf(to, capabilities);
    this.last = { to, isTopic, destination };
    return destination;
  }

  private readTo(body: Uint8Array): string | null {
    const { reader } = this;
    reader.open(body, 0, body.length);
    if (reader.isAtEnd || sectionCode(reader) !== SECTION.properties) return null;
    return readFields(reader, PROPERTIES).to;
  }

  private saysTopic(annotations: Uint8Array): boolean {
    if (annotations.length === 0) return false;
    const { reader } = this;
    reader.open(annotations, 0, annotations.length);
    sectionCode(reader);
    let isTopic = false;
    reader.pairs((key, start) => {
      if (key !== KIND_ANNOTATION) return;
      reader.at = start;
      reader.skip();
      isTopic = TOPIC_KINDS.has(reader.value());
    });
    return isTopic;
  }
}
