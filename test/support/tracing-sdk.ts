/** What a user brings who traces: an SDK, loaded into the node by `--import`, which writes spans as JSON lines. */
import { appendFileSync } from 'node:fs';
import {
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node';

const file = process.env.SPANS_FILE ?? '';

const exporter: SpanExporter = {
  export: (spans, done) => {
    for (const span of spans) appendFileSync(file, `${JSON.stringify(lineOf(span))}\n`);
    done({ code: 0 });
  },
  shutdown: () => Promise.resolve(),
};

function lineOf(span: ReadableSpan) {
  const { name, kind, attributes, parentSpanContext, status } = span;
  const { traceId } = span.spanContext();
  return { name, kind, attributes, traceId, parent: parentSpanContext?.spanId ?? null, status };
}

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
