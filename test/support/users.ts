/** Users files of tests, as `holdfast user` makes them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { nodeCryptography } from '../../src/platform/node/cryptography.js';
import { type Verifiers, withUser } from '../../src/security/users-file-edit.js';
import { makeScramKeys, makeScryptVerifier } from '../../src/security/verifiers.js';
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

/** Without a process for each user, for they have passwords to compute besides; `addUser` has one. */
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
  let file = `roles:\n${lines.join('\n')}\nusers:\n`;
  for (const [name, given] of Object.entries(users)) {
    file = withUser(file, path, { name, roles: given, ...(await verifiersOf(name)) });
  }
  await writeFile(path, file, { mode: 0o600 });
}

/** Each is computed once in a test file, which makes its users anew for every test. */
const knownVerifiers = new Map<string, Verifiers>();

async function verifiersOf(name: string): Promise<Verifiers> {
  const known = knownVerifiers.get(name);
  if (known !== undefined) return known;
  const password = passwordOf(name);
  const made = {
    scrypt: await makeScryptVerifier(nodeCryptography, password),
    scram: await makeScramKeys(nodeCryptography, password),
  };
  knownVerifiers.set(name, made);
  return made;
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
