/**
 * Nothing twice: Qpid JMS sends again with the same ids whatever was not confirmed, while one live
 * node after another is killed. EXACTLY_ONCE_MINUTES=2 kills one every five seconds for so long.
 */
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { dumpStoreJournal } from '../../src/node/journal-tools.js';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import { eventually } from '../support/eventually.js';
import { type Pair, TestStore } from '../support/test-store.js';
import { ExactlyOnceLedger } from './exactly-once-ledger.js';
import { classPathOf, failoverUrl, noMaven } from './java-programs.js';
import { LineProgram } from './line-program.js';

const MINUTES = Number(process.env.EXACTLY_ONCE_MINUTES ?? 0);
const KILL_INTERVAL_MS = 5_000;
const KILLS = MINUTES === 0 ? 4 : Math.floor((MINUTES * 60_000) / KILL_INTERVAL_MS);
/** By each worker, between a takeover and the next kill. */
const MESSAGES_BETWEEN_KILLS = 50;
const PROGRESS_LIMIT_MS = 30_000;
const COUNT_LIMIT_MS = 60_000 + KILLS * 5_000;
const TEST_LIMIT_MS = 180_000 + KILLS * 30_000;

const SETTINGS = {
  // Large enough that no segment is ever deleted: in the end the journal tells everything that was stored.
  HOLDFAST_JOURNAL_SLACK_BYTES: '1073741824',
};
/** Nobody's outgoing connection has one of these addresses, so a node that is started again finds its port free. */
const ADDRESSES = { a: '127.0.0.2:0', b: '127.0.0.3:0' };

test('every message is stored and moved once, however often the live node is killed', {
  skip: noMaven,
  timeout: TEST_LIMIT_MS,
}, async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  let pair: Pair = {
    live: await store.startLive('a', amqpOn(ADDRESSES.a)),
    backup: await store.startBackup('b', amqpOn(ADDRESSES.b)),
  };
  const ledger = new ExactlyOnceLedger();
  const program = await startProgram(t, failoverUrl(pair.live, pair.backup), ledger);
  const started = performance.now();
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const hasProgressed = ledger.progressBy(MESSAGES_BETWEEN_KILLS);
    await eventually(`all workers go on, ${ledger.failures}`, hasProgressed, PROGRESS_LIMIT_MS);
    if (MINUTES > 0) await until(started + kill * KILL_INTERVAL_MS);
    pair = await killLive(store, pair);
  }
  const loadMs = performance.now() - started;
  program.tell('stop');
  await eventually(`all is counted, ${ledger.failures}`, () => ledger.isCounted, COUNT_LIMIT_MS);
  t.diagnostic(`${KILLS} kills in ${(loadMs / 1_000).toFixed(0)} s; ${ledger.summary}`);
  ledger.check(await readStored(store));
});

function amqpOn(address: string) {
  return { HOLDFAST_AMQP_LISTEN: address };
}

async function startProgram(
  t: TestContext,
  url: string,
  ledger: ExactlyOnceLedger,
): Promise<LineProgram> {
  const classPath = await classPathOf('interop-jakarta');
  const args = ['-cp', classPath, 'ExactlyOnce', url];
  return new LineProgram(t, { command: 'java', args, onLine: ledger.record });
}

/** Resolves when the pair is whole again. */
async function killLive(store: TestStore, { live, backup }: Pair): Promise<Pair> {
  const address = live.addressOf('amqp');
  await live.kill();
  await backup.untilRole('live');
  return { live: backup, backup: await store.startBackup(live.name, amqpOn(address)) };
}

async function until(time: number): Promise<void> {
  const waitMs = time - performance.now();
  if (waitMs > 0) await delay(waitMs);
}

/** How many entries the journal ever had, for each queue that had any. */
async function readStored(store: TestStore): Promise<Map<string, number>> {
  const names = new Map<string, string>();
  const stored = new Map<string, number>();
  await dumpStoreJournal(nodeFileSystem, store.layout, (line) => {
    const [, created, name] = /: queue-created (\d+) "(.*)"$/.exec(line) ?? [];
    if (created !== undefined) names.set(created, name as string);
    const queue = /: message \d+ in queue (\d+):/.exec(line)?.[1];
    if (queue === undefined) return;
    const known = names.get(queue) ?? `queue ${queue}`;
    stored.set(known, (stored.get(known) ?? 0) + 1);
  });
  return stored;
}
