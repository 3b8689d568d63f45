import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '../kernel/random.js';
import { STORAGE_KINDS, STORAGE_OPERATIONS, type StorageKind } from '../storage/shared-storage.js';
import { drawFaults } from './draw-faults.js';
import { describeFault, type Fault, type FaultKind } from './fault-plan.js';
import { PATH_CLASSES, pathClassOf } from './path-class.js';

function facts(storage: StorageKind, hasDamage: boolean) {
  const nodes = ['one', 'two'].map((name) => ({
    name,
    host: storage === 'local' ? 'host-1' : `host-of-${name}`,
  }));
  const times = { fromMs: 1_000, calmAtMs: 15_000, takeoverMs: 2_000 };
  return { storage, nodes, clientHosts: ['clients'], ...times, hasDamage };
}

function draw(seed: number, storage: StorageKind = 'nfs4', hasDamage = false): Fault[] {
  return drawFaults(new SeededRandom(seed, 'faults'), facts(storage, hasDamage));
}

const DAMAGE: readonly FaultKind[] = ['flip-bit', 'spoil-sector', 'remove-segments'];
const NEEDS_A_SERVER = ['cut-storage', 'heal-storage', 'restart-server', 'power-off-server'];

/** With those that only come when another one has met something. */
function all(faults: readonly Fault[]): Fault[] {
  return faults.flatMap((fault) => [fault, ...all(fault.next ?? [])]);
}

const SEEDS = Array.from({ length: 2_000 }, (_, index) => index + 1);

describe('drawn faults', () => {
  it('are the same for the same seed, and plain JSON', () => {
    for (const seed of SEEDS.slice(0, 100)) {
      assert.deepEqual(draw(seed), draw(seed));
      assert.deepEqual(JSON.parse(JSON.stringify(draw(seed))), draw(seed));
    }
  });

  it('have a line for people each', () => {
    for (const fault of SEEDS.flatMap((seed) => [...draw(seed), ...draw(seed, 'nfs4', true)])) {
      assert.match(describeFault(fault), /^[a-z\d].*: .+$/);
      assert.doesNotMatch(describeFault(fault), /undefined|NaN|object/);
    }
  });

  it('are several in most seeds, and of every kind', () => {
    const plans = SEEDS.map((seed) => draw(seed));
    assert.ok(plans.filter((faults) => faults.length >= 2).length > SEEDS.length * 0.6);
    assert.ok(plans.some((faults) => faults.length === 0));
    const kinds = new Set(plans.flatMap(all).map(({ what }) => what.kind));
    assert.equal(kinds.size, 18);
  });

  it('often belong together', () => {
    const plans = SEEDS.map((seed) => draw(seed));
    const brings = plans.filter((faults) => faults.some(({ next = [] }) => next.length > 0));
    assert.ok(brings.length > SEEDS.length * 0.3);
    const blackouts = plans.filter((faults) => {
      const moments = new Map(faults.map(({ when, what }) => [what.kind, JSON.stringify(when)]));
      const hosts = moments.get('power-off-host');
      return hosts !== undefined && hosts === moments.get('power-off-server');
    });
    assert.ok(blackouts.length > SEEDS.length * 0.1);
  });

  it('begin at a step of a node more often than at a time', () => {
    const moments = SEEDS.flatMap((seed) => draw(seed)).map(({ when }) => when.at);
    assert.ok(moments.filter((at) => at === 'time').length < moments.length / 2);
  });

  it('fit the kind of storage', () => {
    for (const seed of SEEDS.slice(0, 500)) {
      for (const { what } of all(draw(seed, 'local'))) {
        assert.ok(!NEEDS_A_SERVER.includes(what.kind));
      }
      for (const storage of STORAGE_KINDS) {
        for (const { what } of all(draw(seed, storage))) {
          assert.ok(!DAMAGE.includes(what.kind));
        }
      }
    }
  });

  it('damage the journal only where that is what the seed is about', () => {
    const plans = SEEDS.slice(0, 100).map((seed) => draw(seed, 'nfs4', true));
    const kindsOf = plans.map((faults) => new Set(all(faults).map(({ what }) => what.kind)));
    for (const kinds of kindsOf) {
      const damage = DAMAGE.filter((kind) => kinds.has(kind));
      assert.equal(damage.length, 1);
      const others = [...kinds].filter((kind) => !DAMAGE.includes(kind));
      assert.deepEqual(others, kinds.has('remove-segments') ? [] : ['kill']);
    }
    for (const kind of DAMAGE)
      assert.ok(
        kindsOf.some((kinds) => kinds.has(kind)),
        kind,
      );
  });

  it('begin at calls that exist', () => {
    for (const { when } of SEEDS.flatMap((seed) => all(draw(seed)))) {
      if (when.at !== 'before' && when.at !== 'after') continue;
      assert.ok(STORAGE_OPERATIONS.includes(when.operation));
      assert.ok(PATH_CLASSES.includes(when.path));
      assert.ok(when.count >= 1);
    }
  });
});

describe('path classes', () => {
  it('know every file of a store', () => {
    const classes = {
      '/store/lock': 'lock',
      '/store/live': 'live',
      '/store/store.json': 'store',
      '/store/witness.lock': 'witness',
      '/store/epochs': 'epochs-directory',
      '/store/epochs/0000000007': 'epoch',
      '/store/journal': 'journal-directory',
      '/store/journal/0000000001-0000000001.segment': 'segment',
      '/store/journal/0000000002-0000000000000008.checkpoint': 'checkpoint',
      '/store/nodes/live': 'node',
      '/store/requests/handover': 'request',
      '/store': 'other',
    };
    for (const [path, expected] of Object.entries(classes)) {
      assert.equal(pathClassOf(path), expected, path);
    }
  });
});
