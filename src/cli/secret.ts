/** Passwords from where others cannot see them: a terminal without echo, standard input, or a file. Never an argument, which `ps` shows. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { messageOf } from '../platform/errors.js';
import { usageError } from './arguments.js';

const KEY = { interrupt: '\x03', endOfInput: '\x04', backspace: '\b', erase: '\x7f' } as const;

/** All of standard input but the end of its line. */
export async function readSecretFromInput(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const part of process.stdin) text += part;
  return withoutLineEnd(text);
}

export function readSecretFile(name: string): string {
  try {
    return withoutLineEnd(readFileSync(name, 'utf8'));
  } catch (error) {
    throw usageError(`The file ${name} cannot be read: ${messageOf(error)}.`);
  }
}

/** Asks twice, so that a slip of the finger locks nobody out. */
export async function askForNewSecret(what: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw usageError('There is no terminal to ask at; give the password with --password-stdin.');
  }
  const first = await askForSecret(`${what}: `);
  if ((await askForSecret(`${what}, once more: `)) === first) return first;
  throw usageError('The two passwords differ; nothing was changed.');
}

/** Shows nothing of what is typed. */
export async function askForSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // Before the question: whoever answers at once must not see the terminal's own echo.
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  let typed = '';
  try {
    stderr.write(question);
    for (;;) {
      const [keys] = (await once(stdin, 'data')) as [string];
      for (const key of keys) {
        if (key === '\r' || key === '\n') return typed;
        if (key === KEY.interrupt || key === KEY.endOfInput) {
          throw usageError('No password was given; nothing was changed.');
        }
        if (key === KEY.backspace || key === KEY.erase) typed = [...typed].slice(0, -1).join('');
        else typed += key;
      }
    }
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
