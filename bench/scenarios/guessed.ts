/** What somebody who guesses passwords costs the others: the throughput load with and without, in pairs. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BrokerProcess } from '../broker-process.js';
import { Samples } from '../samples.js';
import { type Figure, figure, type Measurement, type Scenario } from '../scenario.js';
import { USER } from '../stomp-wire.js';
import { NO_RATE, rateOf } from './scraped.js';
import { OwnLoad } from './throughput.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const GUESSER = fileURLToPath(new URL('../guesser.js', import.meta.url));
const PER_SECOND = 10_000;
const PARALLEL = 2_000;
const PAIRS = 5;
const SECONDS = 10;
const WARM_UP_MS = 5_000;

export const guessed: Scenario = {
  name: 'guessed',
  describe: 'throughput while 10,000 wrong passwords are offered a second, and without, in pairs',
  target: 'over 90 % of the rate without',
  onlyWhenNamed: true,
  async run(context) {
    if (context.client.protocol !== 'stomp') throw new Error('guessed needs --protocol stomp.');
    const usersFile = join(context.options.directory, `holdfast-bench-users-${process.pid}`);
    await addUser(usersFile);
    const environment = { HOLDFAST_SECURITY_USERS_FILE: usersFile };
    const site = await context.createSite(['a'], environment);
    const [node] = site.nodes as [BrokerProcess];
    const load = new OwnLoad(context, site, new Samples());
    await sleep(WARM_UP_MS);
    const measurements: Measurement[] = [];
    const pairs = context.options.runs ?? PAIRS;
    for (let pair = 1; pair <= pairs; pair += 1) {
      context.progress(`pair ${pair} of ${pairs}`);
      const seconds = context.options.seconds ?? SECONDS;
      const figures = await measurePair(load, node, seconds, pair % 2 === 0);
      measurements.push({ name: `pair ${pair}`, figures, ledger: null });
    }
    const ledger = await load.finish();
    await site.stop();
    await rm(usersFile);
    return measurements.map((each, at) => (at === pairs - 1 ? { ...each, ledger } : each));
  },
};

/** Each pair in the other order, so that what grows with time is on neither side. */
async function measurePair(
  load: OwnLoad,
  node: BrokerProcess,
  seconds: number,
  isGuessedFirst: boolean,
): Promise<readonly Figure[]> {
  let alone = NO_RATE;
  let beside = NO_RATE;
  let guesses = { begun: 0, answered: 0 };
  for (const isGuessed of [isGuessedFirst, !isGuessedFirst]) {
    if (!isGuessed) {
      alone = await rateOf(load, node, seconds);
      continue;
    }
    const guesser = spawn(
      process.execPath,
      [GUESSER, `${node.address.port}`, `${PER_SECOND}`, `${PARALLEL}`],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    beside = await rateOf(load, node, seconds);
    guesser.stdin.end();
    guesses = JSON.parse(await text(guesser.stdout));
  }
  return [
    figure('confirmedPerSecond', 'confirmed/s', alone.perSecond),
    figure('guessedConfirmedPerSecond', 'guessed confirmed/s', beside.perSecond),
    figure('ratio', 'ratio', beside.perSecond / alone.perSecond, 3),
    figure(
      'brokerCpuRatio',
      'broker CPU per message, ratio',
      beside.cpuMicroseconds / alone.cpuMicroseconds,
      3,
    ),
    figure('guessesPerSecond', 'guesses/s', guesses.begun / seconds),
    figure('answered', 'answered', guesses.answered),
  ];
}

async function addUser(usersFile: string): Promise<void> {
  const words = ['user', 'add', USER.name, '--users-file', usersFile, '--role', 'admin'];
  const child = spawn(process.execPath, [PROGRAM, ...words, '--password-stdin'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(USER.password);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`holdfast user ended with ${code}.`);
}
