/** Spreads seeds over threads. Each seed is a world of its own, so it does not matter which runs where. */
import { Worker } from 'node:worker_threads';
import type { SeedResult } from '../seed-result.js';
import { explain, FAILED_RUN, failedRun } from './run-one.js';

const WORKER = new URL('./seed-worker.js', import.meta.url);
/** At a time, so that a thread never waits for its next one. */
const SEEDS_PER_MESSAGE = 8;
/** A seed takes less than a second; one that takes this long does not end. */
const SEED_LIMIT_S = 120;

export interface PoolOptions {
  /** URL of the file that exports `runSeed`. */
  readonly module: string;
  /** Drawn from as they are needed. */
  readonly seeds: Iterator<number>;
  readonly jobs: number;
  /** False: no further seeds are begun. */
  readonly onResult: (result: SeedResult) => boolean;
}

/** Resolves when all seeds that were begun have ended. */
export async function runPool(options: PoolOptions): Promise<void> {
  const pool = new SeedPool(options);
  await Promise.all(Array.from({ length: options.jobs }, () => pool.work()));
}

class SeedPool {
  readonly #options: PoolOptions;
  #goesOn = true;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** On one thread after the other: one that fails is replaced. */
  async work(): Promise<void> {
    let worker: Worker | null = null;
    let seeds: number[] = [];
    try {
      for (;;) {
        if (seeds.length === 0) seeds = this.#take();
        if (seeds.length === 0) return;
        worker ??= new Worker(WORKER, { workerData: this.#options.module });
        if (await this.#runOn(worker, seeds)) continue;
        await worker.terminate();
        worker = null;
      }
    } finally {
      await worker?.terminate();
    }
  }

  /** Takes out of `seeds` what is done. False when the thread is of no more use. */
  #runOn(worker: Worker, seeds: number[]): Promise<boolean> {
    return new Promise((resolve) => {
      let limit: NodeJS.Timeout | undefined;
      const finish = (isUsable: boolean): void => {
        clearInterval(limit);
        worker.off('message', onMessage);
        worker.off('error', onError);
        resolve(isUsable);
      };
      const fail = (invariant: string, sentence: string): void => {
        this.#report(failedRun(seeds.shift() as number, invariant, sentence));
        finish(false);
      };
      const limitNext = (): void => {
        clearInterval(limit);
        const sentence = `the seed has not ended within ${SEED_LIMIT_S} s of real time`;
        // Counted second by second: while this process or its machine is stopped, no seed goes on.
        let secondsLeft = SEED_LIMIT_S;
        limit = setInterval(() => {
          secondsLeft -= 1;
          if (secondsLeft === 0) fail(FAILED_RUN.noEnd, sentence);
        }, 1_000);
      };
      const onMessage = (result: SeedResult): void => {
        seeds.shift();
        this.#report(result);
        if (seeds.length === 0) finish(true);
        else limitNext();
      };
      const onError = (error: unknown): void => fail(FAILED_RUN.exception, explain(error));
      worker.on('message', onMessage);
      worker.on('error', onError);
      limitNext();
      worker.postMessage(seeds);
    });
  }

  #take(): number[] {
    const seeds: number[] = [];
    while (this.#goesOn && seeds.length < SEEDS_PER_MESSAGE) {
      const next = this.#options.seeds.next();
      if (next.done === true) break;
      seeds.push(next.value);
    }
    return seeds;
  }

  #report(result: SeedResult): void {
    if (!this.#options.onResult(result)) this.#goesOn = false;
  }
}
