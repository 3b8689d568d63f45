/**
 * The metrics of queues and durable subscriptions, so that their number is bounded: what is in memory
 * only has one series for all, and so have those beyond `admin.metricsMaxQueues`.
 */

import type { BrokerStatistics, QueueStatistics } from '../../broker/statistics.js';
import { QUEUE_METRICS } from './catalog.js';
import { type Exposition, labelText, type Metric, type Sample } from './exposition.js';

type Read = (queue: QueueStatistics, nowMs: number) => number;

/** `sum` and `highest`: how those that share a series become one value. */
const GAUGES: readonly { metric: Metric; read: Read; joins: 'sum' | 'highest' }[] = [
  { metric: QUEUE_METRICS.messages, joins: 'sum', read: ({ messages }) => messages },
  { metric: QUEUE_METRICS.bytes, joins: 'sum', read: ({ bytes }) => bytes },
  { metric: QUEUE_METRICS.ready, joins: 'sum', read: ({ ready }) => ready },
  { metric: QUEUE_METRICS.unacknowledged, joins: 'sum', read: (queue) => queue.unacknowledged },
  { metric: QUEUE_METRICS.consumers, joins: 'sum', read: ({ consumers }) => consumers },
  {
    metric: QUEUE_METRICS.oldestAge,
    joins: 'highest',
    read: ({ oldestAtMs }, nowMs) =>
      oldestAtMs === null ? 0 : Math.max(0, nowMs - oldestAtMs) / 1_000,
  },
];

const COUNTERS: readonly { metric: Metric; read: Read }[] = [
  { metric: QUEUE_METRICS.arrived, read: ({ counts }) => counts.arrived },
  { metric: QUEUE_METRICS.delivered, read: ({ counts }) => counts.delivered },
  { metric: QUEUE_METRICS.redelivered, read: ({ counts }) => counts.redelivered },
  { metric: QUEUE_METRICS.failed, read: ({ counts }) => counts.failed },
  { metric: QUEUE_METRICS.acknowledged, read: ({ counts }) => counts.acknowledged },
  { metric: QUEUE_METRICS.expired, read: ({ counts }) => counts.expired },
  { metric: QUEUE_METRICS.deadLettered, read: ({ counts }) => counts.deadLettered },
];

type Counts = QueueStatistics['counts'];

/** Those that share a series. What goes away must not make its counters fall: so only what was added is summed. */
class Group {
  readonly labels: string;
  readonly #totals = COUNTERS.map(() => 0);
  readonly #seen = new WeakMap<Counts, readonly number[]>();

  constructor(name: string) {
    this.labels = labelText({ group: name });
  }

  /** Takes in what was counted since the last scrape. */
  count(queues: readonly QueueStatistics[], nowMs: number): readonly number[] {
    for (const queue of queues) {
      const now = COUNTERS.map(({ read }) => read(queue, nowMs));
      const before = this.#seen.get(queue.counts);
      for (const [column, value] of now.entries()) {
        this.#totals[column] = (this.#totals[column] as number) + value - (before?.[column] ?? 0);
      }
      this.#seen.set(queue.counts, now);
    }
    return this.#totals;
  }
}

export class QueueMetrics {
  readonly #maxQueues: number;
  readonly #labels = new WeakMap<Counts, string>();
  /** Beyond the limit. */
  readonly #other = new Group('other');
  /** Temporary queues, and what subscribers of topics have waiting in memory. */
  readonly #memory = new Group('memory');

  constructor(maxQueues: number) {
    this.#maxQueues = maxQueues;
  }

  write(into: Exposition, { queues }: BrokerStatistics, nowMs: number): void {
    const stored = queues.filter((queue) => queue.stored);
    const listed = stored.slice(0, this.#maxQueues);
    const labels = listed.map((queue) => this.#labelsOf(queue));
    const groups = [
      { group: this.#other, members: stored.slice(this.#maxQueues) },
      { group: this.#memory, members: queues.filter((queue) => !queue.stored) },
    ].map(({ group, members }) => ({ group, members, totals: group.count(members, nowMs) }));
    for (const { metric, read, joins } of GAUGES) {
      const samples = listed.map((queue, at): Sample => [labels[at] as string, read(queue, nowMs)]);
      for (const { group, members } of groups) {
        const values = members.map((queue) => read(queue, nowMs));
        samples.push([group.labels, joins === 'sum' ? sum(values) : highest(values)]);
      }
      into.many(metric, samples);
    }
    for (const [column, { metric, read }] of COUNTERS.entries()) {
      const samples = listed.map((queue, at): Sample => [labels[at] as string, read(queue, nowMs)]);
      for (const { group, totals } of groups)
        samples.push([group.labels, totals[column] as number]);
      into.many(metric, samples);
    }
  }

  #labelsOf({ counts, destination, subscription }: QueueStatistics): string {
    const known = this.#labels.get(counts);
    if (known !== undefined) return known;
    const labels = labelText(
      subscription === null
        ? { queue: destination.name }
        : {
            topic: destination.name,
            subscription: subscription.name,
            client: subscription.clientId,
          },
    );
    this.#labels.set(counts, labels);
    return labels;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function highest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
