/**
 * The broker with spans around it: of each message whose sender traces it, one from its arrival to its
 * confirmation, and one when it is handed to a consumer. Only there when the user has an SDK, so that
 * nobody else pays for it.
 */
import type {
  BrokerSession,
  ClientBroker,
  ClientIdentity,
  ConfirmationToken,
  DeliveryView,
  IncomingMessage,
  SelectableMessage,
  SessionEvents,
  Subscriber,
} from '../broker/api.js';
import { ForwardedSession } from '../broker/forwarded-session.js';
import type { MessageContents } from '../broker/services.js';
import { messageOf } from '../platform/errors.js';
import type { Span, TraceParent, Tracer } from '../platform/tracing.js';

export interface Tracing {
  readonly tracer: Tracer;
  readonly propertiesOf: MessageContents['propertiesOf'];
}

/** W3C Trace Context, 3.2.2.5.1: the sender has recorded its part. */
const SAMPLED =
  /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f][13579bdf](?:-|$)/;

export class TracedBroker implements ClientBroker {
  private readonly inner: ClientBroker;
  private readonly tracing: Tracing;

  constructor(inner: ClientBroker, tracing: Tracing) {
    this.inner = inner;
    this.tracing = tracing;
  }

  openSession(events: SessionEvents, describe: string, identity?: ClientIdentity): BrokerSession {
    const traced = new TracedEvents(events, this.tracing);
    return new TracedSession(this.inner.openSession(traced, describe, identity), this.tracing);
  }

  hasQueue(name: string): boolean {
    return this.inner.hasQueue(name);
  }
}

/** What its session wants to hear of, with the span that ends then. */
class TracedToken {
  readonly token: ConfirmationToken;
  readonly span: Span;

  constructor(token: ConfirmationToken, span: Span) {
    this.token = token;
    this.span = span;
  }
}

class TracedSession extends ForwardedSession {
  private readonly tracing: Tracing;

  constructor(inner: BrokerSession, tracing: Tracing) {
    super(inner);
    this.tracing = tracing;
  }

  override send(
    message: IncomingMessage,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    const selectable = { ...message, timestampMs: 0, failedDeliveries: 0 };
    const parent = parentOf(this.tracing, selectable);
    if (parent === null) {
      this.inner.send(message, token, transaction);
      return;
    }
    const span = this.tracing.tracer.start({
      name: `send ${message.destination.name}`,
      kind: 'consumer',
      attributes: {
        ...attributesOf('send', message.destination.name),
        'messaging.message.body.size': message.body.length,
        'holdfast.durable': message.durable,
        'holdfast.in_transaction': transaction !== null,
      },
      parent,
    });
    try {
      this.inner.send(message, new TracedToken(token, span), transaction);
    } catch (error) {
      span.fail(messageOf(error));
      throw error;
    }
  }
}

class TracedEvents implements SessionEvents {
  private readonly inner: SessionEvents;
  private readonly tracing: Tracing;

  constructor(inner: SessionEvents, tracing: Tracing) {
    this.inner = inner;
    this.tracing = tracing;
  }

  get writable(): boolean {
    return this.inner.writable;
  }

  confirmed(token: ConfirmationToken): void {
    let inner = token;
    if (token instanceof TracedToken) {
      token.span.end();
      inner = token.token;
    }
    if (inner !== null) this.inner.confirmed(inner);
  }

  deliver(subscriber: Subscriber, message: DeliveryView): void {
    const { bytes, headersStart, headersEnd, bodyStart, bodyEnd } = message;
    const headers = bytes.subarray(headersStart, headersEnd);
    const body = bytes.subarray(bodyStart, bodyEnd);
    const parent = parentOf(this.tracing, { ...message, headers, body });
    const { name } = message.destination;
    const span =
      parent === null
        ? null
        : this.tracing.tracer.start({
            name: `deliver ${name}`,
            kind: 'producer',
            attributes: {
              ...attributesOf('deliver', name),
              'messaging.message.body.size': body.length,
              'holdfast.redelivered': message.redelivered,
              'holdfast.failed_deliveries': message.failedDeliveries,
            },
            parent,
          });
    try {
      this.inner.deliver(subscriber, message);
    } catch (error) {
      span?.fail(messageOf(error));
      throw error;
    }
    span?.end();
  }

  pauseReading(reason: string): void {
    this.inner.pauseReading(reason);
  }

  resumeReading(): void {
    this.inner.resumeReading();
  }

  subscriptionEnded(subscriber: Subscriber, reason: string): void {
    this.inner.subscriptionEnded?.(subscriber, reason);
  }

  abort(reason: string): void {
    this.inner.abort(reason);
  }
}

/** Null for a message that nobody traces. */
function parentOf({ propertiesOf }: Tracing, message: SelectableMessage): TraceParent | null {
  const property = propertiesOf(message);
  const traceparent = property('traceparent');
  if (typeof traceparent !== 'string' || !SAMPLED.test(traceparent)) return null;
  const tracestate = property('tracestate');
  return { traceparent, tracestate: typeof tracestate === 'string' ? tracestate : null };
}

function attributesOf(operation: string, destination: string) {
  return {
    'messaging.system': 'holdfast',
    'messaging.operation.name': operation,
    'messaging.destination.name': destination,
  };
}
