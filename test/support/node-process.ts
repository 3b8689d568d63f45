/**
 * One `holdfast start` as a real process, with what it logs. Every process ends with the test that
 * started it, also when the test itself is killed.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseTargetAddress } from '../../src/config/address.js';
import type { Role } from '../../src/ownership/role.js';
import { messageOf } from '../../src/platform/errors.js';
import type { HostPort } from '../../src/platform/ports.js';
import { within } from './eventually.js';
import { encodeFaults, FAULTS_VARIABLE, type Fault } from './fault-injection/fault.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const FAULTY_PROGRAM = fileURLToPath(new URL('./fault-injection/faulty-node.js', import.meta.url));

/** Small and quick, so that tests see many segments and do not wait for intervals. */
const QUICK_SETTINGS: Settings = {
  HOLDFAST_STOMP_LISTEN: '127.0.0.1:0',
  HOLDFAST_ADMIN_LISTEN: '127.0.0.1:0',
  HOLDFAST_JOURNAL_SEGMENT_BYTES: '1048576',
  HOLDFAST_JOURNAL_SLACK_BYTES: '0',
  HOLDFAST_JOURNAL_MIN_FREE_BYTES: '0',
  HOLDFAST_OWNERSHIP_LOCK_POLL_INTERVAL_MS: '20',
  HOLDFAST_OWNERSHIP_STATUS_INTERVAL_MS: '100',
};

/** Of the log, told when a node does not end. */
const LAST_LINES = 10;

/** Environment variables as `HOLDFAST_LIMITS_MAX_DELIVERIES`. */
export type Settings = Readonly<Record<string, string>>;

export interface NodeProcessOptions {
  readonly store: string;
  readonly name: string;
  readonly settings?: Settings;
  /** What goes wrong in its storage thread; with an empty list it only tells what it does. */
  readonly faults?: readonly Fault[];
  /** An installed `holdfast`, in place of the one of this tree. */
  readonly installed?: string;
}

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class NodeProcess {
  readonly name: string;
  readonly log: LogLine[] = [];
  /** What it wrote to stderr that is not a line of the log. */
  readonly otherOutput: string[] = [];
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #watchers: (() => void)[] = [];
  #end: ProcessEnd | null = null;

  constructor(options: NodeProcessOptions) {
    this.name = options.name;
    const given = Object.entries(process.env).filter(([key]) => !key.startsWith('HOLDFAST_'));
    const { faults, settings } = options;
    const environment = { ...Object.fromEntries(given), ...QUICK_SETTINGS, ...settings };
    if (faults !== undefined) environment[FAULTS_VARIABLE] = encodeFaults(faults);
    const builtProgram = faults === undefined ? PROGRAM : FAULTY_PROGRAM;
    const [program, ...words] = options.installed
      ? [options.installed]
      : [process.execPath, builtProgram];
    const flags = ['--store', options.store, '--name', options.name];
    const ownFlags = ['--log-format', 'json', '--stop-with-parent'];
    this.#child = spawn(program, [...words, 'start', ...flags, ...ownFlags], {
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    assert.ok(this.#child.stderr);
    createInterface(this.#child.stderr).on('line', (line) => this.#onLine(line));
    this.ended = once(this.#child, 'close').then(([code, signal]): ProcessEnd => {
      this.#end = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      this.#wakeWatchers();
      return this.#end;
    });
  }

  get pid(): number {
    assert.ok(this.#child.pid);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#end === null;
  }

  /** The role that it logged last. */
  get role(): Role | null {
    const last = this.log.findLast(({ event }) => event === 'role-changed');
    return last === undefined ? null : (last.to as Role);
  }

  /** Where it serves clients; known once it listens. */
  get address(): HostPort {
    return parseTargetAddress(this.addressOf('stomp'), 'the log');
  }

  /** HOST:PORT that it listens on for this protocol. */
  addressOf(protocol: 'stomp' | 'stomp+ssl' | 'amqp' | 'amqps' | 'http' | 'https'): string {
    const line = this.log.find(
      (entry) => entry.event === 'listener-started' && entry.protocol === protocol,
    );
    assert.ok(line, `${this.name} has not told its ${protocol} address`);
    return String(line.address);
  }

  /** Resolves when it has the role; fails when it ends before, or takes too long. */
  async untilRole(role: Role): Promise<this> {
    await this.until(`${this.name} is ${role}`, () => this.role === role);
    return this;
  }

  /** Resolves when it has logged an event of that name, with its line. */
  async untilEvent(event: string): Promise<LogLine> {
    const find = () => this.log.find((line) => line.event === event);
    await this.until(`${this.name} logs ${event}`, () => find() !== undefined);
    return find() as LogLine;
  }

  async untilSaid(sentence: RegExp): Promise<void> {
    await this.until(`${this.name} says ${sentence}`, () =>
      this.log.some(({ message }) => sentence.test(message)),
    );
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await within(what, this.#watch(what, condition));
  }

  /** Sends the signal; nothing happens when the process is gone. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<ProcessEnd> {
    this.signal('SIGKILL');
    return within(`${this.name} is gone`, this.ended);
  }

  /** Resolves when it has ended by itself; fails when it does not, with `why` it should and what it told last. */
  async end(why = ''): Promise<ProcessEnd> {
    try {
      return await within(`${this.name} (${this.role}) ends by itself ${why}`.trim(), this.ended);
    } catch (error) {
      const last = this.log.slice(-LAST_LINES).map((line) => JSON.stringify(line));
      throw new assert.AssertionError({ message: [messageOf(error), ...last].join('\n') });
    }
  }

  /** SIGTERM, to the end. */
  async terminate(): Promise<ProcessEnd> {
    this.signal('SIGTERM');
    return within(`${this.name} ends after SIGTERM`, this.ended, 30_000);
  }

  /** The last error that it logged, and everything that is no log line. */
  get complaint(): string {
    const error = this.log.findLast(({ level }) => level === 'error');
    return [error?.message ?? '', ...this.otherOutput].join('\n').trim();
  }

  async #watch(what: string, condition: () => boolean): Promise<void> {
    while (!condition()) {
      const how = JSON.stringify(this.#end);
      assert.equal(this.#end, null, `${what}: it ended before (${how}): ${this.complaint}`);
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  #onLine(line: string): void {
    if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
    else this.otherOutput.push(line);
    this.#wakeWatchers();
  }

  #wakeWatchers(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const wake of watchers) wake();
  }
}
