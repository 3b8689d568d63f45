/** A program of somebody else's that installs the package and has a node inside: the one of docs/embedding.md. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { parseTargetAddress } from '../../src/config/address.js';
import { atEnd } from '../support/at-end.js';
import { installForProgram } from '../support/installed-package.js';
import { repositoryRoot } from '../support/repository-root.js';
import { makeTemporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { LineProgram } from './line-program.js';

let directory: TemporaryDirectory;

before(async () => {
  directory = await makeTemporaryDirectory();
  await installForProgram(directory.path);
});
after(() => directory?.remove());

const at = (...names: readonly string[]): string => join(directory.path, ...names);

/** Runs the TypeScript compiler over the programs of the folder, in its strictest ways; rejects with what it says. */
async function compile(): Promise<void> {
  const compiler = join(repositoryRoot(), 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext'];
  const more = ['--target', 'es2023', '--types', 'node', '--skipLibCheck', 'false', 'app.ts'];
  try {
    await promisify(execFile)(process.execPath, [compiler, ...options, ...more], { cwd: at() });
  } catch (error) {
    assert.fail(String((error as { stdout?: string }).stdout));
  }
}

/** The program of the page, with a node that is as quick as those of other tests. */
function start(t: TestContext, store: string, program = 'app.js'): LineProgram {
  return new LineProgram(t, { command: process.execPath, args: [at(program), store] });
}

test('the program of the page compiles, runs, and its node is a peer of others', async (t) => {
  const page = await readFile(join(repositoryRoot(), 'docs', 'embedding.md'), 'utf8');
  const program = /```ts\n(.*?)```/s.exec(page)?.[1];
  assert.ok(program);
  await writeFile(at('app.ts'), program);
  await mkdir(at('node_modules', '@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    await symlink(join(repositoryRoot(), 'node_modules', name), at('node_modules', name));
  }
  await compile();

  const store = await TestStore.make(t);
  const embedded = start(t, store.layout.root);
  await embedded.line(/^orders-1: taking-over -> live, epoch 1$/);
  const stomp = await embedded.line(/^STOMP on /);
  const backup = await store.startBackup('b');
  const client = await connect(parseTargetAddress(stomp.replace('STOMP on ', ''), 'stomp'));
  await client.send({ destination: '/queue/orders', body: 'one coffee' });
  await client.disconnect();

  await embedded.kill();
  await backup.untilRole('live');
  const next = await connect(backup.address);
  atEnd(t, () => next.destroy());
  const inbox = await Inbox.open(next, '/queue/orders', 'auto');
  await inbox.atLeast(1);

  const again = start(t, store.layout.root);
  await again.line(/^orders-1: joining -> backup, /);
  again.signal('SIGTERM');
  assert.equal(await again.end(), 0);
  assert.match(again.lines.at(-1) ?? '', /^ended: as it was told\. /);
});

test('a wrong setting is an error of the compiler', async () => {
  const wrong =
    "import { Broker } from 'holdfast';\nnew Broker({ settings: { store: 's', stomp: { listn: '1' } } });\n";
  await writeFile(at('app.ts'), wrong);
  await assert.rejects(compile(), /listn/);
});

test('CommonJS programs get it by import()', async () => {
  const program = "import('holdfast').then(({ Broker }) => console.log(typeof Broker));\n";
  await writeFile(at('app.cjs'), program);
  const { stdout } = await promisify(execFile)(process.execPath, [at('app.cjs')]);
  assert.equal(stdout, 'function\n');
});

test('P5: a program that blocks its event loop while its node is live is killed, and a backup takes over', async (t) => {
  await writeFile(
    at('blocking.js'),
    `import { Broker } from 'holdfast';
     const broker = new Broker({ settings: {
       store: process.argv[2],
       name: 'a',
       stomp: { listen: '127.0.0.1:0' },
       admin: { listen: '127.0.0.1:0' },
       ownership: { storeStallLimitMs: 1_000, freshMs: 500, checkIntervalMs: 100 },
     } });
     broker.on('role', ({ to }) => console.log(to));
     process.stdin.once('data', () => { for (;;); });
     await broker.start();`,
  );
  const store = await TestStore.make(t);
  const program = start(t, store.layout.root, 'blocking.js');
  await program.line(/^live$/);
  const backup = await store.startBackup('b');
  program.tell('block');
  assert.equal(await program.end(), 'SIGKILL');
  await backup.untilRole('live');
});
