import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CONTENT_KIND, type DeliveryView, inMemory } from '../../../../src/broker/api.js';
import {
  DeliveryPayload,
  type KeptPayload,
} from '../../../../src/protocols/amqp/delivery-payload.js';
import { Output } from '../../../../src/protocols/shared/output.js';

const NOW_MS = 1_000;

/** Messages of different sizes, one after the other through one payload. */
const messages = fc.array(
  fc.record({
    headers: fc.uint8Array({ maxLength: 60 }),
    body: fc.uint8Array({ maxLength: 60 }),
    durable: fc.boolean(),
    priority: fc.integer({ min: 0, max: 9 }),
    expiresAtMs: fc.constantFrom(0, 1, NOW_MS + 7, 2 ** 45),
    redelivered: fc.boolean(),
    failedDeliveries: fc.nat(3),
  }),
  { minLength: 1, maxLength: 5 },
);

/** Read in small parts. */
function wholeOf(kept: KeptPayload): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < kept.size; at += parts.at(-1)?.length ?? 0) {
    parts.push(kept.part(at, 7, assert.fail) ?? assert.fail());
  }
  return Buffer.concat(parts);
}

describe('DeliveryPayload', () => {
  it('is the same kept as sent at once, and as long as it says', () => {
    fc.assert(
      fc.property(messages, (each) => {
        const payload = new DeliveryPayload();
        for (const { headers, body, ...facts } of each) {
          const bytes = Uint8Array.from([9, ...headers, ...body]);
          const message: DeliveryView = {
            ...facts,
            entryId: 1,
            destination: { kind: 'queue', name: 'q' },
            contentKind: CONTENT_KIND.amqp,
            timestampMs: 0,
            bytes,
            headersStart: 1,
            headersEnd: 1 + headers.length,
            bodyStart: 1 + headers.length,
            bodyEnd: 1 + headers.length + body.length,
            hold: () => inMemory(bytes),
          };
          payload.set(message, () => NOW_MS);
          const sent: Uint8Array[] = [];
          const output = new Output((bytes) => sent.push(bytes));
          output.reserve(payload.size);
          payload.appendTo(output);
          output.flush();
          const kept = wholeOf(payload.keepCopy());
          assert.deepEqual(kept, Buffer.concat(sent));
          assert.equal(kept.length, payload.size);
          assert.deepEqual(wholeOf(payload.hold(message)), kept);
          assert.deepEqual(
            kept.subarray(kept.length - headers.length - body.length),
            Buffer.from([...headers, ...body]),
          );
        }
      }),
    );
  });
});
