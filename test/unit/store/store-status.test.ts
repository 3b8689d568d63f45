import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { startFileSystemProcess } from '../../../src/platform/node/file-system-process.js';
import { isProcessAlive, readHostIdentity } from '../../../src/platform/node/host-identity.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { claimNodeFile, openLiveFile } from '../../../src/store/known-documents.js';
import { storeLayout } from '../../../src/store/layout.js';
import { readStoreStatus, type StatusOptions } from '../../../src/store/store-status.js';
import {
  LIVE_SAMPLE,
  makeStore,
  NODE_SAMPLE,
  type TemporaryStore,
} from '../../support/store-samples.js';
import { makeTemporaryDirectory } from '../../support/temporary-directory.js';

const HERE = readHostIdentity();

describe('the status of a store', () => {
  let store: TemporaryStore;
  beforeEach(async () => {
    store = await makeStore();
  });
  afterEach(() => store.remove());

  async function check(live: Partial<LiveDocument>, isExpectedLive: boolean): Promise<void> {
    const file = await openLiveFile(nodeFileSystem, store.layout);
    await file.write({ ...LIVE_SAMPLE, ...live });
    await file.close();
    const status = await read({});
    assert.equal(status.live !== null, isExpectedLive, JSON.stringify(live));
    assert.equal(status.lastLive?.node, 'a');
  }

  function read(options: Partial<StatusOptions>) {
    return readStoreStatus({
      fileSystem: nodeFileSystem,
      layout: store.layout,
      clock: nodeClock,
      reader: HERE,
      isProcessAlive,
      observeMs: 0,
      ...options,
    });
  }

  it('of a directory without a store is empty', async () => {
    const { path, remove } = await makeTemporaryDirectory();
    const status = await read({ layout: storeLayout(path) });
    assert.deepEqual(status, { storeId: null, live: null, lastLive: null, nodes: [] });
    await remove();
  });

  it('has the store id and nobody live before the first tenure', async () => {
    const status = await read({});
    assert.equal(status.storeId, store.storeId);
    assert.equal(status.live, null);
  });

  it('believes another host, unless it said that its tenure ended', async () => {
    await check({}, true);
    await check({ state: 'handing-over' }, true);
    await check({ state: 'released' }, false);
  });

  it('believes a pid of this host only while that process runs', async () => {
    await check({ bootId: HERE.bootId, pid: HERE.pid }, true);
    const other = await startFileSystemProcess();
    await check({ bootId: HERE.bootId, pid: other.pid }, true);
    await other.kill();
    await check({ bootId: HERE.bootId, pid: other.pid }, false);
  });

  it('believes nobody who does not beat while being observed', async () => {
    await check({}, true);
    const status = await read({ observeMs: 250 });
    assert.equal(status.live, null);
    assert.equal(status.lastLive?.epoch, LIVE_SAMPLE.epoch);
  });

  it('ends observing as soon as everybody was seen to beat', async () => {
    const live = await openLiveFile(nodeFileSystem, store.layout);
    const node = await claimNodeFile(nodeFileSystem, store.layout, 'b');
    await live.write(LIVE_SAMPLE);
    await node.write(NODE_SAMPLE);
    const began = nodeClock.monotonicMs();
    const reading = read({ observeMs: 60_000 });
    nodeClock.after(150, () => {
      void live.write({ ...LIVE_SAMPLE, beat: 2 });
      void node.write({ ...NODE_SAMPLE, beat: 2 });
    });
    const status = await reading;
    assert.ok(nodeClock.monotonicMs() - began < 30_000);
    assert.equal(status.live?.beat, 2);
    assert.equal(status.nodes[0]?.running, 'yes');
    await live.close();
    await node.close();
  });

  it('shows each node with its age and whether it runs', async () => {
    const node = await claimNodeFile(nodeFileSystem, store.layout, 'b');
    await node.write({ ...NODE_SAMPLE, updatedAtMs: nodeClock.wallMs() - 5_000 });
    const [found] = (await read({})).nodes;
    assert.equal(found?.name, 'b');
    assert.ok(found.ageMs >= 5_000 && found.ageMs < 60_000);
    assert.equal(found.running, 'unknown');
    assert.equal((await read({ observeMs: 150 })).nodes[0]?.running, 'no');
    await node.write({ ...NODE_SAMPLE, role: 'stopped' });
    assert.equal((await read({})).nodes[0]?.running, 'no');
    await node.close();
  });

  it('changes nothing', async () => {
    await check({}, true);
    const before = await snapshot(store.layout.root);
    await read({ observeMs: 150 });
    assert.deepEqual(await snapshot(store.layout.root), before);
  });
});

async function snapshot(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() ? `${path} ${(await readFile(path)).toString('hex')}` : path;
  });
  return (await Promise.all(lines)).sort();
}
