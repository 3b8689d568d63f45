/** Runs the operator's own commands, each in a process group of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { errnoOf, messageOf } from '../errors.js';
import type { CommandEnd, CommandRunner } from '../ports.js';

const SHELL = '/bin/sh';
/** Of what it wrote, the last. */
const OUTPUT_CHARACTERS = 2_000;
/** What it left running in the background may keep its output open for ever. */
const OUTPUT_WAIT_MS = 100;

export const shellCommands: CommandRunner = {
  run: (command, environment, limitMs) => {
    try {
      // Its own group: it goes on when this process is killed, and can be ended with all that it started.
      const child = spawn(SHELL, ['-c', command], {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...environment },
      });
      return untilOver(child, limitMs);
    } catch (error) {
      // Of what no command and no variable may hold, as a NUL byte.
      return Promise.resolve({ exitCode: null, trouble: messageOf(error), output: '' });
    }
  },
};

function untilOver(child: ChildProcess, limitMs: number): Promise<CommandEnd> {
  return new Promise((resolve) => {
    let output = '';
    const streams = [child.stdout, child.stderr];
    for (const stream of streams) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-OUTPUT_CHARACTERS);
      });
    }
    const end = (exitCode: number | null, trouble: string | null): void => {
      clearTimeout(limit);
      for (const stream of streams) stream?.destroy();
      resolve({ exitCode, trouble, output: output.trim() });
    };
    const limit = setTimeout(() => {
      end(null, `it took longer than ${limitMs} ms and ${killGroup(child.pid)}`);
    }, limitMs);
    child.on('error', (error) => end(null, error.message));
    child.on('exit', (exitCode, signal) => {
      const over = (): void => end(exitCode, signal === null ? null : `it was ended by ${signal}`);
      child.on('close', over);
      setTimeout(over, OUTPUT_WAIT_MS);
    });
  });
}

/** Returns what became of it. Whatever that is, it must not end the node: it may have become another user's, by sudo. */
function killGroup(pid: number | undefined): string {
  if (pid === undefined) return 'was never started';
  try {
    process.kill(-pid, 'SIGKILL');
    return 'was killed';
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return 'ended in that moment';
    return `goes on, for it could not be killed: ${messageOf(error)}`;
  }
}
