/** Plain numbers about a broker: metrics are made from them, and tests see with them what an index holds. */

import type { Destination } from './api.js';
import type { MessageIndex } from './message-index.js';
import type { Queue } from './queue.js';
import type { QueueCounts } from './queue-counts.js';
import type { LiveCounts } from './services.js';

export interface QueueStatistics {
  readonly destination: Destination;
  /** Set for a durable subscription. */
  readonly subscription: { readonly clientId: string; readonly name: string } | null;
  /** False for what a topic subscriber has waiting in memory. */
  readonly stored: boolean;
  readonly messages: number;
  readonly bytes: number;
  /** Waiting for a consumer. */
  readonly ready: number;
  readonly unacknowledged: number;
  readonly consumers: number;
  /** Roughly when the oldest message came that is ready or unacknowledged, of the wall clock; null when there is none. */
  readonly oldestAtMs: number | null;
  /** Goes on counting. */
  readonly counts: QueueCounts;
}

export interface BrokerStatistics extends Readonly<LiveCounts> {
  readonly sessions: number;
  readonly messages: number;
  readonly bytes: number;
  /** Non-durable messages. */
  readonly memoryBytes: number;
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
  return {
    ...counts,
    sessions,
    messages: index.messages,
    bytes: index.bytes,
    memoryBytes: index.volatile.bytes,
    indexBytes: index.table.memoryBytes(),
    queues,
  };
}

function statisticsOf(queue: Queue, { table, arrivals }: MessageIndex): QueueStatistics {
  const { stored, destination, messages, bytes, unacknowledged } = queue;
  const subscription =
    stored === null || stored.topic === ''
      ? null
      : { clientId: stored.clientId, name: stored.subscriptionName };
  const oldestId = queue.oldestEntryId(table);
  return {
    destination,
    subscription,
    stored: stored !== null,
    messages,
    bytes,
    ready: queue.ready.length,
    unacknowledged,
    consumers: queue.consumers.length,
    oldestAtMs: oldestId === null ? null : arrivals.arrivedAtMs(oldestId),
    counts: queue.counts,
  };
}
