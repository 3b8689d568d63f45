import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AmqpError } from '../../../../src/protocols/amqp/amqp-error.js';
import {
  DescribedValue,
  OpaqueValue,
  ValueReader,
} from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import { rheaBytes, rheaTypes, rheaValue } from './rhea-codec.js';

const read = (bytes: Uint8Array) => {
  const reader = new ValueReader(bytes);
  const value = reader.value();
  assert.equal(reader.at, bytes.length, 'the whole value was read');
  return value;
};

function written(write: (writer: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter();
  write(writer);
  return writer.written.slice();
}

/** A wrapped value for rhea beside what it is here. */
const scalars: fc.Arbitrary<{ wrapped: unknown; plain: unknown }> = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map((n) => ({ wrapped: rheaTypes.wrap_ubyte(n), plain: n })),
  fc.integer({ min: 0, max: 65_535 }).map((n) => ({ wrapped: rheaTypes.wrap_ushort(n), plain: n })),
  fc.nat({ max: 0xffffffff }).map((n) => ({ wrapped: rheaTypes.wrap_uint(n), plain: n })),
  fc.maxSafeNat().map((n) => ({ wrapped: rheaTypes.wrap_ulong(n), plain: n })),
  fc.integer({ min: -128, max: 127 }).map((n) => ({ wrapped: rheaTypes.wrap_byte(n), plain: n })),
  fc.integer().map((n) => ({ wrapped: rheaTypes.wrap_int(n), plain: n })),
  fc.maxSafeInteger().map((n) => ({ wrapped: rheaTypes.wrap_long(n), plain: n })),
  fc.double({ noNaN: true }).map((n) => ({ wrapped: rheaTypes.wrap_double(n), plain: n })),
  fc.boolean().map((b) => ({ wrapped: rheaTypes.wrap_boolean(b), plain: b })),
  fc
    .string({ unit: 'grapheme', maxLength: 300 })
    .map((s) => ({ wrapped: rheaTypes.wrap_string(s), plain: s })),
  fc.string({ maxLength: 300 }).map((s) => ({ wrapped: rheaTypes.wrap_symbol(s), plain: s })),
  fc
    .uint8Array({ maxLength: 300 })
    .map((b) => ({ wrapped: rheaTypes.wrap_binary(Buffer.from(b)), plain: b })),
);

describe('ValueReader', () => {
  it('reads every scalar that rhea writes', () => {
    fc.assert(
      fc.property(scalars, ({ wrapped, plain }) => {
        const value = read(rheaBytes(wrapped));
        if (plain instanceof Uint8Array)
          assert.deepEqual(Buffer.from(value as Uint8Array), Buffer.from(plain));
        else assert.equal(value, plain);
      }),
    );
  });

  it('reads lists and maps of them, and skips them whole', () => {
    fc.assert(
      fc.property(fc.array(scalars, { maxLength: 40 }), (each) => {
        const list = rheaTypes.wrap_list(each.map(({ wrapped }) => wrapped));
        const bytes = rheaBytes(list);
        assert.equal((read(bytes) as unknown[]).length, each.length);
        const reader = new ValueReader(bytes);
        reader.skip();
        assert.equal(reader.at, bytes.length);
      }),
    );
    const map = read(rheaBytes(rheaTypes.wrap_map({ one: 1, two: 'zwei' })));
    assert.deepEqual(
      [...(map as Map<unknown, unknown>)],
      [
        ['one', 1],
        ['two', 'zwei'],
      ],
    );
  });

  it('reads described values, arrays, and what it only passes on', () => {
    const bytes = Uint8Array.of(0x00, 0x53, 0x77, 0xa1, 1, 0x78);
    assert.deepEqual(read(bytes), new DescribedValue(0x77, 'x'));
    assert.deepEqual(read(Uint8Array.of(0xe0, 6, 2, 0xa3, 1, 0x61, 1, 0x62)), ['a', 'b']);
    const uuid = Uint8Array.of(0x98, ...Array.from({ length: 16 }, (_, index) => index));
    assert.deepEqual(read(uuid), new OpaqueValue(0x98, uuid.slice(1)));
    assert.equal(read(Uint8Array.of(0x80, 0xff, 0, 0, 0, 0, 0, 0, 1)), 0xff00000000000001n);
  });

  const REFUSED: readonly (readonly [string, readonly number[], RegExp])[] = [
    ['a type that does not exist', [0x4f], /does not exist/],
    ['a value that ends too early', [0xa1, 5, 0x61], /in the middle of a value/],
    ['a string that is not UTF-8', [0xa1, 2, 0xc3, 0x28], /not UTF-8/],
    ['a symbol that is not ASCII', [0xa3, 1, 0xe4], /not ASCII/],
    ['a map with an odd number of values', [0xc1, 2, 1, 0x40], /odd number/],
    ['a list that is shorter than its size', [0xc0, 3, 1, 0x40, 0x40], /ends after/],
    [
      'more values than bytes',
      [0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40],
      /cannot be in 5 bytes/,
    ],
    ['two gigabytes', [0xb0, 0x7f, 0xff, 0xff, 0xff, 1], /in the middle of a value/],
  ];
  for (const [what, bytes, expected] of REFUSED) {
    it(`refuses ${what}`, () => {
      assert.throws(() => read(Uint8Array.from(bytes)), {
        code: 'CLIENT_FAILED',
        message: expected,
      });
    });
  }

  it('refuses nesting that would exhaust the stack, when reading and when skipping', () => {
    const deep = new Uint8Array(100_000).fill(0x00);
    for (const method of ['value', 'skip'] as const) {
      assert.throws(() => new ValueReader(deep)[method](), /deep in each other/);
    }
    const lists = Uint8Array.from({ length: 200 }, (_, at) =>
      at % 3 === 0 ? 0xc0 : at % 3 === 1 ? 200 - at : 1,
    );
    assert.throws(() => new ValueReader(lists).value(), AmqpError);
  });

  it('never reads beyond its bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const method of ['value', 'skip'] as const) {
          const reader = new ValueReader(bytes);
          try {
            reader[method]();
          } catch (error) {
            assert.ok(error instanceof AmqpError, String(error));
          }
          assert.ok(reader.at <= bytes.length);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('ValueWriter', () => {
  it('writes what rhea reads', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffffffff }),
        fc.maxSafeNat(),
        fc.maxSafeInteger(),
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.uint8Array({ maxLength: 300 }),
        (uint, ulong, long, text, bytes) => {
          assert.equal(rheaValue(written((to) => to.uint(uint))), uint);
          assert.equal(Number(rheaValue(written((to) => to.ulong(ulong)))), ulong);
          assert.equal(Number(rheaValue(written((to) => to.long(long)))), long);
          assert.equal(rheaValue(written((to) => to.string(text))), text);
          assert.deepEqual(rheaValue(written((to) => to.binary(bytes))), Buffer.from(bytes));
        },
      ),
    );
  });

  it('writes fields with nested values', () => {
    const bytes = written((to) =>
      to.value({ product: 'holdfast', list: [1, 2.5, null, true], map: { a: 'b' } }),
    );
    assert.deepEqual(rheaValue(bytes), {
      product: 'holdfast',
      list: [1, 2.5, null, true],
      map: { a: 'b' },
    });
  });

  it('writes arrays of symbols, empty ones too', () => {
    for (const symbols of [['queue', 'topic'], []]) {
      const bytes = written((to) => to.symbols(symbols));
      assert.deepEqual(rheaValue(bytes), symbols);
      assert.deepEqual(new ValueReader(bytes).symbols(), symbols);
    }
  });
});
