/**
 * Finds the application property by which a sender makes a message recognisable when it comes again.
 * Most messages have none, so the section's values are decoded only when the name is in its bytes.
 */
import type { DuplicateId } from '../../broker/api.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import { CODE } from './format-codes.js';
import { sectionCode } from './message-sections.js';
import { type AmqpValue, OpaqueValue, ValueReader } from './value-reader.js';

const NAME = '_AMQ_DUPL_ID';
const NAME_BYTES = new TextEncoder().encode(NAME);
const FIRST_BYTE = NAME_BYTES[0] as number;

export class DuplicateIdReader {
  private readonly pairs = new ValueReader(new Uint8Array(0));
  private readonly pair = new ValueReader(new Uint8Array(0));

  /**
   * Of the application properties that lie in `bytes` from `start` to `end`; null when they do not have it.
   * Throws an error of the link for a value that can be no id. Bytes of it are valid as long as `bytes`.
   */
  read(bytes: Uint8Array, start: number, end: number): DuplicateId | null {
    if (!hasName(bytes, start, end)) return null;
    let value: AmqpValue = null;
    this.pairs.open(bytes, start, end);
    sectionCode(this.pairs);
    this.pairs.pairs((key, pairStart, pairEnd) => {
      if (key !== NAME) return;
      this.pair.open(bytes, pairStart, pairEnd);
      this.pair.skip();
      value = this.pair.value();
    });
    return idOf(value);
  }
}

function hasName(bytes: Uint8Array, start: number, end: number): boolean {
  const last = end - NAME_BYTES.length;
  for (let at = start; at <= last; at += 1) {
    if (bytes[at] !== FIRST_BYTE) continue;
    let length = 1;
    while (length < NAME_BYTES.length && bytes[at + length] === NAME_BYTES[length]) length += 1;
    if (length === NAME_BYTES.length) return true;
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
    `The application property ${NAME} must be a string, a binary, a uuid or a whole number`,
  );
}
