/** Runs one seed so that whatever goes wrong is a result, also when the simulator itself fails. */
import type { RunSeed, SeedResult } from '../seed-result.js';

/** Breaches that are none of the product's promises: the run as such failed. */
export const FAILED_RUN = { exception: 'exception', noEnd: 'no-end' } as const;

/** `module` is the URL of a file that exports `runSeed`. */
export async function loadRunSeed(module: string): Promise<RunSeed> {
  const { runSeed } = (await import(module)) as { runSeed: RunSeed };
  return async (seed, options) => {
    try {
      return await runSeed(seed, options);
    } catch (error) {
      return failedRun(seed, FAILED_RUN.exception, explain(error));
    }
  };
}

export function failedRun(seed: number, invariant: string, sentence: string): SeedResult {
  return {
    seed,
    scenario: '?',
    virtualMs: 0,
    events: 0,
    messages: 0,
    faults: [],
    plan: { faults: [], nodeCount: 0, clients: [] },
    breach: { invariant, sentence, atMs: 0 },
  };
}

export function explain(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
