/** A message as operators read it: its headers as STOMP clients have them, and its body as text, JSON or base64. */

import { CONTENT_KIND } from '../broker/api.js';
import type { BrowsedMessage, MessageState } from '../broker/management-api.js';
import { convert } from '../protocols/conversion/convert.js';
import { storedHeaderLines } from '../protocols/stomp/stored-header-lines.js';

interface MessageBodyView {
  /** `json`: `value` is what the text says, for a content type of JSON. */
  readonly encoding: 'text' | 'json' | 'base64';
  readonly value: unknown;
  /** Of the whole body. */
  readonly bytes: number;
  readonly truncated: boolean;
}

export interface MessageView {
  readonly id: number;
  readonly state: MessageState;
  readonly address: string;
  readonly kind: 'queue' | 'topic';
  readonly protocol: 'stomp' | 'amqp';
  readonly durable: boolean;
  readonly priority: number;
  /** Wall-clock milliseconds, as the other times; null for never, or for at once. */
  readonly timestampMs: number;
  readonly expiresAtMs: number | null;
  readonly deliverAtMs: number | null;
  readonly redelivered: boolean;
  readonly failedDeliveries: number;
  /** What it takes in its queue. */
  readonly bytes: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: MessageBodyView;
}

/** `bodyBytes`: what is longer is cut there. */
export function viewOf(message: BrowsedMessage, bodyBytes: number): MessageView {
  const { entryId, state, destination, contentKind, durable, priority, timestampMs } = message;
  const readable = convert(message, CONTENT_KIND.stomp);
  const headers: { [name: string]: string } = Object.create(null);
  const lines = storedHeaderLines(readable.bytes, readable.headersStart, readable.headersEnd);
  // Of a header that is repeated the first one counts (STOMP 1.2, "Repeated Header Entries").
  for (const [name, value] of lines) headers[name] ??= value;
  const body = readable.bytes.subarray(readable.bodyStart, readable.bodyEnd);
  return {
    id: entryId,
    state,
    address: destination.name,
    kind: destination.kind,
    protocol: contentKind === CONTENT_KIND.amqp ? 'amqp' : 'stomp',
    durable,
    priority,
    timestampMs,
    expiresAtMs: message.expiresAtMs || null,
    deliverAtMs: message.deliverAtMs || null,
    redelivered: message.redelivered,
    failedDeliveries: message.failedDeliveries,
    bytes: message.bytesStored,
    headers,
    body: bodyView(body, headers['content-type'] ?? '', bodyBytes),
  };
}

function bodyView(body: Uint8Array, contentType: string, limit: number): MessageBodyView {
  const bytes = body.length;
  const truncated = bytes > limit;
  const shown = truncated ? body.subarray(0, limit) : body;
  const text = textOf(shown, truncated);
  if (text === null) {
    const value = Buffer.from(shown.buffer, shown.byteOffset, shown.length).toString('base64');
    return { encoding: 'base64', value, bytes, truncated };
  }
  if (!truncated && /\bjson\b/i.test(contentType)) {
    try {
      return { encoding: 'json', value: JSON.parse(text) as unknown, bytes, truncated };
    } catch {
      // It says that it is JSON, and is not: the text shows what it is.
    }
  }
  return { encoding: 'text', value: text, bytes, truncated };
}

/** Null when the bytes are no UTF-8. What is cut may end within a character. */
function textOf(bytes: Uint8Array, isCut: boolean): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, {
      stream: isCut,
    });
  } catch {
    return null;
  }
}
