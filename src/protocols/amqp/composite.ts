/**
 * Composite types as tables: a descriptor and fields in order (OASIS AMQP 1.0, part 1, 1.4). What a
 * field may be, whether it must be there and what it is without is in the table, so that reading
 * and writing cannot disagree.
 */
import { AmqpError, CONDITION, decodeError } from './amqp-error.js';
import { CODE } from './format-codes.js';
import type { ValueReader } from './value-reader.js';
import type { ValueWriter, Writable } from './value-writer.js';

/** `Input`: what has to be given to write a value, where that is less than what is read. */
export interface FieldType<Value, Input = Value> {
  read(reader: ValueReader): Value | null;
  write(writer: ValueWriter, value: Input): void;
}

export interface Mandatory<Value, Input> {
  readonly type: FieldType<Value, Input>;
  readonly isMandatory: true;
  readonly fallback: null;
}
export interface Optional<Value, Input> {
  readonly type: FieldType<Value, Input>;
  readonly isMandatory: false;
  readonly fallback: null;
}
export interface Defaulted<Value, Input> {
  readonly type: FieldType<Value, Input>;
  readonly isMandatory: false;
  readonly fallback: Value;
}

export function mandatory<Value, Input>(type: FieldType<Value, Input>): Mandatory<Value, Input> {
  return { type, isMandatory: true, fallback: null };
}

export function optional<Value, Input>(type: FieldType<Value, Input>): Optional<Value, Input> {
  return { type, isMandatory: false, fallback: null };
}

export function defaulted<Value, Input>(
  type: FieldType<Value, Input>,
  fallback: NoInfer<Value>,
): Defaulted<Value, Input> {
  return { type, isMandatory: false, fallback };
}

/** A field of any type, as reading and writing meet it. */
interface AnyField {
  readonly type: {
    read(reader: ValueReader): unknown;
    write(writer: ValueWriter, value: unknown): void;
  };
  readonly isMandatory: boolean;
  readonly fallback: unknown;
}
type Fields = { readonly [name: string]: AnyField };

export interface CompositeType<Table> {
  readonly code: number;
  /** As in the specification: `open`, `begin`, ... */
  readonly name: string;
  readonly fields: Table;
  /** The same in order: taken apart once, not for every frame. */
  readonly entries: readonly (readonly [name: string, field: AnyField])[];
}

type ReadTable<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Mandatory<infer Value, infer _>
    ? Value
    : Table[Name] extends Defaulted<infer Value, infer _>
      ? Value
      : Table[Name] extends Optional<infer Value, infer _>
        ? Value | null
        : never;
};

/** What a composite is when it was read: every field there is, or null. */
export type Read<Type> = Type extends CompositeType<infer Table> ? ReadTable<Table> : never;

type MandatoryNames<Table> = {
  [Name in keyof Table]: Table[Name] extends { isMandatory: true } ? Name : never;
}[keyof Table];
type InputOf<Each> = Each extends { type: { write(writer: ValueWriter, value: infer Input): void } }
  ? Input
  : never;

type GivenTable<Table> = {
  readonly [Name in MandatoryNames<Table>]: InputOf<Table[Name]>;
} & {
  readonly [Name in keyof Table]?: InputOf<Table[Name]> | null;
};

/** What has to be given to write one. */
export type Given<Type> = Type extends CompositeType<infer Table> ? GivenTable<Table> : never;

export function composite<Table extends object>(
  code: number,
  name: string,
  fields: Table,
): CompositeType<Table> {
  return { code, name, fields, entries: Object.entries(fields as Fields) };
}

/** Reads the list behind the descriptor, which was read already. */
export function readFields<Table>(
  reader: ValueReader,
  type: CompositeType<Table>,
): ReadTable<Table> {
  const outerEnd = reader.end;
  const count = reader.openList();
  const result: { [name: string]: unknown } = {};
  let index = 0;
  for (const [name, field] of type.entries) {
    const value = index < count ? field.type.read(reader) : null;
    index += 1;
    if (value === null && field.isMandatory) {
      throw new AmqpError(
        'connection',
        CONDITION.invalidField,
        `The ${type.name} has no ${spelled(name)}, which is mandatory`,
      );
    }
    result[name] = value ?? field.fallback;
  }
  for (; index < count; index += 1) reader.skip();
  if (reader.at !== reader.end) throw decodeError(`The ${type.name} is longer than its fields`);
  reader.end = outerEnd;
  return result as ReadTable<Table>;
}

