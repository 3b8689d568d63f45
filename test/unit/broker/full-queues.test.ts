/** What becomes of a message that a queue has no room for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { depth, Rig, type TestClient } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;
const exceeded = { code: 'LIMIT_EXCEEDED' };

function sendSome(client: TestClient, destination: string, count: number): void {
  for (let index = 1; index <= count; index += 1) {
    client.send(destination, `${index}`, { token: index });
  }
}

test('block: the limits of the address hold its producers back, and no others', () => {
  const rig = new Rig({ addresses: { 'orders.*': { maxMessages: 2 } } });
  const [producer, other] = [rig.connect(), rig.connect()];
  sendSome(other, '/queue/mail', 5);
  sendSome(producer, '/queue/orders.eu', 3);
  assert.match(producer.paused[0] ?? '', /Queue orders.eu is full/);
  rig.settle();
  assert.equal(depth(rig.broker, 'orders.eu'), 3);
  assert.deepEqual(other.paused, []);
  rig.connect().listen('/queue/orders.eu', { mode: auto });
  rig.settle();
  assert.equal(producer.resumed, 1);
  rig.checkTwins();
});

test('drop: what comes to a full queue is confirmed, counted and told of once', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 2, whenFull: 'drop' } } });
  const client = rig.connect();
  sendSome(client, '/queue/q', 4);
  rig.settle();
  client.send('/queue/q', 'in memory', { durable: false });
  rig.settle();
  assert.deepEqual(client.confirmations, [1, 2, 3, 4]);
  assert.deepEqual(client.paused, []);
  assert.equal(rig.broker.statistics().dropped, 3);
  assert.deepEqual(rig.firstDrops, ['q full']);
  client.listen('/queue/q', { mode: auto });
  rig.settle();
  assert.deepEqual(client.bodies, ['1', '2']);
  client.send('/queue/q', 'again');
  rig.settle();
  assert.deepEqual(client.bodies, ['1', '2', 'again']);
  rig.checkTwins();
});

test('drop: a message that was dropped may come again with its id', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 1, whenFull: 'drop' } } });
  const client = rig.connect();
  for (const id of ['a', 'b']) client.send('/queue/q', id, { duplicateId: id });
  rig.settle();
  client.listen('/queue/q', { mode: auto });
  rig.settle();
  for (const id of ['a', 'b']) client.send('/queue/q', id, { duplicateId: id });
  rig.settle();
  assert.deepEqual(client.bodies, ['a', 'b']);
  rig.checkTwins();
});

test('drop: of the subscriptions of a topic the full one goes without', () => {
  const rig = new Rig({ addresses: { news: { maxMessages: 1, whenFull: 'drop' } } });
  const client = rig.connect();
  client.listen('/topic/news', { durable: { clientId: 'c', name: 'one' } });
  const other = rig.connect();
  other.listen('/topic/news', { durable: { clientId: 'c', name: 'other' } });
  sendSome(rig.connect(), '/topic/news', 1);
  rig.settle();
  client.acknowledge(client.last());
  rig.settle();
  sendSome(rig.connect(), '/topic/news', 1);
  rig.settle();
  assert.deepEqual([client.received.length, other.received.length], [2, 1]);
  rig.checkTwins();
});

test('reject: the send fails, nothing is taken, and it is free again as soon as there is room', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 2, whenFull: 'reject' } } });
  const client = rig.connect();
  sendSome(client, '/queue/q', 2);
  // What is under way counts.
  assert.throws(() => client.send('/queue/q', '3'), {
    ...exceeded,
    message: /"q" is full.*2 messages/,
  });
  rig.settle();
  assert.throws(() => client.send('/queue/q', '3', { duplicateId: 'x' }), exceeded);
  assert.deepEqual([client.paused, rig.firstDrops], [[], []]);
  assert.equal(rig.broker.statistics().sent, 2);
  client.listen('/queue/q', { mode: auto });
  rig.settle();
  client.send('/queue/q', '3', { duplicateId: 'x' });
  rig.settle();
  assert.deepEqual(client.bodies, ['1', '2', '3']);
  // What came before is no new message, however full the queue is.
  rig.connect().send('/queue/q', '3', { duplicateId: 'x' });
  rig.checkTwins();
});

test('reject: bytes count too, those of a message that is in memory only as well', () => {
  const rig = new Rig({ addresses: { q: { maxBytes: 500, whenFull: 'reject' } } });
  const client = rig.connect();
  client.send('/queue/q', 'x'.repeat(300));
  client.send('/queue/q', 'x'.repeat(300), { durable: false });
  assert.throws(() => client.send('/queue/q', ''), exceeded);
  rig.checkTwins();
});

test('reject: a full subscription refuses what is sent to its topic, for all, unless it does not want it', () => {
  const rig = new Rig({ addresses: { news: { maxMessages: 1, whenFull: 'reject' } } });
  const [full, other, sender] = [rig.connect(), rig.connect(), rig.connect()];
  const durable = { clientId: 'c', name: 'n' };
  full.listen('/topic/news', { durable, selector: "kind = 'a'" });
  other.listen('/topic/news', { mode: auto });
  const send = (kind: string) => sender.send('/topic/news', kind, { headers: `kind:${kind}\n` });
  send('a');
  assert.throws(() => send('a'), { ...exceeded, message: /durable subscription to topic "news"/ });
  send('b');
  rig.settle();
  assert.deepEqual(other.bodies, ['a', 'b']);
  rig.checkTwins();
});

test('what subscribers have waiting in memory has its own limit, whatever the address says', () => {
  for (const whenFull of ['drop', 'reject'] as const) {
    const rig = new Rig({ addresses: { news: { maxMessages: 1, whenFull } } });
    const client = rig.connect();
    client.listen('/topic/news', { prefetch: 1 });
    sendSome(client, '/topic/news', 3);
    rig.settle();
    assert.equal(depth(rig.broker, 'news'), 3);
  }
});

test('reject: a transaction is refused as a whole, by its commit or as soon as a send is known to fail', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 2, whenFull: 'reject' } } });
  const client = rig.connect();
  client.send('/queue/in', 'work');
  client.listen('/queue/in');
  rig.settle();
  client.session.begin('t');
  for (const body of ['1', '2', '3']) client.send('/queue/q', body, { transaction: 't' });
  client.send('/queue/other', 'o', { transaction: 't' });
  client.acknowledge(client.last(), 't');
  assert.throws(() => client.session.commit('t', 'committed'), exceeded);
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'other')], [0, 0]);
  assert.deepEqual([depth(rig.broker, 'in'), client.confirmations], [1, []]);
  // The message is with its consumer again.
  client.acknowledge(client.last());
  sendSome(client, '/queue/q', 2);
  client.session.begin('t');
  assert.throws(() => client.send('/queue/q', '', { transaction: 't' }), exceeded);
  client.session.rollback('t', null);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 2);
  rig.checkTwins();
});

test('reject: the bytes of a transaction are judged before any of it is written', () => {
  for (let bodyBytes = 1; bodyBytes <= 120; bodyBytes += 1) {
    const rig = new Rig({ addresses: { q: { maxBytes: 400, whenFull: 'reject' } } });
    const client = rig.connect();
    client.session.begin('t');
    for (let index = 0; index < 5; index += 1) {
      client.send('/queue/q', 'x'.repeat(bodyBytes), { transaction: 't' });
    }
    let isCommitted = true;
    try {
      client.session.commit('t', null);
    } catch {
      isCommitted = false;
    }
    rig.settle();
    assert.equal(depth(rig.broker, 'q'), isCommitted ? 5 : 0, `${bodyBytes} bytes each`);
  }
});

test('reject: what a transaction sends again is no message more', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 1, whenFull: 'reject' } } });
  const client = rig.connect();
  client.send('/queue/q', '1', { duplicateId: 'a' });
  client.session.begin('t');
  client.send('/queue/q', '1', { duplicateId: 'a', transaction: 't' });
  client.send('/queue/other', '2', { transaction: 't' });
  client.session.commit('t', null);
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'other')], [1, 1]);
  rig.checkTwins();
});

test('reject: an id that a transaction has twice is one message', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 1, whenFull: 'reject' } } });
  const client = rig.connect();
  client.session.begin('t');
  for (const body of ['1', '1', '1']) {
    client.send('/queue/q', body, { duplicateId: 'same', transaction: 't' });
  }
  client.session.commit('t', 'committed');
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'q'), client.confirmations], [1, ['committed']]);
  // In memory it may be lost, so the durable one behind it counts, and there is no room for two.
  const other = new Rig({ addresses: { q: { maxMessages: 1, whenFull: 'reject' } } }).connect();
  other.session.begin('t');
  for (const durable of [false, true]) {
    other.send('/queue/q', '1', { duplicateId: 'same', durable, transaction: 't' });
  }
  assert.throws(() => other.session.commit('t', null), exceeded);
});

test('reject: what a refused transaction had acknowledged is for others at once', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 1, whenFull: 'reject' } } });
  const [client, other] = [rig.connect(), rig.connect()];
  client.send('/queue/in', 'work');
  const subscriber = client.listen('/queue/in', { returnsAtRollback: true });
  rig.settle();
  other.listen('/queue/in');
  client.session.begin('t');
  client.acknowledge(client.last(), 't');
  for (const body of ['1', '2']) client.send('/queue/q', body, { transaction: 't' });
  client.session.setCredit(subscriber, 0);
  assert.throws(() => client.session.commit('t', null), exceeded);
  assert.deepEqual(other.bodies, ['work']);
});

test('drop: of a transaction only what has no room is left out', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 2, whenFull: 'drop' } } });
  const client = rig.connect();
  client.session.begin('t');
  for (const body of ['1', '2', '3']) client.send('/queue/q', body, { transaction: 't' });
  client.send('/queue/other', 'o', { transaction: 't' });
  client.session.commit('t', 'committed');
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'other')], [2, 1]);
  assert.deepEqual(client.confirmations, ['committed']);
  assert.equal(rig.broker.statistics().dropped, 1);
  rig.checkTwins();
});

test('a node with other settings has the same state, and acts by its own when it serves', () => {
  const rig = new Rig({ addresses: { q: { maxMessages: 2, whenFull: 'reject' } } });
  sendSome(rig.connect(), '/queue/q', 2);
  rig.settle();
  rig.options = { addresses: { '>': { maxMessages: 3, whenFull: 'drop', expiryAddress: 'x' } } };
  rig.checkTwins();
  rig.takeOver();
  const client = rig.connect();
  sendSome(client, '/queue/q', 2);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 3);
  assert.equal(rig.broker.statistics().dropped, 1);
  rig.checkTwins();
});
