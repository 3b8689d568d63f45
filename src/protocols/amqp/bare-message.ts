/** The sections of a bare message (OASIS AMQP 1.0, part 3, 3.2.4 to 3.2.8), for those who look into one or make one. */
import { composite, FIELD, type FieldType, optional } from './composite.js';
import { SECTION } from './message-sections.js';
import type { AmqpValue } from './value-reader.js';

/** A message id may be a ulong, a uuid, a binary or a string; the broker writes strings. */
const MESSAGE_ID: FieldType<AmqpValue, string> = {
  read: (reader) => reader.value(),
  write: (writer, value) => writer.string(value),
};

export const PROPERTIES = composite(SECTION.properties, 'properties', {
  messageId: optional(MESSAGE_ID),
  userId: optional(FIELD.binary),
  to: optional(FIELD.string),
  subject: optional(FIELD.string),
  replyTo: optional(FIELD.string),
  correlationId: optional(MESSAGE_ID),
  contentType: optional(FIELD.symbol),
  contentEncoding: optional(FIELD.symbol),
  absoluteExpiryTime: optional(FIELD.timestamp),
  creationTime: optional(FIELD.timestamp),
  groupId: optional(FIELD.string),
  groupSequence: optional(FIELD.uint),
  replyToGroupId: optional(FIELD.string),
});

export const APPLICATION_PROPERTIES = SECTION.applicationProperties;
export const DATA = SECTION.data;
export const AMQP_VALUE = SECTION.amqpValue;
