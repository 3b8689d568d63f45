import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT, REJECTION } from '../../../src/broker/api.js';
import { FIXED_BYTES } from '../../../src/broker/records.js';
import { TopicPatterns } from '../../../src/broker/topic-patterns.js';
import { depth, Rig } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;
const durable = { clientId: 'ship', name: 'log' };

test('every subscriber of a topic gets every message, and without one nothing is kept', () => {
  const rig = new Rig();
  const [producer, one, two] = [rig.connect(), rig.connect(), rig.connect()];
  producer.send('/topic/news', 'nobody', { token: 1 });
  one.listen('/topic/news', { mode: auto });
  two.listen('/topic/news');
  producer.send('/topic/news', 'all');
  rig.settle();
  assert.deepEqual(one.bodies, ['all']);
  assert.deepEqual(two.bodies, ['all']);
  assert.equal(two.last().durable, false);
  assert.deepEqual(two.last().destination, { kind: 'topic', name: 'news' });
  assert.deepEqual(producer.confirmations, [1]);
  two.acknowledge(two.last());
  assert.equal(rig.broker.statistics().memoryBytes, 0);
  assert.equal(rig.usage.bytes.size, 0);
  rig.checkTwins();
});

test('a durable subscription fills while its client is away, also over a takeover', () => {
  const rig = new Rig();
  const [producer, consumer] = [rig.connect(), rig.connect()];
  consumer.listen('/topic/news', { durable });
  producer.send('/topic/news', '1');
  rig.settle();
  consumer.acknowledge(consumer.last());
  consumer.session.close();
  producer.send('/topic/news', '2');
  producer.send('/topic/news', '3');
  rig.checkTwins();
  const { broker } = rig.follower();
  broker.startServing();
  const again = rig.connect(broker);
  again.listen('/topic/news', { durable });
  assert.deepEqual(again.bodies, ['2', '3']);
  assert.deepEqual(
    again.received.map(({ redelivered }) => redelivered),
    [false, false],
  );
  assert.equal(again.last().durable, true);
});

test('a message for several durable subscriptions is journaled once and charged in parts', () => {
  const rig = new Rig();
  const client = rig.connect();
  for (const name of ['a', 'b', 'c']) {
    client.listen('/topic/news', { durable: { clientId: 'x', name } });
  }
  const other = rig.connect();
  other.listen('/topic/news', { mode: auto });
  rig.settle();
  const blocks = rig.blocks.length;
  client.send('/topic/news', 'x'.repeat(1000));
  rig.commitNext();
  assert.equal(rig.blocks.length, blocks + 1);
  const charged = [...rig.usage.bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  const block = rig.blocks[blocks];
  assert.ok(block);
  assert.ok(block.payload.length < 1100);
  // Beside the message the block holds a reservation of ids for the copy in memory.
  const messageBytes = block.payload.length - FIXED_BYTES.entryIdsReserved;
  assert.ok(charged <= messageBytes && charged > messageBytes - 3);
  assert.equal(client.received.length, 3);
  assert.equal(other.received.length, 1);
  rig.checkTwins();
  for (const message of client.received) client.acknowledge(message);
  rig.checkTwins();
  assert.equal(rig.usage.bytes.size, 0);
});

test('a durable subscription is used by one connection at a time and keeps its topic', () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  const subscriber = one.listen('/topic/news', { durable });
  const refused = { code: 'CLIENT_FAILED' };
  assert.throws(() => two.listen('/topic/news', { durable }), refused);
  assert.throws(() => two.session.removeDurableSubscription('ship', 'log', null), refused);
  one.session.unsubscribe(subscriber, null);
  assert.throws(() => two.listen('/topic/other', { durable }), refused);
  assert.throws(() => two.listen('/queue/news', { durable }), refused);
  two.listen('/topic/news', { durable });
  rig.checkTwins();
});

