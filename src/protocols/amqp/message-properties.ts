/**
 * What message selectors name, in a message that came by AMQP: application properties, and the JMS
 * headers where the AMQP mapping of JMS puts them (OASIS AMQP Bindings and Mappings, JMS mapping, 3.2).
 * Only what is asked for is decoded.
 */
import type { SelectableMessage } from '../../broker/api.js';
import type { PropertySource, PropertyValue } from '../../selector/property-source.js';
import { AmqpError } from './amqp-error.js';
import { PROPERTIES } from './bare-message.js';
import { type Read, readFields } from './composite.js';
import { signedSequence } from './group-properties.js';
import { SECTION, sectionCode } from './message-sections.js';
import { type AmqpValue, OpaqueValue, ValueReader } from './value-reader.js';

const NOT_THERE = -1;
/** What is longer is for nobody to select by: it would take the time of others. */
const LARGEST_SECTION_BYTES = 64 * 1024;
const LONGEST_TEXT = 8 * 1024;

export class MessageProperties {
  private readonly reader = new ValueReader(new Uint8Array(0));
  private message: SelectableMessage | null = null;
  private propertiesAt = NOT_THERE;
  private applicationPropertiesAt = NOT_THERE;
  private fields: Read<typeof PROPERTIES> | null = null;
  private readonly decoded = new Map<string, PropertyValue>();
  private isDecoded = false;

  /** Valid until the next call. */
  of(message: SelectableMessage): PropertySource {
    this.message = message;
    this.fields = null;
    this.isDecoded = false;
    this.findSections(message.body);
    return this.propertyOf;
  }

  private findSections(body: Uint8Array): void {
    const { reader } = this;
    this.propertiesAt = NOT_THERE;
    this.applicationPropertiesAt = NOT_THERE;
    reader.open(body, 0, body.length);
    while (!reader.isAtEnd) {
      const section = sectionCode(reader);
      if (section > SECTION.applicationProperties) return;
      const start = reader.at;
      reader.skip();
      if (reader.at - start > LARGEST_SECTION_BYTES) continue;
      if (section === SECTION.properties) this.propertiesAt = start;
      else this.applicationPropertiesAt = start;
    }
  }

  /** A sender's sections are taken unread: what cannot be decoded is as if it were not there. */
  private readonly propertyOf = (name: string): PropertyValue => {
    try {
      return this.decode(name);
    } catch (error) {
      if (error instanceof AmqpError) return null;
      throw error;
    }
  };

  private decode(name: string): PropertyValue {
    const message = this.message as SelectableMessage;
    switch (name) {
      case 'JMSPriority':
        return message.priority;
      case 'JMSDeliveryMode':
        return message.durable ? 'PERSISTENT' : 'NON_PERSISTENT';
      case 'JMSExpiration':
        return message.expiresAtMs;
      case 'JMSXDeliveryCount':
        return message.failedDeliveries + 1;
      case 'JMSMessageID':
        return messageIdText(this.properties()?.messageId ?? null);
      case 'JMSCorrelationID':
        return correlationIdText(this.properties()?.correlationId ?? null);
      case 'JMSType':
        return this.properties()?.subject ?? null;
      case 'JMSTimestamp':
        return this.properties()?.creationTime ?? null;
      case 'JMSXGroupID':
        return this.properties()?.groupId ?? null;
      case 'JMSXGroupSeq':
        return this.groupSequence();
      default:
        return this.applicationProperty(name);
    }
  }

  private groupSequence(): number | null {
    const sequence = this.properties()?.groupSequence ?? null;
    return sequence === null ? null : signedSequence(sequence);
  }

  private properties(): Read<typeof PROPERTIES> | null {
    if (this.propertiesAt === NOT_THERE) return null;
    if (this.fields === null) {
      this.openAt(this.propertiesAt);
      this.fields = readFields(this.reader, PROPERTIES);
    }
    return this.fields;
  }

  /** All of them are decoded for the first that is asked for: a selector may name many. */
  private applicationProperty(name: string): PropertyValue {
    if (this.applicationPropertiesAt === NOT_THERE) return null;
    if (!this.isDecoded) {
      this.isDecoded = true;
      this.decoded.clear();
      this.openAt(this.applicationPropertiesAt);
      this.decodeApplicationProperties();
    }
    return this.decoded.get(name) ?? null;
  }

  /** All or none of them: every selector is to see the same. */
  private decodeApplicationProperties(): void {
    const { reader, decoded } = this;
    try {
      reader.pairs((key, start) => {
        if (typeof key !== 'string') return;
        reader.at = start;
        reader.skip();
        decoded.set(key, propertyValue(reader.value()));
      });
    } catch (error) {
      decoded.clear();
      throw error;
    }
  }

  private openAt(at: number): void {
    const { body } = this.message as SelectableMessage;
    this.reader.open(body, at, body.length);
  }
}

/** What a selector can compare; anything else is as if it were not there. */
function propertyValue(value: AmqpValue): PropertyValue {
  switch (typeof value) {
    case 'string':
      return value.length <= LONGEST_TEXT ? value : null;
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      return null;
  }
}

/** As JMS clients show it (JMS mapping, 3.2.1.1). */
function messageIdText(id: AmqpValue): string | null {
  if (typeof id !== 'string') return typedIdText(id);
  return id.startsWith('ID:') ? id : `ID:AMQP_NO_PREFIX:${id}`;
}

function correlationIdText(id: AmqpValue): string | null {
  return typeof id === 'string' ? id : typedIdText(id);
}

function typedIdText(id: AmqpValue): string | null {
  if (typeof id === 'number' || typeof id === 'bigint') return `ID:AMQP_ULONG:${id}`;
  if (id instanceof Uint8Array)
    return `ID:AMQP_BINARY:${Buffer.from(id).toString('hex').toUpperCase()}`;
  if (id instanceof OpaqueValue) return `ID:AMQP_UUID:${uuidText(id.bytes)}`;
  return null;
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
