/** Nodes in miniature that carry out what `nextStep` says, and the bound that they must keep. */
import assert from 'node:assert/strict';
import type { Cursor, Epoch, SegmentNumber, Sequence } from '../../../src/journal/format.js';
import {
  nextStep,
  roomForProducers,
  SegmentLedger,
  type SpaceFacts,
  type SpaceStep,
} from '../../../src/journal/space.js';

export const SEGMENT_BYTES = 1_000;
const MAX_BATCH_BYTES = 50;
const ENTRY_BYTES_IN_SNAPSHOT = 1;

interface Snapshot {
  readonly bytes: number;
  readonly covers: Cursor;
  /** What had been written since the checkpoint before. */
  readonly countedBytes: number;
}

/** Messages and acknowledgements fill the tail, and each step is through at once. */
export class Model {
  readonly ledger = new SegmentLedger();
  /** Of each message still needed: where it lies, in order of arrival. */
  readonly messages: { segment: number; bytes: number }[] = [];
  tail = 1;
  tailUsed = 0;
  spare = 0;
  checkpoint = 0;
  covers: Cursor | null = null;
  found: Cursor | null = null;
  sinceCheckpoint = 0;
  steps = 0;
  largestMessage = 0;
  /** What the widest step so far has taken. */
  widestStep = 0;
  readonly #slackBytes: number;
  #snapshot: Snapshot | null = null;

  constructor(slackBytes: number) {
    this.#slackBytes = slackBytes;
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
      slackBytes: this.#slackBytes,
      maxBatchBytes: MAX_BATCH_BYTES,
      tail: this.tail as SegmentNumber,
      tailUsedBytes: this.tailUsed,
      tailSizeBytes: SEGMENT_BYTES,
      spareBytes: this.spare,
      checkpointBytes: this.checkpoint,
      checkpointCovers: this.covers,
      foundCovers: this.found,
      bytesSinceCheckpoint: this.sinceCheckpoint,
      snapshotBytes: this.snapshotBytes,
      lacksRoom: false,
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
    this.largestMessage = Math.max(this.largestMessage, bytes);
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
      this.begin(step);
      this.carryOut(step);
    }
  }

  /** Another node goes on, without a checkpoint of its own; what it reckons with is as in the keeper's `start`. */
  takeOver(): void {
    this.found = this.covers ?? this.found;
    this.covers = null;
    this.sinceCheckpoint = (this.tail - (this.found?.segment ?? 0)) * SEGMENT_BYTES;
    this.manage();
  }

  /** A checkpoint is of what there is when its writing begins, as the keeper's. */
  begin(step: SpaceStep): void {
    if (step.kind !== 'checkpoint') return;
    const covers: Cursor = {
      segment: this.tail as SegmentNumber,
      offset: this.tailUsed,
      sequence: 1 as Sequence,
      checksum: 0,
      epoch: 1 as Epoch,
    };
    this.#snapshot = { bytes: this.snapshotBytes, covers, countedBytes: this.sinceCheckpoint };
  }

  carryOut(step: SpaceStep): void {
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
    assert.ok(this.#snapshot !== null);
    const { bytes, covers, countedBytes } = this.#snapshot;
    // Both are there until the older one is deleted.
    this.widestStep = Math.max(this.widestStep, this.checkpoint + bytes);
    this.checkpoint = bytes;
    this.covers = covers;
    this.sinceCheckpoint -= countedBytes;
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
   * The bound of the specification. A spare may have been made ready before the last message was
   * consumed, and while a checkpoint is written, the one before it is still there.
   */
  checkBound(): void {
    const needed = this.ledger.neededBytes + this.largestMessage;
    const bound = 2 * needed + this.#slackBytes;
    const checkpoints = this.checkpoint + this.widestStep;
    const { directoryBytes, tail } = this;
    const sentence = `${directoryBytes} > ${bound} + ${checkpoints} at ${tail}`;
    assert.ok(directoryBytes <= bound + checkpoints, sentence);
  }
}

/** A node whose disk is slow: a step is through only so many turns after it was begun. */
export class SlowModel extends Model {
  readonly #turnsOfStep: number;
  #underWay: SpaceStep | null = null;
  #turnsLeft = 0;
  held = 0;

  constructor(slackBytes: number, turnsOfStep: number) {
    super(slackBytes);
    this.#turnsOfStep = turnsOfStep;
  }

  /** Unless it is held back, the producer sends one message. */
  turn(bytes: number): void {
    if (roomForProducers(this.facts) !== 'enough') this.held += 1;
    else this.send(bytes);
    this.#work();
  }

  override append(bytes: number): number {
    // The writer waits for a segment that is being prepared.
    const isFull = this.tailUsed + bytes > SEGMENT_BYTES;
    if (isFull && this.#underWay?.kind === 'prepare-segment') this.#finish(this.#underWay);
    return super.append(bytes);
  }

  override manage(): void {
    if (this.#underWay !== null) return;
    this.#underWay = nextStep(this.facts);
    this.#turnsLeft = this.#turnsOfStep;
    if (this.#underWay !== null) this.begin(this.#underWay);
  }

  #work(): void {
    if (this.#underWay === null) return;
    this.#turnsLeft -= 1;
    if (this.#turnsLeft > 0) return;
    this.#finish(this.#underWay);
    this.manage();
  }

  #finish(step: SpaceStep): void {
    this.#underWay = null;
    this.carryOut(step);
  }
}
