import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REJECTION } from '../../../src/broker/api.js';
import { depth, Rig, type TestClient } from './broker-rig.js';

function sendMany(client: TestClient, count: number): void {
  for (let index = 1; index <= count; index += 1) client.send('/queue/q', String(index));
}

test('a subscriber gets what it has credit for, whatever its prefetch', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/queue/q', { credit: 0 });
  sendMany(client, 5);
  rig.settle();
  assert.deepEqual(client.bodies, []);
  client.session.setCredit(subscriber, 2);
  assert.deepEqual(client.bodies, ['1', '2']);
  client.acknowledge(client.received[0] as never);
  assert.deepEqual(client.bodies, ['1', '2'], 'an acknowledgement is no credit');
  client.session.setCredit(subscriber, 1);
  assert.deepEqual(client.bodies, ['1', '2', '3']);
  client.session.setCredit(subscriber, 1);
  client.session.setCredit(subscriber, 0);
  rig.settle();
  assert.deepEqual(client.bodies, ['1', '2', '3', '4']);
});

test('what one subscriber has no credit for goes to another', () => {
  const rig = new Rig();
  const [poor, rich] = [rig.connect(), rig.connect()];
  poor.listen('/queue/q', { credit: 1 });
  rich.listen('/queue/q');
  sendMany(poor, 4);
  rig.settle();
  assert.deepEqual([poor.bodies.length, rich.bodies.length], [1, 3]);
});

test('a drain ends when the queue is empty, and at once when it is', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/queue/q', { credit: 5 });
  let drained = 0;
  client.session.drain(subscriber, () => {
    drained += 1;
  });
  assert.equal(drained, 1);
  sendMany(client, 2);
  rig.settle();
  assert.equal(drained, 1, 'told once');
  assert.deepEqual(client.bodies, ['1', '2']);
});

test('a drain ends when the credit is used up, though more is there', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/queue/q', { credit: 0 });
  sendMany(client, 3);
  rig.settle();
  client.session.setCredit(subscriber, 2);
  let received = -1;
  client.session.drain(subscriber, () => {
    received = client.received.length;
  });
  assert.equal(received, 2);
});

test('a drain ends when the prefetch is full, and when what was left has expired', () => {
  const rig = new Rig();
  const client = rig.connect();
  const subscriber = client.listen('/queue/q', { credit: 10, prefetch: 1 });
  client.send('/queue/q', 'stays');
  client.send('/queue/q', 'expires', { expiresAtMs: rig.nowMs + 1_000 });
  rig.settle();
  let drained = 0;
  client.session.drain(subscriber, () => {
    drained += 1;
  });
  assert.equal(drained, 1);
  rig.nowMs += 2_000;
  rig.broker.sweep();
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 1);
});

test('a drain waits until a body that has to be loaded is there', () => {
  const rig = new Rig({ cold: true });
  const sender = rig.connect();
  sendMany(sender, 1);
  rig.settle();
  const client = rig.connect();
  const subscriber = client.listen('/queue/q', { credit: 10 });
  let received = -1;
  client.session.drain(subscriber, () => {
    received = client.received.length;
  });
  assert.equal(received, -1);
  rig.settle();
  assert.equal(received, 1);
});

test('what is released comes again as if nothing had been', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 1 });
  sendMany(client, 1);
  rig.settle();
  client.settle(client.last(), REJECTION.released);
  rig.settle();
  assert.equal(client.received.length, 2);
  assert.equal(client.last().failedDeliveries, 0);
  rig.checkTwins();
});

test('poison goes to the dead-letter queue at its first rejection, also from the node after a crash', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q');
  sendMany(client, 2);
  rig.settle();
  client.settle(client.received[0] as never, REJECTION.poison);
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'DLQ.q')], [1, 1]);
  rig.checkTwins();
});

test('in a transaction that rolls back, acknowledged messages return to their queue as failed', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { returnsAtRollback: true });
  sendMany(client, 2);
  rig.settle();
  client.session.begin('t');
  for (const message of client.received.splice(0)) client.acknowledge(message, 't');
  client.session.rollback('t', 'rolled back');
  rig.settle();
  assert.deepEqual(client.confirmations, ['rolled back']);
  assert.deepEqual(
    client.received.map(({ body, failedDeliveries }) => [body, failedDeliveries]),
    [
      ['1', 1],
      ['2', 1],
    ],
  );
  rig.checkTwins();
});

test('a connection that is lost makes nothing of its transactions count as failed', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { returnsAtRollback: true });
  sendMany(client, 3);
  rig.settle();
  client.session.begin('t');
  for (const message of client.received) client.acknowledge(message, 't');
  client.session.close();
  rig.settle();
  const next = rig.connect();
  next.listen('/queue/q');
  const failures = next.received.map(({ body, failedDeliveries }) => [body, failedDeliveries]);
  // As with any connection the oldest may be the one that it failed over.
  assert.deepEqual(failures, [
    ['1', 1],
    ['2', 0],
    ['3', 0],
  ]);
  rig.checkTwins();
});

test('a message whose transactions roll back too often ends in the dead-letter queue', () => {
  const rig = new Rig({ limits: { maxDeliveries: 3 } });
  const client = rig.connect();
  client.listen('/queue/q', { returnsAtRollback: true });
  sendMany(client, 1);
  rig.settle();
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    client.session.begin('t');
    client.acknowledge(client.last(), 't');
    client.session.rollback('t', null);
    rig.settle();
  }
  assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'DLQ.q')], [0, 1]);
  rig.checkTwins();
});
