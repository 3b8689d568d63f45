import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Exposition } from '../../../src/admin/metrics/exposition.js';
import { QueueMetrics } from '../../../src/admin/metrics/queue-metrics.js';
import { QueueCounts } from '../../../src/broker/queue-counts.js';
import type { BrokerStatistics, QueueStatistics } from '../../../src/broker/statistics.js';

const NOW_MS = 1_000_000;
const MAX_QUEUES = 2;

let metrics: QueueMetrics;

beforeEach(() => {
  metrics = new QueueMetrics(MAX_QUEUES);
});

function queue(name: string, facts: Partial<QueueStatistics> = {}): QueueStatistics {
  return {
    destination: { kind: 'queue', name },
    subscription: null,
    stored: true,
    messages: 1,
    bytes: 100,
    ready: 1,
    unacknowledged: 0,
    consumers: 0,
    oldestAtMs: null,
    counts: new QueueCounts(),
    ...facts,
  };
}

/** The lines of one metric. */
function scrape(name: string, queues: readonly QueueStatistics[]): string[] {
  const page = new Exposition('prometheus');
  metrics.write(page, { queues } as BrokerStatistics, NOW_MS);
  const lines = page.end().split('\n');
  return lines.filter((line) => line.startsWith(`${name}{`)).map((line) => line.slice(name.length));
}

const ARRIVED = 'holdfast_queue_messages_arrived_total';

test('queues and durable subscriptions have series of their own, and what is in memory has one', () => {
  const queues = [
    queue('orders', { messages: 3 }),
    queue('prices', {
      destination: { kind: 'topic', name: 'prices' },
      subscription: { clientId: 'app', name: 'audit' },
    }),
    queue('temporary:1', { stored: false, messages: 5 }),
    queue('temporary:2', { stored: false, messages: 6 }),
  ];
  assert.deepEqual(scrape('holdfast_queue_messages', queues), [
    '{queue="orders"} 3',
    '{topic="prices",subscription="audit",client="app"} 1',
    '{group="other"} 0',
    '{group="memory"} 11',
  ]);
});

test('beyond the limit they are summed, and the oldest of them tells the age', () => {
  const queues = [0, 1, 2, 3].map((number) =>
    queue(`q${number}`, { oldestAtMs: NOW_MS - number * 1_000 }),
  );
  assert.deepEqual(scrape('holdfast_queue_messages', queues), [
    '{queue="q0"} 1',
    '{queue="q1"} 1',
    '{group="other"} 2',
    '{group="memory"} 0',
  ]);
  const ages = scrape('holdfast_queue_oldest_message_age_seconds', queues);
  assert.deepEqual(ages, [
    '{queue="q0"} 0',
    '{queue="q1"} 1',
    '{group="other"} 3',
    '{group="memory"} 0',
  ]);
});

test('the counters of a group never fall, also when a queue of it goes away', () => {
  const [first, second, third] = ['a', 'b', 'c'].map((name) => queue(name, { stored: false }));
  assert.ok(first && second && third);
  first.counts.arrived = 10;
  second.counts.arrived = 5;
  assert.equal(scrape(ARRIVED, [first, second]).at(-1), '{group="memory"} 15');
  second.counts.arrived = 6;
  third.counts.arrived = 100;
  assert.equal(scrape(ARRIVED, [second, third]).at(-1), '{group="memory"} 116');
});

test('a name is written so that it can be read again', () => {
  const [line] = scrape('holdfast_queue_messages', [queue('a"b\\c\nd')]);
  assert.equal(line, '{queue="a\\"b\\\\c\\nd"} 1');
});
