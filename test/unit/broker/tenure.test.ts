import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import type { Batch } from '../../../src/broker/host.js';
import { Rig, type TestClient, UsageMap } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;

/** A rig in the middle of everything: deliveries, transactions, uncommitted batches. */
function busyRig(): { rig: Rig; client: TestClient } {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 5 });
  client.listen('/topic/t', { durable: { clientId: 'c', name: 'n' } });
  client.listen('/topic/t');
  for (let index = 0; index < 30; index += 1) {
    client.send('/queue/q', `${index}`.padEnd(200, '.'), { durable: index % 3 > 0 });
    client.send('/topic/t', `news ${index}`);
  }
  rig.settle();
  const mine = client.received.filter(({ destination }) => destination.name === 'q');
  client.acknowledge(mine[1] as never);
  client.reject(mine[2] as never);
  client.session.begin('t');
  client.acknowledge(mine[4] as never, 't');
  client.send('/queue/new', 'uncommitted');
  return { rig, client };
}

test('a node that stops serving holds what the journal holds, and can follow or serve again', () => {
  const { rig, client } = busyRig();
  const taken = rig.broker.takeBatch();
  assert.ok(taken);
  rig.broker.stopServing();
  const follower = rig.follower();
  const counts = (broker = rig.broker) =>
    broker.statistics().queues.map(({ messages }) => messages);
  assert.deepEqual(counts(), counts(follower.broker));
  assert.deepEqual([...rig.usage.bytes], [...follower.usage.bytes]);
  assert.equal(rig.broker.statistics().memoryBytes, 0);
  assert.equal(rig.broker.statistics().indexBytes, follower.broker.statistics().indexBytes);
  assert.equal(rig.broker.takeBatch(), null);
  assert.throws(() => rig.broker.committed(taken, { segment: 1, blockOffset: 9e4 }), /in order/);
  assert.throws(() => rig.connect(), { code: 'OWNERSHIP_LOST' });
  assert.throws(() => client.send('/queue/q', ''), { code: 'CLIENT_FAILED' });
  client.session.close();
  rig.broker.startServing();
  const again = rig.connect();
  again.listen('/queue/q', { mode: auto });
  assert.equal(again.received.length, 20);
  assert.deepEqual(
    again.received.map(({ entryId }) => entryId),
    again.received.map(({ entryId }) => entryId).sort((one, two) => one - two),
  );
  again.session.close();
  rig.checkTwins();
});

test('P3: what waited for ownership is not delivered once the node serves no more, and is still there', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send('/queue/q', 'kept');
  rig.settle();
  rig.mayDeliver = false;
  client.listen('/queue/q', { mode: auto });
  rig.broker.stopServing();
  rig.mayDeliver = true;
  rig.broker.deliverWaiting();
  assert.deepEqual(client.bodies, []);
  rig.broker.startServing();
  const next = rig.connect();
  next.listen('/queue/q', { mode: auto });
  assert.deepEqual(next.bodies, ['kept']);
  rig.checkTwins();
});

test('a checkpoint taken in the middle and the blocks after it give the same state', () => {
  const { rig } = busyRig();
  const blocksBefore = rig.blocks.length;
  const payloads = rig.broker.snapshot();
  rig.settle();
  assert.ok(rig.blocks.length > blocksBefore);
  const restored = rig.newBroker(new UsageMap(), rig.bodies());
  for (const payload of payloads) restored.restore(payload);
  for (const { payload, recordCount, position } of rig.blocks.slice(blocksBefore)) {
    restored.apply(payload, recordCount, position);
  }
  assert.deepEqual(restored.snapshot(), rig.broker.snapshot());
  rig.checkTwins();
});

test('a checkpoint of many entries comes in payloads of at most 1 MiB', () => {
  const rig = new Rig({ maxBatchBytes: 1 << 20 });
  const client = rig.connect();
  for (let index = 0; index < 70_000; index += 1) client.send(`/queue/${index % 3}`, 'x');
  rig.settle();
  const payloads = rig.broker.snapshot();
  assert.ok(payloads.length >= 3);
  for (const payload of payloads) assert.ok(payload.length <= 1 << 20);
  rig.checkTwins();
});

test('a reset broker is empty, and takes a checkpoint', () => {
  const { rig } = busyRig();
  rig.settle();
  const payloads = rig.broker.snapshot();
  rig.broker.reset();
  rig.usage.bytes.clear();
  assert.equal(rig.broker.statistics().messages, 0);
  for (const payload of payloads) rig.broker.restore(payload);
  assert.deepEqual(rig.broker.snapshot(), payloads);
  rig.broker.startServing();
  rig.checkTwins();
});

test('stopServing brings back a durable subscription whose removal was not committed', () => {
  const rig = new Rig();
  const client = rig.connect();
  const durable = { clientId: 'c', name: 'n' };
  client.session.unsubscribe(client.listen('/topic/t', { durable }), null);
  client.send('/topic/t', '1');
  rig.settle();
  client.session.removeDurableSubscription('c', 'n', null);
  client.listen('/topic/t', { durable });
  rig.broker.stopServing();
  rig.broker.startServing();
  const next = rig.connect();
  next.listen('/topic/t', { durable, mode: auto });
  next.send('/topic/t', '2');
  rig.settle();
  assert.deepEqual(next.bodies, ['1', '2']);
  rig.checkTwins();
});

