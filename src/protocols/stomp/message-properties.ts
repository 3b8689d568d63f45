/** What message selectors name, in a message that came by STOMP: its headers, which are all text, and the JMS headers made of them. */
import type { SelectableMessage } from '../../broker/api.js';
import type { PropertySource, PropertyValue } from '../../selector/property-source.js';
import { storedHeaderLines } from './stored-header-lines.js';

const HEADER_OF: ReadonlyMap<string, string> = new Map([
  ['JMSCorrelationID', 'correlation-id'],
  ['JMSType', 'type'],
]);

export class MessageProperties {
  private message: SelectableMessage | null = null;
  private headers: Map<string, string> | null = null;

  /** Valid until the next call. */
  of(message: SelectableMessage): PropertySource {
    this.message = message;
    this.headers = null;
    return this.propertyOf;
  }

  private readonly propertyOf = (name: string): PropertyValue => {
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
      case 'JMSTimestamp':
        return message.timestampMs;
      default:
        return this.read(message).get(HEADER_OF.get(name) ?? name) ?? null;
    }
  };

  private read({ headers }: SelectableMessage): Map<string, string> {
    if (this.headers !== null) return this.headers;
    this.headers = new Map();
    for (const [name, value] of storedHeaderLines(headers, 0, headers.length)) {
      // Of a header that is repeated the first one counts (STOMP 1.2, "Repeated Header Entries").
      if (!this.headers.has(name)) this.headers.set(name, value);
    }
    return this.headers;
  }
}
