/** Every bit and every length of each of the store's documents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeDocumentBlock } from '../../src/store/checksummed-block.js';
import { checkBlock, DOCUMENTS } from './document-target.js';

for (const sample of DOCUMENTS) {
  const written = encodeDocumentBlock(sample.document);

  test(`${sample.name}: with any bit flipped it is not believed`, () => {
    const bytes = Uint8Array.from(written);
    for (let bit = 0; bit < written.length * 8; bit += 1) {
      const at = Math.floor(bit / 8);
      const before = written[at] as number;
      bytes[at] = before ^ (1 << (bit % 8));
      assert.equal(checkBlock(sample, bytes), false, `bit ${bit}`);
      bytes[at] = before;
    }
    assert.equal(checkBlock(sample, bytes), true);
  });

  test(`${sample.name}: of any shorter length it is not believed`, () => {
    for (let length = 0; length < written.length; length += 1) {
      assert.equal(checkBlock(sample, written.subarray(0, length)), false, `${length} bytes`);
    }
  });
}
