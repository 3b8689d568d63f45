/** A message that came by AMQP, as a STOMP client reads it: docs/amqp.md has the table. */
import type { DeliveryView } from '../../broker/api.js';
import { PROPERTIES } from '../amqp/bare-message.js';
import { readFields } from '../amqp/composite.js';
import { signedSequence } from '../amqp/group-properties.js';
import { SECTION, sectionCode } from '../amqp/message-sections.js';
import { type AmqpValue, DescribedValue, OpaqueValue, ValueReader } from '../amqp/value-reader.js';
import { HEADER, HEADER_NAME, isStored } from '../stomp/known-headers.js';
import { storedHeaderLine } from '../stomp/stored-header-lines.js';
import { stompDestinationOf } from './addresses.js';
import type { ConvertedContent } from './converted-content.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
/** As of a STOMP sender: what the broker writes itself nobody else may say, a length least of all. */
const OF_BROKER: ReadonlySet<string> = new Set(
  Object.values(HEADER)
    .filter((header) => !isStored(header))
    .map((header) => HEADER_NAME[header]),
);

export function stompFromAmqp(message: DeliveryView): ConvertedContent {
  const reader = new ValueReader(message.bytes, message.bodyStart, message.bodyEnd);
  const headers = new Map<string, string>();
  const body: Uint8Array[] = [];
  while (!reader.isAtEnd) {
    switch (sectionCode(reader)) {
      case SECTION.properties:
        addProperties(headers, reader);
        break;
      case SECTION.applicationProperties:
        addApplicationProperties(headers, reader.value());
        break;
      case SECTION.data:
        body.push(reader.binary() ?? new Uint8Array(0));
        break;
      case SECTION.amqpValue:
      case SECTION.amqpSequence:
        body.push(bodyBytes(headers, reader.value()));
        break;
      default:
        reader.skip();
    }
  }
  const lines = [...headers].map(([name, value]) => headerLine(name, value)).join('');
  const content = { headers: encoder.encode(lines), body: Buffer.concat(body) };
  const [first] = body;
  if (body.length !== 1 || first?.buffer !== message.bytes.buffer) return content;
  const ofMessageFrom = first.byteOffset - message.bytes.byteOffset;
  return { ...content, sameEnd: { bytes: first.length, ofMessageFrom } };
}

function addProperties(headers: Map<string, string>, reader: ValueReader): void {
  const { messageId, correlationId, replyTo, subject, contentType, groupId, groupSequence } =
    readFields(reader, PROPERTIES);
  const texts: readonly (readonly [string, string | null])[] = [
    ['amqp-message-id', textOf(messageId)],
    ['correlation-id', textOf(correlationId)],
    ['reply-to', replyTo === null ? null : stompDestinationOf(replyTo)],
    ['type', subject],
    ['content-type', contentType],
    ['JMSXGroupID', groupId],
    ['JMSXGroupSeq', groupSequence === null ? null : String(signedSequence(groupSequence))],
  ];
  for (const [name, text] of texts) if (text !== null) headers.set(name, text);
}

function addApplicationProperties(headers: Map<string, string>, value: AmqpValue): void {
  if (!(value instanceof Map)) return;
  for (const [name, each] of value as ReadonlyMap<AmqpValue, AmqpValue>) {
    const text = textOf(each);
    if (typeof name !== 'string' || text === null || OF_BROKER.has(name)) continue;
    if (!headers.has(name)) headers.set(name, text);
  }
}

/** Text and bytes are themselves; a map or a list becomes JSON, and its content-type says so. */
function bodyBytes(headers: Map<string, string>, value: AmqpValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (isCompound(value)) {
    headers.set('content-type', 'application/json');
    return encoder.encode(JSON.stringify(value, toJson));
  }
  return encoder.encode(textOf(value) ?? '');
}

function isCompound(value: AmqpValue): boolean {
  return Array.isArray(value) || value instanceof Map || value instanceof DescribedValue;
}

function toJson(key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof DescribedValue) return toJson(key, value.value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array || value instanceof OpaqueValue) return textOf(value);
  return value;
}

/** A header cannot have the byte that ends a frame. */
function headerLine(name: string, value: string): string {
  return storedHeaderLine(name.replaceAll('\0', '\ufffd'), value.replaceAll('\0', '\ufffd'));
}

/** A simple value as text; null has none. Bytes that are no text become hexadecimal digits. */
function textOf(value: AmqpValue): string | null {
  if (value === null) return null;
  if (value instanceof OpaqueValue) return Buffer.from(value.bytes).toString('hex');
  if (value instanceof Uint8Array) {
    const text = decoder.decode(value);
    return text.includes('\ufffd') || text.includes('\0')
      ? Buffer.from(value).toString('hex')
      : text;
  }
  return String(value);
}
