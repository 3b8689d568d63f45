/** P7: changing the live node again and again leaves no descriptors and no memory behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckedLoad } from '../support/checked-load.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { type Descriptors, openDescriptors, residentBytes } from '../support/process-resources.js';
import { TestStore } from '../support/test-store.js';

const TAKEOVERS = 20;
/** From here on the sizes of caches and pools are settled. */
const SETTLED_AFTER = 6;
/** A node keeps a few segments open to read bodies from. */
const MAX_JOURNAL_DESCRIPTORS = 20;
const MEMORY_SLACK_BYTES = 48 * 1024 * 1024;

interface Resources {
  readonly descriptors: Descriptors;
  readonly memoryBytes: number;
}

test('P7: 20 handovers to and fro under load leak neither descriptors nor memory', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const nodes = [live, backup];
  const load = await CheckedLoad.start(t, { findServer: store.findServer, window: 5 });
  const resources: Resources[] = [];
  for (let takeover = 1; takeover <= TAKEOVERS; takeover += 1) {
    await handOver(store, nodes);
    await load.confirmsMore(20);
    const [first] = nodes.filter(({ role }) => role === 'backup');
    assert.ok(first);
    if (takeover % 2 === 0) resources.push(await resourcesOf(first));
  }
  const { duplicates } = await load.finish();
  assert.equal(duplicates, 0);
  checkSteady(t.diagnostic.bind(t), resources);
});

test('P5: 20 takeovers in a row after kill -9 keep one store', async (t) => {
  const store = await TestStore.make(t);
  let { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer, window: 5 });
  for (let takeover = 1; takeover <= TAKEOVERS; takeover += 1) {
    await live.kill();
    await backup.untilRole('live');
    [live, backup] = [backup, await store.start(live.name).untilRole('backup')];
    await load.confirmsMore(20);
  }
  assert.equal((await store.live())?.epoch, TAKEOVERS + 1);
  await load.finish();
});

async function handOver(store: TestStore, nodes: readonly NodeProcess[]): Promise<void> {
  const [from] = nodes.filter(({ role }) => role === 'live');
  const [to] = nodes.filter((node) => node !== from);
  assert.ok(from && to);
  await eventually(`${to.name} is ready and the handover is accepted`, async () => {
    const { accepted } = await store.requestHandover(to.name);
    return accepted;
  });
  await to.until(`${to.name} is live`, () => to.role === 'live');
  await from.until(`${from.name} is backup`, () => from.role === 'backup');
}

async function resourcesOf(node: NodeProcess): Promise<Resources> {
  return {
    descriptors: await openDescriptors(node.pid),
    memoryBytes: await residentBytes(node.pid),
  };
}

function checkSteady(tell: (line: string) => void, resources: readonly Resources[]): void {
  const counts = resources.map(({ descriptors }) => `${descriptors.journal}+${descriptors.other}`);
  tell(`descriptors, of the journal and others: ${counts.join(' ')}`);
  const mebibytes = resources.map(({ memoryBytes }) => Math.round(memoryBytes / 2 ** 20));
  tell(`resident memory, MiB: ${mebibytes.join(' ')}`);
  const [early, last] = [resources[SETTLED_AFTER / 2], resources.at(-1)];
  assert.ok(early && last);
  assert.ok(last.descriptors.other <= early.descriptors.other + 3, 'descriptors are left behind');
  assert.ok(last.descriptors.journal <= MAX_JOURNAL_DESCRIPTORS, 'segments are left open');
  assert.ok(last.memoryBytes <= early.memoryBytes + MEMORY_SLACK_BYTES, 'memory is left behind');
}
