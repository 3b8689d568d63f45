/** What the broker leaves to the protocol that a message came by. */

import { CONTENT_KIND } from '../broker/api.js';
import type { MessageContents } from '../broker/services.js';
import {
  deadLetterAnnotations,
  originalDestination as destinationInAnnotations,
} from '../protocols/amqp/dead-letter.js';
import { MessageProperties as AmqpProperties } from '../protocols/amqp/message-properties.js';
import {
  originalDestination as destinationInHeaders,
  deadLetterHeaders as stompHeaders,
} from '../protocols/stomp/dead-letter.js';
import { MessageProperties as StompProperties } from '../protocols/stomp/message-properties.js';

const amqpProperties = new AmqpProperties();
const stompProperties = new StompProperties();

export const messageContents: MessageContents = {
  deadLetterHeaders: (kind, headers, cause) =>
    kind === CONTENT_KIND.amqp
      ? deadLetterAnnotations(headers, cause)
      : stompHeaders(kind, headers, cause),
  originalDestination: (kind, headers) =>
    kind === CONTENT_KIND.amqp ? destinationInAnnotations(headers) : destinationInHeaders(headers),
  propertiesOf: (message) =>
    message.contentKind === CONTENT_KIND.amqp
      ? amqpProperties.of(message)
      : stompProperties.of(message),
};
