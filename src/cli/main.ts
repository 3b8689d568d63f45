#!/usr/bin/env node
/**
 * The `holdfast` program: finds the command, runs it, and turns whatever it throws into one
 * sentence and an exit code. Each command's modules are loaded only when that command runs.
 */

import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { HoldfastError, messageOf } from '../platform/errors.js';
import { packageVersion } from '../platform/node/version.js';
import {
  checkArguments,
  explainMissingCommand,
  type ParsedArguments,
  usageError,
} from './arguments.js';
import type { Command } from './command.js';
import { EXIT, EXIT_CODE_OF_ERROR, type ExitCode } from './exit-codes.js';

interface CommandEntry {
  readonly name: string;
  /** In yargs' notation: `<destination> [text]`. */
  readonly positionals: string;
  readonly describe: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'start',
    positionals: '',
    describe: 'Run one node on a store',
    load: () => import('./commands/start.js'),
  },
  {
    name: 'pair',
    positionals: '',
    describe: 'Run two nodes on this machine and watch one take over',
    load: () => import('./commands/pair.js'),
  },
  {
    name: 'status',
    positionals: '',
    describe: 'Show who is live and how the others are',
    load: () => import('./commands/status.js'),
  },
  {
    name: 'handover',
    positionals: '',
    describe: 'Move the live role to a backup',
    load: () => import('./commands/handover.js'),
  },
  {
    name: 'doctor',
    positionals: '<dir>',
    describe: 'Find out whether a directory can keep two nodes apart',
    load: () => import('./commands/doctor.js'),
  },
  {
    name: 'journal',
    positionals: '<action>',
    describe: 'Verify or dump the journal, beside running nodes',
    load: () => import('./commands/journal.js'),
  },
  {
    name: 'top',
    positionals: '',
    describe: 'Show queues and rates of the live node, kept current',
    load: () => import('./commands/top.js'),
  },
  {
    name: 'queue',
    positionals: '<action> [name]',
    describe: 'List, browse, purge, move, retry, pause queues',
    load: () => import('./commands/queue.js'),
  },
  {
    name: 'connection',
    positionals: '<action> [id]',
    describe: 'List connections of clients, or close one',
    load: () => import('./commands/connection.js'),
  },
  {
    name: 'send',
    positionals: '<destination> [text]',
    describe: 'Send messages',
    load: () => import('./commands/send.js'),
  },
  {
    name: 'receive',
    positionals: '<destination>',
    describe: 'Receive messages',
    load: () => import('./commands/receive.js'),
  },
  {
    name: 'user',
    positionals: '<action> [name]',
    describe: 'Add, change, remove or list users',
    load: () => import('./commands/user.js'),
  },
  {
    name: 'completion',
    positionals: '',
    describe: 'Print the script by which bash or zsh completes commands and options',
    load: () => import('./commands/completion.js'),
  },
];

const EXAMPLES = [
  ['pair', 'Two nodes and a table that shows a takeover'],
  ['start --store /srv/holdfast', 'One node'],
  ['status --store /srv/holdfast', 'Who is live'],
] as const;

const COMMAND_NAMES = COMMANDS.map((entry) => entry.name);
/** Makes yargs answer the script of `holdfast completion`. */
const COMPLETION_OF_YARGS = 'yargs-completion';
const MAX_HELP_COLUMNS = 100;

async function main(commandLine: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const parser = yargs(withMarks(commandLine))
    .scriptName('holdfast')
    .usage('A message broker whose high availability is one file lock in a shared directory.')
    .usage('')
    .usage('Usage: $0 COMMAND [OPTIONS]')
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-positional-numbers': false,
    })
    .detectLocale(false)
    .wrap(Math.min(MAX_HELP_COLUMNS, process.stdout.columns ?? MAX_HELP_COLUMNS))
    .exitProcess(false)
    .fail((complaint: string | null, error: Error | undefined) => {
      throw error ?? usageError(readableUsage(complaint ?? '', commandLine));
    })
    .version(packageVersion())
    .completion(COMPLETION_OF_YARGS, false)
    .help()
    .alias('help', 'h')
    .describe({ help: 'Show this help', version: 'Show the version' })
    .epilogue('Each command has its own help: holdfast start --help. Exit codes: docs/cli.md.');
  for (const [line, meaning] of EXAMPLES) addExample(parser, line, meaning);
  for (const entry of COMMANDS) {
    addCommand(parser, entry, (code) => {
      exitCode = code;
    });
  }
  parser.command('$0', false, {}, (parsed: ParsedArguments) => {
    const error = explainMissingCommand(parsed, COMMAND_NAMES);
    if (error !== null) {
      throw error;
    }
    parser.showHelp('error');
    exitCode = EXIT.usage;
  });
  await parser.parseAsync();
  return exitCode;
}

