/** Waiting for what other processes do: conditions with a deadline instead of sleeps. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;
const DEFAULT_LIMIT_MS = 15_000;

/** Resolves with the first result of `look` that is neither undefined, null nor false. */
export async function eventually<Result>(
  what: string,
  look: () => Result | Promise<Result>,
  limitMs: number = DEFAULT_LIMIT_MS,
): Promise<Exclude<Result, undefined | null | false>> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const result = await look();
    if (result !== undefined && result !== null && result !== false) {
      return result as Exclude<Result, undefined | null | false>;
    }
    assert.ok(performance.now() < deadline, `not within ${limitMs} ms: ${what}`);
    await delay(POLL_MS);
  }
}

/** Resolves as `promise` does; fails when that takes longer than `limitMs`. */
export async function within<Result>(
  what: string,
  promise: Promise<Result>,
  limitMs: number = DEFAULT_LIMIT_MS,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `not within ${limitMs} ms: ${what}` })),
      limitMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
