/** Small helpers on ranges of bytes, for the places where making a string would cost too much. */

export const LINE_FEED = 0x0a;
export const CARRIAGE_RETURN = 0x0d;
export const COLON = 0x3a;
export const BACKSLASH = 0x5c;
export const SPACE = 0x20;
export const NO_BYTES = new Uint8Array(0);

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return textEncoder.encode(text);
}

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return textDecoder.decode(bytes.subarray(start, end));
}

/** Whether `bytes` from `start` to `end` are exactly `expected`. */
export function rangeEquals(
  bytes: Uint8Array,
  start: number,
  end: number,
  expected: Uint8Array,
): boolean {
  const length = end - start;
  if (length !== expected.length) return false;
  for (let index = 0; index < length; index++) {
    if (bytes[start + index] !== expected[index]) return false;
  }
  return true;
}

/** Whether `wanted` occurs in `bytes` from `start` to `end`. */
export function rangeHasByte(
  bytes: Uint8Array,
  start: number,
  end: number,
  wanted: number,
): boolean {
  for (let index = start; index < end; index++) {
    if (bytes[index] === wanted) return true;
  }
  return false;
}

/** The decimal number in a range, or -1 when it is anything but 1 to 15 digits. */
export function decimalInRange(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = (bytes[index] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/**
 * Remembers what the last range of bytes was turned into. A session names the same destination,
 * transaction or subscription in frame after frame, so comparing bytes saves making the string.
 */
export class LastRange<Value> {
  private key: Uint8Array = NO_BYTES;
  private value: Value | undefined;

  get(bytes: Uint8Array, start: number, end: number): Value | undefined {
    return rangeEquals(bytes, start, end, this.key) ? this.value : undefined;
  }

  remember(bytes: Uint8Array, start: number, end: number, value: Value): Value {
    this.key = bytes.slice(start, end);
    this.value = value;
    return value;
  }

  forget(): void {
    this.key = NO_BYTES;
    this.value = undefined;
  }
}