test('compaction moves what is still needed, and frees the segments it came from', () => {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const client = rig.connect();
  client.listen('/topic/t', { durable: { clientId: 'c', name: 'one' } });
  client.listen('/topic/t', { durable: { clientId: 'c', name: 'two' } });
  const holder = rig.connect();
  holder.listen('/queue/q', { prefetch: 1000 });
  for (let index = 0; index < 300; index += 1) {
    client.send('/queue/q', `${index}`.padEnd(200, '.'));
    client.send('/topic/t', `news ${index}`.padEnd(200, '.'));
  }
  rig.settle();
  for (const [index, message] of holder.received.entries()) {
    if (index % 10 > 0) holder.acknowledge(message);
  }
  for (const [index, message] of client.received.entries()) {
    if (index % 7 > 0) client.acknowledge(message);
  }
  holder.reject(holder.received[10] as never);
  rig.settle();
  const before = rig.broker.statistics();
  const old = rig.blocks.slice();
  const lastOld = old.at(-1)?.position.segment as number;
  let appendedBytes = 0;
  for (const { payload, position } of old) appendedBytes += rig.broker.relocate(payload, position);
  assert.ok(appendedBytes > 0);
  // Acknowledged after it was relocated, and before that is applied.
  holder.acknowledge(holder.received[20] as never);
  rig.settle();
  for (const segment of rig.usage.bytes.keys()) assert.ok(segment >= lastOld);
  const after = rig.broker.statistics();
  assert.equal(after.messages, before.messages - 1);
  for (const { payload, position } of old) {
    assert.equal(rig.broker.relocate(payload, position), 0);
  }
  rig.checkTwins();
  rig.takeOver();
  const next = rig.connect();
  next.listen('/queue/q', { prefetch: 1000 });
  const indexes = next.bodies.map((body) => Number.parseInt(body, 10));
  assert.deepEqual(
    indexes,
    [...Array(30).keys()].map((tens) => tens * 10).filter((n) => n !== 20),
  );
  assert.equal(next.received[1]?.failedDeliveries, 1);
});

test('an entry is relocated with its own record only, also twice', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send('/queue/q', 'stays');
  rig.settle();
  for (let round = 0; round < 3; round += 1) {
    const block = rig.blocks.findLast(({ payload }) => Buffer.from(payload).includes('stays'));
    assert.ok(block);
    assert.ok(rig.broker.relocate(block.payload, block.position) > 0);
    rig.settle();
    assert.equal(rig.usage.bytes.size, 1);
  }
  rig.checkTwins();
});

test('what is being removed in an earlier batch is neither relocated nor noted', () => {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const client = rig.connect();
  client.listen('/queue/q');
  const durable = { clientId: 'c', name: 'n' };
  const subscriber = client.listen('/topic/t', { durable });
  client.send('/queue/q', '1');
  client.send('/topic/t', '2');
  rig.commitNext();
  client.session.unsubscribe(subscriber, null);
  client.session.removeDurableSubscription('c', 'n', null);
  const [block] = rig.blocks;
  assert.ok(block);
  client.acknowledge(client.received.find(({ body }) => body === '1') as never);
  // Too large for the batch with the removals, which is closed and not committed yet.
  client.send('/queue/other', 'x'.repeat(4000));
  assert.equal(rig.broker.relocate(block.payload, block.position), 0);
  const batches = [rig.broker.takeBatch(), rig.broker.takeBatch()];
  for (const batch of batches) rig.commit(batch as Batch);
  rig.checkTwins();
});

for (const ending of ['ready', 'dead letter']) {
  test(`a body whose block was compacted away while it was loaded is loaded again: ${ending}`, () => {
    const rig = new Rig({ cold: true, limits: { maxDeliveries: 1 } });
    const client = rig.connect();
    client.send('/queue/q', 'body');
    rig.settle();
    const [block] = rig.blocks;
    assert.ok(block);
    client.listen('/queue/q');
    if (ending === 'dead letter') {
      rig.settle();
      client.reject(client.last());
      while (rig.commitNext());
    }
    assert.equal(rig.waitingLoads.length, 1);
    rig.broker.relocate(block.payload, block.position);
    while (rig.commitNext());
    rig.forgetBlock(block.position);
    rig.settle();
    assert.deepEqual(client.bodies, ['body']);
    assert.equal(rig.broker.statistics().deadLettered, ending === 'ready' ? 0 : 1);
  });
}

test('P6: a body whose segment is gone although its entry is there is damage, and no defect', () => {
  const rig = new Rig({ cold: true });
  const client = rig.connect();
  client.send('/queue/q', 'body');
  rig.settle();
  client.listen('/queue/q');
  rig.forgetBlock((rig.blocks[0] as (typeof rig.blocks)[number]).position);
  assert.throws(() => rig.settle(), {
    code: 'JOURNAL_CORRUPT',
    message: /^The journal lacks segment 1, in which stored messages lie\./,
  });
});
