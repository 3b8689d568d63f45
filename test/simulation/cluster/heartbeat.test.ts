import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HEARTBEAT_STALE_MS } from '../../../src/platform/heartbeat.js';
import { SimulatedClock } from '../kernel/clock.js';
import type { SimulatedProcess } from '../kernel/process.js';
import { STORE } from './config.js';
import { SimulatedHeartbeat } from './heartbeat.js';
import { SmallCluster } from './small-cluster.js';
import { PollingWatcher } from './watch-directory.js';

const TARGET = `${STORE}/witness`;
const WATCHED = `${STORE}/requests`;

interface Holder {
  readonly process: SimulatedProcess;
  readonly lost: string[];
  tryStart(): Promise<boolean>;
  stop(): Promise<void>;
}

function holderOn(cluster: SmallCluster, hostName: string): Holder {
  const host = cluster.addHost(hostName);
  const process = host.startProcess('holder');
  const clock = new SimulatedClock(process.storage, host.clocks);
  const fileSystem = cluster.storage.fileSystemOf(process, hostName);
  const heartbeat = new SimulatedHeartbeat(fileSystem, clock, TARGET);
  const lost: string[] = [];
  return {
    process,
    lost,
    tryStart: () => cluster.result(heartbeat.tryStart((reason) => lost.push(reason))),
    stop: () => cluster.result(heartbeat.stop()),
  };
}

describe('the heartbeat of a simulated node', () => {
  it('is one at a time, for as long as its holder runs', async () => {
    const cluster = await SmallCluster.make(1);
    const [first, second] = [holderOn(cluster, 'a'), holderOn(cluster, 'b')];
    assert.equal(await first.tryStart(), true);
    for (let tries = 0; tries < 20; tries += 1) {
      await cluster.runFor(1_000);
      assert.equal(await second.tryStart(), false);
    }
    assert.deepEqual(first.lost, []);
  });

  it('can be taken at once when its holder has stopped', async () => {
    const cluster = await SmallCluster.make(2);
    const [first, second] = [holderOn(cluster, 'a'), holderOn(cluster, 'b')];
    assert.equal(await first.tryStart(), true);
    await cluster.runFor(3_000);
    await first.stop();
    assert.equal(await second.tryStart(), true);
  });

  it('of a killed holder goes stale', async () => {
    const cluster = await SmallCluster.make(3);
    const [first, second] = [holderOn(cluster, 'a'), holderOn(cluster, 'b')];
    assert.equal(await first.tryStart(), true);
    first.process.die();
    await cluster.runFor(HEARTBEAT_STALE_MS / 2);
    assert.equal(await second.tryStart(), false);
    await cluster.runFor(HEARTBEAT_STALE_MS);
    assert.equal(await second.tryStart(), true);
  });

  it('is taken from a running holder by a host whose wall clock is far ahead, and its holder hears of it', async () => {
    const cluster = await SmallCluster.make(4);
    const [first, second] = [holderOn(cluster, 'a'), holderOn(cluster, 'b')];
    assert.equal(await first.tryStart(), true);
    cluster.host('b').jumpWallClock(60_000);
    assert.equal(await second.tryStart(), true);
    await cluster.runFor(15_000);
    assert.equal(first.lost.length, 1);
  });

  it('is lost after a pause in which another took it', async () => {
    const cluster = await SmallCluster.make(5);
    const [first, second] = [holderOn(cluster, 'a'), holderOn(cluster, 'b')];
    assert.equal(await first.tryStart(), true);
    await cluster.runFor(1_500);
    first.process.pause(20_000);
    await cluster.runFor(15_000);
    assert.equal(await second.tryStart(), true);
    await cluster.runFor(20_000);
    assert.deepEqual([first.lost.length, second.lost.length], [1, 0]);
  });
});

describe('watching a directory by polling', () => {
  it("tells of another host's rewrite once the attribute cache lets it, and of nothing else", async () => {
    const cluster = await SmallCluster.make(6);
    const { truth, profile } = cluster.storage;
    await truth.makeDirectory(WATCHED);
    await (await truth.open(`${WATCHED}/handover`, 'create')).close();
    const host = cluster.addHost('a');
    const process = host.startProcess('watcher');
    const clock = new SimulatedClock(process.storage, host.clocks);
    const fileSystem = cluster.storage.fileSystemOf(process, 'a');
    let changes = 0;
    const watcher = new PollingWatcher(fileSystem, clock, WATCHED, () => {
      changes += 1;
    });
    await cluster.runFor(30_000);
    assert.equal(changes, 0);
    const file = await truth.open(`${WATCHED}/handover`, 'update');
    await file.write(new Uint8Array(100), 0);
    await file.close();
    await cluster.runFor(profile.attributeCacheMs + 1_000);
    assert.equal(changes, 1);
    await watcher.close();
    await truth.unlink(`${WATCHED}/handover`);
    await cluster.runFor(60_000);
    assert.equal(changes, 1);
  });
});
