import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { deadLetterAnnotations } from '../../../../src/protocols/amqp/dead-letter.js';
import { sectionCode } from '../../../../src/protocols/amqp/message-sections.js';
import { ValueReader } from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';

const CAUSE = {
  reason: 'It failed.',
  originalDestination: { kind: 'queue', name: 'orders' },
  deliveries: 3,
  expiredAtMs: 0,
} as const;
const OWN = [
  ['x-opt-dlq-delivery-failure-cause', 'It failed.'],
  ['x-opt-ORIG-ADDRESS', 'queue://orders'],
  ['x-opt-ORIG-DELIVERY-COUNT', 3],
];

function pairsOf(annotations: Uint8Array): unknown[] {
  const reader = new ValueReader(annotations);
  assert.equal(sectionCode(reader), 0x72);
  const value = reader.value();
  assert.equal(reader.at, annotations.length);
  return [...(value as Map<unknown, unknown>)];
}

describe('the annotations of a dead letter', () => {
  it('tell the cause, beside those of the sender', () => {
    const writer = new ValueWriter();
    writer.describedBy(0x72);
    writer.value({ 'x-opt-mine': 'kept' });
    assert.deepEqual(pairsOf(deadLetterAnnotations(writer.written, CAUSE)), [
      ['x-opt-mine', 'kept'],
      ...OWN,
    ]);
    assert.deepEqual(pairsOf(deadLetterAnnotations(new Uint8Array(0), CAUSE)), OWN);
  });

  it('tell when a message expired, until it moves for another reason', () => {
    const expired = deadLetterAnnotations(new Uint8Array(0), { ...CAUSE, expiredAtMs: 5e12 });
    assert.deepEqual(pairsOf(expired), [...OWN, ['x-opt-ACTUAL-EXPIRY', 5_000_000_000_000]]);
    assert.deepEqual(pairsOf(deadLetterAnnotations(expired, CAUSE)), OWN);
  });

  it('tell the last cause only', () => {
    const first = deadLetterAnnotations(new Uint8Array(0), { ...CAUSE, reason: 'Something else.' });
    assert.deepEqual(pairsOf(deadLetterAnnotations(first, CAUSE)), OWN);
  });

  it('can always be written, whatever was there: a dead letter must get where it belongs', () => {
    assert.deepEqual(
      pairsOf(deadLetterAnnotations(Uint8Array.of(0, 0x53, 0x72, 0x40), CAUSE)),
      OWN,
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.ok(deadLetterAnnotations(bytes, CAUSE).length > 0);
      }),
      { numRuns: 5_000 },
    );
  });
});
