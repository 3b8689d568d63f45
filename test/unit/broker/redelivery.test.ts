import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { depth, Rig } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;

test('a rejected message comes again before later ones, with its count', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 1 });
  client.send('/queue/q', '1');
  client.send('/queue/q', '2');
  rig.settle();
  client.reject(client.last(), null, 'rejected');
  assert.deepEqual(client.bodies, ['1', '1']);
  assert.equal(client.last().redelivered, true);
  assert.equal(client.last().failedDeliveries, 1);
  assert.deepEqual(client.confirmations, []);
  rig.settle();
  assert.deepEqual(client.confirmations, ['rejected']);
  rig.checkTwins();
});

test('count and redelivered flag survive a takeover, and the takeover counts nothing', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 2 });
  for (const body of ['failed', 'delivered', 'waiting']) client.send('/queue/q', body);
  rig.settle();
  client.reject(client.received[0] as never);
  rig.checkTwins();
  const { broker } = rig.follower();
  broker.startServing();
  const next = rig.connect(broker);
  next.listen('/queue/q');
  assert.deepEqual(
    next.received.map(({ body, redelivered, failedDeliveries }) => [
      body,
      redelivered,
      failedDeliveries,
    ]),
    [
      ['failed', true, 1],
      ['delivered', true, 0],
      ['waiting', false, 0],
    ],
  );
});

test('a failure that is in no committed batch is in no checkpoint, and forgotten with the tenure', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 1 });
  client.send('/queue/q', '');
  rig.settle();
  client.reject(client.last());
  rig.settle();
  client.reject(client.last());
  assert.equal(client.last().failedDeliveries, 2);
  const { broker: follower } = rig.follower();
  assert.deepEqual(rig.broker.snapshot(), follower.snapshot());
  rig.broker.stopServing();
  rig.broker.startServing();
  const next = rig.connect();
  next.listen('/queue/q');
  assert.equal(next.last().failedDeliveries, 1);
});

test('only deliveries that are still unacknowledged are noted, without asking for a batch', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q');
  client.send('/queue/q', '1');
  client.send('/queue/q', '2');
  rig.commitNext();
  assert.equal(rig.pendingCalls, 1);
  client.acknowledge(client.received[0] as never);
  const batch = rig.broker.takeBatch();
  assert.ok(batch);
  // One removal and one note.
  assert.equal(batch.recordCount, 2);
  rig.commit(batch);
  assert.equal(rig.broker.takeBatch(), null);
  rig.checkTwins();
});

test('when a session closes, only the oldest of its messages counts as failed', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q');
  for (const body of ['1', '2', '3']) client.send('/queue/q', body);
  rig.settle();
  client.session.close();
  client.session.close();
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(
    next.received.map(({ body, redelivered, failedDeliveries }) => [
      body,
      redelivered,
      failedDeliveries,
    ]),
    [
      ['1', true, 1],
      ['2', true, 0],
      ['3', true, 0],
    ],
  );
  rig.checkTwins();
});

for (const cold of [false, true]) {
  test(`after too many failures a message moves to its dead-letter queue (cold: ${cold})`, () => {
    const rig = new Rig({ cold });
    const client = rig.connect();
    client.listen('/queue/orders');
    client.send('/queue/orders', 'poison', {
      headers: 'a:b\n',
      expiresAtMs: 9_000_000,
      priority: 8,
    });
    client.send('/queue/orders', 'good');
    rig.settle();
    rig.nowMs += 500;
    for (let failure = 1; failure <= 3; failure += 1) {
      const poison = client.received.findLast(({ body }) => body === 'poison');
      client.reject(poison as never);
      rig.settle();
    }
    assert.equal(depth(rig.broker, 'orders'), 1);
    assert.equal(depth(rig.broker, 'DLQ.orders'), 1);
    assert.equal(rig.broker.statistics().deadLettered, 1);
    rig.checkTwins();
    const { broker } = rig.follower();
    broker.startServing();
    const reader = rig.connect(broker);
    reader.listen('/queue/DLQ.orders');
    while (rig.waitingLoads.length > 0) rig.waitingLoads.shift()?.();
    const letter = reader.last();
    assert.equal(letter.body, 'poison');
    assert.match(letter.headers, /^a:b\nwhy:It failed 3 deliveries.*\nfrom:orders\ntimes:3\n$/);
    assert.equal(letter.priority, 8);
    assert.equal(letter.expiresAtMs, 0);
    assert.equal(letter.timestampMs, 1_000_000);
    assert.equal(letter.failedDeliveries, 0);
    assert.equal(letter.redelivered, false);
  });
}

