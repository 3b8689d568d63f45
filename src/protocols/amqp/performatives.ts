/**
 * The composite types of a connection, tabled after OASIS AMQP 1.0, part 2 (transport), 3.4 and 3.5
 * (delivery states, sources and targets), 4.5 (transactions) and 5.3 (SASL).
 */
import { composite, defaulted, FIELD, mandatory, nested, optional } from './composite.js';

/** 2.8.1: from the point of view of the peer that attaches. */
export const ROLE = { sender: false, receiver: true } as const;
/** 2.8.2 */
export const SENDER_SETTLES = { unsettled: 0, settled: 1, mixed: 2 } as const;
/** 2.8.3: `second` settles only when it was told that the sender did. */
export const RECEIVER_SETTLES = { first: 0, second: 1 } as const;

export const ERROR = composite(0x1d, 'error', {
  condition: mandatory(FIELD.symbol),
  description: optional(FIELD.string),
  info: optional(FIELD.ownFields),
});

/** 2.7.1 */
export const OPEN = composite(0x10, 'open', {
  containerId: mandatory(FIELD.string),
  hostname: optional(FIELD.string),
  maxFrameSize: defaulted(FIELD.uint, 0xffffffff),
  channelMax: defaulted(FIELD.ushort, 0xffff),
  idleTimeOut: optional(FIELD.uint),
  outgoingLocales: defaulted(FIELD.symbols, []),
  incomingLocales: defaulted(FIELD.symbols, []),
  offeredCapabilities: defaulted(FIELD.symbols, []),
  desiredCapabilities: defaulted(FIELD.symbols, []),
  properties: optional(FIELD.ownFields),
});

/** 2.7.2 */
export const BEGIN = composite(0x11, 'begin', {
  remoteChannel: optional(FIELD.ushort),
  nextOutgoingId: mandatory(FIELD.uint),
  incomingWindow: mandatory(FIELD.uint),
  outgoingWindow: mandatory(FIELD.uint),
  handleMax: defaulted(FIELD.uint, 0xffffffff),
  offeredCapabilities: defaulted(FIELD.symbols, []),
  desiredCapabilities: defaulted(FIELD.symbols, []),
  properties: optional(FIELD.ownFields),
});

/** 2.7.3; `source` and `target` may be of several types. */
export const ATTACH = composite(0x12, 'attach', {
  name: mandatory(FIELD.string),
  handle: mandatory(FIELD.uint),
  role: mandatory(FIELD.boolean),
  sndSettleMode: defaulted(FIELD.ubyte, SENDER_SETTLES.mixed),
  rcvSettleMode: defaulted(FIELD.ubyte, RECEIVER_SETTLES.first),
  source: optional(FIELD.raw),
  target: optional(FIELD.raw),
  unsettled: optional(FIELD.raw),
  incompleteUnsettled: defaulted(FIELD.boolean, false),
  initialDeliveryCount: optional(FIELD.uint),
  maxMessageSize: defaulted(FIELD.ulong, 0),
  offeredCapabilities: defaulted(FIELD.symbols, []),
  desiredCapabilities: defaulted(FIELD.symbols, []),
  properties: optional(FIELD.ownFields),
});

/** 2.7.4 */
export const FLOW = composite(0x13, 'flow', {
  nextIncomingId: optional(FIELD.uint),
  incomingWindow: mandatory(FIELD.uint),
  nextOutgoingId: mandatory(FIELD.uint),
  outgoingWindow: mandatory(FIELD.uint),
  handle: optional(FIELD.uint),
  deliveryCount: optional(FIELD.uint),
  linkCredit: optional(FIELD.uint),
  available: optional(FIELD.uint),
  drain: defaulted(FIELD.boolean, false),
  echo: defaulted(FIELD.boolean, false),
  properties: optional(FIELD.ownFields),
});

/** 2.7.5 */
export const TRANSFER = composite(0x14, 'transfer', {
  handle: mandatory(FIELD.uint),
  deliveryId: optional(FIELD.uint),
  deliveryTag: optional(FIELD.binary),
  messageFormat: optional(FIELD.uint),
  settled: optional(FIELD.boolean),
  more: defaulted(FIELD.boolean, false),
  rcvSettleMode: optional(FIELD.ubyte),
  state: optional(FIELD.raw),
  resume: defaulted(FIELD.boolean, false),
  aborted: defaulted(FIELD.boolean, false),
  batchable: defaulted(FIELD.boolean, false),
});

