/** A program in whatever language that tells what happens by lines on stdout, and is told by lines on stdin. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { atEnd } from '../support/at-end.js';
import { eventually, within } from '../support/eventually.js';

/** A JVM with Spring takes some seconds on a busy machine. */
const LIMIT_MS = 30_000;

export interface LineProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly onLine?: ((line: string) => void) | undefined;
}

export class LineProgram {
  readonly lines: string[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown[]>;
  #errors = '';

  constructor(t: TestContext, options: LineProgramOptions) {
    const { command, args, environment, onLine } = options;
    this.#child = spawn(command, args, { env: { ...process.env, ...environment } });
    this.#closed = once(this.#child, 'close');
    createInterface(this.#child.stdout).on('line', (line) => {
      this.lines.push(line);
      onLine?.(line);
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    atEnd(t, async () => {
      await this.kill();
      if (this.#errors !== '') t.diagnostic(`${command} wrote to stderr: ${this.#errors}`);
    });
  }

  /** Resolves with the first line that matches. */
  async line(pattern: RegExp): Promise<string> {
    return eventually(
      `a line ${pattern}`,
      () => {
        const found = this.lines.find((line) => pattern.test(line));
        if (found === undefined) assert.equal(this.#child.exitCode, null, this.#errors);
        return found;
      },
      LIMIT_MS,
    );
  }

  /** What follows `word` in each line where it is the first or second one. */
  linesOf(word: string): string[] {
    const pattern = new RegExp(`^(?:\\S+ )?${word} (.*)$`);
    return this.lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** Nothing more is told to it; resolves with its exit code, or with the signal that ended it. */
  async end(): Promise<unknown> {
    this.#child.stdin.end();
    const [code, signal] = await within('the program ends', this.#closed, LIMIT_MS);
    return code ?? signal;
  }
}
