/** A message that came by STOMP, as an AMQP client reads it: docs/amqp.md has the table. */
import { CONTENT_KIND, type DeliveryView } from '../../broker/api.js';
import { AMQP_VALUE, APPLICATION_PROPERTIES, DATA, PROPERTIES } from '../amqp/bare-message.js';
import { writeComposite } from '../amqp/composite.js';
import { unsignedSequence } from '../amqp/group-properties.js';
import { ValueWriter } from '../amqp/value-writer.js';
import { storedHeaderLines } from '../stomp/stored-header-lines.js';
import { amqpAddressOf } from './addresses.js';
import type { ConvertedContent } from './converted-content.js';

const NO_BYTES = new Uint8Array(0);
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** STOMP headers with a place of their own among the properties (part 3, 3.2.4). */
const PROPERTY_OF_HEADER: ReadonlyMap<string, 'correlationId' | 'contentType' | 'subject'> =
  new Map([
    ['correlation-id', 'correlationId'],
    ['content-type', 'contentType'],
    ['type', 'subject'],
  ]);
const GROUP_ID = 'JMSXGroupID';
const GROUP_SEQUENCE = 'JMSXGroupSeq';

/** ActiveMQ's header for senders whose library counts the bytes of everything. */
const MESSAGE_TYPE = 'amq-msg-type';

export function amqpFromStomp(message: DeliveryView): ConvertedContent {
  const { bytes, headersStart, headersEnd, bodyStart, bodyEnd } = message;
  const properties: { [name: string]: string } = {};
  let groupSequence: number | null = null;
  const others = new Map<string, string>();
  for (const [name, value] of storedHeaderLines(bytes, headersStart, headersEnd)) {
    const property = PROPERTY_OF_HEADER.get(name);
    // A content type is a symbol, which has nothing else; of the others nothing else is usual.
    if (property !== undefined && isAscii(value)) properties[property] ??= value;
    else if (name === 'reply-to') properties.replyTo ??= amqpAddressOf(value);
    else if (name === GROUP_ID) properties.groupId ??= value;
    else if (name === GROUP_SEQUENCE && unsignedSequence(value) !== null)
      groupSequence ??= unsignedSequence(value);
    // The first line of a name counts: STOMP 1.2, "Repeated Header Entries".
    else if (!others.has(name)) others.set(name, value);
  }
  const writer = new ValueWriter();
  writeComposite(writer, PROPERTIES, {
    messageId: `ID:${message.entryId}`,
    to: message.destination.name,
    creationTime: message.timestampMs,
    ...properties,
    groupSequence,
  });
  if (others.size > 0) {
    writer.describedBy(APPLICATION_PROPERTIES);
    writer.textMap(others);
  }
  writeBody(writer, bytes.subarray(bodyStart, bodyEnd), isText(message, others));
  // Text and data alike end with the bytes that were sent.
  const sameEnd = { bytes: bodyEnd - bodyStart, ofMessageFrom: bodyStart };
  return { headers: NO_BYTES, body: writer.written, sameEnd };
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** As ActiveMQ and Artemis have it: text is what was sent without a length, unless the message says otherwise. */
function isText({ contentKind }: DeliveryView, headers: ReadonlyMap<string, string>): boolean {
  const type = headers.get(MESSAGE_TYPE);
  if (type === 'text' || type === 'bytes') return type === 'text';
  return contentKind === CONTENT_KIND.stomp;
}

function writeBody(writer: ValueWriter, body: Uint8Array, mayBeText: boolean): void {
  const text = mayBeText ? textOf(body) : null;
  if (text === null) {
    writer.describedBy(DATA);
    writer.binary(body);
  } else {
    writer.describedBy(AMQP_VALUE);
    writer.string(text);
  }
}

/** Null when the bytes are no UTF-8. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}
