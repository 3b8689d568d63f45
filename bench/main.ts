/**
 * `npm run bench`: brokers as processes of their own, loaded over real sockets by this one. It
 * measures and never judges times; it fails when a message is lost or a broker ends by itself.
 */

import { mkdirSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Client } from './client.js';
import { CLIENT_NAMES, clientNamed, PROTOCOLS } from './clients.js';
import { benchInLab } from './in-lab.js';
import { MIN_BODY_BYTES } from './message-body.js';
import { ratioBetween, reportJson, reportText } from './report.js';
import {
  type BenchOptions,
  findFault,
  type Measurement,
  type Scenario,
  type ScenarioContext,
} from './scenario.js';
import { coldStart } from './scenarios/cold-start.js';
import { fill } from './scenarios/fill.js';
import { guessed } from './scenarios/guessed.js';
import { latency } from './scenarios/latency.js';
import { memory } from './scenarios/memory.js';
import { scraped } from './scenarios/scraped.js';
import { selector } from './scenarios/selector.js';
import { soak } from './scenarios/soak.js';
import { takeover } from './scenarios/takeover.js';
import { throughput } from './scenarios/throughput.js';
import { Site } from './site.js';

const SCENARIOS: readonly Scenario[] = [
  ...[throughput, scraped, guessed, fill, latency, selector, memory, takeover, coldStart, soak],
];

const USAGE = `Usage: npm run bench -- [OPTIONS]

  --scenario NAME   Only this one; may be given several times
  --list            Name the scenarios
  --protocol NAME   What the load speaks: stomp (the default) or amqp; given several times, each
                    scenario runs with each, and the ratios to the first are told
  --client NAME     What speaks it, one of ${CLIENT_NAMES.join(', ')}: wire, the default, costs
                    least; the others are libraries for AMQP, qpid-jms for throughput only
  --json            One JSON object per scenario instead of tables
  --store DIR       Make the stores below DIR, to measure another file system
  --seconds N       How long a scenario under load takes
  --runs N          How often a scenario repeats what it measures
  --messages N      How many messages a scenario fills its store with
  --body N          Bytes of a message
  --profile DIR     Let the brokers write CPU profiles to DIR
  --lab             In guests of a lab (docs/lab.md), on NFS and beside it on the server's disk
`;

/** What fits into a guest. */
const SCENARIOS_IN_LAB: readonly Scenario[] = [throughput, latency];

interface Request {
  readonly scenarios: readonly Scenario[];
  readonly clients: readonly Client[];
  readonly isJson: boolean;
  readonly isInLab: boolean;
  readonly options: BenchOptions;
  /** Those of them that are told to the program in a guest, as they were given. */
  readonly optionsInLab: readonly string[];
}

function readRequest(): Request | 'list' | 'help' {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', multiple: true },
      protocol: { type: 'string', multiple: true },
      client: { type: 'string' },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
      json: { type: 'boolean' },
      store: { type: 'string' },
      seconds: { type: 'string' },
      runs: { type: 'string' },
      messages: { type: 'string' },
      body: { type: 'string' },
      profile: { type: 'string' },
      lab: { type: 'boolean' },
    },
  });
  if (values.help) return 'help';
  if (values.list) return 'list';
  const isInLab = values.lab === true;
  if (isInLab && (values.store ?? values.profile) !== undefined) {
    throw new Error(
      '--lab has stores of its own and no profiles: give no --store and no --profile.',
    );
  }
  const unnamed = isInLab ? SCENARIOS_IN_LAB : SCENARIOS.filter((one) => !one.onlyWhenNamed);
  const { seconds, runs, messages, body, client } = values;
  const protocols = values.protocol ?? PROTOCOLS.slice(0, 1);
  return {
    scenarios: values.scenario?.map(scenarioNamed) ?? unnamed,
    clients: protocols.map((protocol) => clientNamed(client ?? 'wire', protocol)),
    isJson: values.json === true,
    isInLab,
    optionsInLab: [
      ...Object.entries({ seconds, runs, messages, body, client }).flatMap(([name, value]) =>
        value === undefined ? [] : [`--${name}`, value],
      ),
      ...protocols.flatMap((protocol) => ['--protocol', protocol]),
    ],
    options: {
      directory: resolve(values.store ?? tmpdir()),
      seconds: count('seconds', values.seconds, 1),
      runs: count('runs', values.runs, 1),
      messages: count('messages', values.messages, 1),
      bodyBytes: count('body', values.body, MIN_BODY_BYTES),
      profileDirectory: values.profile === undefined ? null : resolve(values.profile),
    },
  };
}