test('a node that died between the last failure and the move leaves the move to the next', () => {
  const rig = new Rig({ cold: true });
  const client = rig.connect();
  client.listen('/queue/q');
  client.send('/queue/q', 'poison');
  rig.settle();
  for (let failure = 1; failure <= 3; failure += 1) {
    client.reject(client.last());
    while (rig.commitNext());
    if (failure < 3) rig.settle();
  }
  assert.equal(rig.waitingLoads.length, 1);
  const { broker } = rig.follower();
  rig.waitingLoads.length = 0;
  assert.equal(depth(broker, 'q'), 1);
  broker.startServing();
  const consumer = rig.connect(broker);
  consumer.listen('/queue/q');
  consumer.listen('/queue/DLQ.q', { mode: auto });
  for (;;) {
    const load = rig.waitingLoads.shift();
    if (load !== undefined) {
      load();
      continue;
    }
    const batch = broker.takeBatch();
    if (batch === null) break;
    broker.committed(batch, rig.store(batch));
  }
  assert.deepEqual(
    consumer.received.map(({ body, destination }) => [body, destination.name]),
    [['poison', 'DLQ.q']],
  );
});

test('in a dead-letter queue nothing is dead-lettered again', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/DLQ.q');
  client.send('/queue/DLQ.q', 'stays');
  rig.settle();
  for (let failure = 1; failure <= 5; failure += 1) client.reject(client.last());
  rig.settle();
  assert.equal(client.received.length, 6);
  assert.equal(client.last().failedDeliveries, 3);
  assert.equal(depth(rig.broker, 'DLQ.q'), 1);
  assert.equal(rig.broker.statistics().queues.length, 1);
  rig.checkTwins();
});

test('a non-durable message that fails moves too, and stays non-durable', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q');
  client.listen('/queue/DLQ.q');
  client.send('/queue/q', 'poison secret', { durable: false });
  rig.settle();
  for (let failure = 1; failure <= 3; failure += 1) client.reject(client.last());
  rig.settle();
  assert.equal(client.last().destination.name, 'DLQ.q');
  assert.equal(client.last().durable, false);
  for (const { payload } of rig.blocks) assert.ok(!Buffer.from(payload).includes('secret'));
  rig.checkTwins();
});

test('a dead letter of a durable subscription goes to the queue named after its topic', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/topic/news', { durable: { clientId: 'c', name: 'n' } });
  client.send('/topic/news', 'poison');
  rig.settle();
  for (let failure = 1; failure <= 3; failure += 1) client.reject(client.last());
  rig.settle();
  assert.equal(depth(rig.broker, 'DLQ.news'), 1);
  assert.equal(depth(rig.broker, 'news'), 0);
  rig.checkTwins();
});

test('message and removal of a dead letter are in one block, whatever the batch size', () => {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 1000 });
  for (let index = 0; index < 40; index += 1) client.send('/queue/q', `${index}`.repeat(200));
  rig.settle();
  for (let failure = 1; failure <= 3; failure += 1) {
    for (const message of client.received.splice(0)) client.reject(message);
  }
  const total = 40;
  for (let committed = true; committed; committed = rig.commitNext()) {
    const { broker } = rig.follower();
    assert.equal(depth(broker, 'q') + depth(broker, 'DLQ.q'), total);
  }
  assert.equal(depth(rig.broker, 'DLQ.q'), total);
  rig.checkTwins();
});
