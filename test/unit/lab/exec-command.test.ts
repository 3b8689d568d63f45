import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitExecArguments } from '../../../scripts/lab/exec-command.js';

/** What is given, what is the lab's own, what is for the host. */
const CASES: readonly (readonly [string, string, string])[] = [
  ['exec a ls -l /srv', 'exec a', 'ls -l /srv'],
  ['exec a -- ls', 'exec a', 'ls'],
  [
    'exec --user holdfast a holdfast status --json',
    'exec --user holdfast a',
    'holdfast status --json',
  ],
  ['exec --user=holdfast a id --user', 'exec --user=holdfast a', 'id --user'],
  ['--name two exec --timeout 5 s ls --name x', '--name two exec --timeout 5 s', 'ls --name x'],
  ['exec a --help', 'exec a --help', ''],
  ['exec --help', 'exec --help', ''],
  ['exec', 'exec', ''],
  ['up --hosts a,b', 'up --hosts a,b', ''],
  ['partition a s --one-way', 'partition a s --one-way', ''],
];

for (const [given, own, command] of CASES) {
  test(`"${given}" runs "${command}" on a host`, () => {
    const split = splitExecArguments(given.split(' '));
    assert.deepEqual(split, { own: own.split(' '), command });
  });
}
