import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { depth, type ListenOptions, type Received, Rig, type TestClient } from './broker-rig.js';

const { cumulative, individual } = ACKNOWLEDGEMENT;

test('a transaction is nothing before its commit and all of it after, in one block', () => {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const client = rig.connect();
  client.listen('/queue/in');
  client.send('/queue/in', 'a');
  client.send('/queue/in', 'b');
  rig.settle();
  client.session.begin('t');
  for (let index = 0; index < 50; index += 1) {
    client.send('/queue/out', `${index}`.padEnd(500, '.'), { transaction: 't' });
  }
  client.acknowledge(client.received[0] as never, 't');
  client.reject(client.received[1] as never, 't');
  rig.settle();
  assert.equal(depth(rig.broker, 'out'), 0);
  assert.equal(depth(rig.broker, 'in'), 2);
  client.session.commit('t', 'committed');
  let blocksWithMessages = 0;
  for (let committed = true; committed; committed = rig.commitNext()) {
    const { broker } = rig.follower();
    const out = depth(broker, 'out');
    assert.ok(out === 0 || out === 50);
    assert.equal(depth(broker, 'in'), out === 0 ? 2 : 1);
    blocksWithMessages += out === 50 ? 1 : 0;
  }
  assert.ok(blocksWithMessages > 0);
  assert.deepEqual(client.confirmations, ['committed']);
  assert.equal(client.last().body, 'b');
  assert.equal(client.last().failedDeliveries, 1);
  rig.checkTwins();
});

test('a small transaction does not straddle two batches either', () => {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const client = rig.connect();
  for (let fill = 0; fill < 40; fill += 1) {
    client.send('/queue/filler', 'x'.repeat(100 * fill));
    client.session.begin('t');
    for (let index = 0; index < 3; index += 1) {
      client.send('/queue/out', 'y'.repeat(300), { transaction: 't' });
    }
    client.session.commit('t', null);
  }
  while (rig.commitNext()) {
    const { broker } = rig.follower();
    assert.equal(depth(broker, 'out') % 3, 0);
  }
  assert.equal(depth(rig.broker, 'out'), 120);
  rig.checkTwins();
});

test('after a rollback messages are gone and acknowledgements can be given again', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 2 });
  for (const body of ['1', '2', '3']) client.send('/queue/q', body);
  rig.settle();
  client.session.begin('t');
  client.send('/queue/out', 'never', { transaction: 't' });
  const first = client.received[0] as never;
  client.acknowledge(first, 't');
  // What a transaction holds makes room, so that it can be larger than the prefetch.
  assert.deepEqual(client.bodies, ['1', '2', '3']);
  assert.throws(() => client.acknowledge(first), { code: 'CLIENT_FAILED' });
  client.session.rollback('t', 'rolled back');
  client.acknowledge(first);
  rig.settle();
  assert.equal(depth(rig.broker, 'out'), 0);
  assert.equal(depth(rig.broker, 'q'), 2);
  assert.deepEqual(client.confirmations, ['rolled back']);
  assert.throws(() => client.session.commit('t', null), { code: 'CLIENT_FAILED' });
  rig.checkTwins();
});

test('a cumulative acknowledgement in a transaction takes all before it, and gives all back', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { mode: cumulative });
  for (const body of ['1', '2', '3', '4']) client.send('/queue/q', body);
  rig.settle();
  client.session.begin('t');
  client.acknowledge(client.received[2] as never, 't');
  client.session.rollback('t', null);
  client.session.begin('u');
  client.acknowledge(client.received[1] as never, 'u');
  client.session.commit('u', null);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 2);
  client.session.close();
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(next.bodies, ['3', '4']);
  rig.checkTwins();
});

/** One has a message of the default priority, and then an urgent one, and rolls an acknowledgement of the first back. */
function overtakenAndRolledBack(rig: Rig, options: ListenOptions): TestClient {
  const client = rig.connect();
  client.listen('/queue/q', options);
  client.send('/queue/q', 'first');
  rig.settle();
  client.send('/queue/q', 'urgent', { priority: 9 });
  rig.settle();
  assert.deepEqual(client.bodies, ['first', 'urgent']);
  client.session.begin('t');
  client.acknowledge(client.received[0] as Received, 't');
  client.session.rollback('t', null);
  return client;
}

test('what is rolled back is where it was in the order of delivery, whatever came after it', () => {
  const rig = new Rig();
  const client = overtakenAndRolledBack(rig, { mode: cumulative });
  client.acknowledge(client.received[0] as Received);
  client.session.close();
  rig.settle();
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(next.bodies, ['urgent']);
  rig.checkTwins();
});

test('of what a lost connection was delivered the first one counts as failed, also after a rollback', () => {
  const rig = new Rig();
  overtakenAndRolledBack(rig, { mode: individual }).session.close();
  rig.settle();
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(
    next.received.map(({ body, failedDeliveries }) => [body, failedDeliveries]),
    [
      ['urgent', 0],
      ['first', 1],
    ],
  );
  rig.checkTwins();
});

