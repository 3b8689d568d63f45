/**
 * A message between its sender and its receivers (OASIS AMQP 1.0, part 3, 3.2). The bare message
 * (properties, application properties, body) and the footer stay as the sender wrote them; header and
 * delivery annotations are for one hop and are read, or dropped.
 */
import { decodeError } from './amqp-error.js';
import { CODE } from './format-codes.js';
import type { AmqpValue, ValueReader } from './value-reader.js';

export const SECTION = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  properties: 0x73,
  applicationProperties: 0x74,
  data: 0x75,
  amqpSequence: 0x76,
  amqpValue: 0x77,
  footer: 0x78,
} as const;

const NAME_OF_SECTION: { readonly [name: string]: number } = {
  'amqp:header:list': SECTION.header,
  'amqp:delivery-annotations:map': SECTION.deliveryAnnotations,
  'amqp:message-annotations:map': SECTION.messageAnnotations,
  'amqp:properties:list': SECTION.properties,
  'amqp:application-properties:map': SECTION.applicationProperties,
  'amqp:data:binary': SECTION.data,
  'amqp:amqp-sequence:list': SECTION.amqpSequence,
  'amqp:amqp-value:*': SECTION.amqpValue,
  'amqp:footer:map': SECTION.footer,
};

/** Message annotations: milliseconds since 1970, and milliseconds from now. JMS clients write them. */
export const DELIVERY_TIME = 'x-opt-delivery-time';
export const DELIVERY_DELAY = 'x-opt-delivery-delay';

const DEFAULT_PRIORITY = 4;
const HIGHEST_PRIORITY = 9;
/** Its place among the properties (3.2.4). */
const GROUP_ID_INDEX = 10;
/** durable, priority, ttl, first-acquirer, delivery-count. */
const HEADER_FIELDS = 5;

/** What was found; one object is used for every message. */
export class MessageSections {
  durable = false;
  priority = DEFAULT_PRIORITY;
  /** Milliseconds, or null for ever. */
  ttl: number | null = null;
  /** The whole section, with its descriptor; empty when start is end. */
  annotationsStart = 0;
  annotationsEnd = 0;
  /** Properties, application properties, body and footer. */
  bareStart = 0;
  bareEnd = 0;
  /** The whole section, with its descriptor; empty when start is end. */
  applicationPropertiesStart = 0;
  applicationPropertiesEnd = 0;
  /** Where the properties are, after their descriptor, when they may name a message group; -1: they do not. */
  groupPropertiesStart = -1;
  groupPropertiesEnd = -1;
  /** The annotations say when it is to be delivered: the next two. */
  hasDeliveryWish = false;
  deliveryTime: AmqpValue = null;
  deliveryDelay: AmqpValue = null;
  private reader: ValueReader | null = null;

  /** Reads up to the bare message, and passes over that: its sections must be there in their order. */
  read(reader: ValueReader): void {
    this.durable = false;
    this.priority = DEFAULT_PRIORITY;
    this.ttl = null;
    this.annotationsStart = reader.at;
    this.annotationsEnd = reader.at;
    this.bareStart = -1;
    this.applicationPropertiesStart = 0;
    this.applicationPropertiesEnd = 0;
    this.groupPropertiesStart = -1;
    this.hasDeliveryWish = false;
    let previous = 0;
    let hasBody = false;
    while (!reader.isAtEnd) {
      const start = reader.at;
      const section = sectionCode(reader);
      const isRepeated = section === previous && isRepeatable(section);
      if (section <= previous && !isRepeated) {
        throw decodeError(`Section 0x${section.toString(16)} of a message is out of order`);
      }
      if (isBody(section)) {
        if (hasBody && !isRepeated) throw decodeError('A message has bodies of two kinds');
        hasBody = true;
      }
      previous = section;
      this.readSection(reader, section, start);
    }
    // JMS messages without a body have no section for it.
    if (this.bareStart === -1) this.bareStart = reader.at;
    this.bareEnd = reader.at;
  }

  private readonly visitAnnotation = (key: AmqpValue, start: number): void => {
    if (key !== DELIVERY_TIME && key !== DELIVERY_DELAY) return;
    const reader = this.reader as ValueReader;
    reader.at = start;
    reader.skip();
    if (!this.hasDeliveryWish) {
      this.hasDeliveryWish = true;
      this.deliveryTime = null;
      this.deliveryDelay = null;
    }
    if (key === DELIVERY_TIME) this.deliveryTime = reader.value();
    else this.deliveryDelay = reader.value();
  };

  private readSection(reader: ValueReader, section: number, start: number): void {
    if (section === SECTION.header) {
      this.readHeader(reader);
      return;
    }
    if (section === SECTION.messageAnnotations) {
      // The broker adds to them when the message becomes a dead letter: they have to be readable then.
      this.reader = reader;
      reader.pairs(this.visitAnnotation);
      this.annotationsStart = start;
      this.annotationsEnd = reader.at;
      return;
    }
    const contentStart = reader.at;
    reader.skip();
    if (section === SECTION.properties && mayNameGroup(reader.bytes, contentStart)) {
      this.groupPropertiesStart = contentStart;
      this.groupPropertiesEnd = reader.at;
    }
    if (section > SECTION.messageAnnotations && this.bareStart === -1) {
      this.bareStart = start;
    }
    if (section === SECTION.applicationProperties) {
      this.applicationPropertiesStart = start;
      this.applicationPropertiesEnd = reader.at;
    }
  }

  /** 3.2.1, field by field: it comes with every message, and would be an object each time if a table read it. */
  private readHeader(reader: ValueReader): void {
    const outerEnd = reader.end;
    const count = reader.openList();
    if (count > 0) this.durable = reader.boolean() ?? false;
    if (count > 1) this.priority = Math.min(reader.uint() ?? DEFAULT_PRIORITY, HIGHEST_PRIORITY);
    if (count > 2) this.ttl = reader.uint();
    // Whether this hop is the first, and how often it failed, is for the broker to say.
    if (count > 3) reader.boolean();
    if (count > 4) reader.uint();
    for (let index = HEADER_FIELDS; index < count; index += 1) reader.skip();
    if (reader.at !== reader.end) throw decodeError('The header is longer than its fields');
    reader.end = outerEnd;
  }
}

/** Whether a list of properties, which is whole, is long enough to have a group id: most end before that. */
function mayNameGroup(bytes: Uint8Array, start: number): boolean {
  const code = bytes[start];
  if (code === CODE.list8) return (bytes[start + 2] as number) > GROUP_ID_INDEX;
  return code === CODE.list32;
}

function isBody(section: number): boolean {
  return section >= SECTION.data && section <= SECTION.amqpValue;
}

function isRepeatable(section: number): boolean {
  return section === SECTION.data || section === SECTION.amqpSequence;
}

/** Reads a section's descriptor; the section itself comes next. */
export function sectionCode(reader: ValueReader): number {
  if (
    reader.end - reader.at >= 3 &&
    reader.bytes[reader.at] === CODE.described &&
    reader.bytes[reader.at + 1] === CODE.smallUlong
  ) {
    const code = reader.bytes[reader.at + 2] as number;
    if (code >= SECTION.header && code <= SECTION.footer) {
      reader.at += 3;
      return code;
    }
  }
  const descriptor = reader.descriptor();
  const code = typeof descriptor === 'string' ? NAME_OF_SECTION[descriptor] : descriptor;
  if (code !== undefined && code >= SECTION.header && code <= SECTION.footer) return code;
  throw decodeError(`${String(descriptor).slice(0, 100)} describes no section of a message`);
}
