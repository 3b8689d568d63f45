/**
 * A target is one promise about any input: how inputs are made, and what is checked of each. An
 * input is a plain value (numbers, texts, lists, objects, bytes), so that one that breaks the
 * promise can be kept as a file and replayed for ever, whatever becomes of the generators.
 */
import fc from 'fast-check';

const SHRINK_LIMIT_MS = 60_000;

export interface Failure {
  /** What makes the run that failed again, and the path to the shrunk input in it. */
  readonly seed: number;
  readonly path: string;
  readonly input: unknown;
  readonly error: unknown;
}

interface RunOptions {
  readonly seed: number;
  readonly maxInputs: number;
  readonly maxMs: number;
}

interface RunResult {
  readonly inputs: number;
  readonly failure: Failure | null;
}

export interface FuzzTarget {
  readonly name: string;
  /** The promise, in a few words. */
  readonly promise: string;
  /** How many inputs `npm test` tries. */
  readonly inputsInTests: number;
  run(options: RunOptions): Promise<RunResult>;
  /** Checks one input that was kept. */
  replay(input: unknown): Promise<void>;
}

interface Definition<Input> extends Pick<FuzzTarget, 'name' | 'promise' | 'inputsInTests'> {
  readonly inputs: fc.Arbitrary<Input>;
  /** Throws when the promise is broken. */
  readonly check: (input: Input) => Promise<void> | void;
}

export function defineTarget<Input>(definition: Definition<Input>): FuzzTarget {
  const { name, promise, inputsInTests, inputs, check } = definition;
  return {
    name,
    promise,
    inputsInTests,
    run: async ({ seed, maxInputs, maxMs }) => {
      const property = fc.asyncProperty(inputs, async (input) => {
        await check(input);
      });
      const details = await fc.check(property, {
        seed,
        numRuns: maxInputs,
        interruptAfterTimeLimit: maxMs,
        markInterruptAsFailure: false,
      });
      const { failed, numRuns, counterexamplePath } = details;
      if (!failed) return { inputs: numRuns, failure: null };
      // The end of the time ends the shrinking too, so it goes on from there.
      const shrunk = await fc.check(property, {
        seed,
        path: counterexamplePath ?? '',
        interruptAfterTimeLimit: SHRINK_LIMIT_MS,
      });
      const { counterexample, errorInstance: error } = shrunk.failed ? shrunk : details;
      const path = (shrunk.failed ? shrunk : details).counterexamplePath ?? '';
      return { inputs: numRuns, failure: { seed, path, input: counterexample?.[0], error } };
    },
    replay: async (input) => check(input as Input),
  };
}
