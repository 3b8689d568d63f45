import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { shellCommands } from '../../../../src/platform/node/commands.js';
import { eventually } from '../../../support/eventually.js';

const LIMIT_MS = 20_000;

test('a command gets its variables, and its exit code and output are told', async () => {
  const end = await shellCommands.run(
    'echo "$GREETING"; echo no >&2; exit 3',
    { GREETING: 'hello' },
    LIMIT_MS,
  );
  assert.equal(end.exitCode, 3);
  assert.equal(end.trouble, null);
  assert.deepEqual(end.output.split('\n').sort(), ['hello', 'no']);
});

test('one that takes too long is killed with all that it started', async () => {
  const end = await shellCommands.run('sleep 600 & echo $!; wait', {}, 500);
  assert.deepEqual(
    [end.exitCode, end.trouble],
    [null, 'it took longer than 500 ms and was killed'],
  );
  const pid = Number(end.output);
  assert.ok(pid > 0);
  await eventually('what it started has ended', async () => {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
    return /\) [ZX]/.test(state);
  });
});

test('what it leaves in the background with its output does not hold it up', async () => {
  const end = await shellCommands.run('(sleep 600 & echo $!)', {}, LIMIT_MS);
  assert.equal(end.exitCode, 0);
  process.kill(Number(end.output), 'SIGKILL');
});

test('what no command may hold is told and not thrown', async () => {
  for (const [command, environment] of [
    ['echo a\0b', {}],
    ['true', { REASON: 'a\0b' }],
  ] as const) {
    const end = await shellCommands.run(command, environment, LIMIT_MS);
    assert.equal(end.exitCode, null);
    assert.match(end.trouble ?? '', /null bytes/);
  }
});
