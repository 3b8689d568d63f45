/** `npm run lab`: the lab on the command line. What it does is in lab.ts. */
import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { execCommand, splitExecArguments } from './exec-command.js';
import { parseGuest, parseHost } from './hosts.js';
import { Lab } from './lab.js';
import { HostError, LabError } from './lab-error.js';
import { checkDelay, checkLoss } from './link.js';
import { obstacles, readMachine, requireMachine } from './machine.js';
import {
  DEFAULT_LAB_NAME,
  DEFAULT_SETTINGS,
  type LabSettings,
  NFS_SERVERS,
  NFS_VERSIONS,
  parseBrokers,
  WRITE_MODES,
} from './settings.js';
import { readStatus, statusLines } from './status.js';

const HELP_COLUMNS = 100;
const HOST = {
  type: 'string',
  demandOption: true,
  describe: 's, a, b, c, or h for the client host',
} as const;
const GUEST = { type: 'string', demandOption: true, describe: 's, a, b or c' } as const;

interface NamedLab {
  readonly name: string;
}

const say = (line: string): void => {
  process.stderr.write(`lab: ${line}\n`);
};

function openLab({ name }: NamedLab): Lab {
  requireMachine();
  return new Lab(name, say);
}

function addUp(parser: Argv<NamedLab>): void {
  parser.command(
    'up',
    'Start the lab, or make it as the options say; boots only what has no power',
    (options) =>
      options
        .options({
          hosts: {
            type: 'string',
            default: DEFAULT_SETTINGS.brokers.join(','),
            describe: 'Brokers to boot',
          },
          server: {
            choices: NFS_SERVERS,
            default: DEFAULT_SETTINGS.server,
            describe: 'What serves NFS: the kernel, or NFS-Ganesha',
          },
          nfs: {
            choices: NFS_VERSIONS,
            default: DEFAULT_SETTINGS.nfsVersion,
            describe: 'NFS version of the mounts',
          },
          lease: {
            type: 'number',
            default: DEFAULT_SETTINGS.leaseSeconds,
            describe: "The server's lease in seconds, from 10 on",
          },
          grace: {
            type: 'number',
            default: DEFAULT_SETTINGS.graceSeconds,
            describe: "The server's grace time in seconds, not below the lease",
          },
          nfs3: { choices: ['on', 'off'], default: 'off', describe: 'Serve NFSv3, too' },
          'mount-options': {
            type: 'string',
            default: '',
            describe: 'Added to the mount options, and stronger',
          },
          export: {
            choices: WRITE_MODES,
            default: DEFAULT_SETTINGS.writeMode,
            describe: 'async answers before data is on disk',
          },
          memory: {
            type: 'number',
            default: DEFAULT_SETTINGS.memoryMb,
            describe: 'Megabytes for each broker',
          },
          'server-memory': {
            type: 'number',
            default: DEFAULT_SETTINGS.serverMemoryMb,
            describe: 'Megabytes for the file server',
          },
        } as const)
        .example('$0 up', 'A server, three brokers and a client host')
        .example('$0 up --hosts a,b --lease 30 --grace 30', 'Two brokers, a longer lease')
        .example('$0 up --server ganesha', 'Another server')
        .example('$0 up --mount-options softerr,timeo=50,retrans=1', 'A mount that gives up'),
    async (parsed) => {
      const settings: LabSettings = {
        brokers: parseBrokers(parsed.hosts),
        server: parsed.server,
        nfsVersion: parsed.nfs,
        leaseSeconds: parsed.lease,
        graceSeconds: parsed.grace,
        nfs3: parsed.nfs3 === 'on',
        mountOptions: parsed['mount-options'],
        writeMode: parsed.export,
        memoryMb: parsed.memory,
        serverMemoryMb: parsed['server-memory'],
      };
      const startedAtMs = performance.now();
      const lab = openLab(parsed);
      await lab.up(settings);
      say(`up after ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s`);
      process.stdout.write(`${statusLines(await readStatus(lab)).join('\n')}\n`);
    },
  );
}

function addViews(parser: Argv<NamedLab>): void {
  parser.command(
    'obstacles',
    'Tell why the lab cannot run here, one reason a line; nothing when it can',
    (options) => options.example('$0 obstacles', ''),
    () => {
      for (const obstacle of obstacles(readMachine())) process.stdout.write(`${obstacle}\n`);
    },
  );
  parser.command(
    'down',
    'Remove the lab and everything that it made, also after a crash',
    (options) => options.example('$0 down', '').example('$0 down --name second', 'Another lab'),
    async (parsed) => {
      await openLab(parsed).down();
    },
  );
  parser.command(
    'status',
    'Show hosts, mounts, cuts, delays and losses',
    (options) =>
      options
        .options({ json: { type: 'boolean', default: false, describe: 'One JSON object' } })
        .example('$0 status', ''),
    async (parsed) => {
      const status = await readStatus(openLab(parsed));
      const text = parsed.json ? JSON.stringify(status, null, 2) : statusLines(status).join('\n');
      process.stdout.write(`${text}\n`);
    },
  );
}

