/** The shapes of answers that have no name on the other side. */

import type { QueueFacts, TotalFacts } from '../broker/facts.js';
import type { TenureView } from '../node/administration.js';
import type { NodeReport } from '../node/node-report.js';
import type { Rule } from '../security/rights.js';

export interface HistogramAnswer {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

export interface FiguresAnswer {
  readonly node: NodeReport;
  readonly atMs: number;
  readonly totals: TotalFacts;
  readonly confirmations: HistogramAnswer;
  readonly writes: HistogramAnswer;
  readonly appendedBytes: number;
}

export interface ClusterAnswer {
  readonly node: NodeReport;
  readonly totals: TotalFacts;
  readonly tenures: readonly TenureView[];
}

export interface QueuesAnswer {
  readonly node: string;
  readonly role: string;
  readonly queues: readonly QueueFacts[];
}

export interface SessionAnswer {
  readonly usersRequired: boolean;
  readonly user: string | null;
  readonly rules: readonly Rule[] | null;
}