/** On lines of their own: side by side, yargs breaks a command of more than half the width. */
function addExample(parser: Argv, commandLine: string, meaning: string): void {
  parser.example(`# ${meaning}`, '').example(`$0 ${commandLine}`, '');
}

function addCommand(parser: Argv, entry: CommandEntry, onEnd: (code: ExitCode) => void): void {
  let command: Command;
  parser.command(
    `${entry.name} ${entry.positionals}`.trim(),
    entry.describe,
    async (options: Argv) => {
      ({ command } = await entry.load());
      options
        .usage(`${entry.describe}.`)
        .usage('')
        .usage(`Usage: $0 ${`${entry.name} ${entry.positionals}`.trim()} [OPTIONS]`)
        .options({ ...command.options })
        .epilogue(command.epilogue);
      for (const [name, positional] of Object.entries(command.positionals)) {
        options.positional(name, positional);
      }
      for (const [commandLine, meaning] of command.examples) {
        addExample(options, commandLine, meaning);
      }
      return options;
    },
    async (parsed: ParsedArguments) => {
      const given = withoutMarks(parsed);
      checkArguments(entry.name, command, given);
      onEnd(await command.run(given));
    },
  );
}

/**
 * Before a text that begins with a dash: yargs makes an empty text of a positional `-`, and nothing that a
 * command gets of what follows `--`. No argument of a process can contain it.
 */
const MARK = '\0';

function withMarks(commandLine: readonly string[]): string[] {
  const end = commandLine.includes('--') ? commandLine.indexOf('--') : commandLine.length;
  return [
    ...commandLine.slice(0, end).map((word) => (word === '-' ? MARK + word : word)),
    ...commandLine.slice(end + 1).map((word) => (word.startsWith('-') ? MARK + word : word)),
  ];
}

function withoutMarks(parsed: ParsedArguments): ParsedArguments {
  const restore = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(restore);
    return typeof value === 'string' && value.startsWith(MARK) ? value.slice(1) : value;
  };
  const entries = Object.entries(parsed).map(([name, value]) => [name, restore(value)]);
  return Object.fromEntries(entries) as ParsedArguments;
}

/** yargs' own complaints, as one sentence in this program's words. */
function readableUsage(message: string, commandLine: readonly string[]): string {
  const { name = '', positionals = '' } =
    COMMANDS.find((entry) => entry.name === commandLine.find((word) => !word.startsWith('-'))) ??
    {};
  if (message.startsWith('Not enough non-option arguments')) {
    return `An argument is missing: holdfast ${name} ${positionals}; see holdfast ${name} --help.`;
  }
  const option = /^Not enough arguments following: (.+)$/.exec(message)?.[1];
  if (option !== undefined) {
    return `--${option} needs a value.`;
  }
  const choice = /Argument: (\S+), Given: (.+), Choices: (.+)/.exec(message);
  if (choice !== null) {
    const dashes = positionals.includes(`<${choice[1]}>`) ? '' : '--';
    return `${dashes}${choice[1]} must be one of ${choice[3]?.replaceAll('"', '')}, but is ${choice[2]}.`;
  }
  return `${message.split('\n')[0]}.`;
}

function reportError(thrown: unknown, commandLine: readonly string[]): ExitCode {
  const isOfYargs = thrown instanceof Error && thrown.name === 'YError';
  const error = isOfYargs ? usageError(readableUsage(thrown.message, commandLine)) : thrown;
  const sentence = messageOf(error).split('\n')[0] ?? '';
  process.stderr.write(`holdfast: ${sentence}\n`);
  if (/--log-level[= ]debug/.test(commandLine.join(' ')) && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ''}\n`);
  }
  return error instanceof HoldfastError ? EXIT_CODE_OF_ERROR[error.code] : EXIT.failed;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads our output (`| head`) has had enough: nothing is wrong.
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  process.stderr.write(`holdfast: Standard output cannot be written: ${messageOf(error)}.\n`);
  process.exit(EXIT.failed);
});

const commandLine = hideBin(process.argv);
const exitCode = await main(commandLine).catch((error: unknown) => reportError(error, commandLine));
// A write that failed (a full disk) is told of after this turn: it must not end as if all had been printed.
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit(exitCode);
