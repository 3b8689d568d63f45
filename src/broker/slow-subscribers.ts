/** Who does not take what a topic sends is disconnected before it fills the memory. */

import type { VolatileArrival } from './batch-builder.js';
import type { QueueRegistry } from './queue-registry.js';

/**
 * To be called before `arrivals` are applied: what one batch brings, as after a pause of the store, nobody had a
 * chance to take yet. `limitBytes`: of each queue that a subscription has in memory.
 */
export function abortSlowSubscribers(
  arrivals: readonly VolatileArrival[],
  queues: QueueRegistry,
  limitBytes: number,
): void {
  for (const arrival of arrivals) {
    for (const queue of arrival.queues) {
      if (!queue.isBacklog || queue.removed || queue.bytes - queue.delayedBytes <= limitBytes)
        continue;
      queues.unpublish(queue);
      const topic = queue.destination.name;
      for (const consumer of queue.consumers) {
        consumer.client.events.abort(
          `More than ${limitBytes} bytes of topic ${topic} wait for this client; ` +
            'read faster, use a durable subscription, or raise limits.topicBacklogMaxBytes.',
        );
      }
    }
  }
}
