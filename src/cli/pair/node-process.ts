/**
 * One node of `holdfast pair` as a child process that is started again whenever it ends. The child
 * holds the other end of an IPC channel and stops when that closes, so it never outlives us, even
 * when we are killed; it has a process group of its own, so that Ctrl-C reaches only us.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../platform/errors.js';
import { restartDelayMs } from './restart-delay.js';

/** Longer than a handover may take by default. */
const STOP_LIMIT_MS = 15_000;

const COMPLAINT_LEVELS: readonly string[] = ['warn', 'error'];
/** What commands/start.ts logs last: told as the reason of the end. */
const END_EVENT = 'node-failed';

export interface NodeEnd {
  readonly name: string;
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last error that the node logged, or an empty text. */
  readonly reason: string;
  /** Of that error, as `ADDRESS_IN_USE`, or an empty text. */
  readonly errorCode: string;
  /** Where it was told to serve. */
  readonly address: string;
  readonly endedAtMs: number;
  readonly restartInMs: number;
}

export interface NodeProcessOptions {
  readonly name: string;
  readonly store: string;
  readonly address: string;
  onEnd(end: NodeEnd, node: NodeProcess): void;
  /** A warning or an error of the node, for people. */
  onComplaint(name: string, sentence: string): void;
}

export class NodeProcess {
  readonly #options: NodeProcessOptions;
  #address: string;
  /** Of the process that runs or ran last; `moveTo` may come when it has been started again already. */
  #startedAt = '';
  #child: ChildProcess | null = null;
  #restart: NodeJS.Timeout | null = null;
  #stopping = false;
  #restartDelayMs = 0;
  #startedAtMs = 0;
  #lastError = '';
  #lastErrorCode = '';

  constructor(options: NodeProcessOptions) {
    this.#options = options;
    this.#address = options.address;
  }

  get name(): string {
    return this.#options.name;
  }

  get address(): string {
    return this.#address;
  }

  /** It ended because its address was taken: starts it at once on another. */
  moveTo(address: string): void {
    this.#address = address;
    this.#restartDelayMs = 0;
    if (this.#stopping || this.#restart === null) return;
    clearTimeout(this.#restart);
    this.start();
  }

  /** Null while it is not running. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  start(): void {
    this.#restart = null;
    const { name, store } = this.#options;
    this.#startedAt = this.#address;
    const program = fileURLToPath(new URL('../main.js', import.meta.url));
    const flags = ['--store', store, '--name', name, '--stomp', this.#address];
    const child = spawn(
      process.execPath,
      [program, 'start', ...flags, '--log-format', 'json', '--stop-with-parent'],
      { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true },
    );
    this.#child = child;
    this.#startedAtMs = performance.now();
    this.#lastError = '';
    this.#lastErrorCode = '';
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on('line', (line) => this.#readLog(line));
    }
    child.once('error', (error) => {
      this.#lastError = messageOf(error);
      if (child.pid === undefined) {
        this.#ended(child, null, null);
      }
    });
    child.once('close', (code, signal) => this.#ended(child, code, signal));
  }

  /** SIGTERM, and SIGKILL when that does not help. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#restart !== null) {
      clearTimeout(this.#restart);
    }
    const child = this.#child;
    if (child === null) {
      return;
    }
    const closed = once(child, 'close');
    const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    child.kill('SIGTERM');
    await closed;
    clearTimeout(impatience);
  }

  kill(): void {
    this.#stopping = true;
    this.#child?.kill('SIGKILL');
  }

  #ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) {
      return;
    }
    this.#child = null;
    const uptimeMs = performance.now() - this.#startedAtMs;
    this.#restartDelayMs = restartDelayMs(this.#restartDelayMs, uptimeMs);
    if (this.#stopping) {
      return;
    }
    this.#restart = setTimeout(() => this.start(), this.#restartDelayMs);
    const end: NodeEnd = {
      name: this.name,
      pid: child.pid,
      code,
      signal,
      reason: this.#lastError,
      errorCode: this.#lastErrorCode,
      address: this.#startedAt,
      endedAtMs: Date.now(),
      restartInMs: this.#restartDelayMs,
    };
    this.#options.onEnd(end, this);
  }

  /** One JSON object per line; whatever else comes is a crash of the runtime itself. */
  #readLog(line: string): void {
    const entry = parseLogLine(line);
    if (entry.level === 'error') {
      this.#lastError = entry.message;
      this.#lastErrorCode = entry.code;
    }
    const isReasonOfEnd = entry.event === END_EVENT;
    if (COMPLAINT_LEVELS.includes(entry.level) && !isReasonOfEnd && !this.#stopping) {
      this.#options.onComplaint(this.name, entry.message);
    }
  }
}

interface LogEntry {
  readonly level: string;
  readonly event: string;
  readonly message: string;
  /** Of an error that ended the node. */
  readonly code: string;
}

function parseLogLine(line: string): LogEntry {
  if (line.startsWith('{')) {
    const entry = JSON.parse(line) as { readonly [key: string]: unknown };
    const { level, event, message, code = '' } = entry;
    return {
      level: String(level),
      event: String(event),
      message: String(message),
      code: String(code),
    };
  }
  const sentence = line.replace(/^holdfast: /, '');
  return {
    level: line === sentence ? 'other' : 'error',
    event: 'start-refused',
    message: sentence,
    code: '',
  };
}
