/** What one seed is asked to do and what came of it: between run-seed.ts, the program and the shrinker. */
import type { Fault } from './faults/fault-plan.js';

/** A promise that was broken; the seed ends with the first one. */
export interface Breach {
  /** P1 to P7, or the name of another invariant. */
  readonly invariant: string;
  readonly sentence: string;
  readonly atMs: number;
}

/** How often a kind of fault was planned, and how often it really met something. */
export interface FaultCount {
  readonly kind: string;
  readonly drawn: number;
  readonly hit: number;
}

/** What a run was made of, so that the shrinker knows what can be left out. */
interface SeedPlan {
  readonly faults: readonly Fault[];
  readonly nodeCount: number;
  /** By name, in the order in which they were drawn. */
  readonly clients: readonly string[];
}

export interface SeedResult {
  readonly seed: number;
  readonly scenario: string;
  readonly virtualMs: number;
  readonly events: number;
  /** That clients sent. */
  readonly messages: number;
  readonly faults: readonly FaultCount[];
  readonly plan: SeedPlan;
  readonly breach: Breach | null;
}

/** Replaces parts of what the seed would draw. What is left out is as the seed says. */
export interface SeedOverrides {
  readonly faults?: readonly Fault[];
  readonly nodeCount?: number;
  /** Only these clients take part; they behave as they would among all. */
  readonly clients?: readonly string[];
  /** No producer sends more than this many messages. */
  readonly maxMessagesPerClient?: number;
}

export interface SeedOptions {
  readonly overrides?: SeedOverrides;
  /** Turns the trace on. */
  readonly onTraceLine?: (line: string) => void;
}

export type RunSeed = (seed: number, options: SeedOptions) => Promise<SeedResult>;