/** Writes descriptor and list, without the fields at its end that are not given. */
export function writeComposite<Table>(
  writer: ValueWriter,
  type: CompositeType<Table>,
  given: GivenTable<Table>,
): void {
  const { entries } = type;
  const values = given as { readonly [name: string]: unknown };
  let count = entries.length;
  while (count > 0 && values[entries[count - 1]?.[0] ?? ''] == null) count -= 1;
  writer.describedBy(type.code);
  const start = writer.beginList();
  for (const [name, field] of entries.slice(0, count)) {
    const value = values[name];
    if (value == null) writer.null();
    else field.type.write(writer, value);
  }
  writer.endCompound(start, count);
}

/** `containerId` as the specification spells it: `container-id`. */
function spelled(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Bytes that stay as the peer wrote them: what the broker gives back, or reads only when it is asked for. */
export type RawValue = Uint8Array;

/** The types of fields that there are in the tables. */
export const FIELD = {
  boolean: {
    read: (reader) => reader.boolean(),
    write: (writer, value) => writer.boolean(value),
  } satisfies FieldType<boolean>,
  ubyte: {
    read: (reader) => reader.uint(),
    write: (writer, value) => writer.ubyte(value),
  } satisfies FieldType<number>,
  ushort: {
    read: (reader) => reader.uint(),
    write: (writer, value) => writer.ushort(value),
  } satisfies FieldType<number>,
  uint: {
    read: (reader) => reader.uint(),
    write: (writer, value) => writer.uint(value),
  } satisfies FieldType<number>,
  ulong: {
    read: (reader) => reader.ulong(),
    write: (writer, value) => writer.ulong(value),
  } satisfies FieldType<number | bigint>,
  timestamp: {
    read: (reader) => reader.timestamp(),
    write: (writer, value) => writer.timestamp(value),
  } satisfies FieldType<number>,
  string: {
    read: (reader) => reader.string(),
    write: (writer, value) => writer.string(value),
  } satisfies FieldType<string>,
  symbol: {
    read: (reader) => reader.symbol(),
    write: (writer, value) => writer.symbol(value),
  } satisfies FieldType<string>,
  symbols: {
    read: (reader) => reader.symbols(),
    write: (writer, value) => writer.symbols(value),
  } satisfies FieldType<readonly string[]>,
  binary: {
    read: (reader) => reader.binary(),
    write: (writer, value) => writer.binary(value),
  } satisfies FieldType<Uint8Array>,
  raw: {
    read: readRaw,
    write: (writer, value) => writer.raw(value),
  } satisfies FieldType<RawValue>,
  /** A map that only the broker writes; what a peer sends of it is passed over. */
  ownFields: {
    read: (reader): null => {
      reader.skip();
      return null;
    },
    write: (writer, value) => writer.value(value),
  } satisfies FieldType<{ readonly [key: string]: Writable }>,
} as const;

function readRaw(reader: ValueReader): RawValue | null {
  if (reader.peek() === CODE.null) {
    reader.skip();
    return null;
  }
  const start = reader.at;
  reader.skip();
  // The frame's bytes are used again; what is kept must not change with them.
  return reader.bytes.slice(start, reader.at);
}

/** A field that is itself a composite, of this type only. */
export function nested<Table>(
  type: CompositeType<Table>,
): FieldType<ReadTable<Table>, GivenTable<Table>> {
  return {
    read: (reader) => {
      if (reader.peek() === CODE.null) {
        reader.skip();
        return null;
      }
      const code = reader.descriptor();
      if (code !== type.code && code !== symbolicName(type.name)) {
        throw decodeError(`A value described by ${code} stands where a ${type.name} should`);
      }
      return readFields(reader, type);
    },
    write: (writer, value) => writeComposite(writer, type, value),
  };
}

/** Types may be described by name as well: `amqp:open:list`. */
function symbolicName(name: string): string {
  return `amqp:${name}:list`;
}
