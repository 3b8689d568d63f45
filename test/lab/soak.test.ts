/**
 * Faults at random, one after the other, for as long as LAB_SOAK_MINUTES says; LAB_SOAK_SEED draws the same ones
 * again. After each the pair must become whole by itself, and in the end nothing may be lost.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../../scripts/lab/lab.js';
import { SeededRandom } from '../simulation/kernel/random.js';
import { eventually } from '../support/eventually.js';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';
import type { SupervisedNode } from './supervised-node.js';

const MINUTES = Number(process.env.LAB_SOAK_MINUTES ?? 0);
const SEED = Number(process.env.LAB_SOAK_SEED ?? Date.now() % 1_000_000);
const SOAK_LIMIT_MS = (MINUTES + 30) * 60_000;
const RECOVERY_LIMIT_MS = 300_000;
/** Few enough that the ledger of an hour fits into memory. */
const GENTLE_LOAD = {
  producers: 4,
  consumers: 2,
  window: 50,
  pauseMs: 5,
  redeliveredInAnyOrder: true,
  settleLimitMs: 110_000,
};

interface Scene {
  readonly lab: Lab;
  readonly random: SeededRandom;
  readonly live: SupervisedNode;
  readonly backup: SupervisedNode;
}

/** Each ends with everything healed and all hosts up; nodes may still be on their way. */
const FAULTS: { readonly [name: string]: (scene: Scene) => Promise<void> } = {
  'kill -9 of the live node': ({ live }) => live.signal('KILL'),
  'kill -9 of the backup': ({ backup }) => backup.signal('KILL'),
  'SIGTERM to the live node': ({ live }) => live.signal('TERM'),
  'SIGSTOP of the live node': async ({ live, random }) => {
    await live.signal('STOP');
    await delay(random.between(500, 40_000));
    await live.signal('CONT');
  },
  'the live node cut off from the store': ({ lab, live, random }) =>
    cutFor(lab, () => lab.partition(live.broker, 's', { oneWay: random.chance(0.3) }), random),
  'the backup cut off from the store': ({ lab, backup, random }) =>
    cutFor(lab, () => lab.partition(backup.broker, 's', { oneWay: random.chance(0.3) }), random),
  'clients cut off from the live node': ({ lab, live, random }) =>
    cutFor(lab, () => lab.partition('h', live.broker, { oneWay: false }), random),
  'frames of the server are lost': ({ lab, random }) =>
    cutFor(lab, () => lab.loss('s', random.whole(1, 20)), random),
  'frames of the live node are late': ({ lab, live, random }) =>
    cutFor(lab, () => lab.delay(live.broker, random.whole(5, 300)), random),
  'the NFS service restarts': ({ lab }) => lab.restartNfs(),
  'the server hangs': async ({ lab, random }) => {
    lab.pause('s');
    await delay(random.between(500, 60_000));
    lab.resume('s');
  },
  'power cut of the server': async ({ lab, random }) => {
    await lab.powerOff('s');
    await delay(random.between(0, 20_000));
    await lab.boot('s');
  },
  'power cut of the live host': ({ lab, live, random }) => powerCut(lab, live, random),
  'power cut of the backup host': ({ lab, backup, random }) => powerCut(lab, backup, random),
};

async function cutFor(lab: Lab, cut: () => Promise<void>, random: SeededRandom): Promise<void> {
  await cut();
  await delay(random.between(500, 60_000));
  await lab.heal();
}

async function powerCut(lab: Lab, node: SupervisedNode, random: SeededRandom): Promise<void> {
  await lab.powerOff(node.broker);
  await delay(random.between(0, 20_000));
  await lab.boot(node.broker);
  await node.stop();
  node.start();
}

/** One node is live and confirms, the other could take over. */
async function untilWhole(pair: LabPair): Promise<void> {
  const roles = (): readonly (string | null)[] => pair.nodes.map(({ role }) => role);
  const isWhole = (): boolean => roles().includes('live') && roles().includes('backup');
  await pair.load.confirmsMore(500, RECOVERY_LIMIT_MS);
  await eventually('one node is live and one a backup', isWhole, RECOVERY_LIMIT_MS);
  const backup = pair.nodes.find(({ role }) => role === 'backup');
  assert.ok(backup, `roles are ${roles()}`);
  await pair.untilReady(backup);
}

describe('soak', {
  skip: labObstacle || (MINUTES > 0 ? false : 'LAB_SOAK_MINUTES is not set'),
}, () => {
  const lab = labFor(VERSIONS[0] ?? '4.2');

  test(`${MINUTES} minutes of faults at random`, { timeout: SOAK_LIMIT_MS }, async (t) => {
    const random = new SeededRandom(SEED, 'soak');
    const pair = await LabPair.start(t, lab, { load: GENTLE_LOAD });
    const counts = new Map<string, number>();
    const endAtMs = Date.now() + MINUTES * 60_000;
    while (Date.now() < endAtMs) {
      const live = pair.nodes.find(({ role }) => role === 'live');
      const backup = pair.nodes.find(({ role }) => role === 'backup');
      assert.ok(live && backup);
      const [name, strike] = random.pick(Object.entries(FAULTS));
      counts.set(name, (counts.get(name) ?? 0) + 1);
      t.diagnostic(`${new Date().toISOString()} ${name} (${live.broker} is live)`);
      await strike({ lab, random, live, backup });
      await untilWhole(pair);
    }
    for (const [name, count] of counts) t.diagnostic(`${count} x ${name}`);
    const ends = pair.nodes.flatMap((node) => node.ends);
    await pair.finish({ seed: SEED, ends: ends.length });
  });
});
