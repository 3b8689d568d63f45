import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Output } from '../../../../src/protocols/shared/output.js';
import { ReceiptQueue } from '../../../../src/protocols/stomp/receipt-queue.js';
import { bytesOf } from '../stomp/decode-all.js';

describe('Output', () => {
  it('never changes bytes that it handed over', () => {
    const handedOver: { bytes: Uint8Array; copy: string }[] = [];
    const output = new Output((bytes) => handedOver.push({ bytes, copy: bytes.join() }));
    for (let round = 0; round < 5_000; round++) {
      output.reserve(100);
      output.bytes(new Uint8Array(1 + (round % 100)).fill(round));
      if (round % 7 === 0) output.flush();
      if (round % 501 === 0) output.releaseWhenEmpty();
    }
    output.flush();
    for (const { bytes, copy } of handedOver) assert.equal(bytes.join(), copy);
    const total = handedOver.reduce((sum, { bytes }) => sum + bytes.length, 0);
    assert.equal(total, 252_500);
    assert.equal(output.writtenBytes, total);
  });

  it('writes any whole number in decimal', () => {
    let written = '';
    const output = new Output((bytes) => {
      written += Buffer.from(bytes).toString();
    });
    const property = fc.property(fc.maxSafeNat(), (value) => {
      written = '';
      output.reserve(16);
      output.decimal(value);
      output.flush();
      assert.equal(written, String(value));
    });
    fc.assert(property, { examples: [[0], [9], [10], [99], [100], [Number.MAX_SAFE_INTEGER]] });
  });
});

describe('ReceiptQueue', () => {
  it('gives receipts back in order and whole, however they come and go', () => {
    const step = fc.oneof(fc.string({ maxLength: 400 }), fc.constant(null));
    const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new ReceiptQueue();
      const model: string[] = [];
      for (const one of steps) {
        if (one !== null) {
          const bytes = bytesOf(`##${one}#`);
          queue.push(bytes, 2, bytes.length - 1);
          model.push(one);
        } else if (model.length > 0) {
          const expected = model.shift();
          queue.shift((bytes, start, end) => {
            assert.equal(Buffer.from(bytes.subarray(start, end)).toString(), expected);
          });
        }
      }
      assert.equal(queue.heldBytes === 0, model.length === 0);
    });
    fc.assert(property, { numRuns: 200 });
  });
});
