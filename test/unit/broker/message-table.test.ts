import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EntryList } from '../../../src/broker/entry-list.js';
import { MessageTable, NONE } from '../../../src/broker/message-table.js';
import { TimeHeap } from '../../../src/broker/time-heap.js';

test('every entry is found by its id, and no other, while entries come and go', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(3000)), { maxLength: 6000, size: 'max' });
  fc.assert(
    fc.property(steps, fc.constantFrom(1, 1597, 2 ** 32, 2 ** 40), (operations, stride) => {
      const table = new MessageTable();
      const expected = new Map<number, number>();
      for (const [adds, number] of operations) {
        const id = 1 + number * stride;
        const slot = expected.get(id);
        assert.equal(table.find(id), slot ?? NONE);
        if (adds && slot === undefined) {
          expected.set(id, table.allocate(id));
        } else if (!adds && slot !== undefined) {
          table.release(slot);
          expected.delete(id);
        }
      }
      assert.equal(table.size, expected.size);
      for (const [id, slot] of expected) assert.equal(table.find(id), slot);
    }),
    { numRuns: 30 },
  );
});

test('a million entries take less than 100 MB, and slots are used again', () => {
  const table = new MessageTable();
  for (let id = 1; id <= 1_000_000; id += 1) table.allocate(id);
  assert.ok(table.memoryBytes() < 100e6, `${table.memoryBytes()} bytes`);
  for (let id = 1; id <= 1_000_000; id += 1) table.release(table.find(id));
  for (let id = 2_000_001; id <= 3_000_000; id += 1) table.allocate(id);
  assert.equal(table.slotLimit, 1_000_000);
  assert.equal(table.size, 1_000_000);
});

test('a list keeps the order of ids whatever is put back, with any hint', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { size: 'large' }), (ids) => {
      const table = new MessageTable();
      const list = new EntryList(table);
      let hint = NONE;
      for (const id of ids) {
        const slot = table.allocate(id);
        list.insertById(slot, hint);
        hint = slot;
      }
      const seen = [];
      for (let slot = list.head; slot !== NONE; slot = table.nextOf(slot))
        seen.push(table.idOf(slot));
      const back = [];
      for (let slot = list.tail; slot !== NONE; slot = table.previousOf(slot)) {
        back.unshift(table.idOf(slot));
      }
      const expected = [...ids].sort((one, two) => one - two);
      assert.deepEqual(seen, expected);
      assert.deepEqual(back, expected);
      assert.equal(list.length, ids.length);
    }),
  );
});

test('the heap gives entries by time, and does not keep those that are gone', () => {
  const alive = new Set<number>();
  const heap = new TimeHeap((id) => alive.has(id));
  for (let id = 1; id <= 100_000; id += 1) {
    alive.add(id);
    heap.push((id * 7919) % 100_003, id);
    if (id > 100) alive.delete(id - 100);
  }
  assert.ok(heap.size < 5000, `${heap.size} entries`);
  let last = 0;
  const found = [];
  while (heap.size > 0) {
    assert.ok(heap.earliestMs >= last);
    last = heap.earliestMs;
    const id = heap.pop();
    if (alive.has(id)) found.push(id);
  }
  assert.equal(heap.earliestMs, Number.POSITIVE_INFINITY);
  assert.deepEqual(new Set(found), alive);
});
