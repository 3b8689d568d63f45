/** P1, P5: kill -9 at the moments when the journal changes its files, and at random ones. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CheckedLoad } from '../support/checked-load.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { unfinishedRelocations } from '../support/relocations.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

/** Segments roll, and sparse ones are compacted, several times a second. */
const SMALL_SEGMENTS = {
  HOLDFAST_JOURNAL_SEGMENT_BYTES: '262144',
  HOLDFAST_JOURNAL_MAX_BATCH_BYTES: '65536',
} as const;
const BODY_BYTES = 2_000;
const COMPACTION_KILLS = 3;
const RANDOM_KILLS = 10;

type Change = (before: readonly string[], now: readonly string[]) => boolean;

const added = (before: readonly string[], now: readonly string[], ending: string): boolean =>
  now.some((name) => name.endsWith(ending) && !before.includes(name));

const CHANGES: Readonly<Record<string, Change>> = {
  'a segment is added': (before, now) => added(before, now, '.segment'),
  'a checkpoint is written': (before, now) => added(before, now, '.checkpoint'),
  'a segment is deleted': (before, now) =>
    before.some((name) => name.endsWith('.segment') && !now.includes(name)),
};

test('P1: kill -9 while segments roll and are deleted and checkpoints written loses nothing', async (t) => {
  const store = await TestStore.make(t, SMALL_SEGMENTS);
  let { live, backup } = await store.startPair();
  await keepSome(store, 100);
  const load = await CheckedLoad.start(t, { findServer: store.findServer, bodyBytes: BODY_BYTES });
  for (const [what, hasChanged] of Object.entries(CHANGES)) {
    for (let round = 1; round <= 2; round += 1) {
      await keepSome(store, 10);
      const before = await readdir(store.layout.journalDirectory);
      await eventually(what, async () =>
        hasChanged(before, await readdir(store.layout.journalDirectory)),
      );
      await live.kill();
      await backup.untilRole('live');
      [live, backup] = [backup, await store.startBackup(live.name)];
    }
  }
  await load.finish();
  await checkKept(store, 160);
});

test('P1: kill -9 between the two halves of a compaction loses and doubles nothing', async (t) => {
  const store = await TestStore.make(t, SMALL_SEGMENTS);
  let { live, backup } = await store.startPair();
  await keepSome(store, 10);
  const load = await CheckedLoad.start(t, { findServer: store.findServer, bodyBytes: BODY_BYTES });
  let lastBlock = 0;
  for (let round = 1; round <= COMPACTION_KILLS; round += 1) {
    await keepSome(store, 10);
    const blocks = await killWhileCompacting(store, live, lastBlock);
    t.diagnostic(`killed with ${blocks.length} messages in their old and in their new place`);
    lastBlock = Math.max(...blocks);
    await backup.untilRole('live');
    [live, backup] = [backup, await store.startBackup(live.name)];
  }
  await load.finish();
  await checkKept(store, 10 + 10 * COMPACTION_KILLS);
});

test('P1: kill -9 at random moments loses nothing', async (t) => {
  const seed = Number(process.env.HOLDFAST_TEST_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`HOLDFAST_TEST_SEED=${seed}`);
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

/**
 * Looks at the journal while the node stands still, and kills it when messages were appended again
 * behind block `after` and their old segment is still there. Resolves with their new blocks.
 */
async function killWhileCompacting(
  store: TestStore,
  live: NodeProcess,
  after: number,
): Promise<number[]> {
  return eventually('a compaction is under way', async () => {
    live.signal('SIGSTOP');
    const blocks = await unfinishedRelocations(store.layout);
    const recent = blocks.filter((block) => block > after);
    if (recent.length > 0) await live.kill();
    else live.signal('SIGCONT');
    return recent.length > 0 && recent;
  });
}

/** Durable messages that nobody consumes, so that segments become sparse and never empty. */
async function keepSome(store: TestStore, count: number): Promise<void> {
  const server = await eventually('a node is live', store.findServer);
  const client = await connect(server.address);
  const body = 'kept'.padEnd(BODY_BYTES);
  const sends = Array.from({ length: count }, () =>
    client.send({ destination: '/queue/kept', body }),
  );
  await Promise.all(sends);
  await client.disconnect();
}

async function checkKept(store: TestStore, count: number): Promise<void> {
  const server = await eventually('a node is live', store.findServer);
  const client = await connect(server.address);
  const last = 'behind all others';
  await client.send({ destination: '/queue/kept', body: last });
  const inbox = await Inbox.open(client, '/queue/kept', 'auto');
  await eventually('every kept message comes', () => inbox.texts.at(-1) === last);
  assert.equal(inbox.messages.length, count + 1);
  const ids = new Set(inbox.messages.map(({ messageId }) => messageId));
  assert.equal(ids.size, count + 1);
  await client.disconnect();
}

/** Repeatable: the same seed gives the same moments. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