test('a removed durable subscription is gone with what it held; its name can be used again', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/topic/news', { durable });
  for (const body of ['1', '2', '3']) client.send('/topic/news', body);
  rig.settle();
  client.acknowledge(client.received[0] as never);
  client.session.begin('t');
  client.acknowledge(client.received[1] as never, 't');
  client.session.unsubscribe(subscriber, null);
  client.send('/topic/news', 'in the same batch');
  client.session.removeDurableSubscription('ship', 'log', 'removed');
  client.listen('/topic/news', { durable });
  client.send('/topic/news', 'new');
  client.received.length = 0;
  rig.settle();
  client.session.commit('t', 'committed');
  rig.settle();
  assert.deepEqual(client.bodies, ['new']);
  assert.deepEqual(client.confirmations, ['removed', 'committed']);
  assert.equal(rig.broker.statistics().messages, 1);
  assert.throws(() => client.session.removeDurableSubscription('ship', 'nothing', null), {
    code: 'CLIENT_FAILED',
  });
  rig.checkTwins();
});

test('non-durable messages are in no block, and keep their order among durable ones', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send('/queue/q', '1');
  client.send('/queue/q', '2 secret', { durable: false });
  client.send('/queue/q', '3');
  client.send('/queue/q', '4 secret', { durable: false });
  rig.settle();
  client.listen('/queue/q');
  assert.deepEqual(client.bodies, ['1', '2 secret', '3', '4 secret']);
  assert.deepEqual(
    client.received.map(({ durable: isDurable }) => isDurable),
    [true, false, true, false],
  );
  for (const { payload } of rig.blocks) assert.ok(!Buffer.from(payload).includes('secret'));
  rig.checkTwins();
  const { broker } = rig.follower();
  assert.equal(depth(broker, 'q'), 2);
});

test('ids of non-durable messages are not given again after a takeover', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q');
  for (let index = 0; index < 10; index += 1) client.send('/queue/q', 'x', { durable: false });
  rig.settle();
  const { broker } = rig.follower();
  broker.startServing();
  const next = rig.connect(broker);
  next.listen('/queue/q', { mode: auto });
  next.send('/queue/q', 'y', { durable: false });
  for (let batch = broker.takeBatch(); batch !== null; batch = broker.takeBatch()) {
    broker.committed(batch, rig.store(batch));
  }
  assert.ok(next.last().entryId > client.last().entryId);
});

test('bytes of a topic message are shared by its subscribers and freed after the last', () => {
  const rig = new Rig();
  const clients = [rig.connect(), rig.connect(), rig.connect()];
  for (const client of clients) client.listen('/topic/news');
  clients[0]?.send('/topic/news', 'x'.repeat(1000));
  rig.settle();
  assert.ok(rig.broker.statistics().memoryBytes < 1100);
  clients[0]?.acknowledge(clients[0].last());
  clients[1]?.session.close();
  assert.ok(rig.broker.statistics().memoryBytes > 1000);
  clients[2]?.session.close();
  assert.equal(rig.broker.statistics().memoryBytes, 0);
  assert.equal(rig.broker.statistics().messages, 0);
  rig.checkTwins();
});

test('a topic subscriber that lets too much wait is given up, and the others are not', () => {
  const rig = new Rig({ limits: { topicBacklogMaxBytes: 5000 } });
  const [producer, slow, quick] = [rig.connect(), rig.connect(), rig.connect()];
  slow.listen('/topic/news', { mode: auto });
  slow.writable = false;
  quick.listen('/topic/news', { mode: auto });
  for (let index = 0; index < 100; index += 1) {
    producer.send('/topic/news', 'x'.repeat(1000));
    rig.settle();
  }
  assert.equal(quick.received.length, 100);
  assert.equal(quick.aborted.length, 0);
  assert.equal(slow.aborted.length, 1);
  assert.match(slow.aborted[0] as string, /topic news/);
  assert.ok(rig.broker.statistics().memoryBytes < 8000);
  slow.session.close();
  assert.equal(rig.broker.statistics().memoryBytes, 0);
  rig.checkTwins();
});

