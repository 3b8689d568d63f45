/**
 * `npm run fuzz`: gives the targets fresh inputs for as long as it is told to. Whatever breaks a
 * promise is shrunk, printed and kept in test/fuzz/found/, where `npm test` replays it for ever.
 */
import { randomInt } from 'node:crypto';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign, type Tally } from './campaign.js';
import { encodeInput } from './found.js';
import type { FuzzTarget } from './target.js';
import { TARGETS, targetNamed } from './targets.js';

const DEFAULT_MINUTES = 5;
const TURN_MS = 5_000;
/** fast-check takes seeds of 32 bits; every turn adds one. */
const HIGHEST_FIRST_SEED = 2 ** 30;

const USAGE = `Usage: npm run fuzz -- [OPTIONS]

Feeds damaged journals, records and documents, STOMP of every kind, selectors and configuration
to the code that reads them, and checks what each of them promises about any input. Targets take turns
of ${TURN_MS / 1000} seconds, each turn with a seed of its own. An input that breaks a promise is made as small
as possible, printed, and kept in test/fuzz/found/ for ever: npm test replays it. Commit it.

  --minutes N     How long, for all targets together (default ${DEFAULT_MINUTES}); may be a fraction
  --target NAME   Only this one; may be given several times
  --seed S        The seed of the first turn, to run the same inputs again (default: random)
  --list          Name the targets and what each promises
  --help          This

Exit codes: 0 every promise held, 1 one was broken, 2 the options are wrong.
`;

interface Request {
  readonly targets: readonly FuzzTarget[];
  readonly minutes: number;
  readonly firstSeed: number;
}

function readRequest(): Request | 'help' | 'list' {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      target: { type: 'string', multiple: true },
      seed: { type: 'string' },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return 'help';
  if (values.list) return 'list';
  const minutes = Number(values.minutes ?? DEFAULT_MINUTES);
  if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}.`);
  const firstSeed = Number(values.seed ?? randomInt(HIGHEST_FIRST_SEED));
  if (!Number.isInteger(firstSeed)) {
    throw new Error(`--seed takes a whole number, not ${values.seed}.`);
  }
  return { targets: values.target?.map(targetNamed) ?? TARGETS, minutes, firstSeed };
}

function describeTally({ target, inputs, spentMs, failure }: Tally): string {
  const perSecond = Math.round((inputs * 1000) / Math.max(1, spentMs));
  const end = failure === null ? 'ok' : 'FAILED';
  return `${target.name.padEnd(22)} ${String(inputs).padStart(9)} inputs ${String(perSecond).padStart(7)}/s  ${end}`;
}

function describeFailure({ target, failure }: Tally): string {
  if (failure === null) return '';
  const { seed, path, input, error, keptIn } = failure;
  return [
    '',
    `${target.name}: broken is "${target.promise}"`,
    `  seed ${seed}, path ${path}: npm run fuzz -- --target ${target.name} --seed ${seed}`,
    `  kept in ${relative(process.cwd(), keptIn)}`,
    encodeInput(input),
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    '',
  ].join('\n');
}

async function run({ targets, minutes, firstSeed }: Request): Promise<boolean> {
  const isTerminal = process.stderr.isTTY === true;
  process.stdout.write(`${targets.length} targets, ${minutes} minutes, seed ${firstSeed}\n`);
  const tallies = await runCampaign({
    targets,
    minutes,
    firstSeed,
    turnMs: TURN_MS,
    onTurn: (tally) => {
      if (tally.failure !== null) process.stdout.write(describeFailure(tally));
      if (isTerminal) process.stderr.write(`\r${describeTally(tally)}\u001b[K`);
    },
  });
  if (isTerminal) process.stderr.write('\r\u001b[K');
  for (const tally of tallies) process.stdout.write(`${describeTally(tally)}\n`);
  return tallies.every(({ failure }) => failure === null);
}

async function main(): Promise<number> {
  let request: ReturnType<typeof readRequest>;
  try {
    request = readRequest();
  } catch (error) {
    process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  if (request === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (request === 'list') {
    for (const { name, promise } of TARGETS) {
      process.stdout.write(`${name.padEnd(22)} ${promise}\n`);
    }
    return 0;
  }
  return (await run(request)) ? 0 : 1;
}

process.exitCode = await main();
