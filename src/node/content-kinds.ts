/** What the broker leaves to the protocol that a message came by. */

import { CONTENT_KIND } from '../broker/api.js';
import type { BrokerOptions } from '../broker/broker.js';
import { deadLetterAnnotations } from '../protocols/amqp/dead-letter.js';
import { deadLetterHeaders as stompHeaders } from '../protocols/stomp/dead-letter.js';

export const deadLetterHeaders: BrokerOptions['deadLetterHeaders'] = (kind, headers, cause) =>
  kind === CONTENT_KIND.amqp
    ? deadLetterAnnotations(headers, cause)
    : stompHeaders(kind, headers, cause);
