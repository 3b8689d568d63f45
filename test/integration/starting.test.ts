/** P5, P6: nodes on new, half-made, foreign and missing stores. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually } from '../support/eventually.js';
import { NodeProcess } from '../support/node-process.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const REFUSED = { code: 3, signal: null } as const;

test('on an empty store the node that comes first is live, whatever its name', async (t) => {
  const store = await TestStore.make(t);
  await store.startLive('b');
  const second = await store.startBackup('a');
  assert.equal(second.role, 'backup');
});

test('P2: of two nodes started at once on an empty store exactly one is live, 50 times', async (t) => {
  for (let round = 1; round <= 50; round += 1) {
    const store = await TestStore.make(t);
    const nodes = [store.start('a'), store.start('b')];
    await eventually(`round ${round}: one live, one backup`, () => {
      const roles = nodes.map(({ role }) => role).sort();
      return roles.join() === 'backup,live' && nodes.some(({ role }) => role === 'live');
    });
    const live = store.liveProcess();
    assert.equal((await store.live())?.node, live.name);
    await eventually(`round ${round}: both tell their role`, async () => {
      const documents = await store.nodes();
      return (
        documents.length === 2 &&
        documents.every(({ name, role }) => role === nodes.find((node) => node.name === name)?.role)
      );
    });
    await Promise.all(nodes.map((node) => node.kill()));
  }
});

test('P5: a node killed while it initialises leaves a store that the next one completes', async (t) => {
  for (const name of ['lock', 'epochs', 'journal', 'requests', 'live', 'store.json', 'nodes']) {
    const store = await TestStore.make(t);
    const first = store.start('a');
    await eventually(`${name} is made`, async () =>
      (await readdir(store.layout.root)).includes(name),
    );
    await first.kill();
    const next = await store.startLive('b');
    const client = await connect(next.address);
    await client.send({ destination: '/queue/q', body: `after ${name}` });
    await client.disconnect();
    await next.kill();
  }
});

test('P5: a store.json that was only half written is made again', async (t) => {
  for (const content of ['', 'holdfast-document 1 000', '\0'.repeat(1024)]) {
    const store = await TestStore.make(t);
    await mkdir(store.layout.epochsDirectory);
    await mkdir(store.layout.journalDirectory);
    await writeFile(store.layout.storeFile, content);
    const node = await store.startLive('a');
    await node.kill();
  }
});

test('P6: a store.json that cannot be read beside a journal is damage, not a new store', async (t) => {
  const store = await TestStore.make(t);
  await (await store.startLive('a')).kill();
  await writeFile(store.layout.storeFile, 'nothing that is a document');
  const next = store.start('a');
  assert.deepEqual(await next.end(), { code: 6, signal: null });
  assert.match(next.complaint, /store\.json .* although the store has a journal/);
});

test('a store of another version is refused', async (t) => {
  const store = await TestStore.make(t);
  await (await store.startLive('a')).kill();
  const text = await readFile(store.layout.storeFile, 'latin1');
  await writeFile(store.layout.storeFile, text.replace('document 1', 'document 2'), 'latin1');
  const next = store.start('a');
  assert.deepEqual(await next.end(), REFUSED);
  assert.match(next.complaint, /another version of Holdfast .*document version is 2/);
});

test('a name that a running node has is refused, and free again when that node is gone', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const twin = store.start('a');
  assert.deepEqual(await twin.end(), REFUSED);
  assert.match(twin.complaint, new RegExp(`Process ${live.pid} .*already runs as node "a"`));
  assert.equal(live.role, 'live');
  await live.kill();
  await store.startLive('a');
});

test('a store that is missing, or no directory, is refused in a sentence', async (t) => {
  const { layout } = await TestStore.make(t);
  const missing = new NodeProcess({ store: `${layout.root}/missing`, name: 'a' });
  assert.deepEqual(await missing.end(), REFUSED);
  assert.match(missing.complaint, /missing does not exist: create it, or mount it/);
  await writeFile(`${layout.root}/file`, '');
  const noDirectory = new NodeProcess({ store: `${layout.root}/file`, name: 'a' });
  assert.deepEqual(await noDirectory.end(), REFUSED);
  assert.match(noDirectory.complaint, /file is not a directory/);
});

test('a port in use is refused before the store is touched', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const { host, port } = live.address;
  const other = store.start('b', { HOLDFAST_STOMP_LISTEN: `${host}:${port}` });
  assert.deepEqual(await other.end(), REFUSED);
  assert.match(other.complaint, new RegExp(`Cannot listen on ${host}:${port}`));
  assert.deepEqual(
    (await store.nodes()).map(({ name }) => name),
    ['a'],
  );
});
