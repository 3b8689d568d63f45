import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import {
  type Cursor,
  JOURNAL_START,
  type SegmentNumber,
  type Sequence,
} from '../../../src/journal/format.js';
import { LiveWatch } from '../../../src/node/live-watch.js';
import { LockTurn } from '../../../src/node/lock-turn.js';
import type { StorageEvent } from '../../../src/node/storage-protocol.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { openLiveFile } from '../../../src/store/known-documents.js';
import { ManualClock } from '../../support/manual-clock.js';
import { LIVE_SAMPLE, makeStore, type TemporaryStore } from '../../support/store-samples.js';

const SEGMENT_BYTES = 4096;

let store: TemporaryStore;
let clock: ManualClock;
let turn: LockTurn;
let events: StorageEvent[];
let handovers: number;
let watch: LiveWatch;

beforeEach(async () => {
  store = await makeStore();
  clock = new ManualClock();
  turn = new LockTurn({ clock, node: 'b', lockPollIntervalMs: 100, handoverTimeoutMs: 10_000 });
  events = [];
  handovers = 0;
  watch = new LiveWatch({
    fileSystem: nodeFileSystem,
    clock,
    layout: store.layout,
    lockPollIntervalMs: 100,
    turn,
    post: (event) => events.push(event),
    onHandover: () => {
      handovers += 1;
    },
  });
});
afterEach(() => store.remove());

async function readAs(change: Partial<LiveDocument>): Promise<void> {
  const file = await openLiveFile(nodeFileSystem, store.layout);
  await file.write({ ...LIVE_SAMPLE, ...change });
  await file.close();
  await watch.read();
}

/** What the main thread was told since the last call. */
function told(): StorageEvent[] {
  return events.splice(0);
}

function states(): (string | undefined)[] {
  return told().map((event) =>
    event.kind === 'live-elsewhere' ? event.document?.state : event.kind,
  );
}

test('who is live is told when it changes, and not at every beat', async () => {
  await readAs({});
  assert.deepEqual(told(), [{ kind: 'live-elsewhere', document: LIVE_SAMPLE }]);
  await readAs({ beat: 2, position: { segment: 2, offset: 512, sequence: 9 } });
  assert.deepEqual(told(), []);
  await readAs({ addresses: { stomp: '127.0.0.1:1' } });
  await readAs({ epoch: 4 });
  assert.deepEqual(states(), ['live', 'live']);
  assert.equal(watch.epoch, 4);
});

test('a handover wakes who waits for the lock, once', async () => {
  await readAs({});
  await readAs({ state: 'handing-over', successor: 'c' });
  await readAs({ state: 'handing-over', successor: 'c', beat: 2 });
  assert.equal(handovers, 1);
  assert.equal(turn.pollIntervalMs, 5);
  await readAs({ state: 'released', successor: 'c' });
  assert.equal(turn.isMine(), false);
  assert.deepEqual(states(), ['live', 'handing-over', 'released']);
});

test('half a rewrite tells nothing, and takes nothing back', async () => {
  await readAs({});
  told();
  await writeFile(store.layout.liveFile, 'holdfast-document 1 000');
  await watch.read();
  assert.deepEqual([told(), watch.epoch], [[], LIVE_SAMPLE.epoch]);
});

test('silence is told of a node that was read of, and its end', async () => {
  watch.tellSilence();
  await readAs({});
  told();
  for (let reads = 0; reads <= 20; reads += 1) {
    watch.tellSilence();
    clock.advance(100);
  }
  await readAs({ beat: 2 });
  watch.tellSilence();
  const silences = told().map((event) => event.kind === 'live-silent' && event.silentMs);
  assert.deepEqual(silences, [1_000, 2_000, 0]);
});

test('the lag is what lies between two positions, over whole segments, and never negative', async () => {
  const lagOf = (segment: number, offset: number, sequence: number): number => {
    const place = { segment: segment as SegmentNumber, offset, sequence: sequence as Sequence };
    const own: Cursor = { ...JOURNAL_START, ...place };
    return watch.lagBytes(own, SEGMENT_BYTES);
  };
  assert.equal(lagOf(1, 512, 0), 0);
  await readAs({ position: { segment: 3, offset: 1024, sequence: 7 } });
  assert.equal(lagOf(1, 512, 2), 2 * SEGMENT_BYTES + 512);
  assert.equal(lagOf(3, 1024, 7), 0);
  assert.equal(lagOf(3, 2048, 8), 0);
});
