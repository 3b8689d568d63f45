import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Cursor, Epoch, SegmentNumber, Sequence } from '../../../src/journal/format.js';
import {
  nextStep,
  roomForProducers,
  SegmentLedger,
  type SpaceFacts,
} from '../../../src/journal/space.js';
import { Model, SEGMENT_BYTES, SlowModel } from './space-model.js';

/** Two segments is the least there is; by default it is eight. */
const slacks = fc.constantFrom(2 * SEGMENT_BYTES, 2.5 * SEGMENT_BYTES, 8 * SEGMENT_BYTES);

test('the ledger counts what is needed of each segment and of all', () => {
  const ledger = new SegmentLedger();
  ledger.retain(1, 100);
  ledger.retain(2, 50);
  ledger.retain(1, 10);
  ledger.release(1, 60);
  assert.deepEqual([ledger.neededOf(1), ledger.neededOf(2), ledger.neededOf(3)], [50, 50, 0]);
  assert.equal(ledger.neededBytes, 100);
});

test('the ledger names needed segments without a file, and lists those with one', () => {
  const ledger = new SegmentLedger();
  ledger.retain(1, 100);
  ledger.retain(2, 100);
  ledger.retain(3, 100);
  ledger.release(3, 100);
  ledger.setSize(2, 1000);
  ledger.setSize(4, 2000);
  assert.deepEqual(ledger.missing(), [1]);
  assert.deepEqual(ledger.segments(), [
    { number: 2, neededBytes: 100, sizeBytes: 1000 },
    { number: 4, neededBytes: 0, sizeBytes: 2000 },
  ]);
});

test('the ledger counts afresh for a segment that was removed, and after clear', () => {
  const ledger = new SegmentLedger();
  ledger.retain(1, 100);
  ledger.release(1, 100);
  ledger.remove(1);
  ledger.retain(1, 7);
  assert.deepEqual([ledger.neededOf(1), ledger.neededBytes], [7, 7]);
  ledger.clear();
  ledger.retain(1, 3);
  assert.deepEqual([ledger.neededOf(1), ledger.neededBytes], [3, 3]);
});

