/** How consumers that do not take whatever comes first look through their queue, and what that costs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AddressRules } from '../../../src/broker/address-settings.js';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { Client } from '../../../src/broker/client.js';
import { ENTRY_STATE, MessageTable, NONE } from '../../../src/broker/message-table.js';
import { Consumer, Queue } from '../../../src/broker/queue.js';
import type { Scan } from '../../../src/broker/scan.js';
import { LIMITS } from './broker-rig.js';

const GROUP = 7;

/** Counts what is done with entries; a test that is too slow does too much. */
class CountingTable extends MessageTable {
  steps = 0;

  override find(id: number): number {
    this.steps += 1;
    return super.find(id);
  }

  override idOf(slot: number): number {
    this.steps += 1;
    return super.idOf(slot);
  }

  override previousOf(slot: number): number {
    this.steps += 1;
    return super.previousOf(slot);
  }
}

class QueueRig {
  readonly table = new CountingTable();
  readonly queue: Queue;
  private nextId = 1;

  constructor() {
    const destination = { kind: 'queue', name: 'q' } as const;
    const settings = new AddressRules([], LIMITS).settingsFor(destination);
    this.queue = new Queue(this.table, destination, settings, null);
  }

  consumer({ isBrowser = false } = {}): Consumer {
    const events = {
      writable: true,
      confirmed() {},
      deliver() {},
      pauseReading() {},
      resumeReading() {},
      abort() {},
    };
    const client = new Client(events, 'test client');
    const consumer = new Consumer(this.table, client, this.queue, {
      mode: ACKNOWLEDGEMENT.individual,
      prefetch: 1,
      credit: 1,
      returnsAtRollback: false,
      selector: null,
      selectorCharacters: 0,
      isBrowser,
      context: null,
    });
    consumer.startScan(this.table);
    this.queue.addConsumer(consumer);
    return consumer;
  }

  arrives(priority = 4): number {
    const slot = this.table.allocate(this.nextId);
    this.nextId += 1;
    this.table.setPriority(slot, priority);
    this.table.setGroup(slot, GROUP);
    this.queue.arrive(slot);
    return slot;
  }

  leaves(slot: number): void {
    this.queue.removeReady(slot);
    this.table.setState(slot, ENTRY_STATE.delivered);
  }

  returns(slot: number): void {
    this.table.setState(slot, ENTRY_STATE.ready);
    this.queue.putBack(slot, NONE);
  }
}

function scanOf({ scan }: Consumer): Scan {
  assert.ok(scan !== null);
  return scan;
}

/** The ids that it looks at, to the end. */
function lookThrough({ table }: QueueRig, scan: Scan): number[] {
  const looked = [];
  for (let slot = scan.next(); slot !== NONE; slot = scan.next()) {
    looked.push(table.idOf(slot));
    scan.passed(slot);
  }
  return looked;
}

