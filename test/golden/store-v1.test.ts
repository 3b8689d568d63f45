/** Stores of format version 1 that people have can be read, and are written as they always were. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { RecordReader } from '../../src/broker/record-reader.js';
import { RECORD_TYPE, REMOVAL_REASON } from '../../src/broker/records.js';
import { newestCheckpoint, readCheckpoint } from '../../src/journal/checkpoint.js';
import type { Sequence } from '../../src/journal/format.js';
import { verifyJournal } from '../../src/journal/verify.js';
import { walkJournal } from '../../src/journal/walk.js';
import { replayFromCheckpoint, replayFromStart } from '../support/replayed-broker.js';
import { repositoryRoot } from '../support/repository-root.js';
import { JournalRig } from '../unit/journal/journal-rig.js';
import { describeState, type StateDescription } from './describe-state.js';
import { writeGoldenJournal } from './golden-scenario.js';

const STORE = join(repositoryRoot(), 'test', 'golden', 'store-v1');
const golden = JournalRig.at(join(STORE, 'journal'));

async function expectedState(): Promise<StateDescription> {
  return JSON.parse(await readFile(join(STORE, 'state.json'), 'utf8'));
}

/** Without what priorities change: the order within a queue, and the snapshot. */
function byId(state: StateDescription): unknown {
  const messages = [...state.messages].sort((one, two) => one.entryId - two.entryId);
  return plain({ ...state, messages, snapshot: null });
}

/** As JSON keeps it. */
function plain(state: unknown): unknown {
  return JSON.parse(JSON.stringify(state));
}

test('a store of version 1 has the state that it had when it was made', async () => {
  const directory = golden.directory();
  const state = await describeState(directory, await replayFromCheckpoint(directory));
  assert.deepEqual(plain(state), await expectedState());
});

test('the state is the same when the checkpoint is not used, but for priorities, which it does not have', async () => {
  const directory = golden.directory();
  const state = await describeState(directory, await replayFromStart(directory));
  assert.deepEqual(byId(state), byId(await expectedState()));
  assert.notDeepEqual(state.snapshot, (await expectedState()).snapshot);
});

test('the same inputs are still written as the same bytes', async () => {
  const rig = await JournalRig.make();
  try {
    await writeGoldenJournal(rig.path);
    const [written, expected] = [await rig.everything(), await golden.everything()];
    assert.deepEqual([...written.keys()], [...expected.keys()]);
    for (const [name, bytes] of expected) assert.equal(written.get(name), bytes, name);
  } finally {
    await rig.remove();
  }
});

test('the store is whole: two segments, three epochs and a checkpoint', async () => {
  const report = await verifyJournal({
    directory: golden.directory(),
    knownGood: 0 as Sequence,
    onProgress: () => undefined,
  });
  const { problems, segments, epochs, end } = report;
  assert.deepEqual([problems, segments, epochs, end], [[], 2, [1, 2, 3], 'clean-end']);
  assert.notEqual(report.checkpoint, null);
});

/** Types that this version got after the store was made, which stays as it is. */
const ADDED_SINCE: ReadonlySet<number> = new Set([
  RECORD_TYPE.duplicateIds,
  RECORD_TYPE.duplicateLimits,
  RECORD_TYPE.deliveryTimes,
]);

test('the store has records of every type, and removals for every reason', async () => {
  const types = new Set<number>();
  const reasons = new Set<number>();
  const note = (payload: Uint8Array): void => {
    const reader = new RecordReader();
    reader.open(payload, 0, 0);
    for (let offset = 0; offset < payload.length; offset += reader.length) {
      reader.readHeader(offset);
      types.add(reader.type);
      if (reader.type === RECORD_TYPE.removed) reasons.add(reader.variant);
    }
  };
  const directory = golden.directory();
  const found = await newestCheckpoint(directory);
  assert.ok(found !== null);
  await readCheckpoint(directory, found, async (payload) => note(payload));
  await walkJournal(directory, {
    onSegment: () => undefined,
    onRun: ({ bytes, blocks }) => {
      for (const { recordCount, payloadStart, payloadLength } of blocks) {
        if (recordCount > 0) note(bytes.subarray(payloadStart, payloadStart + payloadLength));
      }
    },
    onProblem: (problem) => assert.fail(problem),
  });
  const sorted = (values: Iterable<number>) => [...values].sort((one, two) => one - two);
  const expected = Object.values(RECORD_TYPE).filter((type) => !ADDED_SINCE.has(type));
  assert.deepEqual(sorted(types), sorted(expected));
  assert.deepEqual(sorted(reasons), sorted(Object.values(REMOVAL_REASON)));
});