test('a subscriber that had no chance to take what one batch brought is not given up', () => {
  const rig = new Rig({ limits: { topicBacklogMaxBytes: 5000 } });
  const [producer, subscriber] = [rig.connect(), rig.connect()];
  subscriber.listen('/topic/news', { mode: auto });
  subscriber.writable = false;
  for (let index = 0; index < 10; index += 1) producer.send('/topic/news', 'x'.repeat(1000));
  rig.settle();
  assert.equal(subscriber.aborted.length, 0);
  producer.send('/topic/news', 'one more, and it took nothing meanwhile');
  rig.settle();
  assert.equal(subscriber.aborted.length, 1);
});

test('what waits for a subscriber that has gone is dropped with it', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/topic/news');
  client.send('/topic/news', '1');
  client.session.unsubscribe(subscriber, null);
  rig.settle();
  assert.deepEqual(client.bodies, []);
  assert.equal(rig.broker.statistics().queues.length, 0);
  assert.equal(rig.broker.statistics().memoryBytes, 0);
});

const RED = "color = 'red'";
const red = { headers: 'color:red\n' };
const blue = { headers: 'color:blue\n' };

test('a subscription with a selector is sent only what it wants, and charged for nothing else', () => {
  const rig = new Rig();
  const [producer, consumer] = [rig.connect(), rig.connect()];
  consumer.listen('/topic/news', { mode: auto, selector: RED });
  producer.send('/topic/news', '1', blue);
  producer.send('/topic/news', '2', red);
  producer.session.begin('t');
  producer.send('/topic/news', '3', { ...blue, transaction: 't' });
  producer.send('/topic/news', '4', { ...red, transaction: 't' });
  producer.session.commit('t', null);
  rig.settle();
  assert.deepEqual(consumer.bodies, ['2', '4']);
  rig.checkTwins();
});

test('a durable subscription keeps its selector over a takeover', () => {
  const rig = new Rig();
  rig.connect().listen('/topic/news', { durable, selector: RED });
  rig.checkTwins();
  rig.takeOver();
  const producer = rig.connect();
  producer.send('/topic/news', '1', blue);
  producer.send('/topic/news', '2', red);
  rig.settle();
  const consumer = rig.connect();
  consumer.listen('/topic/news', { durable, selector: RED });
  assert.deepEqual(consumer.bodies, ['2']);
  rig.checkTwins();
});

test('with another selector a durable subscription is refused, or begun anew when that is asked for', () => {
  const rig = new Rig();
  const [producer, first] = [rig.connect(), rig.connect()];
  first.listen('/topic/news', { durable, selector: RED });
  producer.send('/topic/news', '1', red);
  rig.settle();
  const replaces = { ...durable, replaces: true };
  assert.throws(() => rig.connect().listen('/topic/news', { durable: replaces }), /in use/);
  first.session.close();
  assert.throws(
    () => rig.connect().listen('/topic/news', { durable }),
    /with selector color = 'red'; remove it first/,
  );
  const again = rig.connect();
  again.listen('/topic/news', { durable: replaces });
  producer.send('/topic/news', '2', blue);
  rig.settle();
  assert.deepEqual(again.bodies, ['2']);
  rig.checkTwins();
});

test('noLocal keeps from a client what was sent under its own id', () => {
  const rig = new Rig();
  const ship = rig.connect(rig.broker, 'ship');
  ship.listen('/topic/news', { mode: auto, noLocal: true });
  ship.listen('/topic/news', { mode: auto, durable, noLocal: true });
  const harbour = rig.connect(rig.broker, 'harbour');
  ship.send('/topic/news', 'own');
  harbour.send('/topic/news', 'foreign');
  rig.settle();
  assert.deepEqual(ship.takeBodies(), ['foreign', 'foreign']);
  rig.checkTwins();
  rig.takeOver();
  const again = rig.connect(rig.broker, 'ship');
  again.listen('/topic/news', { mode: auto, durable, noLocal: true });
  again.send('/topic/news', 'own');
  rig.connect().send('/topic/news', 'of somebody without an id');
  rig.settle();
  assert.deepEqual(again.bodies, ['of somebody without an id']);
});

