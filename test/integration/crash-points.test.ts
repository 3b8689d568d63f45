/**
 * P1, P2, P5: a node that is killed at any failpoint of test/support/fault-injection/failpoints.ts,
 * and at random moments, costs nothing that was confirmed, and another one goes on by itself.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CheckedLoad } from '../support/checked-load.js';
import { FAILPOINTS, type Failpoint } from '../support/fault-injection/failpoints.js';
import type { Fault } from '../support/fault-injection/fault.js';
import { FaultyPair } from '../support/fault-injection/faulty-pair.js';
import { isChange, type Operation } from '../support/intercepted-file-system.js';
import type { NodeProcess } from '../support/node-process.js';
import { TestStore } from '../support/test-store.js';

/** Each has a store and two nodes of its own, which mostly wait for one another. */
const CHAPTERS_AT_A_TIME = 3;
const RANDOM_KILLS = 10;
const SMALL_SEGMENTS = {
  HOLDFAST_JOURNAL_SEGMENT_BYTES: '262144',
  HOLDFAST_JOURNAL_MAX_BATCH_BYTES: '65536',
} as const;
const BODY_BYTES = 2_000;

/** What nodes were seen to change, without the role: `OPERATION TARGET`. */
const changesSeen = new Set<string>();

describe('P1, P5: kill -9 at every failpoint', { concurrency: CHAPTERS_AT_A_TIME }, () => {
  for (const { chapter, scenario, failpoints } of FAILPOINTS) {
    test(`${chapter}: nothing confirmed is lost, and another node goes on`, async (t) => {
      if (scenario === 'initialise') {
        await killWhileInitialising(t, failpoints);
        return;
      }
      const pair = await FaultyPair.start(t);
      for (const failpoint of failpoints) {
        const victim = await pair.startVictim(scenario, [killAt(failpoint)]);
        await diedAt(victim, failpoint);
        await pair.partnerServes();
      }
      await pair.finish();
      pair.processes.forEach(noteChanges);
    });
  }
});

test('the list of failpoints has every change that a node makes to its store', () => {
  const known = new Set(FAILPOINTS.flatMap(({ failpoints }) => failpoints.map(changeOf)));
  const unknown = [...changesSeen].filter((change) => !known.has(change));
  assert.deepEqual(unknown, []);
});

test('P1: kill -9 at random moments loses nothing', async (t) => {
  const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`TEST_SEED=${seed}`);
  const random = randomFrom(seed);
  const store = await TestStore.make(t, SMALL_SEGMENTS);
  let { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer, bodyBytes: BODY_BYTES });
  for (let kill = 1; kill <= RANDOM_KILLS; kill += 1) {
    await delay(random() * 400);
    const victim = random() < 0.7 ? live : backup;
    await victim.kill();
    if (victim === live) [live, backup] = [backup, live];
    await live.untilRole('live');
    // Killed again as soon as it follows: a takeover may come while it still reads.
    backup = await store.start(backup.name).untilRole('backup');
    await load.confirmsMore(20);
  }
  await load.finish();
});

/** A store is made only once, so each of them goes on where the last one died. */
async function killWhileInitialising(
  t: TestContext,
  failpoints: readonly Failpoint[],
): Promise<void> {
  const store = await TestStore.make(t);
  for (const failpoint of failpoints) {
    const victim = store.startFaulty('victim', [killAt(failpoint)]);
    await diedAt(victim, failpoint);
    noteChanges(victim);
  }
  await store.startLive('next');
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.finish();
}

async function diedAt(victim: NodeProcess, { name }: Failpoint): Promise<void> {
  const end = await victim.end();
  const struck = victim.log.filter(({ event }) => event === 'fault-struck');
  const how = `${JSON.stringify(end)} ${victim.complaint}`;
  assert.deepEqual(
    struck.map(({ message }) => message),
    [name],
    how,
  );
  assert.equal(end.signal, 'SIGKILL', how);
}

function killAt(failpoint: Failpoint): Fault {
  return { ...failpoint, effect: { kind: 'kill' } };
}

function noteChanges(node: NodeProcess): void {
  for (const { event, message } of node.log) {
    if (event !== 'store-called') continue;
    const call = withoutRole(message);
    if (isChange(call.split(' ', 1)[0] as Operation)) changesSeen.add(call);
  }
}

function changeOf({ at }: Failpoint): string {
  return withoutRole(at);
}

function withoutRole(moment: string): string {
  return moment.slice(moment.indexOf(':') + 2);
}

/** Repeatable: the same seed gives the same moments. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
