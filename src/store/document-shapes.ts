/**
 * Which fields a document must have before anybody believes it: one table per document, which the
 * compiler keeps complete. Fields that are not in a table are ignored, so that a later version of
 * the same format can add some.
 */
import { ROLES } from '../ownership/role.js';
import type {
  HandoverRequest,
  JournalPosition,
  LiveDocument,
  NodeDocument,
  StoreDocument,
} from './documents.js';

type Check = (value: unknown) => boolean;
export type DocumentShape<Document> = { readonly [Field in keyof Document]-?: Check };

/** The name of the first field that is missing or wrong, or null when all are as they should be. */
export function firstWrongField<Document>(
  value: unknown,
  shape: DocumentShape<Document>,
): string | null {
  if (typeof value !== 'object' || value === null) return '(the whole document)';
  const fields = value as { readonly [field: string]: unknown };
  for (const [field, check] of Object.entries<Check>(shape)) {
    if (!check(fields[field])) return field;
  }
  return null;
}

export const isString: Check = (value) => typeof value === 'string';
export const isName: Check = (value) => typeof value === 'string' && value.length > 0;
const isStoreId: Check = (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
const isBoolean: Check = (value) => typeof value === 'boolean';
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const isPositive: Check = (value) => isCount(value) && value !== 0;
/** Wall-clock milliseconds may have a fraction; they are for people. */
export const isTime: Check = (value) => Number.isFinite(value);

const isAddresses: Check = (value) =>
  typeof value === 'object' && value !== null && Object.values(value).every(isString);

const POSITION_SHAPE: DocumentShape<JournalPosition> = {
  segment: isCount,
  offset: isCount,
  sequence: isCount,
};

const OUTCOME_SHAPE: DocumentShape<NonNullable<HandoverRequest['outcome']>> = {
  accepted: isBoolean,
  reason: isString,
};

function oneOf(values: readonly string[]): Check {
  return (value) => typeof value === 'string' && values.includes(value);
}

export function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

function orLeftOut(check: Check): Check {
  return (value) => value === undefined || check(value);
}

function shaped<Document>(shape: DocumentShape<Document>): Check {
  return (value) => firstWrongField(value, shape) === null;
}

/** `lockKind` may be any name here, so that a store of another kind is told apart from damage. */
export const STORE_SHAPE: DocumentShape<StoreDocument> = {
  formatVersion: isPositive,
  storeId: isStoreId,
  lockKind: isName,
  createdAtMs: isTime,
  createdBy: isString,
};

export const LIVE_SHAPE: DocumentShape<LiveDocument> = {
  epoch: isPositive,
  node: isName,
  host: isString,
  pid: isPositive,
  bootId: isString,
  sinceMs: isTime,
  addresses: isAddresses,
  position: shaped(POSITION_SHAPE),
  beat: isCount,
  verifiedAtMs: isTime,
  state: oneOf(['taking-over', 'live', 'handing-over', 'released']),
  successor: orNull(isName),
  originKey: orLeftOut(isString),
};

export const NODE_SHAPE: DocumentShape<NodeDocument> = {
  name: isName,
  host: isString,
  pid: isPositive,
  bootId: isString,
  version: isString,
  role: oneOf(ROLES),
  detail: isString,
  sinceMs: isTime,
  addresses: isAddresses,
  position: shaped(POSITION_SHAPE),
  lagBytes: isCount,
  ready: isBoolean,
  beat: isCount,
  updatedAtMs: isTime,
};

export const HANDOVER_SHAPE: DocumentShape<HandoverRequest> = {
  requestId: isName,
  to: orNull(isName),
  requestedAtMs: isTime,
  requestedBy: isString,
  outcome: orNull(shaped(OUTCOME_SHAPE)),
};
