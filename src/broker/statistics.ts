/** Plain numbers about a broker: metrics and what operators see are made from them, and tests see with them what an index holds. */

import type { Destination } from './api.js';
import type { BrokerTotals, DepthFacts, LiveCounts, LiveDepthFacts } from './facts.js';
import type { MessageIndex } from './message-index.js';
import type { Queue } from './queue.js';
import type { QueueCounts } from './queue-counts.js';

export interface QueueStatistics extends DepthFacts, LiveDepthFacts {
  readonly destination: Destination;
  /** Set for a durable subscription. */
  readonly subscription: { readonly clientId: string; readonly name: string } | null;
  /** False for what a topic subscriber has waiting in memory. */
  readonly stored: boolean;
  /** Goes on counting. */
  readonly counts: QueueCounts;
}

export interface BrokerStatistics extends BrokerTotals {
  readonly sessions: number;
  /** What the index itself takes. */
  readonly indexBytes: number;
  readonly queues: readonly QueueStatistics[];
}

export function gatherStatistics(
  index: MessageIndex,
  counts: LiveCounts,
  sessions: number,
): BrokerStatistics {
  const queues: QueueStatistics[] = [];
  for (const queue of index.queues.all()) queues.push(statisticsOf(queue, index));
  const indexBytes = index.table.memoryBytes();
  return { ...totalsOf(index, counts), sessions, indexBytes, queues };
}

export function totalsOf(
  { messages, bytes, volatile }: MessageIndex,
  counts: LiveCounts,
): BrokerTotals {
  return { ...counts, messages, bytes, memoryBytes: volatile.bytes };
}

export function depthOf(queue: Queue, { table, arrivals }: MessageIndex): DepthFacts {
  const { messages, bytes } = queue;
  const oldestId = queue.oldestEntryId(table);
  return {
    messages,
    bytes,
    oldestAtMs: oldestId === null ? null : arrivals.arrivedAtMs(oldestId),
  };
}

export function liveDepthOf({ ready, unacknowledged, consumers }: Queue): LiveDepthFacts {
  return { ready: ready.length, unacknowledged, consumers: consumers.length };
}

function statisticsOf(queue: Queue, index: MessageIndex): QueueStatistics {
  const { stored, destination, counts } = queue;
  const subscription =
    stored === null || stored.topic === ''
      ? null
      : { clientId: stored.clientId, name: stored.subscriptionName };
  const isStored = stored !== null;
  return {
    destination,
    subscription,
    stored: isStored,
    ...depthOf(queue, index),
    ...liveDepthOf(queue),
    counts,
  };
}
