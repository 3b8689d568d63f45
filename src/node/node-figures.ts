/** What a node counts and measures, for its metrics: read at a scrape, from what is there anyway. */

import type { BrokerStatistics } from '../broker/statistics.js';
import type { Histogram } from '../platform/histogram.js';
import type { NodeReport, StoreFigures } from './node-report.js';

/** Counted since the process began; bytes of files and their numbers are those of the moment. */
export interface JournalFigures {
  readonly segments: number;
  /** Of all segment files, the prepared one and the newest checkpoint included. */
  readonly bytes: number;
  /** What the index still needs of them. */
  readonly neededBytes: number;
  readonly checkpointBytes: number;
  readonly bytesSinceCheckpoint: number;
  readonly checkpoints: number;
  readonly deletedSegments: number;
  /** Segments that were emptied, and what was appended again for that. */
  readonly compactedSegments: number;
  readonly relocatedBytes: number;
}

export interface NodeFigures {
  readonly report: NodeReport;
  /** Null on a node that is not live: the live one alone tells of queues, so that nothing is summed twice. */
  readonly broker: BrokerStatistics | null;
  readonly journal: JournalFigures | null;
  /** Of clients, by protocol; those passed on included. */
  readonly connections: ReadonlyMap<string, number>;
  readonly confirmationTimes: Histogram;
  readonly writeTimes: Histogram;
  readonly appendedBytes: number;
  readonly store: StoreFigures;
  readonly minFreeBytes: number;
}
