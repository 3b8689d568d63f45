/**
 * Reads AMQP values from bytes, one after the other. What only passes through is skipped, not decoded;
 * nothing is allocated by what a size field claims.
 */
import { type AmqpError, decodeError } from './amqp-error.js';
import { CODE, WIDTH_CLASS } from './format-codes.js';

/** Lists, maps, arrays and described values inside each other: more is hostile, not data. */
const MAX_DEPTH = 32;

/** A decimal, a uuid or a char: read as what it is, and compared by its bytes. */
export class OpaqueValue {
  readonly code: number;
  readonly bytes: Uint8Array;

  constructor(code: number, bytes: Uint8Array) {
    this.code = code;
    this.bytes = bytes;
  }
}

export class DescribedValue {
  readonly descriptor: AmqpValue;
  readonly value: AmqpValue;

  constructor(descriptor: AmqpValue, value: AmqpValue) {
    this.descriptor = descriptor;
    this.value = value;
  }
}

/** Symbols are read as text; a 64-bit number that a double cannot hold as bigint. */
export type AmqpValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | OpaqueValue
  | DescribedValue
  | readonly AmqpValue[]
  | ReadonlyMap<AmqpValue, AmqpValue>;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Below this a loop is quicker than the decoder. */
const SHORT_TEXT_BYTES = 24;

export class ValueReader {
  bytes: Uint8Array;
  at: number;
  end: number;
  /** Of `bytes`, made when somebody needs it: what comes with every message does without. */
  private viewed: DataView | null = null;
  private depth = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  private get view(): DataView {
    this.viewed ??= viewOf(this.bytes);
    return this.viewed;
  }

  /** Reads other bytes from now on. */
  open(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.viewed = null;
    }
    this.at = start;
    this.end = end;
    this.depth = 0;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  /** The constructor of the next value, which stays unread. */
  peek(): number {
    this.need(1);
    return this.bytes[this.at] as number;
  }

  /** Passes over one value of any type. */
  skip(): void {
    for (;;) {
      const code = this.byte();
      if (code === CODE.described) {
        this.enter();
        this.skip();
        this.depth -= 1;
        continue;
      }
      this.advance(this.sizeAfter(code));
      return;
    }
  }

  /** The number that describes the value after it, by code or by symbol. */
  descriptor(): number | string {
    if (this.byte() !== CODE.described) throw this.unexpected('a described value');
    if (this.bytes[this.at] === CODE.smallUlong) {
      this.at += 1;
      return this.byte();
    }
    const descriptor = this.value();
    if (typeof descriptor === 'number' || typeof descriptor === 'string') return descriptor;
    throw this.unexpected('a descriptor that is a ulong or a symbol');
  }

  boolean(): boolean | null {
    switch (this.byte()) {
      case CODE.null:
        return null;
      case CODE.true:
        return true;
      case CODE.false:
        return false;
      case CODE.boolean:
        return this.byte() !== 0;
      default:
        throw this.unexpected('a boolean');
    }
  }

  /** A ubyte, ushort or uint. */
  uint(): number | null {
    switch (this.byte()) {
      case CODE.null:
        return null;
      case CODE.uint0:
        return 0;
      case CODE.smallUint:
      case CODE.ubyte:
        return this.byte();
      case CODE.ushort:
        this.advance(2);
        return this.view.getUint16(this.at - 2);
      case CODE.uint:
        return this.uint32();
      default:
        throw this.unexpected('a uint');
    }
  }

  ulong(): number | bigint | null {
    switch (this.byte()) {
      case CODE.null:
        return null;
      case CODE.ulong0:
        return 0;
      case CODE.smallUlong:
        return this.byte();
      case CODE.ulong:
        this.advance(8);
        return plainNumber(this.view.getBigUint64(this.at - 8));
      default:
        throw this.unexpected('a ulong');
    }
  }

  /** Milliseconds since 1970. */
  timestamp(): number | null {
    switch (this.byte()) {
      case CODE.null:
        return null;
      case CODE.timestamp:
        this.advance(8);
        return Number(this.view.getBigInt64(this.at - 8));
      default:
        throw this.unexpected('a timestamp');
    }
  }

  string(): string | null {
    const code = this.byte();
    if (code === CODE.null) return null;
    if (code !== CODE.string8 && code !== CODE.string32) throw this.unexpected('a string');
    return this.utf8(this.sizeAfter(code));
  }

  symbol(): string | null {
    const code = this.byte();
    if (code === CODE.null) return null;
    if (code !== CODE.symbol8 && code !== CODE.symbol32) throw this.unexpected('a symbol');
    return this.ascii(this.sizeAfter(code));
  }

