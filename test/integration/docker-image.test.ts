/**
 * What deploy/docker/Dockerfile makes, as far as that goes without Docker: its build stage is carried out
 * in a copy of the sources, its last stage gets what it copies, and a node runs from there with its
 * settings. The image itself, with its base, its user and its first process, is not built here.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { atEnd } from '../support/at-end.js';
import { carryOut, environmentOf, readStages, type Stage, wordsOf } from '../support/dockerfile.js';
import { NodeProcess } from '../support/node-process.js';
import { makeTemporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.js';
import { runHoldfast } from '../support/users.js';

let directory: TemporaryDirectory;
let stage: Stage;
/** Stands for / of the image. */
let image = '';

before(async () => {
  directory = await makeTemporaryDirectory();
  const [build, last, ...others] = await readStages();
  assert.ok(build !== undefined && last !== undefined && others.length === 0);
  const buildRoot = join(directory.path, 'build-stage');
  await carryOut(build, buildRoot, new Map());
  stage = last;
  image = join(directory.path, 'image');
  await carryOut(stage, image, new Map([[build.name, buildRoot]]));
});
after(() => directory?.remove());

const instructionsOf = (word: string): readonly string[] =>
  stage.instructions.filter((instruction) => instruction.word === word).map(({ rest }) => rest);

/** What /usr/local/bin/holdfast of the image leads to. */
const program = (): string => {
  const [, link = ''] =
    /ln -s (\S+) \/usr\/local\/bin\/holdfast/.exec(instructionsOf('RUN').join()) ?? [];
  return join(image, link);
};

test('it has what a node needs, and no compiler, sources or tools', async () => {
  assert.match(stage.base, /^node:\d+-\w+-slim$/);
  const installed = /apt-get install (.*?)&&/.exec(instructionsOf('RUN').join())?.[1] ?? '';
  assert.deepEqual(
    installed
      .trim()
      .split(/\s+/)
      .filter((word) => !word.startsWith('-')),
    ['tini'],
  );
  const own = join(image, 'opt', 'holdfast');
  assert.deepEqual((await readdir(own)).sort(), [
    'LICENSE',
    'deploy',
    'dist',
    'node_modules',
    'package.json',
  ]);
  const packages = await readdir(join(own, 'node_modules'));
  assert.ok(packages.includes('fs-ext'));
  const { devDependencies } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  for (const name of Object.keys(devDependencies)) {
    assert.ok(!existsSync(join(own, 'node_modules', name)), `${name} is in the image`);
  }
  const files = await readdir(join(own, 'dist'), { recursive: true });
  assert.deepEqual(
    files.filter((path) => path.endsWith('.map')),
    [],
  );
});

test('its user is a number that can be chosen, and is not root', () => {
  assert.deepEqual(instructionsOf('ARG'), ['HOLDFAST_UID=861']);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is in the file.
  assert.equal(instructionsOf('USER').at(-1), '${HOLDFAST_UID}:${HOLDFAST_UID}');
});

test('without users it refuses to start, and says what to do', async () => {
  const end = await runHoldfast(wordsOf(stage, 'CMD'), {
    program: [program()],
    environment: { ...environmentOf(stage), HOLDFAST_STORE: directory.path },
  });
  assert.equal(end.code, 2, end.printed);
  assert.match(end.complaint, /no users are configured/);
});

test('a node of it runs, is healthy, and ends by the signal that Docker sends', async (t) => {
  const store = join(directory.path, 'store');
  await mkdir(store);
  const node = new NodeProcess({
    store,
    name: 'a',
    installed: program(),
    settings: {
      ...environmentOf(stage),
      HOLDFAST_ALLOW_ANONYMOUS: 'true',
      HOLDFAST_STOMP_LISTEN: '127.0.0.1:0',
      HOLDFAST_ADMIN_LISTEN: '127.0.0.1:0',
    },
  });
  atEnd(t, () => node.kill());
  await node.untilRole('live');
  const listen = node.addressOf('http');
  assert.deepEqual(await healthCheck(listen), { code: 0, node: 'a' });
  node.signal(instructionsOf('STOPSIGNAL')[0] as NodeJS.Signals);
  assert.deepEqual(await node.end(), { code: 0, signal: null });
  assert.equal((await healthCheck(listen)).code, 1);
});

/** Runs HEALTHCHECK's command in the image, for a node that listens there. */
async function healthCheck(listen: string) {
  const [command = '', ...words] = wordsOf(stage, 'HEALTHCHECK');
  const inside = words.map((word) => (word.startsWith('/') ? join(image, word) : word));
  const child = spawn(command, inside, {
    env: { ...process.env, HOLDFAST_ADMIN_LISTEN: listen },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const closed = once(child, 'close');
  const said = await text(child.stdout);
  const [code] = (await closed) as [number];
  return code === 0 ? { code, node: (JSON.parse(said) as { node: string }).node } : { code };
}

/** Needs a namespace of processes. */
const noNamespace =
  spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' }).status ===
  0
    ? false
    : 'SKIPPED: this user cannot make namespaces; root can';

test('the first process of a container ends itself all the same', { skip: noNamespace }, () => {
  const threads = new URL('../../src/platform/node/threads.js', import.meta.url);
  const script = `
    const { killThisProcess } = await import(${JSON.stringify(threads.href)});
    if (process.pid !== 1) throw new Error('not the first process');
    setTimeout(() => process.exit(0), 2_000);
    killThisProcess();`;
  const flags = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath];
  const child = spawnSync('unshare', [...flags, '--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  assert.notEqual(child.status, 0, child.stderr);
  assert.match(child.stderr, /killThisProcess/);
});
