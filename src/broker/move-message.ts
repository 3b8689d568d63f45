/** A message in one queue less and in another one more, whatever happens in between: both in one batch. */

import type { BatchBuilder } from './batch-builder.js';
import type { Deliveries } from './deliveries.js';
import type { EntryContent } from './entry-content.js';
import type { Publisher } from './publisher.js';
import type { Queue } from './queue.js';
import {
  contentBytes,
  FIXED_BYTES,
  MESSAGE_TARGET_BYTES,
  type RemovalReason,
  removalBytes,
} from './records.js';

export interface MoveParts {
  readonly batches: BatchBuilder;
  readonly publisher: Publisher;
  readonly deliveries: Deliveries;
}

/** Of an entry that is in no list. Returns the id of the copy. */
export function moveMessage(
  { batches, publisher, deliveries }: MoveParts,
  slot: number,
  target: Queue,
  { message, timestampMs, durable }: Pick<EntryContent, 'message' | 'timestampMs' | 'durable'>,
  reason: RemovalReason,
): number {
  // Room for the message and the removal, and for ids that may have to be reserved.
  const bytes = contentBytes(message) + MESSAGE_TARGET_BYTES + removalBytes(true, 1);
  batches.reserve(bytes + FIXED_BYTES.entryIdsReserved);
  const copyId = publisher.publishTo(target, message, timestampMs, durable);
  deliveries.remove(slot, reason);
  return copyId;
}
