import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Batch } from '../../../src/broker/host.js';
import {
  BLOCK_HEADER_BYTES,
  type Epoch,
  type SegmentNumber,
  type Sequence,
} from '../../../src/journal/format.js';
import { BlockCache } from '../../../src/node/block-cache.js';
import { CommitPipeline } from '../../../src/node/commit-pipeline.js';
import { SlabPool } from '../../../src/node/slab-pool.js';
import type { StorageCommand } from '../../../src/node/storage-protocol.js';
import { ManualClock } from '../../support/manual-clock.js';

const NO_PARTS = {
  usage: { retain: () => undefined, release: () => undefined },
  requestPart: () => undefined,
};

const FRESH_MS = 2_000;

/** A broker that has batches, and a storage thread that answers when a test says so. */
class House {
  readonly clock = new ManualClock();
  readonly waiting: Batch[] = [];
  readonly committed: { batch: Batch; place: string | null; bytes: string }[] = [];
  readonly posted: Extract<StorageCommand, { kind: 'append' }>[] = [];
  readonly cache = new BlockCache(1_000_000, () => undefined, NO_PARTS);
  readonly slabs = new SlabPool(64 * 1024);
  onCommitted = 0;
  readonly pipeline: CommitPipeline;
  #offset = 512;

  constructor() {
    this.pipeline = new CommitPipeline({
      clock: this.clock,
      freshMs: FRESH_MS,
      source: {
        takeBatch: () => this.waiting.shift() ?? null,
        committed: (batch, position) => {
          const place = position === null ? null : `${position.segment}/${position.blockOffset}`;
          const payload = batch.slab.subarray(BLOCK_HEADER_BYTES, batch.end);
          this.committed.push({ batch, place, bytes: Buffer.from(payload).toString() });
        },
      },
      cache: this.cache,
      slabs: this.slabs,
      post: (command, transfer) => {
        assert.equal(command.kind, 'append');
        // As the other thread gets it: the buffer here is detached.
        this.posted.push(structuredClone(command, { transfer: [...transfer] }) as never);
      },
      onCommitted: () => {
        this.onCommitted += 1;
      },
    });
  }

  /** A batch of records, or one that only waits for confirmation. */
  add(text: string): Batch {
    const slab = this.slabs.allocate(1_000);
    const payload = new TextEncoder().encode(text);
    slab.set(payload, BLOCK_HEADER_BYTES);
    const batch: Batch = {
      slab,
      end: BLOCK_HEADER_BYTES + payload.byteLength,
      recordCount: payload.byteLength > 0 ? 1 : 0,
      confirmSessions: [],
      confirmTokens: [],
    };
    this.waiting.push(batch);
    return batch;
  }

