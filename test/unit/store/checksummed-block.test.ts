import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from '../../../src/platform/errors.js';
import {
  DOCUMENT_BLOCK_BYTES,
  decodeDocumentBlock,
  encodeDocumentBlock,
} from '../../../src/store/checksummed-block.js';

const DOCUMENT = { node: 'a', text: 'grüße\n', number: 7, nothing: null };

describe('a document block', () => {
  it('gives back what was put in, and fills exactly one block', () => {
    const block = encodeDocumentBlock(DOCUMENT);
    assert.equal(block.byteLength, DOCUMENT_BLOCK_BYTES);
    assert.deepEqual(decodeDocumentBlock(block), { kind: 'valid', document: DOCUMENT });
  });

  it('can be read by an operator with head', () => {
    const lines = Buffer.from(encodeDocumentBlock({ node: 'a' }))
      .toString()
      .split('\n');
    assert.match(lines[0] ?? '', /^holdfast-document 1 00000012 [0-9a-f]{8}$/);
    assert.equal(lines[1], '{"node":"a"}');
  });

  it('is empty as long as nothing was written', () => {
    for (const length of [0, 1, 512, DOCUMENT_BLOCK_BYTES]) {
      assert.deepEqual(decodeDocumentBlock(new Uint8Array(length)), { kind: 'empty' });
    }
  });

  it('is unreadable when cut off anywhere', () => {
    const block = encodeDocumentBlock(DOCUMENT);
    for (let length = 1; length < DOCUMENT_BLOCK_BYTES; length += 1) {
      assert.equal(decodeDocumentBlock(block.subarray(0, length)).kind, 'unreadable', `${length}`);
    }
  });

  it('is unreadable when only its first bytes were written over an older document', () => {
    const older = encodeDocumentBlock({ ...DOCUMENT, text: 'x'.repeat(900) });
    const newer = encodeDocumentBlock({ ...DOCUMENT, text: 'y'.repeat(1_700) });
    for (let sectors = 1; sectors < 4; sectors += 1) {
      const torn = older.slice();
      torn.set(newer.subarray(0, sectors * 512));
      assert.equal(decodeDocumentBlock(torn).kind, 'unreadable', `${sectors} sectors`);
    }
  });

  it('is never valid with a flipped bit', () => {
    const block = encodeDocumentBlock(DOCUMENT);
    for (let bit = 0; bit < DOCUMENT_BLOCK_BYTES * 8; bit += 1) {
      const index = bit >> 3;
      const damaged = block.slice();
      damaged[index] = (damaged[index] ?? 0) ^ (1 << (bit & 7));
      assert.notEqual(decodeDocumentBlock(damaged).kind, 'valid', `bit ${bit}`);
    }
  });

  it('of a later version is told apart from damage', () => {
    const block = Buffer.from(encodeDocumentBlock(DOCUMENT));
    block.write('2', 'holdfast-document '.length);
    assert.deepEqual(decodeDocumentBlock(block), { kind: 'other-version', version: 2 });
  });

  it('refuses a document that does not fit, and takes the largest that does', () => {
    const fitting =
      DOCUMENT_BLOCK_BYTES - 'holdfast-document 1 00000000 00000000\n"":{}\n'.length - 1;
    const document = { a: 'x'.repeat(fitting - 2) };
    assert.equal(decodeDocumentBlock(encodeDocumentBlock(document)).kind, 'valid');
    assert.throws(
      () => encodeDocumentBlock({ a: 'x'.repeat(fitting - 1) }),
      (error) => error instanceof HoldfastError && error.code === 'LIMIT_EXCEEDED',
    );
  });
});
