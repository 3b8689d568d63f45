import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlabPool } from '../../../src/node/slab-pool.js';

const SLAB_BYTES = 256 * 1024;

test('a slab has room for what was asked, and is a whole number of sectors', () => {
  const pool = new SlabPool(SLAB_BYTES);
  for (const bytes of [1, 100, SLAB_BYTES, SLAB_BYTES + 1, 3_000_001]) {
    const slab = pool.allocate(bytes);
    assert.ok(slab.byteLength >= bytes);
    assert.equal(slab.byteLength % 512, 0);
    assert.equal(slab.byteLength, slab.buffer.byteLength);
  }
});

test('a slab that came back is used again', () => {
  const pool = new SlabPool(SLAB_BYTES);
  const buffer = pool.allocate(100).buffer as ArrayBuffer;
  pool.giveBack(buffer);
  assert.equal(pool.allocate(200).buffer, buffer);
});

test('only a few slabs wait to be used again', () => {
  const pool = new SlabPool(SLAB_BYTES);
  const buffers = Array.from({ length: 100 }, () => pool.allocate(1).buffer as ArrayBuffer);
  for (const buffer of buffers) pool.giveBack(buffer);
  const again = new Set(Array.from({ length: 100 }, () => pool.allocate(1).buffer));
  const reused = buffers.filter((buffer) => again.has(buffer));
  assert.ok(reused.length > 0 && reused.length <= 16, `${reused.length}`);
});
