/** Messages that are to be delivered later, by their sender's wish or because they failed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT, REJECTION } from '../../../src/broker/api.js';
import { type Received, Rig } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;

function pass(rig: Rig, ms: number): void {
  rig.nowMs += ms;
  rig.broker.sweep();
  rig.settle();
}

test('a message comes when its time has come, durable or not, and those without one before it', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { mode: auto });
  client.send('/queue/q', 'later', { deliverAtMs: rig.nowMs + 1_000 });
  client.send('/queue/q', 'later in memory', { deliverAtMs: rig.nowMs + 500, durable: false });
  client.send('/queue/q', 'at once');
  rig.settle();
  assert.deepEqual(client.takeBodies(), ['at once']);
  rig.checkTwins();
  pass(rig, 499);
  assert.deepEqual(client.takeBodies(), []);
  pass(rig, 1);
  assert.deepEqual(client.takeBodies(), ['later in memory']);
  pass(rig, 500);
  assert.deepEqual(client.takeBodies(), ['later']);
  assert.equal(rig.broker.statistics().messages, 0);
  rig.checkTwins();
});

test('a delay survives takeovers and checkpoints, and ends for a node that comes after its time', () => {
  const rig = new Rig();
  const sender = rig.connect();
  sender.session.begin('t');
  sender.send('/queue/q', 'in a transaction', { deliverAtMs: rig.nowMs + 2_000, transaction: 't' });
  sender.session.commit('t', null);
  sender.send('/queue/q', 'soon', { deliverAtMs: rig.nowMs + 1_000 });
  rig.settle();
  for (const { payload, position } of [...rig.blocks]) rig.broker.relocate(payload, position);
  rig.checkTwins();
  rig.takeOver();
  const first = rig.connect();
  first.listen('/queue/q', { prefetch: 1 });
  rig.settle();
  assert.deepEqual(first.bodies, []);
  pass(rig, 1_000);
  assert.deepEqual(first.bodies, ['soon']);
  rig.checkTwins();
  rig.nowMs += 5_000;
  rig.takeOver();
  const second = rig.connect();
  second.listen('/queue/q', { mode: auto });
  assert.deepEqual(second.bodies, ['in a transaction', 'soon']);
  rig.settle();
  rig.checkTwins();
});

test('a node that goes back to following keeps the times', () => {
  const rig = new Rig();
  const sender = rig.connect();
  sender.send('/queue/q', 'later', { deliverAtMs: rig.nowMs + 1_000 });
  rig.settle();
  rig.broker.stopServing();
  rig.broker.startServing();
  const client = rig.connect();
  client.listen('/queue/q', { mode: auto });
  assert.deepEqual(client.bodies, []);
  pass(rig, 1_000);
  assert.deepEqual(client.bodies, ['later']);
  rig.checkTwins();
});

test('a message that expires before its time is never delivered', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { mode: auto });
  const [deliverAtMs, expiresAtMs] = [rig.nowMs + 1_000, rig.nowMs + 500];
  client.send('/queue/q', 'never', { deliverAtMs, expiresAtMs });
  rig.settle();
  pass(rig, 1_000);
  assert.deepEqual(client.bodies, []);
  const { messages, expired } = rig.broker.statistics();
  assert.deepEqual([messages, expired], [0, 1]);
  rig.checkTwins();
});

test('what failed waits for its next delivery, and others go on', () => {
  const rig = new Rig({ limits: { redeliveryDelayMs: 1_000 } });
  const client = rig.connect();
  client.listen('/queue/q', { prefetch: 1 });
  client.send('/queue/q', '1');
  client.send('/queue/q', '2');
  rig.settle();
  client.reject(client.last());
  rig.settle();
  assert.deepEqual(client.bodies, ['1', '2']);
  client.acknowledge(client.last());
  pass(rig, 999);
  assert.deepEqual(client.bodies, ['1', '2']);
  pass(rig, 1);
  assert.deepEqual(client.bodies, ['1', '2', '1']);
  assert.equal(client.last().failedDeliveries, 1);
  rig.checkTwins();
  // A node that takes over does not wait: it does not know since when.
  client.reject(client.last());
  rig.settle();
  rig.takeOver();
  const next = rig.connect();
  next.listen('/queue/q', { mode: auto });
  assert.deepEqual(next.bodies, ['1']);
});

test('a delay that is no time is refused', () => {
  const rig = new Rig();
  assert.throws(() => rig.connect().send('/queue/q', 'x', { deliverAtMs: -1 }), /since 1970/);
});

test('of a transaction that gives two back, the one that failed waits and the other keeps its place', () => {
  const rig = new Rig({ limits: { redeliveryDelayMs: 1_000 } });
  const client = rig.connect();
  for (const body of ['1', '2', '3', '4']) client.send('/queue/q', body);
  const subscriber = client.listen('/queue/q', { credit: 3 });
  rig.settle();
  const [one, two, three] = client.received.splice(0) as [Received, Received, Received];
  client.session.begin('t');
  client.settle(one, REJECTION.failed, 't');
  client.settle(two, REJECTION.released, 't');
  client.session.commit('t', null);
  client.settle(three, REJECTION.released);
  rig.settle();
  client.session.setCredit(subscriber, 100);
  assert.deepEqual(client.takeBodies(), ['2', '3', '4']);
  pass(rig, 1_000);
  assert.deepEqual(client.takeBodies(), ['1']);
});

test('the time of another attempt ends with the tenure that gave it', () => {
  const rig = new Rig({ limits: { redeliveryDelayMs: 1_000 } });
  const first = rig.connect();
  first.send('/queue/q', 'x');
  first.listen('/queue/q');
  rig.settle();
  first.reject(first.last());
  rig.settle();
  rig.broker.stopServing();
  rig.broker.startServing();
  rig.nowMs += 900;
  const second = rig.connect();
  second.listen('/queue/q');
  second.reject(second.last());
  pass(rig, 999);
  assert.equal(second.received.length, 1);
  pass(rig, 1);
  assert.equal(second.received.length, 2);
});

test('what expires long before its time is gone when it expires', () => {
  const rig = new Rig();
  const client = rig.connect();
  const [expiresAtMs, deliverAtMs] = [rig.nowMs + 10, rig.nowMs + 1_000_000];
  client.send('/queue/q', 'x', { expiresAtMs, deliverAtMs });
  rig.settle();
  pass(rig, 10);
  assert.equal(rig.broker.statistics().messages, 0);
  rig.checkTwins();
});

test('a message whose time has passed, and that failed too often, is a dead letter after a takeover', () => {
  const rig = new Rig({ limits: { maxDeliveries: 1 }, cold: true });
  const client = rig.connect();
  client.send('/queue/q', 'x', { deliverAtMs: rig.nowMs + 10 });
  rig.settle();
  pass(rig, 10);
  client.listen('/queue/q');
  rig.settle();
  client.reject(client.last());
  // The failure is journaled; to be moved it would have to be loaded first.
  while (rig.commitNext());
  rig.takeOver();
  const next = rig.connect();
  next.listen('/queue/q');
  rig.settle();
  assert.deepEqual(next.bodies, []);
});

test('what a topic subscriber gets later does not make it slow', () => {
  const rig = new Rig({ limits: { topicBacklogMaxBytes: 1_000 } });
  const [subscriber, sender] = [rig.connect(), rig.connect()];
  subscriber.listen('/topic/t', { mode: auto });
  for (let number = 1; number <= 20; number += 1) {
    sender.send('/topic/t', 'x'.repeat(100), { deliverAtMs: rig.nowMs + 1_000 });
    rig.settle();
  }
  assert.deepEqual(subscriber.aborted, []);
  pass(rig, 1_000);
  assert.equal(subscriber.received.length, 20);
});
