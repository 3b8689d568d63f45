/** What a peer says has become of a delivery: OASIS AMQP 1.0, part 3, 3.4, and part 4, 4.5.8. */
import { decodeError } from './amqp-error.js';
import { readFields } from './composite.js';
import {
  ACCEPTED,
  MODIFIED,
  RECEIVED,
  REJECTED,
  RELEASED,
  TRANSACTIONAL_STATE,
} from './performatives.js';
import { ValueReader } from './value-reader.js';

export type Outcome =
  | { readonly kind: 'accepted' | 'rejected' | 'released' }
  | {
      readonly kind: 'modified';
      readonly deliveryFailed: boolean;
      readonly undeliverableHere: boolean;
    };

export interface TransactionReference {
  /** As the coordinator gave it. */
  readonly txnId: Uint8Array;
  /** The same for the broker. */
  readonly name: string;
}

export interface DeliveryState {
  /** Null when it is not decided yet. */
  readonly outcome: Outcome | null;
  readonly transaction: TransactionReference | null;
}

const UNDECIDED: DeliveryState = { outcome: null, transaction: null };
const RELEASED_OUTCOME: Outcome = { kind: 'released' };
const SIMPLE: { readonly [code: number]: Outcome } = {
  [ACCEPTED.code]: { kind: 'accepted' },
  [REJECTED.code]: { kind: 'rejected' },
  [RELEASED.code]: RELEASED_OUTCOME,
};
const CODE_OF_NAME: { readonly [name: string]: number } = {
  'amqp:received:list': RECEIVED.code,
  'amqp:accepted:list': ACCEPTED.code,
  'amqp:rejected:list': REJECTED.code,
  'amqp:released:list': RELEASED.code,
  'amqp:modified:list': MODIFIED.code,
  'amqp:transactional-state:list': TRANSACTIONAL_STATE.code,
};

/** Reads the raw state of a transfer or a disposition; null is undecided. */
export function readDeliveryState(raw: Uint8Array | null): DeliveryState {
  if (raw === null) return UNDECIDED;
  const reader = new ValueReader(raw);
  const code = codeOf(reader);
  if (code !== TRANSACTIONAL_STATE.code) {
    return { outcome: readOutcome(reader, code), transaction: null };
  }
  const { txnId, outcome } = readFields(reader, TRANSACTIONAL_STATE);
  const transaction = { txnId: txnId.slice(), name: transactionName(txnId) };
  if (outcome === null) return { outcome: null, transaction };
  const inner = new ValueReader(outcome);
  return { outcome: readOutcome(inner, codeOf(inner)), transaction };
}

export function transactionName(txnId: Uint8Array): string {
  return Buffer.from(txnId).toString('hex');
}

function readOutcome(reader: ValueReader, code: number): Outcome | null {
  if (code === RECEIVED.code) return null;
  if (code === MODIFIED.code) {
    const { deliveryFailed, undeliverableHere } = readFields(reader, MODIFIED);
    return { kind: 'modified', deliveryFailed, undeliverableHere };
  }
  const simple = SIMPLE[code];
  if (simple === undefined) throw decodeError(`0x${code.toString(16)} is no state of a delivery`);
  reader.skip();
  return simple;
}

function codeOf(reader: ValueReader): number {
  const descriptor = reader.descriptor();
  const code = typeof descriptor === 'number' ? descriptor : CODE_OF_NAME[descriptor];
  if (code === undefined) throw decodeError(`${descriptor} is no state of a delivery`);
  return code;
}
