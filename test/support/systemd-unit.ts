/** The shipped systemd unit: its lines, and a sandbox that is as near to them as there is without systemd. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository-root.js';

export const UNIT_FILE = join(repositoryRoot(), 'deploy', 'systemd', 'holdfast.service');

const FILTER_SCRIPT = join(repositoryRoot(), 'test', 'integration', 'seccomp-filter.py');
/** As in <bits/socket.h>. */
const ADDRESS_FAMILIES: Readonly<Record<string, number>> = {
  ...{ AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 },
};
/** What of the root directory a node is shown; /usr/local has this installation in it. */
const SYSTEM_FOLDERS = [
  ...['--ro-bind', '/usr', '/usr', '--ro-bind', '/etc', '/etc', '--symlink', 'usr/bin', '/bin'],
  ...['--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64'],
];

const runs = (program: string, ...flags: readonly string[]): boolean =>
  spawnSync(program, flags, { stdio: 'ignore' }).status === 0;

/** For `test`: why it cannot run, or false. */
export const noSystemd = runs('systemd-analyze', '--version')
  ? false
  : 'SKIPPED: systemd-analyze is not installed (Debian: apt-get install systemd)';

const canSandbox = (): boolean =>
  runs('bwrap', ...SYSTEM_FOLDERS, '--dev', '/dev', '--proc', '/proc', '--unshare-user', 'true');

/** The same for what starts nodes in a sandbox. */
export const noSandbox =
  noSystemd ||
  (canSandbox()
    ? false
    : 'SKIPPED: bwrap cannot make a sandbox here (Debian: apt-get install bubblewrap; a container may forbid it)');

/** Each key with all its values, in order; an empty one takes back those before it. */
export function readUnit(): ReadonlyMap<string, readonly string[]> {
  const lines = readFileSync(UNIT_FILE, 'utf8').split('\n');
  const values = new Map<string, string[]>();
  for (const line of lines) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    values.set(key, value === '' ? [] : [...(values.get(key) ?? []), value]);
  }
  return values;
}

/** Each named set of system calls, without sets in it. */
function readCallSets(): ReadonlyMap<string, ReadonlySet<string>> {
  const { stdout } = spawnSync('systemd-analyze', ['syscall-filter'], { encoding: 'utf8' });
  const members = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of stdout.split('\n')) {
    const name = line.trim();
    if (line.startsWith('@')) {
      current = [];
      members.set(name, current);
    } else if (line.startsWith(' ') && !name.startsWith('#')) {
      current.push(name);
    }
  }
  const flat = (name: string): string[] =>
    name.startsWith('@') ? (members.get(name) ?? []).flatMap(flat) : [name];
  return new Map([...members.keys()].map((name) => [name, new Set(flat(name))]));
}

/** What remains of the unit's SystemCallFilter= lines, taken one after another as systemd does. */
export function allowedCalls(filters: readonly string[]): ReadonlySet<string> {
  const sets = readCallSets();
  const allowed = new Set<string>(sets.get('@default'));
  for (const filter of filters) {
    const isTakenAway = filter.startsWith('~');
    for (const name of filter.replace('~', '').split(' ')) {
      const calls = sets.get(name) ?? new Set([name]);
      assert.ok(calls.size > 0, `systemd knows no ${name}`);
      for (const call of calls) {
        if (isTakenAway) allowed.delete(call);
        else allowed.add(call);
      }
    }
  }
  return allowed;
}

export interface SandboxOptions {
  readonly folder: string;
  /** Of an installed package. */
  readonly prefix: string;
  /** Shown to the node as the directory that the unit lets it write. */
  readonly store: string;
}

/**
 * Writes a program that runs the unit's ExecStart with its restrictions, and takes more flags for it:
 * no capabilities, its user, its system calls and address families, nothing writable but the store.
 */
export function writeSandbox({ folder, prefix, store }: SandboxOptions): string {
  const unit = readUnit();
  const one = (key: string): string => {
    const [value, ...more] = unit.get(key) ?? [];
    assert.ok(value !== undefined && more.length === 0, `${key} is in the unit once`);
    return value;
  };
  const families = one('RestrictAddressFamilies').split(' ');
  const filter = spawnSync('/usr/bin/python3', [FILTER_SCRIPT], {
    input: JSON.stringify({
      calls: [...allowedCalls(unit.get('SystemCallFilter') ?? [])],
      families: families.map((name) => ADDRESS_FAMILIES[name]),
    }),
  });
  assert.equal(filter.status, 0, filter.stderr.toString());
  const filterFile = join(folder, 'filter.bpf');
  writeFileSync(filterFile, filter.stdout);
  const restrictions = [
    ...['--tmpfs', '/usr/local', '--ro-bind', `${prefix}/lib`, '/usr/local/lib'],
    ...['--ro-bind', `${prefix}/bin`, '/usr/local/bin'],
    ...['--ro-bind', process.execPath, '/opt/node/bin/node'],
    ...['--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp'],
    ...['--bind', store, one('ReadWritePaths')],
    ...['--unshare-user', '--uid', '861', '--gid', '861', '--cap-drop', 'ALL'],
    ...['--setenv', 'PATH', '/opt/node/bin:/usr/bin:/bin', '--chdir', '/'],
    ...['--seccomp', '9', '--die-with-parent'],
  ];
  const words = [...SYSTEM_FOLDERS, ...restrictions].join(' ');
  const program = join(folder, 'sandboxed-holdfast');
  // "start" comes with the flags of a test, and is in ExecStart already.
  const lines = [
    '#!/bin/sh',
    'shift',
    `umask ${one('UMask')}`,
    `exec bwrap ${words} ${one('ExecStart')} "$@" 9<${filterFile}`,
  ];
  writeFileSync(program, `${lines.join('\n')}\n`);
  chmodSync(program, 0o755);
  return program;
}
