/** A planned change of the live node: nothing lost, nothing twice, and refused when it cannot be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import { readHandoverRequest } from '../../src/store/known-documents.js';
import { CheckedLoad } from '../support/checked-load.js';
import { eventually } from '../support/eventually.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { runHoldfast } from '../support/users.js';

/** A status that was not rewritten for three intervals counts no more; and one to be sure. */
const STATUS_FORGOTTEN_BEATS = 5;

test('a requested handover under load loses nothing and doubles nothing', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.confirmsMore(300);
  const outcome = await store.requestHandover(null);
  assert.ok(outcome.accepted, outcome.reason);
  await backup.untilRole('live');
  await load.confirmsMore(300);
  await live.untilRole('backup');
  const { duplicates } = await load.finish();
  assert.equal(duplicates, 0);
});

test('SIGTERM of the live node doubles nothing', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.confirmsMore(300);
  await live.terminate();
  await backup.untilRole('live');
  await load.confirmsMore(300);
  const { duplicates } = await load.finish();
  assert.equal(duplicates, 0);
});

test('a handover goes to the node that was asked for, and back', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const third = await store.startBackup('c');
  assert.ok((await store.requestHandover('c')).accepted);
  await third.untilRole('live');
  assert.equal(backup.role, 'backup');
  await live.untilRole('backup');
  await store.untilReady(live);
  await eventually('c has seen that a is ready', async () => {
    const { accepted } = await store.requestHandover('a');
    return accepted;
  });
  await live.until('a is live again', () => live.role === 'live');
});

test('a handover without a ready backup is refused with the reason, and the live node stays', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  const nobody = await store.requestHandover(null);
  assert.equal(nobody.accepted, false);
  assert.match(nobody.reason, /no backup is ready/);
  const unknown = await store.requestHandover('nobody');
  assert.equal(unknown.accepted, false);
  assert.match(unknown.reason, /no node named nobody/);
  await client.send({ destination: '/queue/q', body: 'still here' });
  assert.equal(live.role, 'live');
});

test('a request that the live node does not answer in time is withdrawn', async (t) => {
  const store = await TestStore.make(t);
  const { live } = await store.startPair();
  live.signal('SIGSTOP');
  const asked = await runHoldfast(['handover', '--store', store.layout.root, '--timeout', '1']);
  live.signal('SIGCONT');
  assert.equal(asked.code, 3);
  assert.match(asked.complaint, /did not answer the request in time, so it was withdrawn/);
  const request = await readHandoverRequest(nodeFileSystem, store.layout);
  assert.equal(request?.outcome?.accepted, false);
  assert.match(request?.outcome?.reason ?? '', /withdrawn/);
});

test('a backup that was killed is no ready backup', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  await backup.kill();
  const documents = await store.nodes();
  assert.ok(documents.find(({ name }) => name === 'b')?.ready, 'its last status says so');
  const beat = documents.find(({ name }) => name === 'a')?.beat ?? 0;
  await eventually('the live node has looked at it often enough since', async () => {
    return ((await store.node('a'))?.beat ?? 0) >= beat + STATUS_FORGOTTEN_BEATS;
  });
  const outcome = await store.requestHandover(null);
  assert.equal(outcome.accepted, false);
  assert.match(outcome.reason, /no backup is ready/);
  assert.equal(live.role, 'live');
});

test('SIGTERM of the only node ends it with code 0 and keeps its messages', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  await client.send({ destination: '/queue/q', body: 'kept' });
  assert.deepEqual(await live.terminate(), { code: 0, signal: null });
  const next = await store.startLive('b');
  const inbox = await Inbox.open(await connect(next.address), '/queue/q', 'auto');
  await inbox.atLeast(1);
  assert.deepEqual(inbox.texts, ['kept']);
});
