import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fault } from './faults/fault-plan.js';
import type { SeedOverrides, SeedResult } from './seed-result.js';
import { shrink } from './shrink.js';

const faultAt = (atMs: number): Fault => ({
  when: { at: 'time', atMs },
  what: { kind: 'restart-server', downMs: 1 },
});
const ALL_FAULTS = [1, 2, 3, 4, 5, 6, 7].map(faultAt);
const ALL_CLIENTS = ['a', 'b', 'c', 'd'];

/** A world that breaks P1 when `breaks` says so, and something else when it has but one node. */
function world(breaks: (used: Required<SeedOverrides>) => boolean) {
  let runs = 0;
  const runSeed = async (
    seed: number,
    { overrides = {} }: { overrides?: SeedOverrides },
  ): Promise<SeedResult> => {
    runs += 1;
    const used = {
      faults: overrides.faults ?? ALL_FAULTS,
      clients: overrides.clients ?? ALL_CLIENTS,
      nodeCount: overrides.nodeCount ?? 3,
      maxMessagesPerClient: overrides.maxMessagesPerClient ?? 1_000,
    };
    const invariant = used.nodeCount === 1 ? 'P5' : 'P1';
    return {
      seed,
      scenario: 'nfs4-three',
      virtualMs: 1,
      events: 1,
      messages: 1,
      faults: [],
      plan: used,
      breach: breaks(used) ? { invariant, sentence: 'It broke.', atMs: 1 } : null,
    };
  };
  return { runSeed, runs: () => runs };
}

describe('shrinking', () => {
  it('leaves out whatever the failure does not need', async () => {
    const { runSeed } = world(
      ({ faults, clients, maxMessagesPerClient }) =>
        faults.includes(ALL_FAULTS[1] as Fault) &&
        faults.includes(ALL_FAULTS[5] as Fault) &&
        clients.includes('c') &&
        maxMessagesPerClient >= 3,
    );
    const { overrides, result } = await shrink(runSeed, await runSeed(9, {}));
    assert.deepEqual(overrides.faults, [ALL_FAULTS[1], ALL_FAULTS[5]]);
    assert.deepEqual(overrides.clients, ['c']);
    assert.equal(overrides.maxMessagesPerClient, 3);
    assert.equal(overrides.nodeCount, 2);
    assert.equal(result.breach?.invariant, 'P1');
  });

  it('leaves out what a fault brings with it and the failure does not need', async () => {
    const next = [faultAt(8), faultAt(9), faultAt(10)];
    const { runSeed } = world(({ faults }) =>
      faults.some((fault) => fault.next?.includes(next[1] as Fault) ?? false),
    );
    const failed = await runSeed(9, {
      overrides: { faults: [faultAt(1), { ...faultAt(2), next }] },
    });
    const { overrides } = await shrink(runSeed, failed);
    assert.deepEqual(overrides.faults, [{ ...faultAt(2), next: [next[1]] }]);
  });

  it('comes down to nothing when nothing is needed', async () => {
    const { runSeed } = world(() => true);
    const { overrides } = await shrink(runSeed, await runSeed(9, {}));
    assert.deepEqual([overrides.faults, overrides.clients, overrides.nodeCount], [[], [], 2]);
  });

  it('gives what it has after so many runs', async () => {
    const { runSeed, runs } = world(({ faults }) => faults.length >= 6);
    const failed = await runSeed(9, {});
    const shrunk = await shrink(runSeed, failed, 5);
    assert.equal(runs(), 6);
    assert.equal(shrunk.runs, 5);
    assert.equal(shrunk.result.breach?.invariant, 'P1');
  });
});