test('under a steady load of any length the directory stays within its bound', () => {
  fc.assert(
    fc.property(
      slacks,
      fc.integer({ min: 10, max: 200 }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 2_000, max: 6_000 }),
      (slackBytes, bytes, backlog, count) => {
        const model = new Model(slackBytes);
        for (let sent = 0; sent < count; sent += 1) {
          model.send(bytes);
          if (model.messages.length > backlog) model.acknowledge(0);
          model.checkBound();
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('one old message that is never acknowledged keeps no more than its bytes', () => {
  fc.assert(
    fc.property(
      slacks,
      fc.integer({ min: 10, max: 200 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 2, max: 50 }),
      (slackBytes, bytes, backlog, keptEvery) => {
        const model = new Model(slackBytes);
        // The first messages stay for ever, one in each of several segments.
        const kept = 5;
        let sent = 0;
        for (; model.messages.length < kept; sent += 1) {
          model.send(bytes);
          if (sent % keptEvery !== 0) model.acknowledge(model.messages.length - 1);
        }
        for (let count = 0; count < 3_000; count += 1) {
          model.send(bytes);
          if (model.messages.length > kept + backlog) model.acknowledge(kept);
          model.checkBound();
        }
        assert.ok(model.tail > 50 || bytes < 40);
      },
    ),
    { numRuns: 60 },
  );
});

test('messages that are consumed in any order and in bursts leave no more behind', () => {
  fc.assert(
    fc.property(
      slacks,
      fc.array(
        fc.record({
          sends: fc.integer({ min: 0, max: 120 }),
          acknowledgements: fc.integer({ min: 0, max: 150 }),
          bytes: fc.integer({ min: 5, max: 300 }),
          pick: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        { minLength: 20, maxLength: 60 },
      ),
      (slackBytes, bursts) => {
        const model = new Model(slackBytes);
        for (const { sends, acknowledgements, bytes, pick } of bursts) {
          for (let count = 0; count < sends; count += 1) model.send(bytes);
          for (let count = 0; count < acknowledgements && model.messages.length > 0; count += 1) {
            model.acknowledge(Math.floor(pick * (model.messages.length - 1)));
          }
        }
        // A little steady load, and what the bursts left is gone.
        for (let count = 0; count < 400; count += 1) {
          model.send(50);
          model.acknowledge(model.messages.length - 1);
        }
        model.checkBound();
      },
    ),
    { numRuns: 100 },
  );
});

test('however slow the disk is beside the producers, the next segment waits for its room', () => {
  fc.assert(
    fc.property(
      slacks,
      fc.integer({ min: 10, max: 40 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 500 }),
      (slackBytes, bytes, backlog, turnsOfStep) => {
        const model = new SlowModel(slackBytes, turnsOfStep);
        const kept = 1;
        while (model.tail < 2) {
          model.turn(bytes);
          if (model.messages.length > kept + backlog) model.acknowledge(kept);
        }
        for (let count = 0; count < 4_000; count += 1) {
          model.turn(bytes);
          if (model.messages.length > kept + backlog) model.acknowledge(kept);
          model.checkBound();
        }
        assert.ok(model.tail > 2, 'the load goes on');
        assert.ok(turnsOfStep < 100 || model.held > 0, 'producers have waited');
      },
    ),
    { numRuns: 100 },
  );
});

test('takeovers at any time leave the directory within its bound', () => {
  fc.assert(
    fc.property(
      slacks,
      fc.integer({ min: 10, max: 200 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 300 }),
      (slackBytes, bytes, backlog, turnsOfTenure) => {
        const model = new Model(slackBytes);
        for (let sent = 0; sent < 3_000; sent += 1) {
          if (sent % turnsOfTenure === 0) model.takeOver();
          model.send(bytes);
          if (model.messages.length > backlog) model.acknowledge(0);
          model.checkBound();
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('what a drained backlog leaves after a takeover goes, though nobody writes much any more', () => {
  const model = new Model(2 * SEGMENT_BYTES);
  for (let sent = 0; sent < 10; sent += 1) model.send(SEGMENT_BYTES);
  model.takeOver();
  while (model.messages.length > 0) model.acknowledge(0);
  assert.ok(model.tailUsed < SEGMENT_BYTES / 10, 'the acknowledgements alone settle nothing');
  model.checkBound();
});

test('producers are held when there is no room for the next segment, before the last one is full', () => {
  const facts = { ...new Model(2 * SEGMENT_BYTES).facts, lacksRoom: true };
  const tailUsedBytes = SEGMENT_BYTES * 0.8;
  assert.equal(roomForProducers(facts), 'enough');
  assert.equal(roomForProducers({ ...facts, tailUsedBytes }), 'none');
  assert.equal(roomForProducers({ ...facts, tailUsedBytes, spareBytes: SEGMENT_BYTES }), 'enough');
});

test('producers are not held while the next segment fits, nor once it is ready', () => {
  const model = new Model(2 * SEGMENT_BYTES);
  const nearlyFull = { ...model.facts, tailUsedBytes: SEGMENT_BYTES };
  assert.equal(nextStep(nearlyFull)?.kind, 'prepare-segment');
  assert.equal(roomForProducers(nearlyFull), 'enough');
  const full = { ...sparseFacts(1), tailUsedBytes: SEGMENT_BYTES };
  assert.equal(roomForProducers(full), 'soon');
  assert.equal(roomForProducers({ ...full, spareBytes: SEGMENT_BYTES }), 'enough');
  assert.equal(roomForProducers({ ...full, tailUsedBytes: SEGMENT_BYTES / 2 }), 'enough');
});

test('a late next segment waits for one sparse segment, but not for what takes long', () => {
  const late = { tailUsedBytes: SEGMENT_BYTES * 0.7 };
  assert.deepEqual(nextStep({ ...sparseFacts(1), ...late }), { kind: 'compact', segment: 1 });
  // A burst left many to be emptied.
  assert.deepEqual(nextStep({ ...sparseFacts(5), ...late }), { kind: 'prepare-segment', after: 6 });
  // The checkpoint that has to follow is larger than half the slack.
  const snapshotBytes = SEGMENT_BYTES + 1;
  const prepare = { kind: 'prepare-segment', after: 2 };
  assert.deepEqual(nextStep({ ...sparseFacts(1), ...late, snapshotBytes }), prepare);
  // Nothing can be emptied just now.
  assert.deepEqual(nextStep({ ...sparseFacts(1), ...late, notNow: new Set([1]) }), prepare);
});

/** So many closed segments of one needed byte each before the tail, and no spare. */
function sparseFacts(count: number): SpaceFacts {
  const ledger = new SegmentLedger();
  for (let number = 1; number <= count; number += 1) ledger.retain(number, 1);
  for (let number = 1; number <= count + 1; number += 1) ledger.setSize(number, SEGMENT_BYTES);
  return { ...new Model(2 * SEGMENT_BYTES).facts, ledger, tail: (count + 1) as SegmentNumber };
}

test('dead segments wait for a checkpoint until they are half the slack, or room is needed', () => {
  const slackBytes = 8 * SEGMENT_BYTES;
  const after = (dead: number): SpaceFacts => {
    const ledger = new SegmentLedger();
    for (let number = 1; number <= dead + 1; number += 1) ledger.setSize(number, SEGMENT_BYTES);
    const tail = (dead + 1) as SegmentNumber;
    const bytesSinceCheckpoint = dead * SEGMENT_BYTES;
    const rest = { tail, tailUsedBytes: 200, spareBytes: SEGMENT_BYTES, bytesSinceCheckpoint };
    return { ...new Model(slackBytes).facts, ledger, ...rest };
  };
  assert.equal(nextStep(after(3)), null);
  assert.deepEqual(nextStep(after(4)), { kind: 'checkpoint' });
  // A checkpoint, or what else there is, takes the room.
  assert.equal(nextStep({ ...after(3), checkpointBytes: 3 * SEGMENT_BYTES }), null);
  const isTight = { ...after(3), checkpointBytes: 3 * SEGMENT_BYTES + 1 };
  assert.deepEqual(nextStep(isTight), { kind: 'checkpoint' });
  // What a burst left goes before anything has settled in the tail.
  assert.equal(nextStep({ ...after(10), tailUsedBytes: 0 }), null);
  assert.deepEqual(nextStep({ ...after(11), tailUsedBytes: 0 }), { kind: 'checkpoint' });
});

test('without room for the next segment a checkpoint frees the dead ones first', () => {
  const ledger = new SegmentLedger();
  for (let number = 1; number <= 257; number += 1) ledger.setSize(number, SEGMENT_BYTES);
  const tail = 257 as SegmentNumber;
  const facts = { ...new Model(8 * SEGMENT_BYTES).facts, ledger, tail, tailUsedBytes: 500 };
  assert.equal(nextStep({ ...facts, lacksRoom: false })?.kind, 'checkpoint');
  assert.deepEqual(nextStep({ ...facts, lacksRoom: true }), { kind: 'checkpoint' });
  const late = { ...facts, lacksRoom: true, tailUsedBytes: 900 };
  assert.deepEqual(nextStep(late), { kind: 'checkpoint' });
  const covers = { ...JOURNAL_PLACE, segment: tail };
  assert.equal(nextStep({ ...late, checkpointCovers: covers })?.kind, 'delete');
});

test('a checkpoint comes when twice the slack was written, also if nothing is dead', () => {
  const slackBytes = 8 * SEGMENT_BYTES;
  const { facts } = new Model(slackBytes);
  const written = (bytesSinceCheckpoint: number): SpaceFacts => ({
    ...facts,
    spareBytes: SEGMENT_BYTES,
    bytesSinceCheckpoint,
  });
  assert.equal(nextStep(written(2 * slackBytes - 1)), null);
  assert.deepEqual(nextStep(written(2 * slackBytes)), { kind: 'checkpoint' });
});

test('when producers are held, two blocks of any size still fit', () => {
  const { facts } = new Model(2 * SEGMENT_BYTES);
  const isHeldAt = (part: number, maxBatchBytes: number): boolean =>
    roomForProducers({
      ...facts,
      lacksRoom: true,
      maxBatchBytes,
      tailUsedBytes: part * SEGMENT_BYTES,
    }) === 'none';
  assert.deepEqual([isHeldAt(0.74, 100), isHeldAt(0.75, 100)], [false, true]);
  assert.deepEqual([isHeldAt(0.49, 250), isHeldAt(0.5, 250)], [false, true]);
  assert.deepEqual([isHeldAt(0.24, SEGMENT_BYTES), isHeldAt(0.25, SEGMENT_BYTES)], [false, true]);
});

test('while producers are held there is something to do, so that it ends', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: SEGMENT_BYTES }),
      fc.integer({ min: 1, max: 2 * SEGMENT_BYTES }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 2 * SEGMENT_BYTES }),
      fc.boolean(),
      (tailUsedBytes, maxBatchBytes, closed, checkpointBytes, lacksRoom) => {
        const bytes = { tailUsedBytes, maxBatchBytes, checkpointBytes };
        const facts = { ...sparseFacts(closed), ...bytes, lacksRoom };
        if (roomForProducers(facts) !== 'enough') assert.notEqual(nextStep(facts), null);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('an idle node does nothing', () => {
  const model = new Model(2 * SEGMENT_BYTES);
  model.manage();
  const { steps } = model;
  for (let count = 0; count < 10; count += 1) model.manage();
  assert.equal(model.steps, steps);
});

test('a segment that holds a needed byte, or that no checkpoint covers, is never deleted', () => {
  const ledger = new SegmentLedger();
  for (const number of [1, 2, 3, 4]) ledger.setSize(number, SEGMENT_BYTES);
  ledger.retain(2, 1);
  const facts = {
    ...new Model(2 * SEGMENT_BYTES).facts,
    ledger,
    tail: 4 as SegmentNumber,
    tailUsedBytes: 10,
  };
  const covers = { ...JOURNAL_PLACE, segment: 3 as SegmentNumber };
  assert.deepEqual(nextStep({ ...facts, checkpointCovers: covers }), {
    kind: 'delete',
    segments: [1],
  });
  assert.notEqual(nextStep(facts)?.kind, 'delete');
});

const JOURNAL_PLACE: Cursor = {
  segment: 1 as SegmentNumber,
  offset: 512,
  sequence: 1 as Sequence,
  checksum: 0,
  epoch: 1 as Epoch,
};
