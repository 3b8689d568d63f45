/** What a scenario is given, and what it gives back. */

import type { Client } from './client.js';
import type { LedgerSummary } from './ledger.js';
import type { Site } from './site.js';

export interface BenchOptions {
  /** Where stores are made. */
  readonly directory: string;
  /** Null: the scenario's own default. */
  readonly seconds: number | null;
  readonly runs: number | null;
  readonly messages: number | null;
  readonly bodyBytes: number | null;
  /** Where the brokers leave CPU profiles, or null. */
  readonly profileDirectory: string | null;
}

export interface ScenarioContext {
  readonly options: BenchOptions;
  /** What the load speaks. */
  readonly client: Client;
  /** What is going on, for whoever watches. */
  progress(text: string): void;
  /** A new store whose nodes run; it is removed when the scenario is over. */
  createSite(nodeNames: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Site>;
  /** Ends the scenario, and the benchmark, with an error. */
  fail(error: Error): void;
  /** What is to be closed when the scenario is over, however it ends. */
  onEnd(close: () => void): void;
}

export interface Figure {
  /** In JSON; with the unit last. */
  readonly key: string;
  /** In the table. */
  readonly label: string;
  readonly value: number;
  readonly digits: number;
}

/** One row of the table. */
export interface Measurement {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** Null where no messages were checked. */
  readonly ledger: LedgerSummary | null;
}

export interface Scenario {
  readonly name: string;
  readonly describe: string;
  /** What it should show, in one sentence. */
  readonly target: string;
  /** Too long for a run of everything: only when it is named. */
  readonly onlyWhenNamed: boolean;
  run(context: ScenarioContext): Promise<readonly Measurement[]>;
}

export function figure(key: string, label: string, value: number, digits = 0): Figure {
  return { key, label, value, digits };
}

/** What must never happen, as a sentence, or null. */
export function findFault(ledger: LedgerSummary): string | null {
  if (ledger.lost > 0) return `${ledger.lost} confirmed messages were lost`;
  if (ledger.invented > 0) return `${ledger.invented} messages were received that nobody sent`;
  if (ledger.disordered > 0) return `${ledger.disordered} messages came in the wrong order`;
  return null;
}
