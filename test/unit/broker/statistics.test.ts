/** What metrics tell of queues. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import type { Broker } from '../../../src/broker/broker.js';
import type { QueueStatistics } from '../../../src/broker/statistics.js';
import { Rig } from './broker-rig.js';

function queueOf(broker: Broker, name: string): QueueStatistics {
  const found = broker.statistics().queues.find(({ destination }) => destination.name === name);
  assert.ok(found, `there is no queue ${name}`);
  return found;
}

test('a queue counts what comes, goes, comes again, fails and dies', () => {
  const rig = new Rig({ limits: { maxDeliveries: 2 } });
  const client = rig.connect();
  for (const body of ['acknowledged', 'dead', 'waiting']) client.send('/queue/q', body);
  rig.settle();
  client.listen('/queue/q', { prefetch: 1 });
  client.acknowledge(client.last());
  client.reject(client.last());
  assert.equal(client.last().body, 'dead', 'it comes again');
  client.reject(client.last());
  rig.settle();
  const { counts, ready, unacknowledged, messages } = queueOf(rig.broker, 'q');
  assert.deepEqual(
    { ready, unacknowledged, messages },
    { ready: 0, unacknowledged: 1, messages: 1 },
  );
  assert.equal(counts.arrived, 3);
  assert.equal(counts.delivered, 4);
  assert.equal(counts.redelivered, 1);
  assert.equal(counts.acknowledged, 1);
  assert.equal(counts.failed, 2);
  assert.equal(counts.deadLettered, 1);
  assert.equal(counts.expired, 0);
  assert.equal(queueOf(rig.broker, 'DLQ.q').counts.arrived, 1);
});

test('what is acknowledged by its delivery, and what expires, is counted', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send('/queue/q', 'late', { expiresAtMs: rig.nowMs + 10 });
  client.send('/queue/q', 'taken', { durable: false });
  rig.settle();
  rig.nowMs += 11;
  rig.broker.sweep();
  client.listen('/queue/q', { mode: ACKNOWLEDGEMENT.auto });
  rig.settle();
  const { counts } = queueOf(rig.broker, 'q');
  assert.equal(counts.arrived, 2);
  assert.equal(counts.expired, 1);
  assert.equal(counts.delivered, 1);
  assert.equal(counts.acknowledged, 1);
});

test('a backup that follows has counted nothing when it goes live', () => {
  const rig = new Rig();
  rig.connect().send('/queue/q', '');
  rig.settle();
  const { broker } = rig.follower();
  broker.startServing();
  assert.equal(queueOf(broker, 'q').messages, 1);
  assert.equal(queueOf(broker, 'q').counts.arrived, 0);
});

test('the oldest message is the one that waits longest, with a consumer or for one', () => {
  const rig = new Rig();
  const client = rig.connect();
  const sentAt: number[] = [];
  for (const body of ['1', '2', '3']) {
    rig.nowMs += 2_000;
    rig.broker.sweep();
    sentAt.push(rig.nowMs);
    client.send('/queue/q', body);
    rig.settle();
  }
  assert.equal(queueOf(rig.broker, 'q').oldestAtMs, sentAt[0]);
  client.listen('/queue/q', { prefetch: 1 });
  assert.equal(queueOf(rig.broker, 'q').oldestAtMs, sentAt[0], 'unacknowledged');
  client.acknowledge(client.last());
  rig.settle();
  assert.equal(queueOf(rig.broker, 'q').oldestAtMs, sentAt[1]);
  const { broker } = rig.follower();
  assert.equal(queueOf(broker, 'q').oldestAtMs, sentAt[1], 'by the times in the journal');
  for (let left = 2; left > 0; left -= 1) client.acknowledge(client.last());
  rig.settle();
  assert.equal(queueOf(rig.broker, 'q').oldestAtMs, null);
});

test('the oldest message may be one of low priority, behind all others', () => {
  const rig = new Rig();
  const client = rig.connect();
  const sentAt = rig.nowMs;
  client.send('/queue/q', 'low', { priority: 1 });
  for (const priority of [9, 4, 9, 4]) {
    rig.nowMs += 5_000;
    client.send('/queue/q', 'later', { priority });
    rig.settle();
  }
  assert.equal(queueOf(rig.broker, 'q').oldestAtMs, sentAt);
});
