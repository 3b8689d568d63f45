/** Writes AMQP values into bytes that grow: frames other than transfers, and sections that the broker adds. */
import { CODE } from './format-codes.js';

const FIRST_BYTES = 256;
const encoder = new TextEncoder();

/** A text that is written as a symbol. */
export class SymbolText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What `value` can write; a whole number becomes an int or a long, any other one a double. */
export type Writable =
  | null
  | boolean
  | number
  | string
  | SymbolText
  | readonly Writable[]
  | { readonly [key: string]: Writable };

/** Where a list or a map began, for `endCompound`. */
export type CompoundStart = number;

export class ValueWriter {
  private bytes = new Uint8Array(FIRST_BYTES);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  get size(): number {
    return this.length;
  }

  clear(): void {
    this.length = 0;
  }

  /** A view of what was written since `clear`; valid until something more is written. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  null(): void {
    this.byte(CODE.null);
  }

  boolean(value: boolean): void {
    this.byte(value ? CODE.true : CODE.false);
  }

  ubyte(value: number): void {
    this.byte(CODE.ubyte);
    this.byte(value);
  }

  ushort(value: number): void {
    this.reserve(3);
    this.byte(CODE.ushort);
    this.view.setUint16(this.length, value);
    this.length += 2;
  }

  uint(value: number): void {
    if (value === 0) {
      this.byte(CODE.uint0);
    } else if (value <= 0xff) {
      this.byte(CODE.smallUint);
      this.byte(value);
    } else {
      this.byte(CODE.uint);
      this.uint32(value);
    }
  }

  ulong(value: number | bigint): void {
    if (value <= 0xff) {
      this.byte(CODE.smallUlong);
      this.byte(Number(value));
    } else {
      this.eightBytes(CODE.ulong, BigInt(value));
    }
  }

  int(value: number): void {
    this.byte(CODE.int);
    this.reserve(4);
    this.view.setInt32(this.length, value);
    this.length += 4;
  }

  long(value: number | bigint): void {
    this.eightBytes(CODE.long, BigInt(value));
  }

  double(value: number): void {
    this.byte(CODE.double);
    this.reserve(8);
    this.view.setFloat64(this.length, value);
    this.length += 8;
  }

  timestamp(ms: number): void {
    this.eightBytes(CODE.timestamp, BigInt(ms));
  }

  string(value: string): void {
    this.sized(CODE.string8, CODE.string32, encoder.encode(value));
  }

  symbol(value: string): void {
    this.sized(CODE.symbol8, CODE.symbol32, encoder.encode(value));
  }

  binary(value: Uint8Array): void {
    this.sized(CODE.binary8, CODE.binary32, value);
  }

  /** An array, as a field that is `multiple` wants it. */
  symbols(values: readonly string[]): void {
    const encoded = values.map((value) => encoder.encode(value));
    const dataBytes = encoded.reduce((sum, each) => sum + 4 + each.length, 0);
    this.byte(CODE.array32);
    this.uint32(4 + 1 + dataBytes);
    this.uint32(values.length);
    this.byte(CODE.symbol32);
    for (const each of encoded) {
      this.uint32(each.length);
      this.raw(each);
    }
  }

  /** The descriptor of a composite type; its list or map comes next. */
  describedBy(code: number): void {
    this.byte(CODE.described);
    this.ulong(code);
  }

  beginList(): CompoundStart {
    return this.beginCompound(CODE.list32);
  }

  beginMap(): CompoundStart {
    return this.beginCompound(CODE.map32);
  }

  /** `count`: the values of a list; the keys and the values of a map. */
  endCompound(start: CompoundStart, count: number): void {
    this.view.setUint32(start, this.length - start - 4);
    this.view.setUint32(start + 4, count);
  }

  /** The keys of a map are written as symbols: all maps that the broker writes are `fields`. */
  value(value: Writable): void {
    if (value === null) this.null();
    else if (typeof value === 'boolean') this.boolean(value);
    else if (typeof value === 'string') this.string(value);
    else if (typeof value === 'number') this.number(value);
    else if (value instanceof SymbolText) this.symbol(value.text);
    else if (isList(value)) this.list(value);
    else this.fields(value);
  }

  private number(value: number): void {
    if (!Number.isSafeInteger(value)) this.double(value);
    else if (value === (value | 0)) this.int(value);
    else this.long(value);
  }

  private list(values: readonly Writable[]): void {
    const start = this.beginList();
    for (const each of values) this.value(each);
    this.endCompound(start, values.length);
  }

  private fields(values: { readonly [key: string]: Writable }): void {
    const entries = Object.entries(values);
    const start = this.beginMap();
    for (const [key, each] of entries) {
      this.symbol(key);
      this.value(each);
    }
    this.endCompound(start, 2 * entries.length);
  }

  /** A map from text to text, as application properties are. */
  textMap(texts: ReadonlyMap<string, string>): void {
    const start = this.beginMap();
    for (const [key, text] of texts) {
      this.string(key);
      this.string(text);
    }
    this.endCompound(start, 2 * texts.size);
  }

  /** Bytes that are a value already. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  private beginCompound(code: number): CompoundStart {
    this.byte(code);
    this.reserve(8);
    this.length += 8;
    return this.length - 8;
  }

  private sized(small: number, large: number, value: Uint8Array): void {
    if (value.length <= 0xff) {
      this.byte(small);
      this.byte(value.length);
    } else {
      this.byte(large);
      this.uint32(value.length);
    }
    this.raw(value);
  }

  private eightBytes(code: number, value: bigint): void {
    this.byte(code);
    this.reserve(8);
    this.view.setBigInt64(this.length, BigInt.asIntN(64, value));
    this.length += 8;
  }

  private byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length] = value;
    this.length += 1;
  }

  private uint32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value);
    this.length += 4;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.written);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

function isList(value: readonly Writable[] | object): value is readonly Writable[] {
  return Array.isArray(value);
}
