/**
 * Payloads with right checksums and wrong records. A broker refuses them as JOURNAL_CORRUPT, or
 * takes them as the valid state that they then are: it can be written as a checkpoint, restored,
 * served to clients to the last message, and followed by another node.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ACKNOWLEDGEMENT } from '../../src/broker/api.js';
import type { Broker } from '../../src/broker/broker.js';
import type { BlockPosition } from '../../src/broker/host.js';
import { RecordReader } from '../../src/broker/record-reader.js';
import { RECORD_TYPE } from '../../src/broker/records.js';
import { describeRecords } from '../../src/node/journal-tools.js';
import { HoldfastError } from '../../src/platform/errors.js';
import { Rig, TestClient, UsageMap } from '../unit/broker/broker-rig.js';
import { PayloadJournal, type StoredBlock } from './payload-journal.js';
import { edited, type RecordEdits, someEdits } from './record-edits.js';
import { defineTarget } from './target.js';

/** Enough for thousands of entries; the payloads hold dozens. */
const MAX_INDEX_BYTES = 1024 * 1024;

/** Blocks in which every type of record occurs, some left out of an acknowledgement. */
function writtenBlocks(): { blocks: readonly StoredBlock[]; snapshot: readonly Uint8Array[] } {
  const rig = new Rig({ maxBatchBytes: 1024 });
  const client = rig.connect();
  const durable = { clientId: 'client', name: 'subscription' };
  client.listen('/topic/t', { durable });
  const second = { clientId: 'client', name: 'second' };
  const leaving = client.listen('/topic/t', { durable: second });
  client.listen('/queue/q');
  for (let index = 0; index < 3; index += 1) client.send('/topic/t', `to both ${index}`);
  for (let index = 0; index < 9; index += 1) {
    const expiresAtMs = 9e12 + index;
    const group = index % 3 === 0 ? {} : { groupId: `${index % 3}`, closesGroup: index > 6 };
    client.send('/queue/q', `body ${index}`, {
      headers: 'a:b\n',
      expiresAtMs,
      priority: index,
      ...group,
    });
  }
  client.send('/queue/q', 'in memory', { durable: false });
  for (const duplicateId of ['text', 5, Uint8Array.of(0, 255)]) {
    client.send('/queue/q', 'recognisable', { duplicateId });
    client.send('/topic/nobody', 'recognisable', { duplicateId });
  }
  rig.settle();
  const [, , , , , , acknowledged, rejected, dead] = client.received.slice();
  assert.ok(acknowledged && rejected && dead);
  client.acknowledge(acknowledged);
  client.reject(rejected);
  for (let times = 0; times < 3; times += 1) {
    const last = client.received.findLast(({ entryId }) => entryId === dead.entryId);
    client.reject(last ?? dead);
    rig.settle();
  }
  client.session.unsubscribe(leaving, null);
  client.session.removeDurableSubscription('client', 'second', null);
  for (const { payload, position } of rig.blocks.slice()) rig.broker.relocate(payload, position);
  rig.settle();
  rig.takeOver();
  rig.connect().send('/queue/other', 'after the takeover');
  rig.settle();
  return { blocks: rig.blocks, snapshot: rig.broker.snapshot() };
}

const { blocks: BLOCKS, snapshot: SNAPSHOT } = writtenBlocks();
const rigForBrokers = new Rig();

interface EditedRecords {
  readonly block: number;
  readonly edits: RecordEdits;
}

export const recordsInBlocks = defineTarget<EditedRecords>({
  name: 'records',
  promise: 'wrong records in a block are refused, or applied as the valid change that they are',
  inputsInTests: 300,
  inputs: fc.record({ block: fc.nat(BLOCKS.length - 1), edits: someEdits }),
  check: ({ block, edits }) => {
    const blocks = BLOCKS.map((one, index) =>
      index === block % BLOCKS.length ? { ...one, ...edited(one.payload, edits) } : one,
    );
    for (const { payload } of blocks) describeRecords(payload);
    const life = new Life(blocks);
    refusedOr(() => {
      for (const { payload, recordCount, position } of blocks) {
        life.broker.apply(payload, recordCount, position);
      }
      life.check();
    });
  },
});

export const recordsInCheckpoints = defineTarget<EditedRecords>({
  name: 'checkpoint-records',
  promise:
    'wrong records in a checkpoint are refused, or restored as the valid state that they are',
  inputsInTests: 200,
  inputs: fc.record({ block: fc.constant(0), edits: someEdits }),
  check: ({ edits }) => {
    const payloads = SNAPSHOT.map((payload) => edited(payload, edits).payload);
    for (const payload of payloads) describeRecords(payload);
    const life = new Life(BLOCKS);
    refusedOr(() => {
      for (const payload of payloads) life.broker.restore(payload);
      life.check();
    });
  },
});

