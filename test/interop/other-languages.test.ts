/** Clients of AMQP 1.0 in Java and Python, as applications use them. Where their packages are missing this is skipped, loudly. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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
/** The first time Maven fetches what it needs. */
const BUILD_LIMIT_MS = 240_000;
const STEPS_LIMIT_MS = 60_000;

const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const noProton = works(PYTHON, '-c', 'import proton')
  ? false
  : 'SKIPPED: python3-qpid-proton is not installed';
const noMaven =
  works('mvn', '--version') && works('javac', '-version')
    ? false
    : 'SKIPPED: maven or a JDK is not installed';

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

test('Qpid JMS goes through what a JMS application does', { skip: noMaven }, async (t) => {
  const target = await mkdtemp(join(tmpdir(), 'holdfast-qpid-jms-'));
  t.after(() => rm(target, { recursive: true }));
  const classPathFile = join(target, 'class-path');
  const goals = ['compile', 'dependency:build-classpath', `-Dmdep.outputFile=${classPathFile}`];
  const project = join(SOURCES, 'qpid-jms', 'pom.xml');
  const options = ['-q', '-B', '-f', project];
  await run('mvn', [...options, `-DbuildDirectory=${target}`, ...goals], {
    timeout: BUILD_LIMIT_MS,
  });
  const classPath = `${join(target, 'classes')}:${await readFile(classPathFile, 'utf8')}`;
  const store = await TestStore.make(t, AMQP);
  const { live, backup } = await store.startPair();
  const urls = [backup, live].map((node) => `amqp://${node.addressOf('amqp')}`);
  const { stdout } = await run('java', ['-cp', classPath, 'JmsSteps', `failover:(${urls})`], {
    timeout: STEPS_LIMIT_MS,
  });
  assert.deepEqual(stdout.trim().split('\n'), [
    'received [order 0/0/false, order 1/1/false, order 2/2/false]',
    'nothing more: null',
    'in a transaction: committed false 1',
    'after its rollback: committed true 2',
    'after its commit: null',
    'on a topic: to everybody',
    'on a topic: to everybody',
    'durable: while it was away',
    'unsubscribed',
  ]);
});
