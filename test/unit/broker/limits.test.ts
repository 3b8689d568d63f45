import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { depth, Rig } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;

test('expired messages are not delivered, whether swept or met at dispatch', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send('/queue/q', 'short', { expiresAtMs: rig.nowMs + 100 });
  client.send('/queue/q', 'short in memory', { expiresAtMs: rig.nowMs + 100, durable: false });
  client.send('/queue/q', 'longer', { expiresAtMs: rig.nowMs + 200 });
  client.send('/queue/q', 'for ever');
  rig.settle();
  rig.broker.sweep();
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 4);
  rig.nowMs += 100;
  rig.broker.sweep();
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 2);
  rig.nowMs += 100;
  client.listen('/queue/q');
  rig.settle();
  assert.deepEqual(client.bodies, ['for ever']);
  assert.equal(rig.broker.statistics().expired, 3);
  assert.equal(rig.broker.statistics().memoryBytes, 0);
  rig.checkTwins();
});

test('a delivered message expires only after it came back', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/queue/q');
  client.send('/queue/q', '1', { expiresAtMs: rig.nowMs + 100 });
  rig.settle();
  rig.nowMs += 200;
  rig.broker.sweep();
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 1);
  client.session.unsubscribe(subscriber, null);
  rig.broker.sweep();
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 0);
  rig.checkTwins();
});

test('expiry is known to a node that takes over, from blocks and from a checkpoint', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send('/queue/q', '1', { expiresAtMs: rig.nowMs + 100 });
  rig.checkTwins();
  const restored = rig.newBroker(rig.usage, rig.bodies());
  for (const payload of rig.broker.snapshot()) restored.restore(payload);
  rig.nowMs += 100;
  for (const broker of [rig.follower().broker, restored]) {
    broker.startServing();
    broker.sweep();
    assert.equal(broker.statistics().expired, 1);
  }
});

test('the producers of a full queue are held, and let go below nine tenths', () => {
  const rig = new Rig({ limits: { queueMaxMessages: 10 } });
  const [producer, other, consumer] = [rig.connect(), rig.connect(), rig.connect()];
  for (let index = 0; index < 11; index += 1) producer.send('/queue/q', `${index}`);
  // What was sent and is not committed yet counts.
  assert.equal(producer.paused.length, 1);
  assert.match(producer.paused[0] as string, /Queue q is full/);
  producer.send('/queue/q', 'already on its way');
  other.send('/queue/other', 'x');
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 12);
  assert.equal(other.paused.length, 0);
  consumer.listen('/queue/q', { prefetch: 20 });
  for (const message of consumer.received.slice(0, 3)) consumer.acknowledge(message);
  rig.settle();
  assert.equal(producer.resumed, 0);
  consumer.acknowledge(consumer.received[3] as never);
  rig.settle();
  assert.equal(producer.resumed, 1);
  assert.equal(producer.paused.length, 1);
  rig.checkTwins();
});

for (const [name, limits] of Object.entries({
  'queue bytes': { queueMaxBytes: 1000 },
  'store messages': { storeMaxMessages: 4 },
  'store bytes': { storeMaxBytes: 1000 },
})) {
  test(`producers are held above the limit of ${name}`, () => {
    const rig = new Rig({ limits });
    const client = rig.connect();
    for (let index = 0; index < 5; index += 1) client.send('/queue/q', 'x'.repeat(200));
    assert.equal(client.paused.length, 1);
    rig.settle();
    assert.equal(client.resumed, 0);
    client.listen('/queue/q', { mode: auto });
    rig.settle();
    assert.equal(client.resumed, 1);
    rig.checkTwins();
  });
}

test('producers are held while non-durable messages fill the memory', () => {
  const rig = new Rig({ limits: { memoryMaxBytes: 1000 } });
  const client = rig.connect();
  for (let index = 0; index < 5; index += 1) {
    client.send('/queue/q', 'x'.repeat(200), { durable: false });
  }
  rig.settle();
  assert.equal(client.paused.length, 1);
  client.listen('/queue/q');
  for (const message of client.received) client.acknowledge(message);
  assert.equal(client.resumed, 1);
  rig.checkTwins();
});

test('the node holds all producers, and consumers go on', () => {
  const rig = new Rig();
  const [producer, late, consumer] = [rig.connect(), rig.connect(), rig.connect()];
  producer.send('/queue/q', '1');
  consumer.listen('/queue/q');
  rig.settle();
  rig.broker.holdProducers({ reason: 'The disk is full', isBrief: false });
  rig.broker.holdProducers({ reason: 'The disk is full', isBrief: false });
  assert.deepEqual(producer.paused, ['The disk is full']);
  assert.deepEqual([late.paused, consumer.paused], [[], []]);
  late.send('/queue/q', '2');
  assert.deepEqual(late.paused, ['The disk is full']);
  consumer.acknowledge(consumer.last(), null, 'done');
  rig.settle();
  assert.deepEqual(consumer.confirmations, ['done']);
  assert.equal(producer.resumed, 0);
  rig.broker.releaseProducers();
  assert.deepEqual([producer.resumed, late.resumed, consumer.resumed], [1, 1, 0]);
});

test('two reasons to hold a producer need two reasons to let it go', () => {
  const rig = new Rig({ limits: { queueMaxMessages: 1 } });
  const client = rig.connect();
  client.send('/queue/q', '1');
  client.send('/queue/q', '2');
  rig.settle();
  rig.broker.holdProducers({ reason: 'The disk is full', isBrief: false });
  client.listen('/queue/q', { mode: auto });
  rig.settle();
  assert.deepEqual([client.paused.length, client.resumed], [1, 0]);
  rig.broker.releaseProducers();
  assert.deepEqual([client.paused.length, client.resumed], [1, 1]);
});

test('queues, subscriptions, prefetch and names have limits that say what to do', () => {
  const rig = new Rig({ limits: { maxQueues: 2, maxSubscriptionsPerSession: 2 } });
  const client = rig.connect();
  const exceeded = { code: 'LIMIT_EXCEEDED' };
  assert.throws(() => client.listen('/queue/a', { prefetch: 1001 }), exceeded);
  assert.equal(rig.broker.takeBatch(), null);
  client.send('/queue/a', '1');
  client.listen('/queue/b');
  assert.throws(() => client.send('/queue/c', '1'), exceeded);
  const durable = { clientId: 'c', name: 'n' };
  assert.throws(() => client.listen('/topic/t', { durable }), exceeded);
  client.listen('/topic/t');
  assert.throws(() => client.listen('/topic/t'), { ...exceeded, message: /raise limits/ });
  assert.throws(() => client.send(`/queue/${'n'.repeat(1001)}`, ''), { code: 'CLIENT_FAILED' });
  assert.throws(() => client.send('/queue/a', '', { priority: 10 }), { code: 'CLIENT_FAILED' });
  assert.throws(() => client.send('/queue/a', '', { expiresAtMs: -1 }), { code: 'CLIENT_FAILED' });
  rig.checkTwins();
});

test('a dead-letter queue is created although there are as many queues as allowed', () => {
  const rig = new Rig({ limits: { maxQueues: 1, maxDeliveries: 1 } });
  const client = rig.connect();
  client.listen('/queue/q');
  client.send('/queue/q', 'poison');
  rig.settle();
  client.reject(client.last());
  rig.settle();
  assert.equal(depth(rig.broker, 'DLQ.q'), 1);
  rig.checkTwins();
});