test('several transactions of one consumer give back in any order what they hold', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { mode: cumulative });
  const priorities = [4, 9, 0, 5, 9, 1];
  for (const [index, priority] of priorities.entries()) {
    client.send('/queue/q', `${index}`, { priority });
    rig.settle();
  }
  for (const [transaction, upTo] of Object.entries({ t: 1, u: 3, v: 4 })) {
    client.session.begin(transaction);
    client.acknowledge(client.received[upTo] as Received, transaction);
  }
  for (const transaction of ['u', 'v', 't']) client.session.rollback(transaction, null);
  client.acknowledge(client.received[2] as Received);
  rig.settle();
  client.session.close();
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(next.bodies, ['4', '3', '5']);
  rig.checkTwins();
});

test('a session that closes rolls its transactions back', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q');
  client.send('/queue/q', '1');
  client.send('/queue/q', '2');
  rig.settle();
  client.session.begin('t');
  client.acknowledge(client.received[1] as never, 't');
  client.send('/queue/q', '3', { transaction: 't' });
  client.session.close();
  rig.settle();
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(next.bodies, ['1', '2']);
  rig.checkTwins();
});

test('what a transaction holds goes back to its queue when the subscription has ended', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/queue/q');
  client.send('/queue/q', '1');
  client.send('/queue/q', '2');
  rig.settle();
  client.session.begin('t');
  client.acknowledge(client.received[0] as never, 't');
  client.session.unsubscribe(subscriber, null);
  client.session.rollback('t', null);
  const next = rig.connect();
  next.listen('/queue/q');
  assert.deepEqual(next.bodies.sort(), ['1', '2']);
  rig.checkTwins();
});

test('topics and non-durable messages take part in transactions', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/topic/news');
  client.listen('/topic/news', { durable: { clientId: 'c', name: 'n' } });
  client.session.begin('t');
  client.send('/topic/news', 'durable', { transaction: 't' });
  client.send('/topic/news', 'volatile', { transaction: 't', durable: false });
  rig.settle();
  assert.deepEqual(client.bodies, []);
  client.session.commit('t', null);
  rig.settle();
  assert.deepEqual(client.bodies.sort(), ['durable', 'durable', 'volatile', 'volatile']);
  rig.checkTwins();
});

test('a rejection in a transaction that is one too many dead-letters at the commit', () => {
  const rig = new Rig({ limits: { maxDeliveries: 1 } });
  const client = rig.connect();
  client.listen('/queue/q');
  client.send('/queue/q', 'poison');
  rig.settle();
  client.session.begin('t');
  client.reject(client.last(), 't');
  rig.settle();
  assert.equal(depth(rig.broker, 'DLQ.q'), 0);
  client.session.commit('t', null);
  rig.settle();
  assert.equal(depth(rig.broker, 'DLQ.q'), 1);
  rig.checkTwins();
});

test('transactions are bounded in bytes and in number, and have a name each', () => {
  const rig = new Rig({ limits: { maxTransactionBytes: 1000, maxTransactionsPerSession: 2 } });
  const client = rig.connect();
  client.session.begin('t');
  client.send('/queue/q', 'x'.repeat(900), { transaction: 't' });
  assert.throws(() => client.send('/queue/q', 'x'.repeat(900), { transaction: 't' }), {
    code: 'LIMIT_EXCEEDED',
    message: /more than 1000 bytes/,
  });
  assert.throws(() => client.session.begin('t'), { code: 'CLIENT_FAILED' });
  client.session.begin('u');
  assert.throws(() => client.session.begin('v'), { code: 'LIMIT_EXCEEDED' });
  assert.throws(() => client.send('/queue/q', '', { transaction: 'w' }), { code: 'CLIENT_FAILED' });
  client.session.commit('t', null);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 1);
  rig.checkTwins();
});

test('a transaction that is left open is rolled back when its time is up, and one without work is not', () => {
  const rig = new Rig({ limits: { transactionTimeoutMs: 1_000 } });
  const client = rig.connect();
  client.send('/queue/in', '1');
  client.listen('/queue/in', { returnsAtRollback: true });
  rig.settle();
  client.session.begin('idle');
  client.session.begin('busy');
  client.acknowledge(client.last(), 'busy');
  client.send('/queue/out', 'never', { transaction: 'busy' });
  const wait = (ms: number): void => {
    rig.nowMs += ms;
    rig.broker.sweep();
    rig.settle();
  };
  wait(999);
  assert.deepEqual(client.bodies, ['1']);
  wait(1);
  assert.deepEqual(client.bodies, ['1', '1'], 'what it had acknowledged comes again');
  assert.throws(() => client.send('/queue/out', 'late', { transaction: 'busy' }), /rolled back/);
  assert.throws(() => client.session.commit('busy', null), /more than 1000 ms/);
  client.send('/queue/out', 'in time', { transaction: 'idle' });
  client.session.commit('idle', null);
  rig.settle();
  assert.deepEqual(depth(rig.broker, 'out'), 1);
  rig.checkTwins();
});

test('the topic that each message of a transaction says counts against its limit', () => {
  const rig = new Rig({ limits: { maxTransactionBytes: 10_000 } });
  const client = rig.connect();
  client.session.begin('t');
  const topic = `/topic/${'n'.repeat(900)}`;
  const sendMany = (): void => {
    for (let number = 1; number <= 20; number += 1) client.send(topic, '', { transaction: 't' });
  };
  assert.throws(sendMany, { code: 'LIMIT_EXCEEDED' });
});
