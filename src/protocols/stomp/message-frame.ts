/** Writes MESSAGE frames: bytes from the journal block to the connection's slab, with no string made. */
import type { DeliveryView, Destination } from '../../broker/api.js';
import type { Output } from '../shared/output.js';
import { LINE_FEED, NO_BYTES, utf8 } from './bytes.js';
import { COMMAND } from './commands.js';
import { destinationText } from './destination.js';
import { encodeFrame, type HeaderLine } from './frame-encoder.js';
import { appendStoredHeaders } from './stored-headers.js';
import { destinationLine, type Subscription } from './subscription.js';

const MESSAGE_ID = utf8('message-id:');
const PRIORITY = utf8('\npriority:');
const TIMESTAMP = utf8('\ntimestamp:');
const EXPIRES = utf8('\nexpires:');
const PERSISTENT = utf8('\npersistent:true');
const REDELIVERED = utf8('\nredelivered:true\ndelivery-count:');
const CONTENT_LENGTH = utf8('\ncontent-length:');

/** All of the above, an `ack` header, and a number of at most 16 digits behind each. */
const FIXED_PARTS_BYTES = 320;

export function appendMessageFrame(
  output: Output,
  subscription: Subscription,
  message: DeliveryView,
): void {
  const { bytes, bodyStart, bodyEnd } = message;
  appendMessageHead(output, subscription, message, bodyEnd - bodyStart + 1);
  output.range(bytes, bodyStart, bodyEnd);
  output.byte(0);
}

/** Everything before the body; there is room for `moreBytes` behind it. */
export function appendMessageHead(
  output: Output,
  subscription: Subscription,
  message: DeliveryView,
  moreBytes: number,
): void {
  const { bytes, headersStart, headersEnd, bodyStart, bodyEnd } = message;
  const destination = isSame(message.destination, subscription.destination)
    ? subscription.destinationLine
    : utf8(destinationLine(message.destination, subscription.version));
  output.reserve(
    FIXED_PARTS_BYTES +
      subscription.head.length +
      destination.length +
      (headersEnd - headersStart) +
      moreBytes,
  );
  output.bytes(subscription.head);
  output.bytes(destination);
  output.bytes(MESSAGE_ID);
  output.decimal(message.entryId);
  if (subscription.ackHead.length > 0) {
    output.bytes(subscription.ackHead);
    output.decimal(message.entryId);
  }
  output.bytes(PRIORITY);
  output.decimal(message.priority);
  output.bytes(TIMESTAMP);
  output.decimal(message.timestampMs);
  if (message.durable) output.bytes(PERSISTENT);
  if (message.expiresAtMs !== 0) {
    output.bytes(EXPIRES);
    output.decimal(message.expiresAtMs);
  }
  if (message.redelivered) {
    output.bytes(REDELIVERED);
    output.decimal(message.failedDeliveries + 1);
  }
  output.bytes(CONTENT_LENGTH);
  output.decimal(bodyEnd - bodyStart);
  output.byte(LINE_FEED);
  appendStoredHeaders(output, bytes, headersStart, headersEnd, subscription.version);
  output.byte(LINE_FEED);
}

/** What ActiveMQ sends when a browser has had everything. */
export function endOfBrowsing({ id, destination, version }: Subscription): Uint8Array {
  const headers: HeaderLine[] = [
    ['destination', destinationText(destination)],
    ['message-id', '0'],
    ['browser', 'end'],
  ];
  if (id !== undefined) headers.unshift(['subscription', id]);
  return encodeFrame({ command: COMMAND.message, headers, body: NO_BYTES }, version);
}

function isSame(one: Destination, other: Destination): boolean {
  return one === other || (one.kind === other.kind && one.name === other.name);
}
