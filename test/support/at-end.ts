/**
 * What a test must take away again. By node:test's own `after` the first step that was registered
 * runs first, and would remove a directory below the processes that still write to it.
 */
import type { TestContext } from 'node:test';

type Step = () => unknown;

const stepsOf = new WeakMap<TestContext, Step[]>();

/** When the test has ended, its steps run one after another, the last one first; all of them, also when one fails. */
export function atEnd(test: TestContext, step: Step): void {
  const known = stepsOf.get(test);
  if (known !== undefined) {
    known.push(step);
    return;
  }
  const steps = [step];
  stepsOf.set(test, steps);
  test.after(() => runAll(steps.reverse()));
}

async function runAll(steps: readonly Step[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 1)
    throw new AggregateError(errors, 'several steps at the end of a test failed');
  if (errors.length === 1) throw errors[0];
}
