/** One `holdfast doctor` as a real process, with what it prints. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { atEnd } from './at-end.js';
import { eventually, within } from './eventually.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const END_LIMIT_MS = 120_000;

export interface DoctorEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class DoctorProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #stdout = '';
  #stderr = '';

  constructor(test: TestContext, directory: string, options: readonly string[]) {
    const commandLine = [PROGRAM, 'doctor', directory, ...options];
    this.#child = spawn(process.execPath, commandLine, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#closed = once(this.#child, 'close');
    this.#child.stdout?.on('data', (text) => {
      this.#stdout += text;
    });
    this.#child.stderr?.on('data', (text) => {
      this.#stderr += text;
    });
    atEnd(test, () => this.kill());
  }

  get pid(): number {
    assert.ok(this.#child.pid);
    return this.#child.pid;
  }

  /** Resolves when it has told `sentence` to whoever waits. */
  async tells(sentence: string): Promise<void> {
    await eventually(
      `the doctor tells: ${sentence}`,
      () => this.#stderr.includes(sentence),
      60_000,
    );
  }

  async end(): Promise<DoctorEnd> {
    await within('the doctor ends', this.#closed, END_LIMIT_MS);
    return { code: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }
}
