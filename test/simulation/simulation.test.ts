import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { repositoryRoot } from '../support/repository-root.js';
import { breachLines } from './program/report.js';
import { runPool } from './program/seed-pool.js';
import { runSeed } from './run-seed.js';
import type { SeedResult } from './seed-result.js';

const MODULE = new URL('./run-seed.js', import.meta.url).href;
const PROGRAM = fileURLToPath(new URL('./main.js', import.meta.url));
const FIXED_SEEDS = 300;
/** One of a pair, of three nodes, of a cluster file system, and with clients that speak AMQP. */
const TRACED_SEEDS = [1, 2, 12, 18];

/** Seeds that once failed. They stay for ever. */
interface KeptSeed {
  readonly seed: number;
  /** What was wrong, in a sentence. */
  readonly found: string;
  /** YYYY-MM-DD */
  readonly date: string;
}

function keptSeeds(): KeptSeed[] {
  const path = join(repositoryRoot(), 'test', 'simulation', 'seeds.json');
  return JSON.parse(readFileSync(path, 'utf8')) as KeptSeed[];
}

async function breachesOf(seeds: readonly number[]): Promise<string[]> {
  const failed: SeedResult[] = [];
  await runPool({
    module: MODULE,
    seeds: seeds.values(),
    jobs: Math.min(availableParallelism(), seeds.length),
    onResult: (result) => {
      if (result.breach !== null) failed.push(result);
      return true;
    },
  });
  return failed.sort((a, b) => a.seed - b.seed).flatMap(breachLines);
}

async function traceOf(seed: number): Promise<string> {
  let trace = '';
  const onTraceLine = (line: string): void => {
    trace += `${line}\n`;
  };
  await runSeed(seed, { onTraceLine });
  return trace;
}

/** Traces are long: a difference is told by their lengths and hashes. */
function digest(trace: string): string {
  const hash = createHash('sha256').update(trace).digest('hex');
  return `${trace.length} characters, ${hash}`;
}

describe('simulated clusters', () => {
  it(`keep every promise in seeds 1 to ${FIXED_SEEDS}`, async () => {
    const seeds = Array.from({ length: FIXED_SEEDS }, (_, index) => index + 1);
    assert.deepEqual(await breachesOf(seeds), []);
  });

  it('keep every promise in the seeds that once found something', async () => {
    const kept = keptSeeds();
    for (const { found, date } of kept) {
      assert.match(found, /^[A-Z].*\.$/);
      assert.match(date, /^\d{4}-\d\d-\d\d$/);
    }
    assert.deepEqual(await breachesOf(kept.map(({ seed }) => seed)), []);
  });

  it('do the same for the same seed, byte for byte, whatever ran before', async () => {
    const first: string[] = [];
    for (const seed of TRACED_SEEDS) first.push(await traceOf(seed));
    const again: string[] = [];
    for (const seed of TRACED_SEEDS.toReversed()) again.push(await traceOf(seed));
    assert.ok(first.every((trace) => trace.split('\n').length > 100));
    assert.deepEqual(again.toReversed().map(digest), first.map(digest));
  });

  it('do the same in another process', async () => {
    for (const seed of TRACED_SEEDS) {
      const options = { encoding: 'utf8', maxBuffer: 1024 ** 3 } as const;
      const { stdout } = spawnSync(
        process.execPath,
        [PROGRAM, '--seed', String(seed), '--trace'],
        options,
      );
      const here = await traceOf(seed);
      assert.equal(digest(stdout.slice(0, here.length)), digest(here), `seed ${seed}`);
    }
  });
});
