/** What the parts of the live broker share: its limits, clock, counts and surroundings. */

import type { ContentKind, DeadLetterFacts } from './api.js';
import type { BodySource, BrokerLimits } from './host.js';

/** Returns `headers` with the facts added, in the codec of `contentKind`. */
export type DeadLetterHeaders = (
  contentKind: ContentKind,
  headers: Uint8Array,
  facts: DeadLetterFacts,
) => Uint8Array;

/** Counted since this node went live; a durable message for several queues counts once as sent. */
export interface LiveCounts {
  sent: number;
  delivered: number;
  acknowledged: number;
  failed: number;
  expired: number;
  deadLettered: number;
  /** Messages that had come before and were not taken again. */
  duplicates: number;
}

export interface BrokerServices {
  readonly limits: BrokerLimits;
  readonly wallMs: () => number;
  readonly mayDeliver: () => boolean;
  readonly bodies: BodySource;
  readonly deadLetterHeaders: DeadLetterHeaders;
  readonly counts: LiveCounts;
}