describe('a scan', () => {
  test('of a consumer that takes nothing is not sorted anew with each message that comes', () => {
    const rig = new QueueRig();
    const scan = scanOf(rig.consumer());
    rig.arrives(0);
    lookThrough(rig, scan);
    for (let count = 0; count < 1_500; count += 1) rig.leaves(rig.arrives(4));
    rig.table.steps = 0;
    for (let count = 0; count < 100; count += 1) rig.leaves(rig.arrives(4));
    assert.ok(rig.table.steps < 100 * 50, `${rig.table.steps} steps`);
  });

  test('remembers little, however much comes or goes back behind it, and looks at all of it', () => {
    const rig = new QueueRig();
    const scan = scanOf(rig.consumer());
    const low = rig.arrives(0);
    lookThrough(rig, scan);
    const urgent = Array.from({ length: 5_000 }, () => rig.arrives(4));
    assert.ok(scan.behindCount <= 1_000, `${scan.behindCount} ids`);
    const ids = urgent.map((slot) => rig.table.idOf(slot));
    assert.deepEqual(lookThrough(rig, scan), ids);
    for (const slot of urgent) rig.leaves(slot);
    for (const slot of urgent.toReversed()) rig.returns(slot);
    assert.ok(scan.behindCount <= 1_000, `${scan.behindCount} ids`);
    assert.deepEqual(lookThrough(rig, scan), ids);
    assert.deepEqual(lookThrough(rig, scan), []);
    rig.leaves(low);
    rig.returns(low);
    assert.deepEqual(lookThrough(rig, scan), [rig.table.idOf(low)]);
  });

  test('goes back to where a group was passed over at once, for all consumers of a long queue', () => {
    const rig = new QueueRig();
    const { queue, table } = rig;
    queue.startGrouping();
    const [owner, ...others] = Array.from({ length: 51 }, () => rig.consumer());
    const [taken] = Array.from({ length: 20_000 }, () => rig.arrives());
    assert.ok(owner !== undefined && taken !== undefined);
    queue.groups?.take(GROUP, taken, owner, true);
    rig.leaves(taken);
    for (const other of others) {
      const scan = scanOf(other);
      for (let slot = scan.next(); slot !== NONE; slot = scan.next()) {
        scan.passed(slot);
        queue.groups?.passOver(GROUP, slot);
      }
    }
    table.steps = 0;
    queue.groups?.letGo(GROUP);
    queue.removeConsumer(owner);
    assert.ok(table.steps < 2_000, `${table.steps} steps`);
    for (const other of others) assert.equal(scanOf(other).next(), queue.ready.head);
    const [first] = others as [Consumer];
    assert.equal(new Set(lookThrough(rig, scanOf(first))).size, queue.ready.length);
  });

  test('gives the first that was not looked at, whatever comes, goes and comes back', () => {
    const step = fc.record({
      kind: fc.constantFrom('arrives', 'leaves', 'returns', 'looks', 'looks', 'goes back'),
      priority: fc.integer({ min: 3, max: 5 }),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { size: 'large' }), fc.boolean(), (steps, isBrowser) => {
        const rig = new QueueRig();
        const { table, queue } = rig;
        const scan = scanOf(rig.consumer({ isBrowser }));
        const looked = new Set<number>();
        const priorityOf = new Map<number, number>();
        const away: number[] = [];
        const readyIds = (): number[] => {
          const ids = [];
          for (let at = queue.ready.head; at !== NONE; at = table.nextOf(at))
            ids.push(table.idOf(at));
          return ids;
        };
        for (const { kind, priority, which } of steps) {
          const ids = readyIds();
          if (kind === 'arrives') {
            priorityOf.set(table.idOf(rig.arrives(priority)), priority);
          } else if (kind === 'leaves' && ids.length > 0) {
            const slot = table.find(ids[which % ids.length] as number);
            rig.leaves(slot);
            away.push(slot);
          } else if (kind === 'returns' && away.length > 0) {
            const [slot] = away.splice(which % away.length, 1) as [number];
            rig.returns(slot);
            const id = table.idOf(slot);
            const isBehind = [...looked].some(
              (other) => other > id && priorityOf.get(other) === priorityOf.get(id),
            );
            if (!isBrowser) looked.delete(id);
            else if (isBehind) looked.add(id);
          } else if (kind === 'looks' && scan.next() !== NONE) {
            looked.add(table.idOf(scan.next()));
            scan.passed(scan.next());
          } else if (kind === 'goes back' && !isBrowser && ids.length > 0) {
            const id = which % (Math.max(...ids) + 1);
            scan.goBackTo(priority, id, queue.ready.lastBelow(priority, id));
            for (const again of [...looked]) {
              if (again >= id && priorityOf.get(again) === priority) looked.delete(again);
            }
          }
          const next = readyIds().find((id) => !looked.has(id));
          assert.equal(scan.next(), next === undefined ? NONE : table.find(next));
        }
      }),
    );
  });
});
