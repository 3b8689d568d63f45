/** The body of every message of the benchmark: who sent it, its number, and filling. */

const DIGIT_ZERO = 0x30;
const FILLER = 0x78;
const PRODUCER_DIGITS = 4;
const SEQUENCE_OFFSET = PRODUCER_DIGITS + 1;
export const SEQUENCE_DIGITS = 10;
/** Every body begins with who sent it and its number: `0003:0000012345:`. */
export const MIN_BODY_BYTES = SEQUENCE_OFFSET + SEQUENCE_DIGITS + 1;

/** The body of message 0 of a producer; `writeSequence` makes it that of another one. */
export function firstBody(producer: number, bodyBytes: number): Buffer {
  const body = Buffer.alloc(bodyBytes, FILLER);
  const zeros = '0'.repeat(SEQUENCE_DIGITS);
  body.write(`${String(producer).padStart(PRODUCER_DIGITS, '0')}:${zeros}:`);
  return body;
}

export function writeSequence(into: Buffer, bodyStart: number, sequence: number): void {
  writeDigits(into, bodyStart + SEQUENCE_OFFSET, sequence);
}

export interface Identity {
  readonly producer: number;
  readonly sequence: number;
}

export function readIdentity(bytes: Buffer, bodyStart: number): Identity {
  return {
    producer: readDigits(bytes, bodyStart),
    sequence: readDigits(bytes, bodyStart + SEQUENCE_OFFSET),
  };
}

export function readDigits(bytes: Buffer, from: number): number {
  let value = 0;
  for (let index = from; ; index += 1) {
    const digit = (bytes[index] ?? 0) - DIGIT_ZERO;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}

/** As many digits as a sequence number has. */
export function writeDigits(into: Buffer, at: number, value: number): void {
  let rest = value;
  for (let index = at + SEQUENCE_DIGITS - 1; index >= at; index -= 1) {
    const quotient = Math.floor(rest / 10);
    into[index] = DIGIT_ZERO + rest - quotient * 10;
    rest = quotient;
  }
}
