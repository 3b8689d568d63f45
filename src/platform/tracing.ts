/** What the rest of the code knows of distributed tracing, so that none of it depends on a library. */

/** Of a trace that somebody else began: the texts of W3C Trace Context, 3.2 and 3.3. */
export interface TraceParent {
  readonly traceparent: string;
  readonly tracestate: string | null;
}

export interface Span {
  end(): void;
  /** It ended with a failure, told in a sentence. */
  fail(sentence: string): void;
}

export interface SpanStart {
  readonly name: string;
  /** As OpenTelemetry has them: work of its own, a message that was taken, or one that was handed out. */
  readonly kind: 'internal' | 'consumer' | 'producer';
  readonly attributes: { readonly [name: string]: string | number | boolean };
  /** Null begins a trace. */
  readonly parent: TraceParent | null;
}

export interface Tracer {
  start(span: SpanStart): Span;
}