function addNetwork(parser: Argv<NamedLab>): void {
  parser.command(
    'partition <x> <y>',
    'Cut two hosts off from each other',
    (options) =>
      options
        .positional('x', HOST)
        .positional('y', HOST)
        .options({
          'one-way': {
            type: 'boolean',
            default: false,
            describe: 'Only what X sends to Y is lost',
          },
        })
        .example('$0 partition a s', 'The live node without its file server')
        .example('$0 partition s a --one-way', 'The server hears a, and its answers are lost'),
    async (parsed) => {
      const [x, y] = [parseHost(parsed.x), parseHost(parsed.y)];
      await openLab(parsed).partition(x, y, { oneWay: parsed['one-way'] });
    },
  );
  parser.command(
    'delay <host> <ms>',
    'Make everything that a host sends late',
    (options) =>
      options
        .positional('host', HOST)
        .positional('ms', {
          type: 'number',
          demandOption: true,
          describe: 'Milliseconds; 0 ends it',
        })
        .example('$0 delay s 50', 'Every answer of the file server is 50 ms late'),
    async (parsed) => {
      checkDelay(parsed.ms);
      await openLab(parsed).delay(parseHost(parsed.host), parsed.ms);
    },
  );
  parser.command(
    'loss <host> <percent>',
    'Lose a share of what a host sends',
    (options) =>
      options
        .positional('host', HOST)
        .positional('percent', {
          type: 'number',
          demandOption: true,
          describe: '0 to 100; 0 ends it',
        })
        .example('$0 loss a 5', 'One of twenty frames of a is lost'),
    async (parsed) => {
      checkLoss(parsed.percent);
      await openLab(parsed).loss(parseHost(parsed.host), parsed.percent);
    },
  );
  parser.command(
    'heal',
    'End all cuts, delays and losses',
    (options) => options.example('$0 heal', ''),
    async (parsed) => {
      await openLab(parsed).heal();
    },
  );
}

/** Commands of one host. */
function addPower(parser: Argv<NamedLab>): void {
  const commands = [
    ['poweroff', 'Take the power of a host away', (lab, host) => lab.powerOff(parseGuest(host))],
    [
      'boot',
      'Boot a host without power, and mount or serve again',
      (lab, host) => lab.boot(parseGuest(host)),
    ],
    [
      'pause',
      'Stop a host between two instructions',
      async (lab, host) => lab.pause(parseGuest(host)),
    ],
    ['resume', 'Let a paused host go on', async (lab, host) => lab.resume(parseGuest(host))],
  ] as const satisfies readonly (readonly [
    string,
    string,
    (lab: Lab, host: string) => Promise<void>,
  ])[];
  for (const [name, describe, work] of commands) {
    parser.command(
      `${name} <host>`,
      describe,
      (options) => options.positional('host', GUEST).example(`$0 ${name} a`, ''),
      async (parsed) => {
        await work(openLab(parsed), parsed.host);
      },
    );
  }
  parser.command(
    'restart-nfs',
    'Restart the NFS server on s, which begins a grace time',
    (options) => options.example('$0 restart-nfs', ''),
    async (parsed) => {
      await openLab(parsed).restartNfs();
    },
  );
}

function addExec(parser: Argv<NamedLab>, command: string): void {
  parser.command(
    'exec <host>',
    'Run a command on a host, as ssh does',
    (options) =>
      options
        .usage('Usage: $0 exec [--user USER] [--timeout SECONDS] HOST COMMAND...')
        .positional('host', HOST)
        .options({
          user: {
            type: 'string',
            default: 'root',
            describe: 'Nodes run as holdfast, who owns the store',
          },
          timeout: {
            type: 'number',
            describe: 'Seconds; then it is killed, and this ends with 124',
          },
        })
        .example('$0 exec a cat /proc/mounts', '')
        .example('$0 exec --user holdfast a holdfast status --store /srv/holdfast', '')
        .example("$0 exec h 'holdfast send --url stomp://10.99.0.11:61613 /queue/q hi'", ''),
    async (parsed) => {
      const { user, timeout } = parsed;
      const limitMs = timeout === undefined ? null : timeout * 1_000;
      const host = parseHost(parsed.host);
      process.exitCode = await execCommand(openLab(parsed), host, command, { user, limitMs });
    },
  );
}

async function main(commandLine: readonly string[]): Promise<void> {
  const { own, command } = splitExecArguments(commandLine);
  const parser = yargs([...own])
    .scriptName('npm run lab --')
    .usage('An NFS server, brokers and a client host on this machine: see docs/lab.md.')
    .usage('')
    .usage('Usage: $0 COMMAND [OPTIONS]')
    .parserConfiguration({ 'boolean-negation': false, 'camel-case-expansion': false })
    .detectLocale(false)
    .wrap(Math.min(HELP_COLUMNS, process.stdout.columns ?? HELP_COLUMNS))
    .version(false)
    .exitProcess(false)
    .strict()
    .demandCommand(1, 'A command is missing; see --help')
    .fail((complaint: string | null, error: Error | undefined) => {
      throw error ?? new LabError(`${(complaint ?? '').split('\n')[0]}.`);
    })
    .options({
      name: {
        type: 'string',
        default: DEFAULT_LAB_NAME,
        requiresArg: true,
        describe: 'Which lab; each has namespaces of its own',
        global: true,
      },
    } as const);
  addUp(parser);
  addViews(parser);
  addExec(parser, command);
  addNetwork(parser);
  addPower(parser);
  await parser.parseAsync();
}

function report(thrown: unknown): void {
  const isPlain = thrown instanceof LabError || (thrown as Error).name === 'YError';
  const error = thrown as Error;
  process.stderr.write(`lab: ${isPlain ? error.message : (error.stack ?? error.message)}\n`);
  process.exitCode = isPlain && !(error instanceof HostError) ? 2 : 1;
}

await main(hideBin(process.argv)).catch(report);
