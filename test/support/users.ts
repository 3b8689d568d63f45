/** Users files of tests, made by `holdfast user` as people make them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { within } from './eventually.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface CommandEnd {
  readonly code: number;
  readonly printed: string;
  readonly complaint: string;
}

export interface CommandRun {
  readonly input?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** The program and what stands before the flags; the `holdfast` of this tree when left out. */
  readonly program?: readonly [string, ...string[]];
}

/** Runs `holdfast` to its end, whatever that is. */
export async function runHoldfast(
  flags: readonly string[],
  { input = '', environment = {}, program = [process.execPath, PROGRAM] }: CommandRun = {},
): Promise<CommandEnd> {
  const [file, ...words] = program;
  const child = spawn(file, [...words, ...flags], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const closed = once(child, 'close');
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [printed, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await within(`holdfast ${flags.join(' ')} ends`, closed)) as [number];
  return { code, printed, complaint };
}

/** Rules by role, each as `ADDRESS: right right`. */
export type Roles = Readonly<Record<string, readonly string[]>>;

export async function makeUsersFile(
  path: string,
  roles: Roles,
  users: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const lines = Object.entries(roles).flatMap(([role, rules]) => [
    `  ${role}:`,
    ...rules.map((rule) => {
      const [address = '', rights = ''] = rule.split(': ');
      return `    - { address: "${address}", allow: [${rights.replaceAll(' ', ', ')}] }`;
    }),
  ]);
  await writeFile(path, `roles:\n${lines.join('\n')}\nusers:\n`);
  await chmod(path, 0o600);
  for (const [name, given] of Object.entries(users)) await addUser(path, name, given);
}

/** The password is the name and `-secret`. */
export async function addUser(path: string, name: string, roles: readonly string[]): Promise<void> {
  const flags = ['user', 'add', name, '--users-file', path, '--password-stdin'];
  const end = await runHoldfast([...flags, ...roles.flatMap((role) => ['--role', role])], {
    input: `${passwordOf(name)}\n`,
  });
  assert.equal(end.code, 0, end.complaint);
}

export function passwordOf(name: string): string {
  return `${name}-secret`;
}
