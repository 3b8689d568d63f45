/** The codec of `rhea`, as an oracle: a client library that has read and written AMQP 1.0 for years. */
import { createRequire } from 'node:module';

interface RheaWriter {
  write(value: unknown): void;
  toBuffer(): Buffer;
}
type Wrapped =
  | 'ubyte'
  | 'ushort'
  | 'uint'
  | 'ulong'
  | 'byte'
  | 'int'
  | 'long'
  | 'double'
  | 'boolean'
  | 'string'
  | 'symbol'
  | 'binary'
  | 'list'
  | 'map';

type RheaTypes = {
  Writer: new () => RheaWriter;
  Reader: new (bytes: Buffer) => { read(): { typecode?: number; value?: unknown } };
  unwrap(value: unknown): unknown;
} & { readonly [Name in Wrapped as `wrap_${Name}`]: (value: unknown) => unknown };

export const rheaTypes = createRequire(import.meta.url)('rhea/lib/types.js') as RheaTypes;

export function rheaBytes(wrapped: unknown): Uint8Array {
  const writer = new rheaTypes.Writer();
  writer.write(wrapped);
  return new Uint8Array(writer.toBuffer());
}

export function rheaValue(bytes: Uint8Array): unknown {
  return rheaTypes.unwrap(new rheaTypes.Reader(Buffer.from(bytes)).read());
}
