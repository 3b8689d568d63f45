/** Gives a session a message in its own codec, whichever protocol it came by. */
import { CONTENT_KIND, type ContentKind, type DeliveryView } from '../../broker/api.js';
import { stompFromAmqp } from './amqp-to-stomp.js';
import type { ConvertedContent } from './converted-content.js';
import { amqpFromStomp } from './stomp-to-amqp.js';

/** A delivery as `kind` reads it: itself, or one with other bytes. */
export function convert(message: DeliveryView, kind: ContentKind): DeliveryView {
  if (message.contentKind === kind) return message;
  const { headers, body } =
    kind === CONTENT_KIND.amqp ? amqpFromStomp(message) : stompFromAmqp(message);
  return withContent(message, kind, { headers, body });
}

function withContent(
  message: DeliveryView,
  contentKind: ContentKind,
  { headers, body }: ConvertedContent,
): DeliveryView {
  return {
    ...message,
    contentKind,
    bytes: Buffer.concat([headers, body]),
    headersStart: 0,
    headersEnd: headers.length,
    bodyStart: headers.length,
    bodyEnd: headers.length + body.length,
  };
}
