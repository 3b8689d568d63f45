/** The shapes of what comes and goes, once: for checking requests, for writing answers, and for OpenAPI. */

const text = { type: 'string' } as const;
const yesOrNo = { type: 'boolean' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const id = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const textOrNull = { type: ['string', 'null'] } as const;
const countOrNull = { type: ['integer', 'null'] } as const;
const ofLive = 'Null on a backup, which does not know.';
const countOfLive = { ...countOrNull, description: ofLive } as const;

/** Every property is there. */
export function object<P extends { readonly [name: string]: unknown }>(properties: P) {
  return {
    type: 'object',
    required: Object.keys(properties),
    properties,
  } as const;
}

export function listOf<K extends string>(name: K, items: unknown, more: object = {}) {
  return object({
    node: { ...text, description: 'Who answers.' },
    role: { ...text, description: 'A backup answers with what it has followed so far.' },
    ...more,
    [name]: { type: 'array', items },
  });
}

const DEPTH = {
  messages: count,
  bytes: count,
  ready: countOfLive,
  unacknowledged: countOfLive,
  consumers: countOfLive,
  oldestAtMs: {
    ...countOrNull,
    description: 'Roughly when the oldest came that is ready or unacknowledged.',
  },
  counts: {
    description: `Since the tenure began. ${ofLive}`,
    ...object({
      arrived: count,
      delivered: count,
      redelivered: count,
      failed: count,
      acknowledged: count,
      expired: count,
      deadLettered: count,
    }),
    type: ['object', 'null'],
  },
} as const;

export const QUEUE = object({
  name: text,
  ...DEPTH,
  paused: { type: ['boolean', 'null'], description: ofLive },
  temporary: yesOrNo,
  deadLetters: yesOrNo,
});

export const SUBSCRIPTION = object({
  topic: text,
  name: textOrNull,
  clientId: textOrNull,
  durable: yesOrNo,
  shared: yesOrNo,
  selector: textOrNull,
  noLocal: yesOrNo,
  ...DEPTH,
});

export const TOPIC = object({
  name: text,
  subscriptions: count,
  consumers: countOfLive,
  messages: count,
  bytes: count,
});

export const CONSUMER = object({
  connection: id,
  destination: text,
  kind: { type: 'string', enum: ['queue', 'topic'] },
  subscription: textOrNull,
  acknowledgement: { type: 'string', enum: ['auto', 'cumulative', 'individual'] },
  prefetch: count,
  unacknowledged: count,
  selector: textOrNull,
  browser: yesOrNo,
});

export const CONNECTION = object({
  id,
  description: text,
  clientId: textOrNull,
  consumers: count,
  unacknowledged: count,
  sends: yesOrNo,
  held: { ...yesOrNo, description: 'Not read from, for what it sends to is full.' },
});

export const TRANSACTION = object({
  connection: id,
  name: text,
  sinceMs: count,
  messages: count,
  settlements: count,
  bytes: count,
});

export const TOTALS = object({
  messages: count,
  bytes: count,
  memoryBytes: { ...count, description: 'Of non-durable messages.' },
  queues: count,
  sent: count,
  delivered: count,
  acknowledged: count,
  failed: count,
  expired: count,
  deadLettered: count,
  duplicates: count,
  dropped: count,
});

export const TENURE = object({
  epoch: count,
  node: textOrNull,
  host: textOrNull,
  fromMs: { type: ['number', 'null'] },
  toMs: { type: ['number', 'null'] },
  ended: {
    ...textOrNull,
    description:
      'handed-over, stopped or lost; null while it goes on, and when it was lost and nobody has come after it.',
  },
});

export const JOURNAL = object({
  segments: count,
  bytes: count,
  neededBytes: { ...count, description: 'Of what has not been consumed.' },
  checkpointBytes: count,
  bytesSinceCheckpoint: count,
  checkpoints: count,
  deletedSegments: count,
  compactedSegments: count,
  relocatedBytes: count,
  position: object({ segment: count, offset: count, sequence: count }),
  waitingMs: count,
});

const HISTOGRAM = object({
  bounds: { type: 'array', items: { type: 'number' }, description: 'In seconds, ascending.' },
  counts: {
    type: 'array',
    items: count,
    description: 'For each bound, what was above the one before and at most this.',
  },
  count: { ...count, description: 'Of all, those above the last bound included.' },
  sumSeconds: { type: 'number' },
});

export const TIMINGS = {
  confirmations: {
    ...HISTOGRAM,
    description: 'How long blocks waited for their confirmation, since the process began.',
  },
  writes: { ...HISTOGRAM, description: 'How long writes to the journal took.' },
  appendedBytes: { ...count, description: 'To the journal, since the process began.' },
};

export const MESSAGE = object({
  id,
  state: {
    type: 'string',
    enum: ['ready', 'delivered', 'in-transaction', 'scheduled', 'moving'],
  },
  address: text,
  kind: { type: 'string', enum: ['queue', 'topic'] },
  protocol: { type: 'string', enum: ['stomp', 'amqp'] },
  durable: yesOrNo,
  priority: count,
  timestampMs: count,
  expiresAtMs: countOrNull,
  deliverAtMs: countOrNull,
  redelivered: yesOrNo,
  failedDeliveries: count,
  bytes: count,
  headers: { type: 'object', additionalProperties: text },
  body: object({
    encoding: { type: 'string', enum: ['text', 'json', 'base64'] },
    value: {},
    bytes: count,
    truncated: yesOrNo,
  }),
});

export const PAGE = object({
  messages: { type: 'array', items: MESSAGE },
  next: {
    ...countOrNull,
    description: 'Say it as `after` for what follows; null at the end. A page may be empty before.',
  },
});

export const OUTCOME = object({
  done: count,
  skipped: {
    ...count,
    description: 'With a consumer or in a transaction, or with no place to go to.',
  },
  reason: {
    ...textOrNull,
    description: 'Why the first of them was skipped, or nothing more was done: for want of room.',
  },
  isComplete: {
    ...yesOrNo,
    description:
      'False when the limit ended it, or a full queue: it goes on with this `after` and `upTo`.',
  },
  after: id,
  upTo: id,
  copies: {
    type: 'array',
    description:
      'Of the first 1,000: the id before, the one after, and the queue that it is in now. To undo a move or a retry, move those back.',
    items: object({ from: id, to: id, queue: text }),
  },
});

export const NAME_PARAMS = object({
  name: { ...text, minLength: 1, description: 'Of the queue, URL-encoded.' },
});

export const MESSAGE_PARAMS = object({ ...NAME_PARAMS.properties, id });

const FILTER = {
  type: 'string',
  // One that is empty by mistake must not mean all.
  pattern: '\\S',
  maxLength: 16_384,
  description: 'A message selector (docs/selectors.md); not empty.',
} as const;

export const BODY_BYTES = {
  type: 'integer',
  minimum: 0,
  maximum: 4 * 1024 * 1024,
  description: 'Longer bodies are cut there.',
} as const;

export const BROWSE_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    filter: FILTER,
    after: { ...id, description: 'Only behind this id.' },
    limit: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
    bodyBytes: { ...BODY_BYTES, maximum: 64 * 1024, default: 256 },
  },
} as const;

const SELECTION = {
  ids: {
    type: 'array',
    maxItems: 10_000,
    items: id,
    description: 'Only these; left out, all.',
  },
  filter: FILTER,
  limit: { type: 'integer', minimum: 1, description: 'Messages at most; left out, all.' },
  after: { ...id, description: 'Only behind this id.' },
  upTo: { ...id, description: 'Only up to this id; left out, what is there when it begins.' },
} as const;

export const ORDER_BODY = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: SELECTION,
} as const;

export const MOVE_BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['to'],
  properties: {
    to: { ...text, minLength: 1, description: 'A queue; it is made when there is none.' },
    ...SELECTION,
  },
} as const;