  /** The storage thread has written what was posted last. */
  answer(verifiedBeganMs: number): void {
    const { slab, end } = this.posted.at(-1) as { slab: ArrayBuffer; end: number };
    const offset = this.#offset;
    this.#offset += Math.ceil(end / 512) * 512;
    const segment = 1 as SegmentNumber;
    this.pipeline.onAppended({
      kind: 'appended',
      writeMs: 1,
      slab: structuredClone(slab, { transfer: [slab] }),
      segment,
      offset,
      cursor: {
        segment,
        offset: this.#offset,
        sequence: 1 as Sequence,
        checksum: 0,
        epoch: 1 as Epoch,
      },
      tail: { segment, usedBytes: this.#offset, sizeBytes: 1e6, spareBytes: 0 },
      verifiedBeganMs,
    });
  }
}

let house: House;

beforeEach(() => {
  house = new House();
});

test('a batch is applied when its block is durable and ownership is fresh', () => {
  house.pipeline.open(house.clock.nowMs);
  house.add('one');
  house.pipeline.schedule();
  assert.equal(house.posted.length, 0);
  house.clock.endTurn();
  assert.equal(house.posted.length, 1);
  assert.equal(house.committed.length, 0);
  house.answer(house.clock.nowMs);
  assert.deepEqual(
    house.committed.map(({ place, bytes }) => [place, bytes]),
    [['1/512', 'one']],
  );
});

test('all that one turn brings goes out together, and one block is under way at a time', () => {
  house.pipeline.open(house.clock.nowMs);
  for (const text of ['one', 'two', 'three']) {
    house.add(text);
    house.pipeline.schedule();
  }
  house.clock.endTurn();
  house.pipeline.flush();
  assert.equal(house.posted.length, 1);
  house.answer(house.clock.nowMs);
  assert.equal(house.posted.length, 2);
  house.answer(house.clock.nowMs);
  house.answer(house.clock.nowMs);
  assert.deepEqual(
    house.committed.map(({ bytes }) => bytes),
    ['one', 'two', 'three'],
  );
  assert.equal(house.onCommitted, 3);
});

test('P3: a durable block is not confirmed while the last check began too long ago', () => {
  house.pipeline.open(house.clock.nowMs);
  house.add('one');
  house.pipeline.flush();
  const beganMs = house.clock.nowMs;
  house.clock.advance(FRESH_MS);
  house.answer(beganMs);
  assert.equal(house.committed.length, 0);
  house.pipeline.onVerified(beganMs);
  assert.equal(house.committed.length, 0);
  house.pipeline.onVerified(beganMs + 1);
  assert.equal(house.committed.length, 1);
});

test('P3: it is fresh for so long after the last check began, whatever is under way', () => {
  const { pipeline, clock } = house;
  assert.ok(!pipeline.isFresh);
  pipeline.open(clock.nowMs);
  const beganMs = clock.nowMs;
  clock.advance(FRESH_MS - 1);
  assert.ok(pipeline.isFresh);
  clock.advance(1);
  assert.ok(!pipeline.isFresh);
  pipeline.onVerified(beganMs + 1);
  assert.ok(pipeline.isFresh);
});

test('P3: a check that began before a later one does not make it older', () => {
  house.pipeline.open(house.clock.nowMs);
  house.clock.advance(FRESH_MS + 10);
  house.pipeline.onVerified(house.clock.nowMs);
  house.pipeline.onVerified(1);
  house.add('one');
  house.pipeline.flush();
  house.answer(2);
  assert.equal(house.committed.length, 1);
});

test('P1: a fresh check alone confirms nothing that is not durable', () => {
  house.pipeline.open(house.clock.nowMs);
  house.add('one');
  house.pipeline.flush();
  house.pipeline.onVerified(house.clock.nowMs);
  assert.equal(house.committed.length, 0);
});

test('a batch without records writes nothing, and still waits for ownership', () => {
  house.pipeline.open(house.clock.nowMs);
  house.clock.advance(FRESH_MS);
  house.add('');
  house.pipeline.flush();
  assert.deepEqual([house.posted.length, house.committed.length], [0, 0]);
  house.pipeline.onVerified(house.clock.nowMs);
  assert.deepEqual(
    house.committed.map(({ place }) => place),
    [null],
  );
});

test('after a batch without records the next one goes out by itself', () => {
  house.pipeline.open(house.clock.nowMs);
  house.add('');
  house.add('one');
  house.pipeline.flush();
  house.clock.endTurn();
  assert.equal(house.posted.length, 1);
});

test('the payload is in the cache when its batch is applied, and stays as it is', () => {
  house.pipeline.open(house.clock.nowMs);
  house.add('one');
  house.pipeline.flush();
  house.answer(house.clock.nowMs);
  const cached = house.cache.cached(1, 512);
  house.add('another that lies in the same slab');
  assert.equal(Buffer.from(cached ?? []).toString(), 'one');
});

test('before it is open, and after it was closed, nothing goes out or is confirmed', () => {
  house.add('one');
  house.pipeline.schedule();
  house.pipeline.flush();
  house.clock.endTurn();
  assert.equal(house.posted.length, 0);
  house.pipeline.open(house.clock.nowMs);
  house.pipeline.flush();
  house.pipeline.close();
  house.answer(house.clock.nowMs);
  house.pipeline.onVerified(house.clock.nowMs);
  assert.equal(house.committed.length, 0);
});

test('a pipeline that was closed while it waited for ownership starts afresh', () => {
  house.pipeline.open(house.clock.nowMs);
  house.clock.advance(FRESH_MS);
  house.add('one');
  house.pipeline.flush();
  house.answer(1);
  house.pipeline.close();
  house.pipeline.open(house.clock.nowMs);
  house.add('two');
  house.pipeline.flush();
  house.pipeline.onVerified(house.clock.nowMs);
  assert.deepEqual(house.committed, []);
});

test('times count from the first message of a batch to its confirmation, and for each write', () => {
  const { pipeline, clock } = house;
  pipeline.open(clock.nowMs);
  house.add('one');
  pipeline.schedule();
  clock.endTurn();
  // It gathers while the one before is being written.
  house.add('two');
  pipeline.schedule();
  clock.advance(20);
  house.answer(clock.nowMs);
  clock.advance(30);
  house.answer(clock.nowMs);
  assert.equal(pipeline.confirmationTimes.count, 2);
  assert.equal(pipeline.confirmationTimes.sumSeconds.toFixed(3), '0.070');
  assert.equal(pipeline.writeTimes.count, 2);
  assert.equal(pipeline.writeTimes.sumSeconds.toFixed(3), '0.002');
  clock.endTurn();
  clock.advance(1_000);
  house.add('three');
  pipeline.schedule();
  clock.endTurn();
  house.answer(clock.nowMs);
  assert.equal(pipeline.confirmationTimes.sumSeconds.toFixed(3), '0.070', "idle time is nobody's");
});
