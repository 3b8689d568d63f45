import assert from 'node:assert/strict';
import { mkdir, rmdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ElectionLock } from '../../../src/ownership/election.js';
import { claimNextEpoch } from '../../../src/ownership/epoch.js';
import { mayGoLive, Witness, witnessBeats } from '../../../src/ownership/witness.js';
import { HoldfastError } from '../../../src/platform/errors.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { LockfileHeartbeat } from '../../../src/platform/node/heartbeat.js';
import type { FileSystem, HostIdentity } from '../../../src/platform/ports.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { openLiveFile } from '../../../src/store/known-documents.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import { LIVE_SAMPLE, makeStore, type TemporaryStore } from '../../support/store-samples.js';
import { startWitnessProcess, type WitnessProcess } from '../../support/witness-process.js';

const OTHER_HOST: HostIdentity = { host: 'beta', pid: 2, bootId: 'boot-of-beta' };

describe('the witness', () => {
  let store: TemporaryStore;
  let holder: WitnessProcess | null;
  beforeEach(async () => {
    store = await makeStore();
    holder = null;
  });
  afterEach(async () => {
    await holder?.kill();
    await store.remove();
  });

  const options = () => ({ fileSystem: nodeFileSystem, clock: nodeClock, layout: store.layout });

  /** What the second node does once it was given the lock. */
  async function goLive(change: Partial<Parameters<typeof mayGoLive>[0]> = {}): Promise<number> {
    const began = nodeClock.monotonicMs();
    await mayGoLive({
      ...options(),
      identity: OTHER_HOST,
      lockSeenContended: false,
      lastLive: LIVE_SAMPLE,
      ...change,
    });
    return nodeClock.monotonicMs() - began;
  }

  async function writeLive(change: Partial<LiveDocument>): Promise<void> {
    const file = await openLiveFile(nodeFileSystem, store.layout);
    await file.write({ ...LIVE_SAMPLE, ...change });
    await file.close();
  }

  it('catches the mount that gives one lock to two: refused while the holder beats', async () => {
    holder = await startWitnessProcess(store.layout.root);
    const lyingMount = withLyingLock(nodeFileSystem);
    const lock = new ElectionLock(lyingMount, store.layout.lockFile);
    assert.equal(await lock.tryAcquire(), true, 'the mount lies');
    assert.equal(lock.seenContended, false);
    await writeLive({});
    await assert.rejects(
      goLive({ fileSystem: lyingMount, lockSeenContended: lock.seenContended }),
      (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.equal(error.code, 'LOCK_NOT_SHARED');
        assert.match(error.message, /node "a" on host alpha still uses the store/);
        assert.match(error.message, /without nolock, local_lock/);
        return true;
      },
    );
    await lock.release();
  });

  it('lets a node go live soon after the holder was killed', async () => {
    holder = await startWitnessProcess(store.layout.root);
    await holder.kill();
    assert.ok((await nodeFileSystem.list(store.layout.root)).includes('witness.lock'));
    assert.ok((await goLive()) >= 2_400);
  });

  it('takes a changing live document for a beat as well', async () => {
    await mkdir(`${store.layout.witnessTarget}.lock`);
    await writeLive({ beat: 1 });
    const refused = assert.rejects(goLive(), { code: 'LOCK_NOT_SHARED' });
    nodeClock.after(200, () => void writeLive({ beat: 2 }));
    await refused;
  });

  it('costs no time where the lock itself settles it', async () => {
    assert.ok((await goLive({ lastLive: null })) < 1_000, 'nobody was ever here');
    const released = { ...LIVE_SAMPLE, state: 'released' } as const;
    assert.ok((await goLive({ lastLive: released })) < 1_000, 'ended in good order');
    await mkdir(`${store.layout.witnessTarget}.lock`);
    assert.ok((await goLive({ lockSeenContended: true })) < 1_000, 'seen contended');
    const sameKernel = { ...LIVE_SAMPLE, bootId: OTHER_HOST.bootId };
    assert.ok((await goLive({ lastLive: sameKernel })) < 1_000, 'the last live was on this kernel');
  });

  it('observes after its own word too, when somebody has claimed an epoch since', async () => {
    const claimAbove = (above: number) =>
      claimNextEpoch({
        fileSystem: nodeFileSystem,
        epochsDirectory: store.layout.epochsDirectory,
        node: 'b',
        identity: OTHER_HOST,
        wallMs: nodeClock.wallMs(),
        above,
      });
    const own = { ...LIVE_SAMPLE, bootId: OTHER_HOST.bootId };
    await claimAbove(own.epoch - 1);
    assert.ok((await goLive({ lastLive: own })) < 1_000, 'its own is the newest epoch');
    await claimAbove(own.epoch);
    await writeLive({ beat: 1 });
    const refused = assert.rejects(goLive({ lastLive: own }), { code: 'LOCK_NOT_SHARED' });
    nodeClock.after(200, () => void writeLive({ beat: 2 }));
    await refused;
  });

  it('observes when no live document says whose heartbeat it is', async () => {
    await mkdir(`${store.layout.witnessTarget}.lock`);
    assert.ok((await goLive({ lastLive: null })) >= 2_400);
  });

  it('does not take a heartbeat that is being cleaned up for one that goes on', async () => {
    await mkdir(`${store.layout.witnessTarget}.lock`);
    nodeClock.after(100, () => void rmdir(`${store.layout.witnessTarget}.lock`));
    assert.equal(await witnessBeats(options(), 500), false);
  });

  it('beats in the background, and leaves nothing behind when stopped', async () => {
    const troubles: string[] = [];
    const witness = makeWitness(troubles);
    witness.start();
    await waitUntil(async () => (await names()).includes('witness.lock'));
    assert.equal(await witnessBeats(options(), 5_000), true);
    await witness.stop();
    assert.equal((await names()).includes('witness.lock'), false);
    assert.deepEqual(troubles, []);
  });

  it("takes over when a dead holder's heartbeat has gone stale", async () => {
    holder = await startWitnessProcess(store.layout.root);
    await holder.kill();
    const witness = makeWitness([]);
    witness.start();
    assert.equal(await witnessBeats(options(), 20_000), true);
    await witness.stop();
  });

  it('goes on after somebody removed its heartbeat, and says so', async () => {
    const troubles: string[] = [];
    const witness = makeWitness(troubles);
    witness.start();
    await waitUntil(async () => (await names()).includes('witness.lock'));
    await rmdir(`${store.layout.witnessTarget}.lock`);
    await waitUntil(async () => troubles.length > 0);
    await waitUntil(async () => (await names()).includes('witness.lock'));
    await witness.stop();
  });

  function names(): Promise<string[]> {
    return nodeFileSystem.list(store.layout.root);
  }

  function makeWitness(troubles: string[]): Witness {
    return new Witness({
      clock: nodeClock,
      heartbeat: new LockfileHeartbeat(store.layout.witnessTarget),
      onTrouble: (reason) => troubles.push(reason),
    });
  }
});

function withLyingLock(fileSystem: FileSystem): FileSystem {
  return delegatingFileSystem(fileSystem, {
    async open(path, mode) {
      const handle = await fileSystem.open(path, mode);
      handle.tryLockExclusive = async () => true;
      return handle;
    },
  });
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  const deadline = nodeClock.monotonicMs() + 20_000;
  while (!(await condition())) {
    assert.ok(nodeClock.monotonicMs() < deadline, 'waited too long');
    await new Promise<void>((resolve) => nodeClock.after(20, resolve));
  }
}
