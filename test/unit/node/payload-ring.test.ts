import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PayloadRing } from '../../../src/node/payload-ring.js';

const MEBIBYTE = 1024 * 1024;

test('what is stored stays as it was until it is said to be overwritten', () => {
  const stored = new Map<number, { copy: Uint8Array; fill: number }>();
  const ring = new PayloadRing(3 * MEBIBYTE, (key) => {
    assert.ok(stored.delete(key), `${key} is overwritten once`);
  });
  for (let key = 0; key < 200; key += 1) {
    const fill = key % 251;
    const copy = ring.store(key, new Uint8Array(100_000).fill(fill));
    assert.ok(copy !== null);
    stored.set(key, { copy, fill });
    for (const entry of stored.values()) {
      assert.ok(entry.copy[0] === entry.fill && entry.copy[99_999] === entry.fill);
    }
  }
  assert.ok(stored.size >= 20 && stored.size <= 30, `${stored.size} fit into three chunks`);
});

test('it makes no more buffers than its limit allows', () => {
  const buffers = new Set<ArrayBufferLike>();
  const ring = new PayloadRing(4 * MEBIBYTE, () => undefined);
  for (let key = 0; key < 100; key += 1) {
    buffers.add((ring.store(key, new Uint8Array(600_000)) as Uint8Array).buffer);
  }
  assert.equal(buffers.size, 4);
});

test('a payload larger than a chunk is not taken', () => {
  const ring = new PayloadRing(MEBIBYTE, () => assert.fail('nothing was stored'));
  assert.equal(ring.store(1, new Uint8Array(MEBIBYTE + 1)), null);
});

test('a small limit is kept as well', () => {
  const buffers = new Set<ArrayBufferLike>();
  const ring = new PayloadRing(8 * 1024, () => undefined);
  for (let key = 0; key < 100; key += 1) {
    buffers.add((ring.store(key, new Uint8Array(1_000)) as Uint8Array).buffer);
  }
  const totalBytes = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert.equal(totalBytes, 8 * 1024);
});