test('subscribers that share a subscription share its messages, and it goes with the last', () => {
  const rig = new Rig();
  const shared = { clientId: '', name: 'workers' };
  const [producer, one, two, alone] = [rig.connect(), rig.connect(), rig.connect(), rig.connect()];
  one.listen('/topic/jobs', { mode: auto, shared });
  two.listen('/topic/jobs', { mode: auto, shared });
  alone.listen('/topic/jobs', { mode: auto });
  for (const body of ['1', '2', '3', '4']) producer.send('/topic/jobs', body);
  rig.settle();
  assert.deepEqual(
    [one.takeBodies(), two.takeBodies()],
    [
      ['1', '3'],
      ['2', '4'],
    ],
  );
  assert.equal(alone.bodies.length, 4);
  assert.throws(() => rig.connect().listen('/topic/other', { shared }), /while it has subscribers/);
  one.session.close();
  producer.send('/topic/jobs', '5');
  rig.settle();
  assert.deepEqual(two.takeBodies(), ['5']);
  two.session.close();
  rig.connect().listen('/topic/other', { mode: auto, shared });
  rig.checkTwins();
});

test('a shared durable subscription has several subscribers at a time, and only shared ones', () => {
  const rig = new Rig();
  const shared = { ...durable, isShared: true };
  const [producer, one, two] = [rig.connect(), rig.connect(), rig.connect()];
  one.listen('/topic/news', { mode: auto, durable: shared });
  two.listen('/topic/news', { mode: auto, durable: shared });
  producer.send('/topic/news', '1');
  producer.send('/topic/news', '2');
  rig.settle();
  assert.deepEqual([one.bodies, two.bodies], [['1'], ['2']]);
  assert.throws(() => rig.connect().listen('/topic/news', { durable }), /in use/);
  one.session.close();
  two.session.close();
  producer.send('/topic/news', '3');
  rig.checkTwins();
  const alone = rig.connect();
  alone.listen('/topic/news', { durable });
  assert.deepEqual(alone.bodies, ['3']);
  assert.throws(() => rig.connect().listen('/topic/news', { durable: shared }), /in use/);
});

test('a subscription with wildcards gets what matches, once, and hears which topic it was', () => {
  const rig = new Rig();
  const producer = rig.connect();
  const patterns = ['news.*', 'news.>', 'news.#', '*.uk', 'news.*.sport', '>', 'news.uk'];
  const consumers = patterns.map((pattern) => {
    const consumer = rig.connect();
    consumer.listen(`/topic/${pattern}`, { mode: auto });
    return consumer;
  });
  const topics = ['news', 'news.uk', 'news.uk.sport', 'weather.uk', 'newsletter'];
  for (const topic of topics) producer.send(`/topic/${topic}`, topic);
  rig.settle();
  assert.deepEqual(
    consumers.map(({ received }) => received.map(({ destination: { name } }) => name)),
    [
      ['news.uk'],
      ['news', 'news.uk', 'news.uk.sport'],
      ['news', 'news.uk', 'news.uk.sport'],
      ['news.uk', 'weather.uk'],
      ['news.uk.sport'],
      topics,
      ['news.uk'],
    ],
  );
  for (const { received } of consumers) {
    for (const { body, destination } of received) assert.equal(body, destination.name);
  }
  rig.checkTwins();
});

test('a durable subscription with wildcards keeps the topics of its messages over compaction and takeover', () => {
  const rig = new Rig();
  rig.connect().listen('/topic/news.>', { durable });
  const producer = rig.connect();
  producer.send('/topic/news.uk', '1');
  producer.session.begin('t');
  producer.send('/topic/news.fr', '2', { transaction: 't' });
  producer.session.commit('t', null);
  rig.settle();
  for (const { payload, position } of [...rig.blocks]) rig.broker.relocate(payload, position);
  rig.checkTwins();
  rig.takeOver();
  const consumer = rig.connect();
  consumer.listen('/topic/news.>', { durable });
  assert.deepEqual(
    consumer.received.map(({ body, destination: { kind, name } }) => [body, kind, name]),
    [
      ['1', 'topic', 'news.uk'],
      ['2', 'topic', 'news.fr'],
    ],
  );
  consumer.settle(consumer.last(), REJECTION.poison);
  rig.settle();
  const dead = rig.connect();
  dead.listen('/queue/DLQ.news.fr', { mode: auto });
  assert.deepEqual(dead.bodies, ['2']);
  rig.checkTwins();
});

