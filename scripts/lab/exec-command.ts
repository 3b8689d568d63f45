/** `npm run lab -- exec`: a process on a host with the terminal's input, output and signals. */
import { constants } from 'node:os';
import type { Host } from './hosts.js';
import type { Lab } from './lab.js';
import type { LabProcess } from './lab-process.js';

/** As timeout(1). */
const EXIT_LATE = 124;
const SIGNALLED = 128;

interface SplitArguments {
  /** For this program, up to and with the host. */
  readonly own: readonly string[];
  readonly command: string;
}

/**
 * Everything after the host is for the host, options too: `exec a holdfast status --json`. Every option
 * before it has a value.
 */
export function splitExecArguments(commandLine: readonly string[]): SplitArguments {
  const words = wordIndexes(commandLine);
  const [verb, host] = words;
  if (verb === undefined || host === undefined || commandLine[verb] !== 'exec') {
    return { own: commandLine, command: '' };
  }
  const rest = commandLine.slice(host + 1);
  const isHelp = rest.length === 1 && rest[0] === '--help';
  if (isHelp) return { own: commandLine, command: '' };
  return {
    own: commandLine.slice(0, host + 1),
    command: (rest[0] === '--' ? rest.slice(1) : rest).join(' '),
  };
}

/** Where the first two arguments are that are neither options nor their values. */
function wordIndexes(commandLine: readonly string[]): readonly number[] {
  const found: number[] = [];
  for (let index = 0; index < commandLine.length && found.length < 2; index += 1) {
    const argument = commandLine[index] ?? '';
    if (!argument.startsWith('-')) found.push(index);
    else if (argument !== '--help' && argument !== '--' && !argument.includes('=')) index += 1;
  }
  return found;
}

export interface ExecCommandOptions {
  readonly user: string;
  readonly limitMs: number | null;
}

/** Resolves with the exit code that this program shall have. */
export async function execCommand(
  lab: Lab,
  host: Host,
  command: string,
  { user, limitMs }: ExecCommandOptions,
): Promise<number> {
  const child = lab.spawn(host, command, { user });
  child.stdout.pipe(process.stdout);
  child.stderr.pipe(process.stderr);
  process.stdin.on('data', (bytes: Buffer) => child.write(bytes));
  process.stdin.on('end', () => child.endInput());
  passSignals(child);
  let isLate = false;
  const timer = setTimeout(
    () => {
      isLate = true;
      child.signal('SIGKILL');
      child.abandon();
    },
    limitMs ?? 2 ** 31 - 1,
  );
  try {
    const { code, signal } = await child.ended;
    return code ?? SIGNALLED + (signal === null ? 0 : constants.signals[signal]);
  } catch (error) {
    if (!isLate) throw error;
    process.stderr.write(`lab: not within ${Number(limitMs) / 1_000} s; killed\n`);
    return EXIT_LATE;
  } finally {
    clearTimeout(timer);
    // What is not read of it would keep this program running.
    process.stdin.destroy();
  }
}

/** Ctrl-C is for the process on the host; the second one is for this program. */
function passSignals(child: LabProcess): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => child.signal(signal));
  }
}
