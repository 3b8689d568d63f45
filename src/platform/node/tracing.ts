/**
 * The Tracer port over the OpenTelemetry API. That has no effect by itself: spans are made when the user
 * has loaded an SDK into this process before, as with `node --import`.
 */
import type { Context } from '@opentelemetry/api';
import type { Span, SpanStart, TraceParent, Tracer } from '../tracing.js';

type Api = typeof import('@opentelemetry/api');

const SCOPE = 'holdfast';
/** W3C Trace Context, 3.2.2: of later versions, which may add something, the first parts are the same. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
/** Where every copy of the API, of major version 1, keeps what an SDK has registered. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

/** Null when there is no SDK: then the API, which takes 50 ms, is not even loaded. `version`: as in package.json. */
export async function tracerOfUser(version: string): Promise<Tracer | null> {
  const registered = (globalThis as { [REGISTERED]?: { trace?: unknown } })[REGISTERED];
  if (registered?.trace === undefined) return null;
  const api = await import('@opentelemetry/api');
  const tracer = api.trace.getTracer(SCOPE, version);
  const kinds = {
    internal: api.SpanKind.INTERNAL,
    consumer: api.SpanKind.CONSUMER,
    producer: api.SpanKind.PRODUCER,
  } as const;
  return {
    start: ({ name, kind, attributes, parent }: SpanStart): Span => {
      const options = { kind: kinds[kind], attributes: { ...attributes } };
      const context = parent === null ? api.context.active() : contextOf(api, parent);
      const span = tracer.startSpan(name, options, context);
      return {
        end: () => span.end(),
        fail: (message) => {
          span.setStatus({ code: api.SpanStatusCode.ERROR, message });
          span.end();
        },
      };
    },
  };
}

function contextOf(api: Api, { traceparent, tracestate }: TraceParent): Context {
  const [, traceId = '', spanId = '', flags = '0'] = TRACEPARENT.exec(traceparent) ?? [];
  return api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate === null ? {} : { traceState: api.createTraceState(tracestate) }),
  });
}
