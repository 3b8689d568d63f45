/** A client that knows only a backup's address is served all the same, before and after a takeover. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import { readLiveDocument } from '../../src/store/known-documents.js';
import { askAdmin } from '../support/admin-calls.js';
import { CheckedLoad } from '../support/checked-load.js';
import { RawClient } from '../support/raw-client.js';
import { connect, connectNamed, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { runHoldfast } from '../support/users.js';

test('a backup passes a client through to the live node', async (t) => {
  const store = await TestStore.make(t);
  const { backup } = await store.startPair();
  const { client, node } = await connectNamed(backup.address);
  assert.equal(node, 'a');
  const inbox = await Inbox.open(client, '/queue/q', 'auto');
  await client.send({ destination: '/queue/q', body: 'through' });
  await inbox.atLeast(1);
  assert.deepEqual(inbox.texts, ['through']);
  await client.disconnect();
});

test('operators see the address of a client that a backup passes through, and no secret of it', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await RawClient.connect(backup.address);
  const { address, port } = client.socket.address() as AddressInfo;
  const { json } = await askAdmin(live, 'GET', '/api/v1/connections');
  const seen = json.connections.map(({ description }: { description: string }) => description);
  assert.deepEqual(seen, [`stomp ${address}:${port}`]);

  const document = await readLiveDocument(nodeFileSystem, store.layout);
  const originKey = document.kind === 'valid' ? (document.document.originKey ?? '') : '';
  assert.match(originKey, /^[0-9a-f]{64}$/);
  const status = await runHoldfast(['status', '--store', store.layout.root, '--json']);
  const cluster = await askAdmin(backup, 'GET', '/api/v1/cluster');
  for (const text of [status.printed, JSON.stringify([cluster.json, live.log, backup.log])]) {
    assert.ok(!text.includes(originKey) && !text.includes('originKey'));
  }
});

test('a large message passes through a backup both ways', async (t) => {
  const store = await TestStore.make(t);
  const { backup } = await store.startPair();
  const client = await connect(backup.address);
  const body = Buffer.alloc(10 * 1024 * 1024, 'large ');
  await client.send({ destination: '/queue/q', body });
  const inbox = await Inbox.open(client, '/queue/q', 'auto');
  const [message] = await inbox.atLeast(1);
  assert.ok(message && body.equals(message.body));
  await client.disconnect();
});

test('a client survives a takeover by connecting to the same address again', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const findServer = async () => ({ address: backup.address, node: 'b' });
  const load = await CheckedLoad.start(t, { findServer });
  await load.confirmsMore(300);
  await live.kill();
  await backup.untilRole('live');
  await load.confirmsMore(300);
  const { sessionsOf } = await load.finish();
  assert.ok(sessionsOf.has('a') && sessionsOf.has('b'));
});

test('a client that comes while nobody is live waits and is served by the next live node', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const slow = { HOLDFAST_OWNERSHIP_LOCK_POLL_INTERVAL_MS: '1000' };
  const backup = await store.startBackup('b', slow);
  await live.kill();
  const { node } = await connectNamed(backup.address);
  assert.equal(node, 'b');
});

test('a clean DISCONNECT passes through, receipt and all', async (t) => {
  const store = await TestStore.make(t);
  const { backup } = await store.startPair();
  const client = await connect(backup.address);
  await client.send({ destination: '/queue/q', body: 'last words' });
  await client.disconnect();
  assert.equal(await client.closed, null);
});