test('a pattern is forgotten with its subscription', () => {
  const rig = new Rig();
  const [producer, one, two] = [rig.connect(), rig.connect(), rig.connect()];
  one.listen('/topic/news.*', { mode: auto });
  two.listen('/topic/news.*', { mode: auto });
  producer.send('/topic/news.uk', '1');
  rig.settle();
  one.session.close();
  producer.send('/topic/news.uk', '2');
  rig.settle();
  two.session.close();
  producer.send('/topic/news.uk', '3');
  rig.settle();
  assert.deepEqual([one.bodies, two.bodies], [['1'], ['1', '2']]);
  assert.equal(rig.broker.statistics().queues.length, 0);
});

test('what a subscriber that shares had goes to the others when its connection ends', () => {
  const rig = new Rig();
  const [one, two, producer, stranger] = [
    rig.connect(),
    rig.connect(),
    rig.connect(),
    rig.connect(),
  ];
  const shared = { clientId: 'c', name: 's' };
  one.listen('/topic/t', { shared });
  producer.send('/topic/t', '1');
  rig.settle();
  two.listen('/topic/t', { shared });
  one.session.close();
  rig.settle();
  assert.deepEqual(two.bodies, ['1']);
  // The place of the first consumer is somebody else's by now.
  const subscriber = stranger.listen('/queue/other');
  const { entryId } = one.last();
  assert.throws(
    () => stranger.session.acknowledge(subscriber, entryId, null, null),
    /not delivered/,
  );
});

test('who subscribes while slow ones are being disconnected gets what comes', () => {
  const rig = new Rig({ limits: { topicBacklogMaxBytes: 100 } });
  const [slow, quick, producer] = [rig.connect(), rig.connect(), rig.connect()];
  const shared = { clientId: 'c', name: 's' };
  slow.listen('/topic/t', { shared, prefetch: 1 });
  for (let number = 1; number <= 3; number += 1) {
    producer.send('/topic/t', 'x'.repeat(100));
    rig.settle();
  }
  assert.equal(slow.aborted.length, 1);
  quick.listen('/topic/t', { shared, mode: auto });
  slow.session.close();
  producer.send('/topic/t', 'new');
  rig.settle();
  assert.deepEqual(quick.bodies, ['new']);
  quick.session.close();
  assert.equal(rig.broker.statistics().queues.length, 0);
});

test('wildcards that are not the last word stand for themselves in what was stored before', () => {
  const rig = new Rig();
  const [consumer, producer] = [rig.connect(), rig.connect()];
  consumer.listen('/topic/#.b', { mode: auto });
  producer.send('/topic/anything.else', 'x');
  rig.settle();
  assert.deepEqual(consumer.bodies, []);
});

test('the patterns of those that are gone take no memory', () => {
  const patterns = new TopicPatterns<string>();
  patterns.add('>', 'everything');
  for (let number = 1; number <= 1_000; number += 1) {
    patterns.add(`a.${number}.*`, 'gone');
    patterns.remove(`a.${number}.*`, 'gone');
  }
  assert.equal(patterns.wordCount, 0);
  patterns.add('a.b', 'one');
  assert.equal(patterns.wordCount, 2);
  assert.deepEqual(patterns.matching('a.b'), ['everything', 'one']);
});

test('as many subscriptions as there may be fit one topic', () => {
  const patterns = new TopicPatterns<number>();
  for (let number = 1; number <= 200_000; number += 1) patterns.add('>', number);
  assert.equal(patterns.matching('t').length, 200_000);
});
