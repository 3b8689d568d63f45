/** Queues and topics that a client makes for itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { Rig } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;
const QUEUE = { kind: 'queue', name: 'temporary:queue:1' } as const;
const TOPIC = { kind: 'topic', name: 'temporary:topic:1' } as const;
const ADDRESS = `/queue/${QUEUE.name}`;
const GONE = { code: 'DESTINATION_GONE', message: /it went with the connection/ } as const;

test('answers come to a temporary queue, from memory, and it leaves nothing behind', () => {
  const rig = new Rig();
  const [asking, answering] = [rig.connect(), rig.connect()];
  asking.session.createTemporary(QUEUE);
  answering.send(ADDRESS, 'early', { token: 1 });
  rig.settle();
  assert.deepEqual(answering.confirmations, [1]);
  asking.listen(ADDRESS, { mode: auto });
  answering.send(ADDRESS, 'late');
  rig.settle();
  assert.deepEqual(asking.bodies, ['early', 'late']);
  assert.equal(rig.blocks.length, 1, 'only the reservation of ids is journaled');
  asking.session.close();
  assert.throws(() => answering.send(ADDRESS, 'too late'), GONE);
  assert.throws(() => answering.listen(ADDRESS), GONE);
  const { messages, memoryBytes, queues } = rig.broker.statistics();
  assert.deepEqual([messages, memoryBytes, queues], [0, 0, []]);
  rig.checkTwins();
});

test('it goes with what it holds, delivered or not, when it is removed', () => {
  const rig = new Rig();
  const [asking, answering] = [rig.connect(), rig.connect()];
  asking.session.createTemporary(QUEUE);
  const subscriber = asking.listen(ADDRESS, { prefetch: 1 });
  for (const body of ['1', '2']) answering.send(ADDRESS, body);
  rig.settle();
  answering.send(ADDRESS, 'on its way');
  asking.session.begin('t');
  asking.acknowledge(asking.last(), 't');
  asking.session.removeTemporary(QUEUE);
  rig.settle();
  asking.session.unsubscribe(subscriber, null);
  asking.session.commit('t', null);
  asking.session.removeTemporary(QUEUE);
  const { messages, memoryBytes, queues } = rig.broker.statistics();
  assert.deepEqual([messages, memoryBytes, queues], [0, 0, []]);
  rig.checkTwins();
});

test('only its own connection consumes from it or removes it', () => {
  const rig = new Rig();
  const [owner, other] = [rig.connect(), rig.connect()];
  owner.session.createTemporary(QUEUE);
  assert.throws(() => other.listen(ADDRESS), /of another connection/);
  other.session.removeTemporary(QUEUE);
  other.send(ADDRESS, 'still there');
  owner.listen(ADDRESS, { mode: auto });
  rig.settle();
  assert.deepEqual(owner.bodies, ['still there']);
});

test('a transaction whose answer nobody waits for any more is committed without it', () => {
  const rig = new Rig();
  const [asking, answering] = [rig.connect(), rig.connect()];
  asking.session.createTemporary(QUEUE);
  answering.session.begin('t');
  answering.send(ADDRESS, 'answer', { transaction: 't' });
  answering.send('/queue/log', 'answered', { transaction: 't' });
  asking.session.close();
  answering.session.commit('t', 7);
  rig.settle();
  assert.deepEqual(answering.confirmations, [7]);
  assert.equal(rig.broker.statistics().messages, 1);
  rig.checkTwins();
});

test('a temporary topic is there until its client is gone', () => {
  const rig = new Rig();
  const [owner, other] = [rig.connect(), rig.connect()];
  owner.session.createTemporary(TOPIC);
  other.send(`/topic/${TOPIC.name}`, 'nobody listens');
  owner.listen(`/topic/${TOPIC.name}`, { mode: auto });
  other.send(`/topic/${TOPIC.name}`, 'heard');
  rig.settle();
  assert.deepEqual(owner.bodies, ['heard']);
  assert.throws(() => other.send(`/queue/${TOPIC.name}`, 'no queue'), GONE);
  owner.session.close();
  assert.throws(() => other.send(`/topic/${TOPIC.name}`, 'gone'), GONE);
});

test('what fails too often in a temporary queue is dropped, for nobody else knows what it was', () => {
  const rig = new Rig();
  const owner = rig.connect();
  owner.session.createTemporary(QUEUE);
  owner.listen(ADDRESS);
  owner.send(ADDRESS, 'poison');
  rig.settle();
  for (let failure = 1; failure <= 3; failure += 1) {
    owner.reject(owner.last());
    rig.settle();
  }
  const { messages, deadLettered, queues } = rig.broker.statistics();
  assert.deepEqual([messages, deadLettered, queues.length], [0, 1, 1]);
});

test('a full temporary queue holds its producers back, and is nothing after a takeover', () => {
  const rig = new Rig({ limits: { queueMaxMessages: 2 } });
  const [owner, producer] = [rig.connect(), rig.connect()];
  owner.session.createTemporary(QUEUE);
  for (const body of ['1', '2', '3']) producer.send(ADDRESS, body);
  rig.settle();
  assert.equal(producer.paused.length, 1);
  assert.deepEqual(producer.aborted, []);
  rig.takeOver();
  assert.throws(() => rig.connect().send(ADDRESS, 'to the old one'), GONE);
});

test('an id that a client has for itself is refused to another one that says so', () => {
  const rig = new Rig();
  const events = rig.connect();
  const own = { clientId: 'ship', isExclusive: true } as const;
  const first = rig.broker.openSession(events, 'the first', own);
  rig.broker.openSession(events, 'one that shares', { clientId: 'ship' });
  assert.throws(() => rig.broker.openSession(events, 'the second', own), {
    code: 'CLIENT_ID_IN_USE',
    message: /"ship" is in use by the first/,
  });
  first.close();
  rig.broker.openSession(events, 'the second', own);
});

test('a commit that cannot be done gives back what it had acknowledged', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.session.createTemporary(QUEUE);
  client.send('/queue/q', 'a');
  client.listen('/queue/q');
  rig.settle();
  client.session.begin('t');
  client.acknowledge(client.last(), 't');
  client.send(`/topic/${QUEUE.name}`, 'a queue is no topic', { transaction: 't' });
  client.session.commit('t', null);
  client.session.close();
  rig.settle();
  assert.equal(rig.broker.statistics().messages, 0, 'committed without what has no addressee');
  rig.checkTwins();
});

test('temporary destinations count among the queues, and cannot have durable or shared subscriptions', () => {
  const rig = new Rig({ limits: { maxQueues: 10 } });
  const client = rig.connect();
  for (let number = 1; number <= 10; number += 1) {
    client.session.createTemporary({ kind: 'topic', name: `temporary:topic:${number}` });
  }
  assert.throws(() => client.session.createTemporary(QUEUE), { code: 'LIMIT_EXCEEDED' });
  const durable = { clientId: 'c', name: 's' };
  assert.throws(() => client.listen('/topic/temporary:topic:1', { durable }), /goes with/);
  const shared = durable;
  assert.throws(() => client.listen('/topic/temporary:topic:1', { shared }), /goes with/);
});

test('answers are not for those who listen to every topic', () => {
  const rig = new Rig();
  const [curious, owner] = [rig.connect(), rig.connect()];
  curious.listen('/topic/>', { mode: auto });
  owner.session.createTemporary(TOPIC);
  owner.listen(`/topic/${TOPIC.name}`, { mode: auto });
  rig.connect().send(`/topic/${TOPIC.name}`, 'answer');
  rig.settle();
  assert.deepEqual([owner.bodies, curious.bodies], [['answer'], []]);
  owner.session.close();
  assert.throws(() => rig.connect().send(`/topic/${TOPIC.name}`, 'late'), GONE);
});
