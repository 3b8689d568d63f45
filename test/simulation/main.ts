/**
 * `npm run simulate`: runs whole clusters in simulated worlds, one per seed, and tells which promise
 * broke in which of them. Ends with 1 when one did.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { breachLines, LAST_LINES, progressText, shrunkLines, Totals } from './program/report.js';
import { FAILED_RUN, loadRunSeed } from './program/run-one.js';
import { runPool } from './program/seed-pool.js';
import { drawScenario, SCENARIO_NAMES } from './scenario.js';
import type { RunSeed, SeedOverrides, SeedResult } from './seed-result.js';
import { shrink } from './shrink.js';

/** SIMULATE_MODULE is for the tests of this program. */
const MODULE = process.env.SIMULATE_MODULE ?? new URL('./run-seed.js', import.meta.url).href;
const PLAN_FOLDER = join('.cache', 'simulate');
const PLAIN_PROGRESS_MS = 10_000;
const SCREEN_PROGRESS_MS = 200;

const say = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

function parseArguments() {
  return yargs(hideBin(process.argv))
    .scriptName('npm run simulate --')
    .usage('Usage: $0 [OPTIONS]')
    .usage('Runs clusters and clients in simulated worlds with faults, one world per seed.')
    .options({
      seeds: { type: 'number', default: 1_000, describe: 'How many seeds to run' },
      from: { type: 'number', default: 1, describe: 'The first of them' },
      scenario: {
        type: 'string',
        choices: SCENARIO_NAMES,
        describe: 'Only seeds that are about this; as many as --seeds says',
      },
      jobs: {
        type: 'number',
        default: availableParallelism(),
        describe: 'Threads to run seeds on',
      },
      'keep-going': {
        type: 'boolean',
        default: false,
        describe: 'Run all seeds, although some fail, and list those',
      },
      json: { type: 'boolean', default: false, describe: 'One JSON object at the end, no tables' },
      seed: { type: 'number', describe: 'Run this one alone' },
      trace: { type: 'boolean', default: false, describe: 'With --seed: print what happens' },
      plan: {
        type: 'string',
        describe: 'With --seed: a JSON file with the parts to replace, as a failure leaves behind',
      },
    })
    .example('$0 --seeds 100000', 'A long search')
    .example('$0 --seed 4711 --trace', 'All that happens in one seed')
    .example('$0 --scenario cluster-pair', 'Where nothing fences late writes')
    .epilogue('docs/testing.md tells what is simulated and how to read a trace.')
    .check(({ seeds, from, jobs, seed, trace, plan }) => {
      for (const [name, value] of Object.entries({ seeds, from, jobs, seed })) {
        if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
        throw new Error(`--${name} takes a whole number from 1 on.`);
      }
      if (seed !== undefined || (!trace && plan === undefined)) return true;
      throw new Error('--trace and --plan belong to --seed.');
    })
    .strict()
    .help()
    .version(false)
    .parseSync();
}

type Arguments = ReturnType<typeof parseArguments>;

async function runOneSeed(seed: number, { trace, plan, json }: Arguments): Promise<boolean> {
  const runSeed = await loadRunSeed(MODULE);
  const overrides: SeedOverrides =
    plan === undefined ? {} : (JSON.parse(readFileSync(plan, 'utf8')) as SeedOverrides);
  const onTraceLine = (line: string): void => say([line]);
  const result = await runSeed(seed, trace ? { overrides, onTraceLine } : { overrides });
  if (json) say([JSON.stringify(result)]);
  else if (!trace || result.breach !== null) say(breachLines(result));
  return result.breach === null;
}

function* seedsOf({ seeds, from, scenario }: Arguments): Generator<number> {
  let left = seeds;
  for (let seed = from; left > 0; seed += 1) {
    if (scenario !== undefined && drawScenario(seed).name !== scenario) continue;
    left -= 1;
    yield seed;
  }
}

async function runManySeeds(request: Arguments): Promise<boolean> {
  const { seeds, jobs, json } = request;
  const goOn = request['keep-going'];
  const totals = new Totals();
  const beganMs = performance.now();
  const elapsedMs = (): number => performance.now() - beganMs;
  const progress = startProgress(() => progressText(totals.seeds, seeds, elapsedMs()));
  try {
    await runPool({
      module: MODULE,
      seeds: seedsOf(request),
      jobs: Math.min(jobs, seeds),
      onResult: (result) => {
        totals.add(result);
        // At once: whoever ends a long search early wants to know.
        if (goOn && result.breach !== null && !json) say(['', ...breachLines(result)]);
        return goOn || result.breach === null;
      },
    });
  } finally {
    progress.stop();
  }
  const failures = totals.failures.sort((a, b) => a.seed - b.seed);
  if (json) {
    say([JSON.stringify({ seeds: totals.seeds, realMs: elapsedMs(), failures })]);
    return failures.length === 0;
  }
  say(totals.lines(elapsedMs()));
  if (!goOn) for (const failure of failures) say(['', ...breachLines(failure)]);
  const [first] = failures;
  if (first !== undefined) await explainFailure(first);
  return failures.length === 0;
}

async function explainFailure(failed: SeedResult): Promise<void> {
  const { seed } = failed;
  if (failed.breach?.invariant === FAILED_RUN.noEnd) return;
  const runSeed = await loadRunSeed(MODULE);
  let overrides: SeedOverrides = {};
  if (failed.breach?.invariant !== FAILED_RUN.exception) {
    const shrunk = await shrink(runSeed, failed);
    overrides = shrunk.overrides;
    const planFile = join(PLAN_FOLDER, `${seed}.json`);
    mkdirSync(PLAN_FOLDER, { recursive: true });
    writeFileSync(planFile, `${JSON.stringify(overrides, null, 2)}\n`);
    say(['', ...shrunkLines(shrunk, planFile)]);
  }
  say([
    '',
    `The last ${LAST_LINES} lines of its trace:`,
    ...(await lastLines(runSeed, seed, overrides)),
  ]);
}

async function lastLines(
  runSeed: RunSeed,
  seed: number,
  overrides: SeedOverrides,
): Promise<string[]> {
  let lines: string[] = [];
  const onTraceLine = (line: string): void => {
    lines.push(line);
    if (lines.length > 2 * LAST_LINES) lines = lines.slice(-LAST_LINES);
  };
  await runSeed(seed, { overrides, onTraceLine });
  return lines.slice(-LAST_LINES);
}

/** A line that is rewritten on a terminal; elsewhere a new one now and then. */
function startProgress(text: () => string): { stop(): void } {
  const { stderr } = process;
  const show = stderr.isTTY
    ? () => stderr.write(`\r${text()}\u001b[K`)
    : () => stderr.write(`${text()}\n`);
  const timer = setInterval(show, stderr.isTTY ? SCREEN_PROGRESS_MS : PLAIN_PROGRESS_MS);
  return {
    stop: () => {
      clearInterval(timer);
      if (stderr.isTTY) stderr.write('\r\u001b[K');
    },
  };
}

async function main(): Promise<boolean> {
  const request = parseArguments();
  return request.seed === undefined ? runManySeeds(request) : runOneSeed(request.seed, request);
}

// Set rather than called for: a trace on its way into a pipe is still to be written.
process.exitCode = (await main()) ? 0 : 1;
