/** Clients of AMQP 1.0 in Python, as applications use them. Where their packages are missing this is skipped, loudly. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { repositoryRoot } from '../support/repository-root.js';
import { TestStore } from '../support/test-store.js';

const run = promisify(execFile);
const AMQP = { HOLDFAST_AMQP_LISTEN: '127.0.0.1:0' };
const SOURCES = join(repositoryRoot(), 'test', 'interop');
/** Debian's, whose packages are not another Python's. */
const PYTHON = '/usr/bin/python3';
const STEPS_LIMIT_MS = 60_000;

const noProton =
  spawnSync(PYTHON, ['-c', 'import proton'], { stdio: 'ignore' }).status === 0
    ? false
    : 'SKIPPED: python3-qpid-proton is not installed';

test('Qpid Proton for Python sends, receives and releases', { skip: noProton }, async (t) => {
  const store = await TestStore.make(t, AMQP);
  const { backup } = await store.startPair();
  const url = `amqp://${backup.addressOf('amqp')}`;
  const { stdout } = await run(PYTHON, [join(SOURCES, 'proton-steps.py'), url], {
    timeout: STEPS_LIMIT_MS,
  });
  assert.deepEqual(stdout.trim().split('\n'), [
    'order 0 0 0',
    'order 1 1 0',
    'order 2 2 0',
    'released 1',
  ]);
});
