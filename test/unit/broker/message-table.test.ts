import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeliveredList } from '../../../src/broker/delivered-list.js';
import type { EntryList } from '../../../src/broker/entry-list.js';
import { ENTRY_STATE, MessageTable, NONE } from '../../../src/broker/message-table.js';
import { ReadyList } from '../../../src/broker/ready-list.js';
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

/** The ids in a list, which must be the same from either end. */
function idsIn(table: MessageTable, list: EntryList): number[] {
  const seen = [];
  for (let slot = list.head; slot !== NONE; slot = table.nextOf(slot)) seen.push(table.idOf(slot));
  const back = [];
  for (let slot = list.tail; slot !== NONE; slot = table.previousOf(slot)) {
    back.unshift(table.idOf(slot));
  }
  assert.deepEqual(back, seen);
  assert.equal(list.length, seen.length);
  return seen;
}

test('what was delivered keeps the order of delivery, whatever goes and is put back, with any hint', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, size: 'large' });
  fc.assert(
    fc.property(ids, fc.infiniteStream(fc.nat()), (inOrder, draws) => {
      const table = new MessageTable();
      const list = new DeliveredList(table);
      const slots = inOrder.map((id) => table.allocate(id));
      for (const slot of slots) list.append(slot);
      const away = slots.filter(() => (draws.next().value as number) % 2 === 0);
      for (const slot of away) list.remove(slot);
      let hint = NONE;
      while (away.length > 0) {
        const [slot] = away.splice((draws.next().value as number) % away.length, 1) as [number];
        list.putBack(slot, hint);
        hint = slot;
      }
      assert.deepEqual(idsIn(table, list), inOrder);
    }),
  );
});

test('a ready list is ordered by priority and id, whatever comes, goes and comes back', () => {
  const step = fc.record({
    kind: fc.constantFrom('arrives', 'arrives', 'leaves', 'returns'),
    priority: fc.oneof(fc.constant(4), fc.integer({ min: 0, max: 9 })),
    which: fc.nat(),
    isHinted: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { size: 'large' }), (steps) => {
      const table = new MessageTable();
      const list = new ReadyList(table);
      const model: { id: number; priority: number }[] = [];
      const away: { id: number; priority: number }[] = [];
      let nextId = 1;
      let lastBack = NONE;
      const { ready, delivered } = ENTRY_STATE;
      for (const { kind, priority, which, isHinted } of steps) {
        if (kind === 'arrives') {
          const slot = table.allocate(nextId);
          table.setPriority(slot, priority);
          table.setQueue(slot, 1);
          list.insert(slot, NONE);
          model.push({ id: nextId, priority });
          nextId += 1;
          // Ids between those of a queue are in others, or gone.
          for (let other = which % 4; other > 0; other -= 1) {
            if (isHinted) table.setQueue(table.allocate(nextId), 2);
            nextId += 1;
          }
        } else if (kind === 'leaves' && model.length > 0) {
          const [gone] = model.splice(which % model.length, 1) as [(typeof model)[0]];
          const slot = table.find(gone.id);
          list.remove(slot);
          table.setState(slot, delivered);
          if (slot === lastBack) lastBack = NONE;
          away.push(gone);
        } else if (kind === 'returns' && away.length > 0) {
          const [back] = away.splice(which % away.length, 1) as [(typeof model)[0]];
          const slot = table.find(back.id);
          table.setState(slot, ready);
          list.insert(slot, isHinted ? lastBack : NONE);
          lastBack = slot;
          model.push(back);
        }
        model.sort((one, two) => two.priority - one.priority || one.id - two.id);
        assert.deepEqual(
          idsIn(table, list),
          model.map(({ id }) => id),
        );
        const id = which % (nextId + 1);
        const below = model.filter((one) => one.priority === priority && one.id < id).at(-1);
        assert.equal(
          list.lastBelow(priority, id),
          below === undefined ? NONE : table.find(below.id),
        );
      }
    }),
  );
});

/** Counts the entries that are looked at. */
class CountingTable extends MessageTable {
  looks = 0;

  override idOf(slot: number): number {
    this.looks += 1;
    return super.idOf(slot);
  }
}

test('what goes back into the middle of a long list finds its place near to it', () => {
  const table = new CountingTable();
  const list = new ReadyList(table);
  const slots = Array.from({ length: 100_000 }, (_, index) => {
    const slot = table.allocate(3 * index + 1);
    list.insert(slot, NONE);
    return slot;
  });
  const away = slots.slice(49_900, 50_100).reverse();
  for (const slot of away) {
    list.remove(slot);
    table.setState(slot, ENTRY_STATE.delivered);
  }
  table.looks = 0;
  for (const slot of away) {
    table.setState(slot, ENTRY_STATE.ready);
    list.insert(slot, NONE);
  }
  assert.ok(table.looks < 20 * away.length, `${table.looks} entries were looked at`);
  assert.deepEqual(
    idsIn(table, list),
    slots.map((slot) => table.idOf(slot)),
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
