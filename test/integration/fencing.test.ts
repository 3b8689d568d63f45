/** P3 with real processes: files of the store are taken away from under a live node that serves. */
import assert from 'node:assert/strict';
import { copyFile, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CheckedLoad } from '../support/checked-load.js';
import { within } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { RawClient } from '../support/raw-client.js';
import { TestStore } from '../support/test-store.js';

const FRESH_MS = 500;
const SETTINGS = {
  HOLDFAST_OWNERSHIP_FRESH_MS: String(FRESH_MS),
  HOLDFAST_OWNERSHIP_CHECK_INTERVAL_MS: '100',
} as const;
/** No check that began before the stop can count after it. */
const STOPPED_FOR_MS = 2 * FRESH_MS;
/** Room for all that a test sends, so that the segment it replaces stays the last one. */
const ONE_SEGMENT = { HOLDFAST_JOURNAL_SEGMENT_BYTES: String(16 * 1024 * 1024) } as const;
const OWNERSHIP_LOST_CODE = 5;

test('P3: a live node whose lock file is unlinked ends by itself, and the backup takes over', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await unlink(store.layout.lockFile);
  await checkLost(live, /lock file .* was removed or replaced/);
  await backup.untilRole('live');
  await load.confirmsMore(500);
  await load.finish();
});

test('P3: a stopped live node whose lock another one got confirms and delivers nothing when it goes on', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  const late = await sendWhileStopped(live);
  await replaceByCopy(store.layout.lockFile);
  const other = await store.start('c').untilRole('taking-over');
  await delay(STOPPED_FOR_MS);
  live.signal('SIGCONT');
  await checkLost(live, /lock file .* was removed or replaced/);
  await late.checkNotAnswered();
  await other.untilRole('live');
  await load.confirmsMore(500);
  assert.equal(backup.role, 'backup');
  await load.finish();
});

test('P3: a stopped live node whose last segment was replaced confirms and delivers nothing when it goes on', async (t) => {
  const store = await TestStore.make(t, { ...SETTINGS, ...ONE_SEGMENT });
  const live = await store.startLive('a');
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  const late = await sendWhileStopped(live);
  await delay(STOPPED_FOR_MS);
  await replaceByCopy(await tailSegment(store));
  const backup = await store.start('b').untilRole('backup');
  live.signal('SIGCONT');
  await checkLost(live, /segment .* was removed or replaced/);
  await late.checkNotAnswered();
  await backup.untilRole('live');
  await load.confirmsMore(500);
  await load.finish();
});

/** Stops the node, sends it a message and asks for those it has: it finds both when it goes on. */
async function sendWhileStopped(live: NodeProcess): Promise<{ checkNotAnswered(): Promise<void> }> {
  const client = await RawClient.connect(live.address);
  client.write('SEND\ndestination:/queue/late\nreceipt:in-time\n\nin time\0');
  await client.receives('receipt-id:in-time');
  live.signal('SIGSTOP');
  client.write('SEND\ndestination:/queue/late\nreceipt:too-late\n\ntoo late\0');
  client.write('SUBSCRIBE\nid:0\ndestination:/queue/late\n\n\0');
  return {
    async checkNotAnswered() {
      await within('the node that ended has closed its connections', client.closed);
      assert.doesNotMatch(client.received, /too-late|MESSAGE/);
    },
  };
}

async function checkLost(live: NodeProcess, reason: RegExp): Promise<void> {
  assert.deepEqual(await live.end(), { code: OWNERSHIP_LOST_CODE, signal: null });
  assert.match(live.complaint, reason);
}

/** The same bytes under the same name, in another file. */
async function replaceByCopy(path: string): Promise<void> {
  await copyFile(path, `${path}.copy`);
  await rename(`${path}.copy`, path);
}

/** The last one with a header: one that was only prepared holds zeros. */
async function tailSegment(store: TestStore): Promise<string> {
  const { journalDirectory } = store.layout;
  const names = (await readdir(journalDirectory)).filter((name) => name.endsWith('.segment'));
  for (const name of names.sort().reverse()) {
    const path = join(journalDirectory, name);
    if ((await readFile(path))[0] !== 0) return path;
  }
  return assert.fail(`no segment has a header: ${names}`);
}
