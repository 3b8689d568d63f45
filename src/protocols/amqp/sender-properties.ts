/**
 * Finds the application properties that say something to the broker, with the names of Artemis: by which id
 * the message is known when it comes again, and when it is to be delivered. Most messages have none, so the
 * section is decoded only when what their names begin with is in its bytes.
 */
import type { DuplicateId } from '../../broker/api.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import { CODE } from './format-codes.js';
import { sectionCode } from './message-sections.js';
import { type AmqpValue, OpaqueValue, ValueReader } from './value-reader.js';

const DUPLICATE_ID = '_AMQ_DUPL_ID';
const DELIVERY_TIME = '_AMQ_SCHED_DELIVERY';
const PREFIX_BYTES = new TextEncoder().encode('_AMQ_');
const FIRST_BYTE = PREFIX_BYTES[0] as number;

export class SenderProperties {
  /** Bytes of it are valid as long as those that were read. */
  duplicateId: DuplicateId | null = null;
  /** Wall-clock milliseconds; 0: at once. */
  deliverAtMs = 0;
  private readonly pairs = new ValueReader(new Uint8Array(0));
  private readonly pair = new ValueReader(new Uint8Array(0));

  /**
   * Of the application properties that lie in `bytes` from `start` to `end`. Throws an error of the link for
   * a value that can be no id, or no time.
   */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.duplicateId = null;
    this.deliverAtMs = 0;
    if (!hasPrefix(bytes, start, end)) return;
    this.pairs.open(bytes, start, end);
    sectionCode(this.pairs);
    this.pairs.pairs((key, pairStart, pairEnd) => {
      if (key !== DUPLICATE_ID && key !== DELIVERY_TIME) return;
      this.pair.open(bytes, pairStart, pairEnd);
      this.pair.skip();
      const value = this.pair.value();
      if (key === DUPLICATE_ID) this.duplicateId = idOf(value);
      else this.deliverAtMs = timeOf(DELIVERY_TIME, value);
    });
  }
}

/** A time, or a number of milliseconds, that a sender gives; 0 for null. Throws an error of the link for anything else. */
export function timeOf(name: string, value: AmqpValue): number {
  if (value === null) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new AmqpError(
    'link',
    CONDITION.invalidField,
    `${name} must be a whole number of milliseconds, from 0 on`,
  );
}

function hasPrefix(bytes: Uint8Array, start: number, end: number): boolean {
  const last = end - PREFIX_BYTES.length;
  for (let at = start; at <= last; at += 1) {
    if (bytes[at] !== FIRST_BYTE) continue;
    let length = 1;
    while (length < PREFIX_BYTES.length && bytes[at + length] === PREFIX_BYTES[length]) length += 1;
    if (length === PREFIX_BYTES.length) return true;
  }
  return false;
}

function idOf(value: AmqpValue): DuplicateId | null {
  if (value === null || typeof value === 'string' || typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (value instanceof Uint8Array) return value;
  if (value instanceof OpaqueValue && value.code === CODE.uuid) return value.bytes;
  throw new AmqpError(
    'link',
    CONDITION.invalidField,
    `The application property ${DUPLICATE_ID} must be a string, a binary, a uuid or a whole number`,
  );
}
