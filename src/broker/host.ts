/**
 * What the broker needs of the house around it, so that it stays pure: no I/O and no clock. The
 * node feeds it blocks (its own after they were committed, or another node's while it follows),
 * takes the batches it gathers, and lends it the bodies that lie in the journal.
 */

import type { ConfirmationToken, HeldBytes, SessionEvents } from './api.js';

/** Where a record lies: a segment's number, the block's offset in the segment, the record's offset in the block's payload. */
export interface BlockPosition {
  readonly segment: number;
  readonly blockOffset: number;
}

/** Bytes of journal segments that are still needed, as the broker's index changes. */
export interface SegmentUsage {
  retain(segment: number, bytes: number): void;
  release(segment: number, bytes: number): void;
}

/** Payloads of journal blocks: cached, or loaded from the journal with their checksum verified. */
export interface BodySource {
  /** The payload when it is at hand, else undefined. */
  cached(segment: number, blockOffset: number): Uint8Array | undefined;
  /**
   * Loads the payload, and some blocks after it, then calls back; `cached` then has it until the next
   * turn of the event loop at least, unless the segment is gone, which only an owner of the store is told.
   */
  load(segment: number, blockOffset: number, loaded: () => void): void;
  /** Keeps the block in the journal, not its `payload` in memory, so that it can be read piece by piece. */
  hold(segment: number, blockOffset: number, payload: Uint8Array): HeldBytes;
}

/** What gathers while a write is under way, and then goes out as one journal block. */
export interface Batch {
  /** The records lie in `slab` from BLOCK_HEADER_BYTES to `end`; the journal fills in the header. */
  slab: Uint8Array;
  end: number;
  recordCount: number;
  /** Who waits for it, in order: confirmed after the batch was applied. */
  readonly confirmSessions: SessionEvents[];
  readonly confirmTokens: ConfirmationToken[];
}

export interface BrokerLimits {
  /** A queue above either stops its producers; it lets them go on below nine tenths. */
  readonly queueMaxMessages: number;
  readonly queueMaxBytes: number;
  /** The same for all queues together. */
  readonly storeMaxMessages: number;
  readonly storeMaxBytes: number;
  readonly maxQueues: number;
  readonly maxTransactionBytes: number;
  readonly maxTransactionsPerSession: number;
  /** From the first message or settlement of a transaction to its end; 0: as long as it takes. */
  readonly transactionTimeoutMs: number;
  readonly maxSubscriptionsPerSession: number;
  /** What a topic subscriber without a durable subscription may have waiting in memory before it is aborted. */
  readonly topicBacklogMaxBytes: number;
  /** Non-durable messages, all together. */
  readonly memoryMaxBytes: number;
  readonly defaultPrefetch: number;
  readonly maxPrefetch: number;
  /** Failed deliveries after which a message goes to `DLQ.<name>`. */
  readonly maxDeliveries: number;
  /** How long a message that failed waits for its next delivery. */
  readonly redeliveryDelayMs: number;
  /** Ids of messages that are remembered for each address; 0: no duplicates are looked for. */
  readonly duplicateIdsPerAddress: number;
  /** Memory for the ids of all addresses. */
  readonly duplicateIdsMaxBytes: number;
}