  /** A view of the bytes, which are whoever owns this reader's. */
  binary(): Uint8Array | null {
    const code = this.byte();
    if (code === CODE.null) return null;
    if (code !== CODE.binary8 && code !== CODE.binary32) throw this.unexpected('a binary');
    return this.take(this.sizeAfter(code));
  }

  /** One symbol, or an array of them (a field that is `multiple`); empty when null. */
  symbols(): readonly string[] {
    const code = this.peek();
    if (code === CODE.null) {
      this.at += 1;
      return [];
    }
    if (code === CODE.symbol8 || code === CODE.symbol32) return [this.symbol() as string];
    const value = this.value();
    const areSymbols = Array.isArray(value) && value.every((each) => typeof each === 'string');
    if (!areSymbols) throw this.unexpected('symbols');
    return value;
  }

  /** Enters a list: returns how many values follow, and moves `end` to behind them. */
  openList(): number {
    const code = this.byte();
    if (code === CODE.list0) {
      this.end = this.at;
      return 0;
    }
    if (code !== CODE.list8 && code !== CODE.list32) throw this.unexpected('a list');
    return this.openCompound(code === CODE.list8);
  }

  /** Goes through a map, decoding its keys only; each pair lies in the bytes from `start` to `end`. */
  pairs(visit: (key: AmqpValue, start: number, end: number) => void): void {
    const outerEnd = this.end;
    const count = this.openMap();
    for (let index = 0; index < count; index += 2) {
      const start = this.at;
      const key = this.value();
      this.skip();
      visit(key, start, this.at);
    }
    if (this.at !== this.end) throw decodeError('A map is longer than its keys and values');
    this.end = outerEnd;
  }

  /** As `openList`, for a map: how many keys and values follow, which is an even number. */
  private openMap(): number {
    const code = this.byte();
    if (code !== CODE.map8 && code !== CODE.map32) throw this.unexpected('a map');
    const count = this.openCompound(code === CODE.map8);
    if (count % 2 !== 0) throw decodeError(`A map has ${count} keys and values, an odd number`);
    return count;
  }

  /** Any value, decoded. */
  value(): AmqpValue {
    return this.valueOf(this.byte());
  }

  private valueOf(code: number): AmqpValue {
    if (code === CODE.described) {
      this.enter();
      const descriptor = this.value();
      const value = this.value();
      this.depth -= 1;
      return new DescribedValue(descriptor, value);
    }
    const size = this.sizeAfter(code);
    switch (code) {
      case CODE.binary8:
      case CODE.binary32:
        return this.take(size);
      case CODE.string8:
      case CODE.string32:
        return this.utf8(size);
      case CODE.symbol8:
      case CODE.symbol32:
        return this.ascii(size);
      case CODE.list8:
      case CODE.list32:
        return this.compound(size, code === CODE.list8, (count) => this.values(count));
      case CODE.map8:
      case CODE.map32:
        return this.compound(size, code === CODE.map8, (count) => this.entries(count));
      case CODE.array8:
      case CODE.array32:
        return this.compound(size, code === CODE.array8, (count) => this.elements(count));
      case CODE.list0:
        return [];
      default:
        return this.fixed(code, size);
    }
  }

  private fixed(code: number, size: number): AmqpValue {
    const { view } = this;
    const at = this.at;
    this.advance(size);
    switch (code) {
      case CODE.null:
        return null;
      case CODE.true:
        return true;
      case CODE.false:
        return false;
      case CODE.boolean:
        return view.getUint8(at) !== 0;
      case CODE.uint0:
      case CODE.ulong0:
        return 0;
      case CODE.ubyte:
      case CODE.smallUint:
      case CODE.smallUlong:
        return view.getUint8(at);
      case CODE.byte:
      case CODE.smallInt:
      case CODE.smallLong:
        return view.getInt8(at);
      case CODE.ushort:
        return view.getUint16(at);
      case CODE.short:
        return view.getInt16(at);
      case CODE.uint:
        return view.getUint32(at);
      case CODE.int:
        return view.getInt32(at);
      case CODE.float:
        return view.getFloat32(at);
      case CODE.double:
        return view.getFloat64(at);
      case CODE.ulong:
        return plainNumber(view.getBigUint64(at));
      case CODE.long:
      case CODE.timestamp:
        return plainNumber(view.getBigInt64(at));
      case CODE.char:
      case CODE.uuid:
      case CODE.decimal32:
      case CODE.decimal64:
      case CODE.decimal128:
        return new OpaqueValue(code, this.bytes.subarray(at, at + size));
      default:
        throw decodeError(`Type 0x${code.toString(16)} at byte ${at - 1} does not exist`);
    }
  }

