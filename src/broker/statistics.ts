/**
 * Plain numbers about a broker. Today only tests read them, to see from outside what an index
 * holds; what operators shall see of queues will be made from the same numbers.
 */

import type { Destination } from './api.js';
import type { MessageIndex } from './message-index.js';
import type { LiveCounts } from './services.js';

interface QueueStatistics {
  readonly destination: Destination;
  /** Set for a durable subscription. */
  readonly subscription: { readonly clientId: string; readonly name: string } | null;
  /** False for what a topic subscriber has waiting in memory. */
  readonly stored: boolean;
  readonly messages: number;
  readonly bytes: number;
  readonly unacknowledged: number;
  readonly consumers: number;
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
  for (const queue of index.queues.all()) {
    const { stored, destination, messages, bytes, unacknowledged } = queue;
    const subscription =
      stored === null || stored.topic === ''
        ? null
        : { clientId: stored.clientId, name: stored.subscriptionName };
    queues.push({
      destination,
      subscription,
      stored: stored !== null,
      messages,
      bytes,
      unacknowledged,
      consumers: queue.consumers.length,
    });
  }
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
