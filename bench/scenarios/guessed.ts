/** What somebody who guesses passwords costs the others: the throughput load with and without, in turns. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureBeside } from '../beside.js';
import type { BrokerProcess } from '../broker-process.js';
import { Samples } from '../samples.js';
import {
  type Figure,
  figure,
  type Measurement,
  type Scenario,
  type ScenarioContext,
} from '../scenario.js';
import { USER } from '../stomp-wire.js';
import { OwnLoad } from './throughput.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const GUESSES_PER_SECOND = 10_000;
const PARALLEL = 2_000;
/** What a node is asked to do on two cores; it leaves a guesser, who runs on them too, something to guess with. */
const EVEN_PER_SECOND = 60_000;

export const guessed: Scenario = {
  name: 'guessed',
  describe: 'throughput while 10,000 wrong passwords are offered a second, and without, in turns',
  target: 'over 90 % of the rate without, where the machine has room for the guesser',
  onlyWhenNamed: true,
  async run(context) {
    if (context.client.protocol !== 'stomp') throw new Error('guessed needs --protocol stomp.');
    const usersFile = join(context.options.directory, `holdfast-bench-users-${process.pid}`);
    await addUser(usersFile);
    const measurements = [
      ...(await measure(context, usersFile, '60,000 a second', { perSecond: EVEN_PER_SECOND })),
      ...(await measure(context, usersFile, 'flat out', {})),
      ...(await measure(context, usersFile, 'flat out, guessed elsewhere', { isElsewhere: true })),
    ];
    await rm(usersFile);
    return measurements;
  },
};

/** `isElsewhere`: the guesser takes as much of the machine, and the broker hears nothing of it. */
async function measure(
  context: ScenarioContext,
  usersFile: string,
  name: string,
  { perSecond = null, isElsewhere = false }: { perSecond?: number | null; isElsewhere?: boolean },
): Promise<Measurement[]> {
  const site = await context.createSite(['a'], { HOLDFAST_SECURITY_USERS_FILE: usersFile });
  const [node] = site.nodes as [BrokerProcess];
  const port = isElsewhere ? 0 : node.address.port;
  const latencies = new Samples();
  const measurements = await measureBeside(context, {
    name,
    load: new OwnLoad(context, site, latencies, perSecond),
    latencies,
    node,
    program: ['guesser.js', `${port}`, `${GUESSES_PER_SECOND}`, `${PARALLEL}`],
    figuresOf,
  });
  await site.stop();
  return measurements;
}

function figuresOf(printed: unknown, seconds: number): readonly Figure[] {
  const { begun, answered } = printed as { readonly begun: number; readonly answered: number };
  return [
    figure('guessesPerSecond', 'guesses/s', begun / seconds),
    figure('answered', 'answered', answered),
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
