/** The broker under test: `holdfast start` as a process of its own, read through its JSON log. */

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { formatAddress, parseTargetAddress } from '../src/config/address.js';
import type { HostPort } from '../src/platform/ports.js';
import type { Protocol } from './client.js';

const PROGRAM = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const ANY_PORT: HostPort = { host: '127.0.0.1', port: 0 };
const COMPLAINTS_KEPT = 5;

export interface BrokerProcessOptions {
  readonly name: string;
  readonly store: string;
  /** What clients of the benchmark speak; it listens for STOMP in any case. */
  readonly protocol: Protocol;
  /** Options of Node itself, such as `--cpu-prof`. */
  readonly nodeOptions: readonly string[];
  /** Settings as `HOLDFAST_LIMITS_MAX_QUEUES`. */
  readonly environment: NodeJS.ProcessEnv;
  /** The process ended although nobody asked it to. */
  readonly onUnexpectedEnd: (error: Error) => void;
}

interface LogEntry {
  readonly level?: string;
  readonly event?: string;
  readonly message?: string;
  readonly protocol?: string;
  readonly address?: string;
  readonly to?: string;
}

export class BrokerProcess {
  readonly #options: BrokerProcessOptions;
  readonly #log = new EventEmitter<{ entry: [LogEntry] }>();
  #child: ChildProcess | null = null;
  #closed: Promise<unknown> = Promise.resolve();
  #isEnding = false;
  #complaints: string[] = [];
  /** The same at every start, so that clients need not be told. */
  #address = ANY_PORT;
  #adminAddress = '';

  constructor(options: BrokerProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get address(): HostPort {
    return this.#address;
  }

  /** HOST:PORT of its admin listener; known once it has started. */
  get adminAddress(): string {
    return this.#adminAddress;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`The broker process ${this.name} does not run.`);
    return pid;
  }

  /** Resolves when it listens, whatever its role is. */
  async start(): Promise<void> {
    const { name, store, protocol, nodeOptions, environment, onUnexpectedEnd } = this.#options;
    const where = ['--store', store, '--name', name];
    if (protocol !== 'stomp') where.push('--stomp', formatAddress(ANY_PORT));
    where.push(`--${protocol}`, formatAddress(this.#address));
    const child = spawn(
      process.execPath,
      [...nodeOptions, PROGRAM, 'start', ...where, '--log-format', 'json', '--stop-with-parent'],
      {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        detached: true,
        env: { ...process.env, ...environment },
      },
    );
    this.#child = child;
    this.#isEnding = false;
    this.#complaints = [];
    this.#closed = once(child, 'close');
    const listening = this.#waitForEntry(
      (entry) => entry.event === 'listener-started' && entry.protocol === protocol,
    );
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on('line', (line) => this.#readLog(line));
    }
    child.once('close', (code, signal) => {
      if (this.#isEnding) return;
      const why = this.#complaints.join(' ');
      onUnexpectedEnd(new Error(`The broker ${name} ended by itself (${code ?? signal}): ${why}`));
    });
    const { address } = await listening;
    this.#address = parseTargetAddress(address ?? '', 'the log of the broker');
  }

  /** Ask before the event can happen. */
  async untilRole(role: string): Promise<void> {
    await this.#waitForEntry(({ event, to }) => event === 'role-changed' && to === role);
  }

  /** kill -9, returning at once: the clock of a takeover runs from here. */
  kill(): void {
    this.#end('SIGKILL');
  }

  /** Ask only after `kill` or `terminate`. */
  async untilGone(): Promise<void> {
    await this.#closed;
    this.#child = null;
  }

  terminate(): void {
    this.#end('SIGTERM');
  }

  #end(signal: NodeJS.Signals): void {
    this.#isEnding = true;
    this.#child?.kill(signal);
  }

  #waitForEntry(isIt: (entry: LogEntry) => boolean): Promise<LogEntry> {
    return new Promise((resolve) => {
      const look = (entry: LogEntry): void => {
        if (!isIt(entry)) return;
        this.#log.off('entry', look);
        resolve(entry);
      };
      this.#log.on('entry', look);
    });
  }

  /** One JSON object per line; whatever else comes is a crash of the runtime itself. */
  #readLog(line: string): void {
    const entry = line.startsWith('{') ? (JSON.parse(line) as LogEntry) : { message: line };
    if (entry.level === 'info') {
      if (entry.protocol === 'http') this.#adminAddress = entry.address ?? '';
      this.#log.emit('entry', entry);
      return;
    }
    this.#complaints.push(entry.message ?? '');
    this.#complaints.splice(0, this.#complaints.length - COMPLAINTS_KEPT);
  }
}
