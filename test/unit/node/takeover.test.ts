/**
 * Takeovers in which another node comes in between, on a real store. The other's locks have lapsed, or
 * do not keep it away, as where nothing fences late writes.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { JournalWriter } from '../../../src/journal/writer.js';
import { Follower } from '../../../src/node/follower.js';
import type { StorageEvent } from '../../../src/node/storage-protocol.js';
import { type Takeover, takeOver } from '../../../src/node/takeover.js';
import { ElectionLock } from '../../../src/ownership/election.js';
import { claimNextEpoch } from '../../../src/ownership/epoch.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import {
  type FileSystemCall,
  interceptedFileSystem,
  systemError,
} from '../../support/intercepted-file-system.js';
import { makeStore, type TemporaryStore } from '../../support/store-samples.js';
import { append, JournalRig, longText, replay, SEGMENT_BYTES } from '../journal/journal-rig.js';

const IDENTITY = { host: 'alpha', pid: 4711, bootId: 'boot-of-alpha' };

let store: TemporaryStore;
let rig: JournalRig;
let tenures: Takeover[];

beforeEach(async () => {
  store = await makeStore();
  rig = JournalRig.at(store.layout.journalDirectory);
  tenures = [];
});
afterEach(async () => {
  for (const { writer, liveFile } of tenures) {
    await writer.close();
    await liveFile.close();
  }
  await store.remove();
});

/** Whoever holds a lock keeps nobody from it; whoever gets it keeps others from it. */
const lapsedLocks = interceptedFileSystem(nodeFileSystem, async (call, run) => {
  const result = await run();
  return call.operation === 'lock' ? (true as typeof result) : result;
});

/** The node of epoch 1, of which `texts` are in the journal. */
async function beginJournal(texts: readonly string[], fileSystem?: FileSystem) {
  await claimNextEpoch({
    fileSystem: nodeFileSystem,
    epochsDirectory: store.layout.epochsDirectory,
    node: 'first',
    identity: IDENTITY,
    wallMs: 0,
    above: 0,
  });
  const { writer } = await rig.takeOver(fileSystem === undefined ? {} : { fileSystem });
  for (const text of texts) await append(writer, text);
  return writer;
}

/** The next node; `before` is told of each of its calls first. */
async function takeOverAs(
  name: string,
  real: FileSystem,
  before: (call: FileSystemCall) => Promise<void> = async () => undefined,
): Promise<Takeover> {
  const fileSystem = interceptedFileSystem(real, async (call, run) => {
    await before(call);
    return run();
  });
  const directory = rig.directory(fileSystem);
  const follower: Follower = new Follower({
    directory,
    clock: nodeClock,
    pollIntervalMs: 5,
    post: (event: StorageEvent) => {
      if (event.kind === 'blocks') follower.applied(event.fileBytes);
    },
  });
  try {
    const takeover = await takeOver({
      world: {
        fileSystem,
        clock: nodeClock,
        random: { bytes: () => assert.fail('nothing is drawn') },
        heartbeat: { tryStart: () => assert.fail('no tenure begins'), stop: async () => undefined },
        watchDirectory: () => assert.fail('nothing is watched'),
        channel: {
          post: () => assert.fail('nothing is posted'),
          onMessage: () => undefined,
          onClose: () => undefined,
        },
      },
      settings: {
        layout: store.layout,
        name,
        identity: IDENTITY,
        version: '0.0.0',
        isFencedByServer: true,
        isSharedByHosts: false,
        lockPollIntervalMs: 5,
        checkIntervalMs: 1_000,
        freshMs: 1_000,
        storeStallLimitMs: 10_000,
        statusIntervalMs: 1_000,
        handoverTimeoutMs: 10_000,
        segmentBytes: SEGMENT_BYTES,
      },
      electionLock: new ElectionLock(fileSystem, store.layout.lockFile),
      follower,
      directory,
    });
    assert.ok(takeover !== null, 'nobody else claims an epoch at the same moment');
    tenures.push(takeover);
    return takeover;
  } finally {
    await follower.close();
  }
}

describe('a takeover that another node takes over from', () => {
  const tail = '0000000001-0000000001.segment';
  let first: JournalWriter;

  beforeEach(async () => {
    first = await beginJournal(['one', 'two']);
    await first.close();
  });

  /** Node `b` takes over at the first call of `a` that `isMoment` says so of. */
  async function requireDeposed(isMoment: (call: FileSystemCall) => boolean): Promise<void> {
    let hasCome = false;
    const taking = takeOverAs('a', nodeFileSystem, async (call) => {
      if (hasCome || !isMoment(call)) return;
      hasCome = true;
      assert.equal((await takeOverAs('b', lapsedLocks)).epoch, 3);
    });
    await assert.rejects(taking, {
      code: 'OWNERSHIP_LOST',
      message: 'Another node has claimed epoch 3 while node "a" was taking over with epoch 2.',
    });
    assert.deepEqual(await rig.names(), ['0000000001-0000000003.segment']);
    assert.deepEqual((await replay(rig.directory())).texts, ['one', 'two']);
  }

  it('says so when it reads the other’s journal, and not that it waits for a lock', async () => {
    await requireDeposed(({ operation, path }) => operation === 'list' && path === rig.path);
  });

  it('says so when the file that it wants to lock is gone', async () => {
    await requireDeposed(
      ({ operation, path }) => operation === 'open-write-durable' && path === rig.pathOf(tail),
    );
  });

  it('says so when the file that it wants to copy is gone, and not that the journal is damaged', async () => {
    let hasJudged = false;
    await requireDeposed(({ operation, path }) => {
      if (path !== rig.pathOf(tail)) return false;
      // Nothing but the look behind the end asks how long the file is.
      if (operation === 'stat-open') hasJudged = true;
      return hasJudged && operation === 'open-read';
    });
  });
});

describe('a takeover while the node before still writes', () => {
  it('goes on in a segment that was begun between its last read and its look behind the end', async () => {
    const cutOff = interceptedFileSystem(nodeFileSystem, async (call, run) => {
      const isBlock = call.operation === 'write-durable' && (call.position ?? 0) > 0;
      if (isBlock && call.path.includes('0000000002-')) throw systemError('EIO', call.path);
      return run();
    });
    const late = await beginJournal(['one'], cutOff);
    let listings = 0;
    const taken = await takeOverAs('a', lapsedLocks, async ({ operation, path }) => {
      if (operation === 'lock' && path.startsWith(rig.path)) listings = 1;
      if (operation !== 'list' || path !== rig.path || listings === 0) return;
      listings += 1;
      // Of those after the lock the reader's is the first and that behind the end the second.
      if (listings !== 3) return;
      await assert.rejects(append(late, longText('two', SEGMENT_BYTES)), { code: 'EIO' });
    });
    await late.close();
    assert.equal(taken.writer.tail.name, '0000000002-0000000002.segment');
    await append(taken.writer, 'three');
    assert.deepEqual((await replay(rig.directory())).texts, ['one', 'three']);
  });
});
