/** What is urgent comes first, from queues and subscriptions, whatever happens in between. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ACKNOWLEDGEMENT, REJECTION } from '../../../src/broker/api.js';
import { type ListenOptions, type Received, Rig, type TestClient } from './broker-rig.js';

const AUTO = { mode: ACKNOWLEDGEMENT.auto } as const;
const DURABLE = { clientId: 'c', name: 's' } as const;

/** Bodies say the priority and the place among what was sent. */
function sendPriorities(rig: Rig, destination: string, priorities: readonly number[]): void {
  const sender = rig.connect();
  for (const [index, priority] of priorities.entries()) {
    sender.send(destination, `${priority}.${index}`, { priority });
  }
  rig.settle();
}

function listening(rig: Rig, destination: string, options: ListenOptions = AUTO): TestClient {
  const client = rig.connect();
  client.listen(destination, options);
  rig.settle();
  return client;
}

const MIXED = [4, 0, 9, 4, 9, 5, 0];
const IN_ORDER = ['9.2', '9.4', '5.5', '4.0', '4.3', '0.1', '0.6'];

describe('priorities', () => {
  test('the highest comes first, and within one what came first', () => {
    const rig = new Rig();
    sendPriorities(rig, '/queue/q', MIXED);
    rig.checkTwins();
    assert.deepEqual(listening(rig, '/queue/q').takeBodies(), IN_ORDER);
    rig.checkTwins();
  });

  test('also from a durable subscription, and from one in memory that could not take it yet', () => {
    const rig = new Rig();
    listening(rig, '/topic/t', { durable: DURABLE }).session.close();
    const passing = rig.connect();
    passing.writable = false;
    passing.listen('/topic/t', AUTO);
    sendPriorities(rig, '/topic/t', MIXED);
    passing.writable = true;
    passing.session.resumeDelivery();
    assert.deepEqual(passing.takeBodies(), IN_ORDER);
    const durable = listening(rig, '/topic/t', { durable: DURABLE, ...AUTO });
    assert.deepEqual(durable.takeBodies(), IN_ORDER);
    rig.checkTwins();
  });

  test('what is in memory only has its priority too', () => {
    const rig = new Rig();
    const sender = rig.connect();
    for (const [index, priority] of MIXED.entries()) {
      sender.send('/queue/q', `${priority}.${index}`, { priority, durable: index % 2 === 0 });
    }
    rig.settle();
    assert.deepEqual(listening(rig, '/queue/q').takeBodies(), IN_ORDER);
  });

  test('what is rejected, released or left behind goes back to its place', () => {
    const rig = new Rig();
    sendPriorities(rig, '/queue/q', MIXED);
    const client = listening(rig, '/queue/q', { prefetch: 4 });
    const [first, second, third, fourth] = client.received.splice(0) as Received[];
    client.settle(third as Received, REJECTION.released);
    assert.deepEqual(client.takeBodies(), ['5.5']);
    client.reject(second as Received);
    client.acknowledge(first as Received);
    assert.deepEqual(client.takeBodies(), ['9.4', '4.3']);
    assert.equal(fourth?.body, '4.0');
    client.session.close();
    rig.checkTwins();
    assert.deepEqual(listening(rig, '/queue/q').takeBodies(), IN_ORDER.slice(1));
  });

  test('a transaction that rolls back puts everything back where it was', () => {
    const rig = new Rig();
    sendPriorities(rig, '/queue/q', MIXED);
    const client = listening(rig, '/queue/q', { returnsAtRollback: true, prefetch: 5 });
    client.session.begin('t');
    for (const message of client.received.splice(0).reverse()) client.acknowledge(message, 't');
    client.session.rollback('t', null);
    rig.settle();
    client.session.close();
    rig.settle();
    assert.deepEqual(listening(rig, '/queue/q').takeBodies(), IN_ORDER);
    rig.checkTwins();
  });

  test('a takeover and a checkpoint keep them', () => {
    const rig = new Rig();
    sendPriorities(rig, '/queue/q', MIXED);
    const holder = listening(rig, '/queue/q', { prefetch: 3 });
    assert.deepEqual(holder.bodies, IN_ORDER.slice(0, 3));
    const snapshot = rig.broker.snapshot();
    rig.takeOver();
    assert.deepEqual(rig.broker.snapshot(), snapshot);
    assert.deepEqual(listening(rig, '/queue/q').takeBodies(), IN_ORDER);
  });

  test('what is sent for later comes in its place once it is due', () => {
    const rig = new Rig();
    const sender = rig.connect();
    sender.send('/queue/q', 'urgent, later', { priority: 9, deliverAtMs: rig.nowMs + 50 });
    sendPriorities(rig, '/queue/q', [4, 5]);
    rig.nowMs += 100;
    rig.broker.sweep();
    assert.deepEqual(listening(rig, '/queue/q').takeBodies(), ['urgent, later', '5.1', '4.0']);
  });

  test('a dead letter keeps its priority', () => {
    const rig = new Rig({ limits: { maxDeliveries: 1 } });
    sendPriorities(rig, '/queue/q', [1, 7, 4]);
    const client = listening(rig, '/queue/q', { prefetch: 1 });
    for (let rejected = 0; rejected < 3; rejected += 1) {
      client.reject(client.last());
      rig.settle();
    }
    assert.deepEqual(listening(rig, '/queue/DLQ.q').takeBodies(), ['7.1', '4.2', '1.0']);
    rig.checkTwins();
  });

  test('consumers with selectors and browsers see what is urgent and comes late', () => {
    const rig = new Rig();
    const browser = listening(rig, '/queue/q', { ...AUTO, browses: true });
    sendPriorities(rig, '/queue/q', [4, 0, 4]);
    assert.deepEqual(browser.takeBodies(), ['4.0', '4.2', '0.1']);
    sendPriorities(rig, '/queue/q', [9, 2, 5, 4]);
    assert.deepEqual(browser.takeBodies(), ['9.0', '5.2', '4.3', '2.1']);
    const selecting = listening(rig, '/queue/q', { ...AUTO, selector: 'JMSPriority < 5' });
    assert.deepEqual(selecting.takeBodies(), ['4.0', '4.2', '4.3', '2.1', '0.1']);
    sendPriorities(rig, '/queue/q', [3, 8, 0]);
    assert.deepEqual(selecting.takeBodies(), ['3.0', '0.2']);
    assert.deepEqual(listening(rig, '/queue/q').takeBodies(), ['9.0', '8.1', '5.2']);
  });

  test('a queue of one priority after another finds each place without a search', () => {
    const rig = new Rig({ maxBatchBytes: 1 << 20 });
    const sender = rig.connect();
    const count = 20_000;
    for (let index = 0; index < count; index += 1) {
      sender.send('/queue/q', `${index}`, { priority: index % 10 });
    }
    rig.settle();
    const client = listening(rig, '/queue/q');
    assert.equal(client.received.length, count);
    const expected = Array.from({ length: count }, (_, index) => index).sort(
      (one, two) => (two % 10) - (one % 10) || one - two,
    );
    assert.deepEqual(client.takeBodies().map(Number), expected);
  });
});
