import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { depth, Rig } from './broker-rig.js';

const { auto, cumulative } = ACKNOWLEDGEMENT;

test('a message is delivered as it was sent, and only after its batch was committed', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/queue/orders', { context: 'mine' });
  client.send('/queue/orders', 'body', {
    headers: 'colour:red\n',
    priority: 7,
    expiresAtMs: 2_000_000,
  });
  const batch = rig.broker.takeBatch();
  assert.ok(batch);
  assert.equal(client.received.length, 0);
  rig.commit(batch);
  const [message] = client.received;
  assert.ok(message);
  assert.equal(message.subscriber, subscriber);
  assert.equal(message.subscriber.context, 'mine');
  assert.deepEqual(message.destination, { kind: 'queue', name: 'orders' });
  assert.equal(message.body, 'body');
  assert.equal(message.headers, 'colour:red\n');
  assert.equal(message.priority, 7);
  assert.equal(message.expiresAtMs, 2_000_000);
  assert.equal(message.timestampMs, 1_000_000);
  assert.equal(message.durable, true);
  assert.equal(message.redelivered, false);
  assert.equal(message.failedDeliveries, 0);
  rig.checkTwins();
});

test('P1: a token is confirmed only after its batch was committed, in call order', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send('/queue/a', 'one', { token: 1 });
  client.send('/queue/a', 'two', { token: 2, durable: false });
  client.session.barrier(3);
  client.listen('/queue/a', { token: 4 });
  assert.deepEqual(client.confirmations, []);
  const batch = rig.broker.takeBatch();
  client.send('/queue/a', 'three', { token: 5 });
  assert.ok(batch);
  rig.commit(batch);
  assert.deepEqual(client.confirmations, [1, 2, 3, 4]);
  rig.settle();
  assert.deepEqual(client.confirmations, [1, 2, 3, 4, 5]);
  rig.checkTwins();
});

test('P3: what changes nothing in the journal is confirmed through a batch without records', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.session.barrier('token');
  const batch = rig.broker.takeBatch();
  assert.ok(batch);
  assert.equal(batch.recordCount, 0);
  assert.equal(rig.store(batch), null);
  rig.broker.committed(batch, null);
  assert.deepEqual(client.confirmations, ['token']);
  assert.equal(rig.broker.takeBatch(), null);
});

test('a closed session is not told of confirmations', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send('/queue/a', 'one', { token: 1 });
  client.session.close();
  rig.settle();
  assert.deepEqual(client.confirmations, []);
  assert.equal(depth(rig.broker, 'a'), 1);
});

test('onPending is called once for what gathers, and again after it was taken', () => {
  const rig = new Rig();
  const client = rig.connect();
  assert.equal(rig.pendingCalls, 0);
  client.send('/queue/a', 'one');
  client.send('/queue/a', 'two');
  assert.equal(rig.pendingCalls, 1);
  rig.settle();
  client.send('/queue/a', 'three');
  assert.equal(rig.pendingCalls, 2);
});

test('consumers of a queue take turns, and each message goes to one of them', () => {
  const rig = new Rig();
  const [producer, one, two, three] = [rig.connect(), rig.connect(), rig.connect(), rig.connect()];
  for (const client of [one, two, three]) client.listen('/queue/work');
  for (let index = 0; index < 9; index += 1) producer.send('/queue/work', `${index}`);
  rig.settle();
  assert.deepEqual(one.bodies, ['0', '3', '6']);
  assert.deepEqual(two.bodies, ['1', '4', '7']);
  assert.deepEqual(three.bodies, ['2', '5', '8']);
  rig.checkTwins();
});

test('order is kept over many batches and segments', () => {
  const rig = new Rig();
  const client = rig.connect();
  const sent = Array.from({ length: 2000 }, (_, index) => `${index}`.padEnd(100, '.'));
  for (const body of sent) client.send('/queue/long', body);
  client.listen('/queue/long', { mode: auto });
  rig.settle();
  assert.ok(rig.blocks.length > 50);
  assert.deepEqual(client.bodies, sent);
  assert.equal(rig.broker.statistics().messages, 0);
  assert.equal(rig.usage.bytes.size, 0);
  rig.checkTwins();
});

test('a consumer gets no more than its prefetch, and one more for each acknowledgement', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 2 });
  for (const body of ['1', '2', '3', '4']) client.send('/queue/q', body);
  rig.settle();
  assert.deepEqual(client.bodies, ['1', '2']);
  client.acknowledge(client.last());
  assert.deepEqual(client.bodies, ['1', '2', '3']);
  rig.checkTwins();
});

test('a consumer that is not writable gets nothing until it resumes; others go on', () => {
  const rig = new Rig();
  const [slow, quick] = [rig.connect(), rig.connect()];
  slow.listen('/queue/q', { mode: auto });
  slow.writable = false;
  slow.send('/queue/q', '1');
  rig.settle();
  assert.deepEqual(slow.bodies, []);
  quick.listen('/queue/q', { mode: auto });
  assert.deepEqual(quick.bodies, ['1']);
  quick.session.close();
  slow.send('/queue/q', '2');
  rig.settle();
  slow.writable = true;
  slow.session.resumeDelivery();
  assert.deepEqual(slow.bodies, ['2']);
  rig.checkTwins();
});

