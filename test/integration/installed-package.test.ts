/** The package as it is published: packed, installed with `npm install -g` into an empty folder, and run from there. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { atEnd } from '../support/at-end.js';
import { installHoldfast } from '../support/installed-package.js';
import { NodeProcess, type Settings } from '../support/node-process.js';
import { repositoryRoot } from '../support/repository-root.js';
import { makeTemporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.js';
import { type CommandEnd, makeUsersFile, passwordOf, runHoldfast } from '../support/users.js';

let directory: TemporaryDirectory;
let packageFolder = '';
let program = '';

before(async () => {
  directory = await makeTemporaryDirectory();
  ({ program, folder: packageFolder } = await installHoldfast(directory.path));
});
after(() => directory?.remove());

/** Runs the installed program to its end, which has to be a good one. */
async function succeed(flags: readonly string[], input = ''): Promise<string> {
  const end = await run(flags, {}, input);
  assert.equal(end.code, 0, end.complaint);
  return end.printed;
}

function run(
  flags: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  input = '',
): Promise<CommandEnd> {
  return runHoldfast(flags, { program: [program], environment, input });
}

async function startLive(t: TestContext, settings: Settings = {}): Promise<NodeProcess> {
  const store = join(directory.path, t.name.replaceAll(/\W+/g, '-'));
  await mkdir(store);
  const node = new NodeProcess({ store, name: 'a', installed: program, settings });
  atEnd(t, () => node.kill());
  return node.untilRole('live');
}

test('it says the version that package.json says', async () => {
  const { version } = JSON.parse(
    await readFile(join(repositoryRoot(), 'package.json'), 'utf8'),
  ) as { version: string };
  assert.equal(await succeed(['--version']), `${version}\n`);
});

test('it holds the program, deployment and pages, and nothing of tests, sources and tools', async () => {
  const files = await readdir(packageFolder, { recursive: true });
  const own = files.filter((path) => !path.startsWith('node_modules'));
  const top = new Set(own.map((path) => path.split('/')[0]));
  assert.deepEqual(
    [...top].sort(),
    ['CHANGELOG.md', 'LICENSE', 'README.md', 'deploy', 'dist', 'docs', 'package.json'].sort(),
  );
  assert.deepEqual(await readdir(join(packageFolder, 'dist')), ['src']);
  assert.deepEqual(
    own.filter((path) => /(?<!\.d)\.ts$|\.map$|\.test\./.test(path)),
    [],
  );
  const { devDependencies } = JSON.parse(
    await readFile(join(packageFolder, 'package.json'), 'utf8'),
  ) as { devDependencies: Record<string, string> };
  const installed = await readdir(join(packageFolder, 'node_modules'));
  assert.ok(installed.includes('fs-ext'));
  assert.deepEqual(
    Object.keys(devDependencies).filter((name) => installed.includes(name)),
    [],
  );
});

test('a node of it goes live, and takes and gives messages', async (t) => {
  const node = await startLive(t);
  const url = ['--url', `stomp://127.0.0.1:${node.address.port}`];
  assert.match(await succeed(['send', '/queue/orders', 'one coffee', ...url]), /^1 message conf/);
  assert.equal(await succeed(['receive', '/queue/orders', ...url]), 'one coffee\n');
  const store = join(directory.path, t.name.replaceAll(/\W+/g, '-'));
  const status = JSON.parse(await succeed(['status', '--store', store, '--json'])) as {
    live: { node: string };
  };
  assert.equal(status.live.node, 'a');
  assert.deepEqual(await node.terminate(), { code: 0, signal: null });
  const end = await run(['status', '--store', store]);
  assert.equal(end.code, 4, end.printed);
});

test('with a users file that it made, it serves who logs in', async (t) => {
  const usersFile = join(directory.path, 'users.yaml');
  await makeUsersFile(usersFile, { worker: ['orders.>: send consume create'] }, {});
  const add = ['user', 'add', 'wendy', '--role', 'worker', '--users-file', usersFile];
  await succeed([...add, '--password-stdin'], `${passwordOf('wendy')}\n`);
  const node = await startLive(t, { HOLDFAST_SECURITY_USERS_FILE: usersFile });
  const send = [
    ...['send', '/queue/orders.new', 'x'],
    ...['--url', `stomp://127.0.0.1:${node.address.port}`],
  ];
  const known = { HOLDFAST_USER: 'wendy', HOLDFAST_PASSWORD: passwordOf('wendy') };
  const sent = await run(send, known);
  assert.equal(sent.code, 0, sent.complaint);
  const wrong = await run(send, { ...known, HOLDFAST_PASSWORD: 'guess' });
  assert.equal(wrong.code, 3, wrong.printed);
});
