import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { BLOCK_HEADER_BYTES, type Epoch, SECTOR_BYTES } from '../../../src/journal/format.js';
import type { JournalWriter } from '../../../src/journal/writer.js';
import type { StorageEvent } from '../../../src/node/storage-protocol.js';
import { Tenure } from '../../../src/node/tenure.js';
import { ElectionLock } from '../../../src/ownership/election.js';
import { claimNextEpoch } from '../../../src/ownership/epoch.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { LockfileHeartbeat } from '../../../src/platform/node/heartbeat.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import type { DocumentFile } from '../../../src/store/document-file.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { openLiveFile } from '../../../src/store/known-documents.js';
import { interceptedFileSystem } from '../../support/intercepted-file-system.js';
import { makeStore, type TemporaryStore } from '../../support/store-samples.js';
import { append, JournalRig, longText, SEGMENT_BYTES } from '../journal/journal-rig.js';
import { ManualClock } from './manual-clock.js';

const IDENTITY = { host: 'alpha', pid: 4711, bootId: 'boot-of-alpha' };
const FRESH_MS = 2_000;
const FIRST_SEGMENT = '0000000001-0000000001.segment';

/** On a real store, in epoch 2; the journal has three segments. Time stands still, so nothing is checked but by the tenure itself. */
describe('a tenure', () => {
  const clock = new ManualClock();
  let store: TemporaryStore;
  let rig: JournalRig;
  let lock: ElectionLock;
  let writer: JournalWriter;
  let liveFile: DocumentFile<LiveDocument>;
  let heartbeat: LockfileHeartbeat;

  beforeEach(async () => {
    store = await makeStore();
    rig = JournalRig.at(store.layout.journalDirectory);
    lock = new ElectionLock(nodeFileSystem, store.layout.lockFile);
    assert.equal(await lock.tryAcquire(), true);
    liveFile = await openLiveFile(nodeFileSystem, store.layout);
    heartbeat = new LockfileHeartbeat(store.layout.witnessTarget);
    const before = (await rig.takeOver()).writer;
    while (before.cursor.segment < 3) await append(before, longText('block', SEGMENT_BYTES / 2));
    await before.close();
    ({ writer } = await rig.takeOver());
    await claimEpoch(2);
  });
  afterEach(async () => {
    await heartbeat.stop();
    await writer.close();
    await liveFile.close();
    await lock.release();
    await store.remove();
  });

  async function claimEpoch(epoch: number): Promise<void> {
    const claimed = await claimNextEpoch({
      fileSystem: nodeFileSystem,
      epochsDirectory: store.layout.epochsDirectory,
      node: 'a',
      identity: IDENTITY,
      wallMs: 0,
      above: epoch - 1,
    });
    assert.equal(claimed, epoch);
  }

  /** The segments that it tells of; `meanwhile` happens before it first looks at the journal. */
  async function segmentsTold(meanwhile: () => Promise<void>): Promise<number[]> {
    let hasHappened = false;
    const fileSystem = interceptedFileSystem(nodeFileSystem, async ({ operation, path }, run) => {
      if (operation === 'list' && path === rig.path && !hasHappened) {
        hasHappened = true;
        await meanwhile();
      }
      return run();
    });
    return new Promise((resolve, reject) => {
      const tenure = tenureOn(fileSystem, (event) => {
        if (event.kind === 'segments') resolve(event.sizes.map(({ segment }) => segment));
      });
      tenure.failed.catch(reject);
      tenure.begin().catch(reject);
    });
  }

  function tenureOn(fileSystem: FileSystem, post: (event: StorageEvent) => void): Tenure {
    return new Tenure({
      world: { fileSystem, clock, heartbeat },
      settings: {
        layout: store.layout,
        name: 'a',
        identity: IDENTITY,
        checkIntervalMs: 1_000,
        freshMs: FRESH_MS,
        statusIntervalMs: 1_000,
      },
      electionLock: lock,
      directory: rig.directory(fileSystem),
      takeover: { epoch: 2 as Epoch, sinceMs: 0, writer, liveFile },
      addresses: {},
      post,
    });
  }

  it('tells which segments there are, so that one that somebody removed is missed (P6)', async () => {
    assert.deepEqual(await segmentsTold(() => rig.unlink(FIRST_SEGMENT)), [2, 3]);
  });

  it('ends, and misses nothing, when a successor was there to delete it (P5)', async () => {
    const successor = async (): Promise<void> => {
      await claimEpoch(3);
      await rig.unlink(FIRST_SEGMENT);
    };
    await assert.rejects(segmentsTold(successor), { code: 'OWNERSHIP_LOST' });
  });

  /** One block of one record: what the main thread sends. */
  function appendCommand(): Parameters<Tenure['append']>[0] {
    const slab = new ArrayBuffer(SECTOR_BYTES);
    return { kind: 'append', slab, end: BLOCK_HEADER_BYTES + 1, recordCount: 1 };
  }

  it('writes at once what comes while its ownership is fresh', async () => {
    const tenure = tenureOn(nodeFileSystem, () => undefined);
    await tenure.begin();
    const before = writer.cursor.sequence;
    clock.nowMs += FRESH_MS - 1;
    await tenure.append(appendCommand());
    assert.equal(writer.cursor.sequence, before + 1);
  });

  it('P2: writes nothing that waited behind a call which hung for as long as a takeover takes', async () => {
    const tenure = tenureOn(nodeFileSystem, () => undefined);
    tenure.failed.catch(() => undefined);
    await tenure.begin();
    const before = writer.cursor;
    clock.nowMs += FRESH_MS;
    await claimEpoch(3);
    await assert.rejects(tenure.append(appendCommand()), { code: 'OWNERSHIP_LOST' });
    assert.deepEqual(writer.cursor, before);
  });

  it('verifies its ownership first, and writes then, when nobody took over meanwhile', async () => {
    let verifications = 0;
    const tenure = tenureOn(nodeFileSystem, ({ kind }) => {
      if (kind === 'verified') verifications += 1;
    });
    await tenure.begin();
    const before = { sequence: writer.cursor.sequence, verifications };
    clock.nowMs += FRESH_MS;
    await tenure.append(appendCommand());
    assert.ok(verifications > before.verifications);
    assert.equal(writer.cursor.sequence, before.sequence + 1);
  });
});