test('P3: while another node may be live nothing is delivered; what waited comes once it cannot be', () => {
  const rig = new Rig();
  const [early, late] = [rig.connect(), rig.connect()];
  early.listen('/queue/q', { prefetch: 1 });
  for (const body of ['1', '2', '3', '4']) early.send('/queue/q', body);
  early.send('/queue/other', 'a');
  rig.settle();
  rig.mayDeliver = false;
  early.acknowledge(early.last());
  late.send('/topic/t', 'unheard');
  late.listen('/topic/t', { mode: auto });
  late.send('/topic/t', 'news');
  late.listen('/queue/other', { mode: auto });
  rig.settle();
  late.session.resumeDelivery();
  rig.broker.deliverWaiting();
  assert.deepEqual([early.takeBodies(), late.takeBodies()], [['1'], []]);
  rig.mayDeliver = true;
  rig.broker.deliverWaiting();
  assert.deepEqual([early.takeBodies(), late.takeBodies().sort()], [['2'], ['a', 'news']]);
  rig.checkTwins();
});

test('P3: a body that was loaded too late to be delivered is loaded again when it may be', () => {
  const rig = new Rig({ cold: true });
  const client = rig.connect();
  client.send('/queue/q', 'cold');
  rig.settle();
  client.listen('/queue/q');
  rig.mayDeliver = false;
  rig.settle();
  assert.deepEqual([rig.loads, client.bodies], [1, []]);
  rig.mayDeliver = true;
  rig.broker.deliverWaiting();
  rig.settle();
  assert.deepEqual([rig.loads, client.bodies], [2, ['cold']]);
  rig.checkTwins();
});

test('an automatic acknowledgement removes the message when it is handed over', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { mode: auto });
  client.send('/queue/q', '1');
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 0);
  client.session.close();
  rig.checkTwins();
  assert.equal(rig.broker.statistics().acknowledged, 1);
});

test('a cumulative acknowledgement takes everything delivered before it, and nothing after', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { mode: cumulative });
  for (const body of ['1', '2', '3', '4']) client.send('/queue/q', body);
  rig.settle();
  client.acknowledge(client.received[2] as never);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 1);
  client.session.close();
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(next.bodies, ['4']);
  rig.checkTwins();
});

test('an acknowledgement counts once, and only by who has the message', () => {
  const rig = new Rig();
  const [client, other] = [rig.connect(), rig.connect()];
  const subscriber = client.listen('/queue/q');
  const otherSubscriber = other.listen('/queue/other');
  client.send('/queue/q', '1');
  rig.settle();
  const { entryId } = client.last();
  const refused = { code: 'CLIENT_FAILED' };
  assert.throws(() => other.session.acknowledge(otherSubscriber, entryId, null, null), refused);
  assert.throws(() => other.session.acknowledge(subscriber, entryId, null, null), refused);
  assert.throws(() => client.session.acknowledge(subscriber, entryId + 1, null, null), refused);
  client.session.acknowledge(subscriber, entryId, null, null);
  assert.throws(() => client.session.acknowledge(subscriber, entryId, null, null), refused);
  rig.settle();
  assert.throws(() => client.session.acknowledge(subscriber, entryId, null, null), refused);
  rig.checkTwins();
});

test('a session may acknowledge from within deliver', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.onDeliver = (message) => client.acknowledge(message);
  client.listen('/queue/q', { prefetch: 1 });
  const sent = Array.from({ length: 500 }, (_, index) => `${index}`);
  for (const body of sent) client.send('/queue/q', body);
  rig.settle();
  assert.deepEqual(client.bodies, sent);
  assert.equal(depth(rig.broker, 'q'), 0);
  rig.checkTwins();
});

test('after unsubscribe messages go back in order, redelivered, and nothing is counted as failed', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/queue/q', { prefetch: 3 });
  for (const body of ['1', '2', '3', '4']) client.send('/queue/q', body);
  rig.settle();
  client.acknowledge(client.received[1] as never);
  client.session.unsubscribe(subscriber, 'done');
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(
    next.received.map(({ body, redelivered, failedDeliveries }) => [
      body,
      redelivered,
      failedDeliveries,
    ]),
    [
      ['1', true, 0],
      ['3', true, 0],
      // It went out when the acknowledgement of the second made room.
      ['4', true, 0],
    ],
  );
  rig.checkTwins();
  assert.deepEqual(client.confirmations, ['done']);
});

test('bodies that are not at hand are loaded one block at a time, and order is kept', () => {
  const rig = new Rig({ cold: true, maxBatchBytes: 4096 });
  const client = rig.connect();
  const sent = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(100, '.'));
  for (const body of sent) client.send('/queue/q', body);
  rig.settle();
  client.listen('/queue/q', { mode: auto, prefetch: 1000 });
  assert.equal(rig.waitingLoads.length, 1);
  rig.settle();
  assert.deepEqual(client.bodies, sent);
  assert.ok(rig.loads > 1 && rig.loads <= rig.blocks.length);
  rig.checkTwins();
});

test('a load that calls back at once is as good', () => {
  const rig = new Rig();
  const client = rig.connect();
  for (let index = 0; index < 100; index += 1) client.send('/queue/q', `${index}`);
  rig.settle();
  const loaded = new Set<number>();
  const bodies = rig.bodies();
  const broker = rig.newBroker(rig.usage, {
    cached: (segment, offset) => (loaded.has(offset) ? bodies.cached(segment, offset) : undefined),
    load: (_segment, offset, done) => {
      loaded.clear();
      loaded.add(offset);
      done();
    },
    hold: bodies.hold,
  });
  for (const { payload, recordCount, position } of rig.blocks) {
    broker.apply(payload, recordCount, position);
  }
  broker.startServing();
  const consumer = rig.connect(broker);
  consumer.listen('/queue/q', { mode: auto });
  assert.equal(consumer.bodies.length, 100);
});