  /** What `read` finds in a list, a map or an array, which has to fill its size. */
  private compound<Value>(size: number, isSmall: boolean, read: (count: number) => Value): Value {
    const outerEnd = this.end;
    const start = this.at;
    this.need(size);
    this.enter();
    this.end = start + size;
    const count = isSmall ? this.byte() : this.uint32();
    // Even an element of no bytes must not let a number become a million objects.
    if (count > size) throw decodeError(`${count} values cannot be in ${size} bytes`);
    const value = read(count);
    if (this.at !== start + size) {
      throw decodeError(`A compound value of ${size} bytes ends after ${this.at - start}`);
    }
    this.end = outerEnd;
    this.depth -= 1;
    return value;
  }

  private values(count: number): AmqpValue[] {
    const values: AmqpValue[] = [];
    for (let index = 0; index < count; index += 1) values.push(this.value());
    return values;
  }

  private entries(count: number): Map<AmqpValue, AmqpValue> {
    if (count % 2 !== 0) throw decodeError(`A map has ${count} keys and values, an odd number`);
    const map = new Map<AmqpValue, AmqpValue>();
    for (let index = 0; index < count; index += 2) {
      const key = this.value();
      map.set(key, this.value());
    }
    return map;
  }

  private elements(count: number): AmqpValue[] {
    const code = this.byte();
    const descriptor = code === CODE.described ? this.value() : undefined;
    const elementCode = descriptor === undefined ? code : this.byte();
    const values: AmqpValue[] = [];
    for (let index = 0; index < count; index += 1) {
      const value = this.valueOf(elementCode);
      values.push(descriptor === undefined ? value : new DescribedValue(descriptor, value));
    }
    return values;
  }

  private openCompound(isSmall: boolean): number {
    const size = isSmall ? this.byte() : this.uint32();
    this.need(size);
    this.end = this.at + size;
    return isSmall ? this.byte() : this.uint32();
  }

  /** The bytes that the value of a constructor takes, whose size field is read if it has one. */
  private sizeAfter(code: number): number {
    const width = code >> 4;
    if (width >= WIDTH_CLASS.firstSized) {
      return width % 2 === 0 ? this.byte() : this.uint32();
    }
    const fixed = WIDTH_CLASS.fixedBytes[width - WIDTH_CLASS.firstFixed];
    if (fixed === undefined) {
      throw decodeError(`Type 0x${code.toString(16)} at byte ${this.at - 1} does not exist`);
    }
    return fixed;
  }

  private utf8(size: number): string {
    const start = this.at;
    this.advance(size);
    const short = size <= SHORT_TEXT_BYTES ? this.shortAscii(start, size) : null;
    if (short !== null) return short;
    try {
      return strictUtf8.decode(this.bytes.subarray(start, start + size));
    } catch {
      throw decodeError(`The string at byte ${start} is not UTF-8`);
    }
  }

  private ascii(size: number): string {
    const start = this.at;
    this.advance(size);
    let text = '';
    for (let at = start; at < start + size; at += 1) {
      const byte = this.bytes[at] as number;
      if (byte > 0x7f) throw decodeError(`The symbol at byte ${start} is not ASCII`);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  private shortAscii(start: number, size: number): string | null {
    let text = '';
    for (let at = start; at < start + size; at += 1) {
      const byte = this.bytes[at] as number;
      if (byte > 0x7f) return null;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  private take(size: number): Uint8Array {
    this.advance(size);
    return this.bytes.subarray(this.at - size, this.at);
  }

  private byte(): number {
    if (this.at >= this.end) throw tooShort(this.at);
    const byte = this.bytes[this.at] as number;
    this.at += 1;
    return byte;
  }

  private uint32(): number {
    this.advance(4);
    const { bytes, at } = this;
    const upper = ((bytes[at - 4] as number) << 8) | (bytes[at - 3] as number);
    const lower = ((bytes[at - 2] as number) << 8) | (bytes[at - 1] as number);
    return ((upper << 16) | lower) >>> 0;
  }

  private advance(count: number): void {
    this.need(count);
    this.at += count;
  }

  private need(count: number): void {
    if (this.at + count > this.end) throw tooShort(this.at);
  }

  private enter(): void {
    this.depth += 1;
    if (this.depth > MAX_DEPTH)
      throw decodeError(`Values lie more than ${MAX_DEPTH} deep in each other`);
  }

  private unexpected(wanted: string): AmqpError {
    return decodeError(`Byte ${this.at} should begin ${wanted}`);
  }
}

function tooShort(at: number): AmqpError {
  return decodeError(`The bytes end in the middle of a value, at byte ${at}`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function plainNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
