import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlabPool } from '../../../src/node/slab-pool.js';

const SLAB_BYTES = 256 * 1024;

test('a slab has room for what was asked, and is a whole number of sectors', () => {
  const pool = new SlabPool();
  for (const bytes of [1, 100, SLAB_BYTES, SLAB_BYTES + 1, 3_000_001]) {
    const slab = pool.allocate(bytes);
    assert.ok(slab.byteLength >= bytes);
    assert.equal(slab.byteLength % 512, 0);
    assert.equal(slab.byteLength, slab.buffer.byteLength);
  }
});

test('a slab that came back is used again', () => {
  const pool = new SlabPool();
  const buffer = pool.allocate(100).buffer as ArrayBuffer;
  pool.giveBack(buffer, 100);
  assert.equal(pool.allocate(200).buffer, buffer);
});

test('what is kept of a slab never changes when the slab is used again', () => {
  for (const end of [100, SLAB_BYTES / 2, SLAB_BYTES / 2 + 1, SLAB_BYTES]) {
    const pool = new SlabPool();
    const slab = pool.allocate(end);
    slab.fill(7, 0, end);
    const kept = pool.payloadToKeep(slab.buffer as ArrayBuffer, 64, end);
    pool.giveBack(slab.buffer as ArrayBuffer, end);
    for (let count = 0; count < 10; count += 1) pool.allocate(end).fill(9);
    assert.equal(kept.byteLength, end - 64);
    assert.ok(
      kept.every((byte) => byte === 7),
      `${end}`,
    );
  }
});

test('what is kept takes at most about twice its bytes', () => {
  const pool = new SlabPool();
  for (const end of [100, SLAB_BYTES / 2, SLAB_BYTES / 2 + 1, SLAB_BYTES, 3 * SLAB_BYTES]) {
    const slab = pool.allocate(end);
    const kept = pool.payloadToKeep(slab.buffer as ArrayBuffer, 64, end);
    assert.ok(kept.buffer.byteLength <= 2 * end + 512, `${end}`);
  }
});

test('only a few slabs wait to be used again', () => {
  const pool = new SlabPool();
  const buffers = Array.from({ length: 100 }, () => pool.allocate(1).buffer as ArrayBuffer);
  for (const buffer of buffers) pool.giveBack(buffer, 1);
  const again = new Set(Array.from({ length: 100 }, () => pool.allocate(1).buffer));
  const reused = buffers.filter((buffer) => again.has(buffer));
  assert.ok(reused.length > 0 && reused.length <= 16, `${reused.length}`);
});