/** 2.7.6 */
export const DISPOSITION = composite(0x15, 'disposition', {
  role: mandatory(FIELD.boolean),
  first: mandatory(FIELD.uint),
  last: optional(FIELD.uint),
  settled: defaulted(FIELD.boolean, false),
  state: optional(FIELD.raw),
  batchable: defaulted(FIELD.boolean, false),
});

/** 2.7.7 */
export const DETACH = composite(0x16, 'detach', {
  handle: mandatory(FIELD.uint),
  closed: defaulted(FIELD.boolean, false),
  error: optional(nested(ERROR)),
});

/** 2.7.8 */
export const END = composite(0x17, 'end', { error: optional(nested(ERROR)) });

/** 2.7.9 */
export const CLOSE = composite(0x18, 'close', { error: optional(nested(ERROR)) });

/** 3.4.1 to 3.4.5, and 4.5.5, 4.5.8 */
export const RECEIVED = composite(0x23, 'received', {
  sectionNumber: mandatory(FIELD.uint),
  sectionOffset: mandatory(FIELD.ulong),
});
export const ACCEPTED = composite(0x24, 'accepted', {});
export const REJECTED = composite(0x25, 'rejected', { error: optional(nested(ERROR)) });
export const RELEASED = composite(0x26, 'released', {});
export const MODIFIED = composite(0x27, 'modified', {
  deliveryFailed: defaulted(FIELD.boolean, false),
  undeliverableHere: defaulted(FIELD.boolean, false),
  messageAnnotations: optional(FIELD.raw),
});
export const DECLARED = composite(0x33, 'declared', { txnId: mandatory(FIELD.binary) });
/** `ACCEPTED` as bytes: what is said most often. */
export const ACCEPTED_STATE: Uint8Array = Uint8Array.of(0x00, 0x53, 0x24, 0x45);
export const TRANSACTIONAL_STATE = composite(0x34, 'transactional-state', {
  txnId: mandatory(FIELD.binary),
  outcome: optional(FIELD.raw),
});

/** 3.5.3 */
export const SOURCE = composite(0x28, 'source', {
  address: optional(FIELD.string),
  durable: defaulted(FIELD.uint, 0),
  expiryPolicy: defaulted(FIELD.symbol, 'session-end'),
  timeout: defaulted(FIELD.uint, 0),
  dynamic: defaulted(FIELD.boolean, false),
  dynamicNodeProperties: optional(FIELD.raw),
  distributionMode: optional(FIELD.symbol),
  filter: optional(FIELD.raw),
  defaultOutcome: optional(FIELD.raw),
  outcomes: defaulted(FIELD.symbols, []),
  capabilities: defaulted(FIELD.symbols, []),
});

/** 3.5.4 */
export const TARGET = composite(0x29, 'target', {
  address: optional(FIELD.string),
  durable: defaulted(FIELD.uint, 0),
  expiryPolicy: defaulted(FIELD.symbol, 'session-end'),
  timeout: defaulted(FIELD.uint, 0),
  dynamic: defaulted(FIELD.boolean, false),
  dynamicNodeProperties: optional(FIELD.raw),
  capabilities: defaulted(FIELD.symbols, []),
});

/** 4.5.1 to 4.5.3 */
export const COORDINATOR = composite(0x30, 'coordinator', {
  capabilities: defaulted(FIELD.symbols, []),
});
export const DECLARE = composite(0x31, 'declare', { globalId: optional(FIELD.raw) });
export const DISCHARGE = composite(0x32, 'discharge', {
  txnId: mandatory(FIELD.binary),
  fail: defaulted(FIELD.boolean, false),
});

/** 5.3.3 */
export const SASL_MECHANISMS = composite(0x40, 'sasl-mechanisms', {
  saslServerMechanisms: mandatory(FIELD.symbols),
});
export const SASL_INIT = composite(0x41, 'sasl-init', {
  mechanism: mandatory(FIELD.symbol),
  initialResponse: optional(FIELD.binary),
  hostname: optional(FIELD.string),
});
export const SASL_CHALLENGE = composite(0x42, 'sasl-challenge', {
  challenge: mandatory(FIELD.binary),
});
export const SASL_RESPONSE = composite(0x43, 'sasl-response', {
  response: mandatory(FIELD.binary),
});
export const SASL_OUTCOME = composite(0x44, 'sasl-outcome', {
  code: mandatory(FIELD.ubyte),
  additionalData: optional(FIELD.binary),
});
