import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AmqpError } from '../../../../src/protocols/amqp/amqp-error.js';
import { readFields } from '../../../../src/protocols/amqp/composite.js';
import { TRANSFER } from '../../../../src/protocols/amqp/performatives.js';
import { TransferReader } from '../../../../src/protocols/amqp/transfer-reader.js';
import { ValueReader } from '../../../../src/protocols/amqp/value-reader.js';

const NULL: number[] = [0x40];
const TRUE: number[] = [0x41];
const FALSE: number[] = [0x42];
const PAYLOAD = [0x00, 0x53, 0x77, 0x40];

const byte = fc.integer({ min: 0, max: 255 });
const uints: fc.Arbitrary<number[]> = fc.oneof(
  fc.constantFrom<number[]>([0x43]),
  byte.map((value) => [0x52, value]),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((value) => [0x70, ...value]),
);
const flags = fc.constantFrom(TRUE, FALSE, NULL);
const tags = fc.uint8Array({ maxLength: 32 }).map((tag) => [0xa0, tag.length, ...tag]);
/** What a field may be besides, in its own place or not. */
const odd: fc.Arbitrary<number[]> = fc.oneof(
  fc.constantFrom<number[]>(
    ...[NULL, [0x56, 1], [0x56, 0], [0x60, 1, 2], [0x50, 1], [0xb0, 0, 0, 0, 1, 9]],
    ...[
      [0x00, 0x53, 0x24, 0x45],
      [0x00, 0x53, 0x34, 0xc0, 4, 1, 0xa0, 1, 7],
    ],
  ),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => [...bytes]),
);
const mostly = (usual: fc.Arbitrary<number[]>): fc.Arbitrary<number[]> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });

/** The fields in their order; many are left out at the end. */
const lists = fc
  .tuple(
    ...[uints, uints, tags, uints, flags, flags, fc.constant(NULL), fc.constant(NULL)].map(mostly),
    ...[flags, flags, flags, odd].map(mostly),
  )
  .chain((fields) => fc.integer({ min: 0, max: 12 }).map((count) => fields.slice(0, count)))
  .chain((fields) =>
    fc.record({
      fields: fc.constant(fields),
      sizeError: fc.oneof(
        { weight: 9, arbitrary: fc.constant(0) },
        { arbitrary: fc.integer({ min: -3, max: 3 }), weight: 1 },
      ),
      countError: fc.oneof(
        { weight: 9, arbitrary: fc.constant(0) },
        { arbitrary: fc.integer({ min: -2, max: 2 }), weight: 1 },
      ),
      isLarge: fc.oneof(
        { weight: 9, arbitrary: fc.constant(false) },
        { arbitrary: fc.constant(true), weight: 1 },
      ),
    }),
  )
  .map(({ fields, sizeError, countError, isLarge }) => {
    const body = fields.flat();
    const size = body.length + (isLarge ? 4 : 1) + sizeError;
    const count = fields.length + countError;
    const head = isLarge
      ? [0xd0, 0, 0, 0, size & 0xff, 0, 0, 0, count & 0xff]
      : [0xc0, size & 0xff, count & 0xff];
    return Uint8Array.from([...head, ...body, ...PAYLOAD]);
  });

/** What is read, and where the payload begins; or the error. */
function outcomeOf(bytes: Uint8Array, read: (reader: ValueReader) => object): object {
  const reader = new ValueReader(bytes);
  try {
    const { deliveryTag: _, ...fields } = { deliveryTag: null, ...read(reader) };
    return { fields, at: reader.at, end: reader.end };
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    return { message: error.message };
  }
}

function checkSame(bytes: Uint8Array): void {
  const transfers = new TransferReader();
  assert.deepEqual(
    outcomeOf(bytes, (reader) => transfers.read(reader)),
    outcomeOf(bytes, (reader) => readFields(reader, TRANSFER)),
  );
}

describe('TransferReader', () => {
  it('reads what the tables read, whatever comes', () => {
    fc.assert(fc.property(lists, checkSame), { numRuns: 5_000 });
  });

  it('reads a transfer that is cut off as the tables do', () => {
    const whole = [0xc0, 12, 6, 0x43, 0x52, 9, 0xa0, 2, 1, 2, 0x43, 0x42, 0x42, 0x40];
    for (let length = 0; length <= whole.length; length += 1) {
      checkSame(Uint8Array.from(whole.slice(0, length)));
    }
  });

  it('reads usual ones into one object', () => {
    const transfers = new TransferReader();
    const read = (...bytes: number[]) => transfers.read(new ValueReader(Uint8Array.from(bytes)));
    const first = read(0xc0, 2, 1, 0x43);
    assert.equal(read(0xc0, 4, 2, 0x43, 0x52, 9), first);
    assert.equal(first.deliveryId, 9);
    assert.notEqual(read(0xc0, 5, 2, 0x43, 0x60, 0, 9), first);
  });
});
