import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Cursor, Epoch, SegmentNumber, Sequence } from '../../../src/journal/format.js';
import { nextStep, SegmentLedger, type SpaceFacts } from '../../../src/journal/space.js';

const SEGMENT_BYTES = 1_000;
const ENTRY_BYTES_IN_SNAPSHOT = 1;

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

/**
 * A node in miniature: messages and acknowledgements fill the tail, `nextStep` is carried out at
 * once, as a fast disk would.
 */
class Model {
  readonly ledger = new SegmentLedger();
  /** Of each message still needed: where it lies, in order of arrival. */
  readonly messages: { segment: number; bytes: number }[] = [];
  tail = 1;
  tailUsed = 0;
  spare = 0;
  checkpoint = 0;
  covers: Cursor | null = null;
  sinceCheckpoint = 0;
  steps = 0;
  /** What the widest step so far has taken. */
  widestStep = 0;

  constructor() {
    this.ledger.setSize(1, SEGMENT_BYTES);
  }

  get directoryBytes(): number {
    const files = this.ledger.segments().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return files + this.spare + this.checkpoint;
  }

  get facts(): SpaceFacts {
    return {
      ledger: this.ledger,
      segmentBytes: SEGMENT_BYTES,
      tail: this.tail as SegmentNumber,
      tailUsedBytes: this.tailUsed,
      tailSizeBytes: SEGMENT_BYTES,
      spareBytes: this.spare,
      checkpointBytes: this.checkpoint,
      checkpointCovers: this.covers,
      bytesSinceCheckpoint: this.sinceCheckpoint,
      snapshotBytes: this.snapshotBytes,
      notNow: new Set(),
    };
  }

  get snapshotBytes(): number {
    return this.messages.length * ENTRY_BYTES_IN_SNAPSHOT;
  }

  append(bytes: number): number {
    if (this.tailUsed + bytes > SEGMENT_BYTES) {
      this.tail += 1;
      this.tailUsed = 0;
      this.spare = 0;
      this.ledger.setSize(this.tail, SEGMENT_BYTES);
    }
    this.tailUsed += bytes;
    this.sinceCheckpoint += bytes;
    return this.tail;
  }

  send(bytes: number): void {
    const segment = this.append(bytes);
    this.ledger.retain(segment, bytes);
    this.messages.push({ segment, bytes });
    this.manage();
  }

  acknowledge(index: number): void {
    const [message] = this.messages.splice(index, 1);
    if (message === undefined) return;
    this.append(8);
    this.ledger.release(message.segment, message.bytes);
    this.manage();
  }

  manage(): void {
    for (let count = 0; ; count += 1) {
      const step = nextStep(this.facts);
      if (step === null) return;
      assert.ok(count < 1000, `no end of ${step.kind}`);
      this.steps += 1;
      this.#carryOut(step);
    }
  }

  #carryOut(step: NonNullable<ReturnType<typeof nextStep>>): void {
    switch (step.kind) {
      case 'delete':
        for (const segment of step.segments) {
          assert.equal(this.ledger.neededOf(segment), 0, `segment ${segment} is needed`);
          assert.ok(segment < (this.covers?.segment ?? 0), `segment ${segment} is not covered`);
          this.ledger.remove(segment);
        }
        return;
      case 'checkpoint':
        this.#writeCheckpoint();
        return;
      case 'compact':
        this.#compact(step.segment);
        return;
      case 'prepare-segment':
        assert.equal(this.spare, 0);
        this.spare = SEGMENT_BYTES;
    }
  }

  #writeCheckpoint(): void {
    // Both are there until the older one is deleted.
    this.widestStep = Math.max(this.widestStep, this.checkpoint + this.snapshotBytes);
    this.checkpoint = this.snapshotBytes;
    this.sinceCheckpoint = 0;
    this.covers = {
      segment: this.tail as SegmentNumber,
      offset: this.tailUsed,
      sequence: 1 as Sequence,
      checksum: 0,
      epoch: 1 as Epoch,
    };
  }

  #compact(segment: number): void {
    for (const message of this.messages) {
      if (message.segment !== segment) continue;
      const to = this.append(message.bytes);
      this.ledger.release(segment, message.bytes);
      this.ledger.retain(to, message.bytes);
      message.segment = to;
    }
    assert.equal(this.ledger.neededOf(segment), 0);
  }

  /**
   * The bound of the specification, and what one step needs: emptying a sparse segment fills half
   * of one before the emptied one can go, and a segment goes only after the tail has settled.
   */
  checkBound(): void {
    const bound = 2 * this.ledger.neededBytes + 2 * SEGMENT_BYTES;
    const step = SEGMENT_BYTES + this.checkpoint + this.widestStep;
    const { directoryBytes, tail } = this;
    assert.ok(directoryBytes <= bound + step, `${directoryBytes} > ${bound} + ${step} at ${tail}`);
  }
}

test('under a steady load of any length the directory stays within its bound', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 200 }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 2_000, max: 6_000 }),
      (bytes, backlog, count) => {
        const model = new Model();
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
      fc.integer({ min: 10, max: 200 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 2, max: 50 }),
      (bytes, backlog, keptEvery) => {
        const model = new Model();
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
      fc.array(
        fc.record({
          sends: fc.integer({ min: 0, max: 120 }),
          acknowledgements: fc.integer({ min: 0, max: 150 }),
          bytes: fc.integer({ min: 5, max: 300 }),
          pick: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        { minLength: 20, maxLength: 60 },
      ),
      (bursts) => {
        const model = new Model();
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

test('an idle node does nothing', () => {
  const model = new Model();
  model.manage();
  const { steps } = model;
  for (let count = 0; count < 10; count += 1) model.manage();
  assert.equal(model.steps, steps);
});

test('a segment that holds a needed byte, or that no checkpoint covers, is never deleted', () => {
  const ledger = new SegmentLedger();
  for (const number of [1, 2, 3, 4]) ledger.setSize(number, SEGMENT_BYTES);
  ledger.retain(2, 1);
  const facts = { ...new Model().facts, ledger, tail: 4 as SegmentNumber, tailUsedBytes: 10 };
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
