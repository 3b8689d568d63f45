/**
 * The load of the scenario `throughput` by Qpid JMS, in a process of its own: what Java applications see of
 * the broker. Maven fetches the library the first time, and builds qpid-jms/JmsLoad.java.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { formatAddress } from '../src/config/address.js';
import type { HostPort } from '../src/platform/ports.js';
import type { Client } from './client.js';
import type { LedgerSummary } from './ledger.js';
import { cpuSecondsOf } from './process-figures.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The same project as the tests with this library, with other sources. */
const PROJECT = join(ROOT, 'bench', 'qpid-jms', 'pom.xml');
/** The first time Maven fetches what it needs. */
const BUILD_LIMIT_MS = 240_000;

/** Its senders and receivers are in another process, which only `throughput` starts. */
export const qpidJmsClient: Client = { protocol: 'amqp', send: onlyWhole, receive: onlyWhole };

function onlyWhole(): never {
  throw new Error('The client qpid-jms is only for the scenario throughput.');
}

export interface JmsLoadOptions {
  readonly address: HostPort;
  readonly queue: string;
  /** Of each kind, producers and consumers. */
  readonly clients: number;
  readonly window: number;
  readonly bodyBytes: number;
  readonly fail: (error: Error) => void;
}

export class JmsLoad {
  readonly #child: ChildProcess;
  readonly #ended: Promise<LedgerSummary>;
  #confirmed = 0;
  #consumed = 0;
  #isClosed = false;

  private constructor(classPath: string, options: JmsLoadOptions) {
    const { address, queue, clients, window, bodyBytes, fail } = options;
    const url = `amqp://${formatAddress(address)}`;
    const numbers = [clients, window, bodyBytes].map(String);
    const child = spawn('java', ['-cp', classPath, 'JmsLoad', url, queue, ...numbers], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    let complaint = '';
    child.stderr.on('data', (text) => {
      complaint += text;
    });
    const closed = once(child, 'close');
    void closed.then(([code]) => {
      if (code !== 0 && !this.#isClosed) fail(new Error(`The JMS load ended: ${complaint}`));
    });
    this.#ended = new Promise((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const summary = this.#read(line);
        if (summary !== null) void closed.then(() => resolve(summary));
      });
    });
  }

  static async start(options: JmsLoadOptions): Promise<JmsLoad> {
    const target = await mkdtemp(join(tmpdir(), 'holdfast-bench-jms-'));
    const classPathFile = join(target, 'class-path');
    const properties = [`-DbuildDirectory=${target}`, `-Dmdep.outputFile=${classPathFile}`];
    const goals = ['compile', 'dependency:build-classpath'];
    await promisify(execFile)('mvn', ['-q', '-B', '-f', PROJECT, ...properties, ...goals], {
      timeout: BUILD_LIMIT_MS,
    });
    const classPath = `${join(target, 'classes')}:${await readFile(classPathFile, 'utf8')}`;
    const load = new JmsLoad(classPath, options);
    load.#child.once('close', () => void rm(target, { recursive: true, force: true }));
    return load;
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  get consumed(): number {
    return this.#consumed;
  }

  cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid ?? 0);
  }

  /** Resolves when all that was sent is confirmed and has arrived. */
  finish(): Promise<LedgerSummary> {
    this.#child.stdin?.end();
    return this.#ended;
  }

  close(): void {
    this.#isClosed = true;
    this.#child.kill('SIGKILL');
  }

  #read(line: string): LedgerSummary | null {
    const words = line.split(' ');
    if (words[0] !== 'end') {
      [this.#confirmed = 0, this.#consumed = 0] = words.map(Number);
      return null;
    }
    const [confirmed = 0, received = 0, duplicates = 0, invented = 0] = words.slice(1).map(Number);
    const lost = confirmed - received;
    return { confirmed, received, duplicates, lost, invented, disordered: 0 };
  }
}
