/** Gives a session a message in its own codec, whichever protocol it came by. */
import {
  CONTENT_KIND,
  type ContentKind,
  type DeliveryView,
  type HeldBytes,
  inMemory,
} from '../../broker/api.js';
import { storedHeaderLine } from '../stomp/stored-header-lines.js';
import { stompFromAmqp } from './amqp-to-stomp.js';
import type { ConvertedContent } from './converted-content.js';
import { amqpFromStomp } from './stomp-to-amqp.js';

/** An encoded AMQP message. */
const UNREADABLE_TYPE = 'application/vnd.amqp';

/** A delivery as `kind` reads it: itself, or one with other bytes. */
export function convert(message: DeliveryView, kind: ContentKind): DeliveryView {
  const isAmqp = message.contentKind === CONTENT_KIND.amqp;
  if (isAmqp === (kind === CONTENT_KIND.amqp)) return message;
  const content = isAmqp ? readableStomp(message) : amqpFromStomp(message);
  return withContent(message, kind, content);
}

/**
 * Inside a bare message anything may stand: what its sender made unreadable is handed over as it is,
 * for a delivery that fails here would fail on every node.
 */
function readableStomp(message: DeliveryView): ConvertedContent {
  try {
    return stompFromAmqp(message);
  } catch {
    const headers = new TextEncoder().encode(storedHeaderLine('content-type', UNREADABLE_TYPE));
    return { headers, body: message.bytes.subarray(message.bodyStart, message.bodyEnd) };
  }
}

function withContent(
  message: DeliveryView,
  contentKind: ContentKind,
  { headers, body, sameEnd }: ConvertedContent,
): DeliveryView {
  const bytes = Buffer.concat([headers, body]);
  return {
    ...message,
    contentKind,
    bytes,
    hold: () =>
      sameEnd === undefined ? inMemory(bytes) : new HeldConverted(message, bytes, sameEnd),
    headersStart: 0,
    headersEnd: headers.length,
    bodyStart: headers.length,
    bodyEnd: headers.length + body.length,
  };
}

/** A large message is not kept in memory because its client reads it in another form: most of it is the same. */
class HeldConverted implements HeldBytes {
  private readonly own: Uint8Array;
  private readonly held: HeldBytes;
  private readonly heldFrom: number;

  constructor(
    message: DeliveryView,
    converted: Uint8Array,
    sameEnd: NonNullable<ConvertedContent['sameEnd']>,
  ) {
    this.own = converted.slice(0, converted.length - sameEnd.bytes);
    this.held = message.hold();
    this.heldFrom = sameEnd.ofMessageFrom;
  }

  from(position: number, ready: () => void): Uint8Array | null {
    const inHeld = position - this.own.length;
    if (inHeld < 0) return this.own.subarray(position);
    return this.held.from(this.heldFrom + inHeld, ready);
  }

  release(): void {
    this.held.release();
  }
}
