/** Programs of this machine that the lab uses. */
import { execFile } from 'node:child_process';
import { LabError } from './lab-error.js';

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Who became root with `su` has no folders for administrators in his path. */
export const PROGRAM_PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

export interface RunOptions {
  /** What it reads. */
  readonly input?: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs it to its end and resolves with what it wrote; fails when it fails. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        maxBuffer: MAX_OUTPUT_BYTES,
        env: { ...process.env, PATH: PROGRAM_PATH, ...options.environment },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else {
          const said = `${stderr}${stdout}`.trim() || error.message;
          reject(new LabError(`${program} ${args.join(' ')}: ${lastLines(said, 15)}`));
        }
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
