/**
 * `npm run simulate:canaries`: puts one deliberate bug at a time into a copy of the program and runs
 * seeds until a promise breaks. Ends with 1 when a bug survives. A run over all of them writes
 * its table into docs/testing.md.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { tableLines } from '../../../src/cli/text.js';
import { repositoryRoot } from '../../support/repository-root.js';
import { FAILED_RUN } from '../program/run-one.js';
import type { SeedResult } from '../seed-result.js';
import { CANARIES } from './canaries.js';
import type { Canary } from './canary.js';
import { buildPatched } from './patched-build.js';

const PAGE = join('docs', 'testing.md');
const MARKS = { begin: '<!-- canaries: begin -->', end: '<!-- canaries: end -->' };
const FAILED_RUNS: readonly string[] = Object.values(FAILED_RUN);

interface Outcome {
  readonly canary: Canary;
  /** The first seed that broke a promise with the bug and none without it; null when there is none. */
  readonly caught: SeedResult | null;
}

function parseArguments() {
  return yargs(hideBin(process.argv))
    .scriptName('npm run simulate:canaries --')
    .usage('Usage: $0 [OPTIONS]')
    .usage('Shows that the simulation finds deliberate bugs, one at a time.')
    .options({
      only: {
        type: 'string',
        array: true,
        choices: CANARIES.map(({ name }) => name),
        describe: 'Only these; the table in docs/testing.md stays as it is',
      },
      seeds: { type: 'number', default: 2_000, describe: 'How many seeds a bug may survive' },
      jobs: {
        type: 'number',
        default: availableParallelism(),
        describe: 'How many bugs are looked for at a time',
      },
    })
    .check(({ seeds, jobs }) => {
      if ([seeds, jobs].every((value) => Number.isSafeInteger(value) && value > 0)) return true;
      throw new Error('--seeds and --jobs take whole numbers from 1 on.');
    })
    .strict()
    .help()
    .version(false)
    .parseSync();
}

/** What the program said last, as JSON. It ends with 1 when a promise broke, which is no failure here. */
function simulate<Answer>(program: string, options: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...options, '--json'], {
      cwd: repositoryRoot(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const line = output.trim().split('\n').at(-1) ?? '';
      if (line.startsWith('{')) resolve(JSON.parse(line) as Answer);
      else reject(new Error(`${program} ended with ${code} and no answer: ${complaint}`));
    });
  });
}

/** A seed that breaks without the bug as well says nothing about the bug. */
async function lookFor(canary: Canary, seeds: number): Promise<Outcome> {
  const program = buildPatched(canary);
  for (let from = 1; from <= seeds; ) {
    const count = ['--seeds', String(seeds - from + 1), '--from', String(from), '--jobs', '1'];
    const { failures } = await simulate<{ failures: SeedResult[] }>(program, count);
    const first = failures.at(0);
    if (first === undefined) break;
    const seed = ['--seed', String(first.seed)];
    const without = await simulate<SeedResult>(buildPatched(null), seed);
    if (without.breach === null) return { canary, caught: first };
    from = first.seed + 1;
  }
  return { canary, caught: null };
}

/** The bug must break a promise; a simulator that fails by itself shows nothing. */
function isCaught({ caught }: Outcome): boolean {
  return caught?.breach != null && !FAILED_RUNS.includes(caught.breach.invariant);
}

const caughtBy = (outcome: Outcome): string =>
  outcome.caught?.breach == null ? 'SURVIVED' : outcome.caught.breach.invariant;

const seedsNeeded = ({ caught }: Outcome): string => (caught === null ? '' : String(caught.seed));

async function main(): Promise<boolean> {
  const { only, seeds, jobs } = parseArguments();
  const wanted = CANARIES.filter(({ name }) => only === undefined || only.includes(name));
  const waiting = [...wanted];
  const outcomes: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let canary = waiting.shift(); canary !== undefined; canary = waiting.shift()) {
      const outcome = await lookFor(canary, seeds);
      outcomes.push(outcome);
      const { breach, scenario } = outcome.caught ?? {};
      const how =
        breach == null ? '' : ` in seed ${seedsNeeded(outcome)} (${scenario}): ${breach.sentence}`;
      process.stderr.write(`${canary.name}: ${caughtBy(outcome)}${how}\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const sorted = wanted.flatMap((canary) => outcomes.filter((one) => one.canary === canary));
  const rows = sorted.map((one) => [one.canary.name, caughtBy(one), seedsNeeded(one)]);
  process.stdout.write(`${tableLines(['canary', 'caught by', 'seeds needed'], rows).join('\n')}\n`);
  if (only === undefined) writeTable(sorted);
  return outcomes.every(isCaught);
}

function writeTable(outcomes: readonly Outcome[]): void {
  const path = join(repositoryRoot(), PAGE);
  const page = readFileSync(path, 'utf8');
  const [before, rest] = page.split(MARKS.begin);
  const after = rest?.split(MARKS.end)[1];
  if (after === undefined)
    throw new Error(`${PAGE} lacks the marks ${MARKS.begin} and ${MARKS.end}.`);
  const rows = outcomes.map(
    (one) =>
      `| \`${one.canary.name}\` | ${one.canary.sentence} | ${caughtBy(one)} | ${seedsNeeded(one)} |`,
  );
  const head = ['| canary | the bug | caught by | seeds needed |', '|---|---|---|---|'];
  const table = [MARKS.begin, ...head, ...rows, MARKS.end].join('\n');
  writeFileSync(path, `${before}${table}${after}`);
}

process.exitCode = (await main()) ? 0 : 1;