function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`There is no scenario ${name}; see --list.`);
  return scenario;
}

function count(option: string, text: string | undefined, minimum: number): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < minimum) {
    throw new Error(`--${option} takes a whole number from ${minimum} on, not ${text}.`);
  }
  return value;
}

/** Removes stores and ends brokers, whatever happens meanwhile. */
async function runScenario(
  scenario: Scenario,
  client: Client,
  options: BenchOptions,
): Promise<readonly Measurement[]> {
  const closers: (() => void)[] = [];
  const sites: Site[] = [];
  let fail: (error: Error) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const interrupt = (): void => fail(new Error('Interrupted.'));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const context: ScenarioContext = {
    options,
    client,
    progress: (text) => showProgress(`${scenario.name}, ${client.protocol}: ${text}`),
    createSite: (nodeNames, environment = {}) =>
      createSite({ nodeNames, environment, client, options, fail }, sites),
    fail,
    onEnd: (close) => closers.push(close),
  };
  try {
    return await Promise.race([scenario.run(context), failure]);
  } finally {
    for (const close of closers) close();
    for (const site of sites) await site.remove();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    showProgress('');
  }
}

/** With each client in turn, and what the others are beside the first. */
async function runWithEach(
  scenario: Scenario,
  { clients, options }: Request,
): Promise<readonly Measurement[]> {
  const runs: (readonly Measurement[])[] = [];
  for (const client of clients) {
    const measurements = await runScenario(scenario, client, options);
    const suffix = clients.length === 1 ? '' : `, ${client.protocol}`;
    runs.push(measurements.map((one) => ({ ...one, name: `${one.name}${suffix}` })));
  }
  const [first = [], ...others] = runs;
  const ratios = others.flatMap((other) =>
    other.map((each, index) => ratioBetween(each, first[index] ?? each)),
  );
  return [...runs.flat(), ...ratios];
}

function createSite(
  site: {
    readonly nodeNames: readonly string[];
    readonly environment: NodeJS.ProcessEnv;
    readonly client: Client;
    readonly options: BenchOptions;
    readonly fail: (error: Error) => void;
  },
  sites: Site[],
): Promise<Site> {
  const { nodeNames, environment, client, options, fail } = site;
  const { protocol } = client;
  const { directory, profileDirectory } = options;
  const nodeOptions =
    profileDirectory === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  mkdirSync(directory, { recursive: true });
  return Site.create(
    { directory, nodeNames, protocol, nodeOptions, environment, onUnexpectedEnd: fail },
    (created) => sites.push(created),
  );
}

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\u001b[K`);
}

async function main(): Promise<void> {
  const request = readRequest();
  if (request === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  if (request === 'list') {
    for (const { name, describe, onlyWhenNamed } of SCENARIOS) {
      const note = onlyWhenNamed ? ' (only when named)' : '';
      process.stdout.write(`${name.padEnd(12)} ${describe}${note}\n`);
    }
    return;
  }
  if (request.isInLab) {
    const scenarios = request.scenarios.map(({ name }) => name);
    const { isJson, optionsInLab: options } = request;
    await benchInLab({ scenarios, isJson, options, progress: showProgress });
    return;
  }
  for (const scenario of request.scenarios) {
    const circumstances = { loadAverageBefore: loadavg()[0] ?? Number.NaN };
    const measurements = await runWithEach(scenario, request);
    const report = request.isJson ? reportJson : reportText;
    process.stdout.write(report(scenario, measurements, circumstances));
    for (const { ledger } of measurements) {
      const fault = ledger === null ? null : findFault(ledger);
      if (fault !== null) throw new Error(`${scenario.name}: ${fault}.`);
    }
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