/** Only the words of a damaged journal are a refusal. */
function refusedOr(task: () => void): void {
  try {
    task();
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'JOURNAL_CORRUPT') throw error;
  }
}

/** A broker over some blocks, from the first one to the last message. */
class Life {
  readonly usage = new UsageMap();
  readonly broker: Broker;
  private readonly journal: PayloadJournal;

  constructor(blocks: readonly StoredBlock[]) {
    this.journal = new PayloadJournal(blocks);
    this.broker = rigForBrokers.newBroker(this.usage, this.journal.bodies);
  }

  check(): void {
    this.checkCounts();
    const before = this.checkRestored(this.broker);
    this.serve(ranksIn(before));
    this.checkCounts();
    // What was written from this state on can be read from it on.
    const follower = rigForBrokers.newBroker(new UsageMap(), this.journal.bodies);
    for (const payload of before) follower.restore(payload);
    for (const { payload, recordCount, position } of this.journal.written) {
      mustApply(follower, payload, recordCount, position);
    }
    assert.deepEqual(follower.snapshot(), this.broker.snapshot(), 'a follower differs');
  }

  private checkCounts(): void {
    const { messages, bytes, indexBytes, queues } = this.broker.statistics();
    assert.ok(indexBytes <= MAX_INDEX_BYTES, `${indexBytes} bytes of index`);
    assert.equal(sum(queues.map((queue) => queue.messages)), messages);
    assert.equal(sum(queues.map((queue) => queue.bytes)), bytes);
    assert.equal(sum([...this.usage.bytes.values()]), bytes, 'bytes of segments');
    for (const queue of queues) assert.ok(queue.messages >= 0 && queue.bytes >= 0);
  }

  private checkRestored(broker: Broker): readonly Uint8Array[] {
    const snapshot = broker.snapshot();
    const restored = rigForBrokers.newBroker(new UsageMap(), this.journal.bodies);
    for (const payload of snapshot) {
      assert.doesNotThrow(() => restored.restore(payload), 'its own checkpoint');
    }
    assert.deepEqual(restored.snapshot(), snapshot, 'the restored broker differs');
    return snapshot;
  }

  /** One client takes and acknowledges everything, in its order, and sends something more. */
  private serve(ranks: ReadonlyMap<number, number>): void {
    const { broker } = this;
    broker.startServing();
    const client = new TestClient(broker);
    let received = 0;
    const lastRanks = new Map<unknown, number>();
    client.onDeliver = ({ subscriber, entryId }) => {
      const last = lastRanks.get(subscriber) ?? -1;
      // What arises while it is served comes behind everything.
      const rank = ranks.get(entryId) ?? ranks.size + entryId;
      assert.ok(rank > last, `entry ${entryId} of rank ${rank} came after one of ${last}`);
      lastRanks.set(subscriber, rank);
      received += 1;
    };
    const { messages, queues } = broker.statistics();
    const mode = ACKNOWLEDGEMENT.auto;
    for (const { destination, subscription } of queues) {
      client.session.subscribe(
        { destination, acknowledgement: mode, prefetch: 0, durable: subscription, context: null },
        null,
      );
    }
    this.journal.commitAll(broker);
    assert.ok(received <= messages, `${received} of ${messages}`);
    for (const { destination, messages: left } of broker.statistics().queues) {
      // What failed too often went there while nobody listened.
      if (destination.name.startsWith('DLQ.')) continue;
      assert.equal(left, 0, `${left} messages stay in ${destination.name}`);
    }
    client.send('/queue/q', 'one more', { token: 'sent' });
    this.journal.commitAll(broker);
    assert.deepEqual(client.confirmations, ['sent']);
    broker.sweep();
    this.journal.commitAll(broker);
    broker.stopServing();
  }
}

/** A refusal here is the broker's own fault. */
function mustApply(
  broker: Broker,
  payload: Uint8Array,
  recordCount: number,
  position: BlockPosition,
): void {
  assert.doesNotThrow(() => broker.apply(payload, recordCount, position), 'its own block');
}

/** By id, the place of each entry in a snapshot, which is in the order of delivery within a queue. */
function ranksIn(snapshot: readonly Uint8Array[]): ReadonlyMap<number, number> {
  const ranks = new Map<number, number>();
  const reader = new RecordReader();
  for (const payload of snapshot) {
    reader.open(payload, 0, 0);
    for (let offset = 0; offset < payload.length; offset += reader.length) {
      reader.readHeader(offset);
      if (reader.type !== RECORD_TYPE.storedEntries) continue;
      reader.readStoredEntries();
      for (let index = 0; index < reader.count; index += 1) {
        ranks.set(reader.entryIdAt(reader.storedEntryOffset(index)), ranks.size);
      }
    }
  }
  return ranks;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
