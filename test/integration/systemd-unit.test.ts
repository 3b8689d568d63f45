/** The systemd unit: judged by systemd's own tools, and its command line run with its restrictions. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import { readNodeDocuments } from '../../src/store/known-documents.js';
import { storeLayout } from '../../src/store/layout.js';
import { atEnd } from '../support/at-end.js';
import { eventually, within } from '../support/eventually.js';
import { installHoldfast } from '../support/installed-package.js';
import { NodeProcess } from '../support/node-process.js';
import {
  allowedCalls,
  noSandbox,
  noSystemd,
  readUnit,
  UNIT_FILE,
  writeSandbox,
} from '../support/systemd-unit.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';

/** systemd's own judgement, times ten: below 20 it says OK. One forgotten line is 1 to 5. */
const EXPOSURE_LIMIT = '17';
const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** What systemd-analyze says of a unit with this text. */
async function analyze(t: TestContext, text: string, ...flags: readonly string[]) {
  const file = join(await temporaryDirectoryOf(t), 'holdfast.service');
  await writeFile(file, text);
  const { status, stdout, stderr } = spawnSync('systemd-analyze', [...flags, file], {
    encoding: 'utf8',
  });
  return { status, said: `${stdout}${stderr}` };
}

/** With a program that exists here in place of the installed one. */
async function unitText(): Promise<string> {
  const text = await readFile(UNIT_FILE, 'utf8');
  return text.replace('/usr/local/bin/holdfast', `${process.execPath} ${PROGRAM}`);
}

test('systemd finds nothing wrong with the unit', { skip: noSystemd }, async (t) => {
  const { status, said } = await analyze(t, await unitText(), 'verify', '--man=no');
  assert.deepEqual({ status, said }, { status: 0, said: '' });
  const wrong = (await unitText()).replace('LockPersonality', 'LockPersonalty');
  assert.match((await analyze(t, wrong, 'verify', '--man=no')).said, /LockPersonalty/);
});

test('systemd judges the unit to be little exposed', { skip: noSystemd }, async (t) => {
  const flags = ['security', '--offline=yes', `--threshold=${EXPOSURE_LIMIT}`, '--no-pager'];
  const { status, said } = await analyze(t, await unitText(), ...flags);
  assert.equal(status, 0, said);
  const open = (await unitText()).replace(/^SystemCallFilter=.*$/gm, '');
  assert.notEqual((await analyze(t, open, ...flags)).status, 0);
});

test('what a node must never call is filtered', { skip: noSystemd }, () => {
  const allowed = allowedCalls(readUnit().get('SystemCallFilter') ?? []);
  for (const call of ['openat', 'flock', 'fsync', 'execve']) assert.ok(allowed.has(call), call);
  for (const call of ['mount', 'ptrace', 'setuid', 'chown', 'bpf', 'reboot', 'swapon']) {
    assert.ok(!allowed.has(call), call);
  }
});

/** ReadWritePaths of the unit, as a node in the sandbox sees the store of this test. */
const STORE_INSIDE = '/srv/holdfast';
/** What the kernel says of such a process: no capabilities to be had, and a filter. */
const RESTRICTED = /CapBnd:\t0+\n.*NoNewPrivs:\t1\nSeccomp:\t2\n/s;

test('a pair runs, hands over and stops with the restrictions of the unit', {
  skip: noSandbox,
}, async (t) => {
  const folder = await temporaryDirectoryOf(t);
  const { prefix } = await installHoldfast(folder);
  const store = join(folder, 'store');
  await mkdir(store);
  const installed = writeSandbox({ folder, prefix, store });
  const start = (name: string): NodeProcess => {
    const node = new NodeProcess({ store: STORE_INSIDE, name, installed });
    atEnd(t, () => node.kill());
    return node;
  };
  const live = await start('a').untilRole('live');
  const backup = await start('b').untilRole('backup');
  const status = (name: string) =>
    eventually(`${name} is ready`, async () => {
      const documents = await readNodeDocuments(nodeFileSystem, storeLayout(store));
      return documents.find((node) => node.name === name && (node.role === 'live' || node.ready));
    });
  const { pid } = await status('a');
  assert.match(await readFile(`/proc/${pid}/status`, 'utf8'), RESTRICTED);
  await status('b');
  const client = await connect(live.address);
  await client.send({ destination: '/queue/orders', body: 'one coffee' });
  await client.disconnect();

  // The sandbox itself would not pass the signal on.
  process.kill(pid, 'SIGTERM');
  assert.deepEqual(await within('a ends', live.ended, 30_000), { code: 0, signal: null });
  await backup.untilRole('live');
  const next = await connect(backup.address);
  atEnd(t, () => next.destroy());
  const inbox = await Inbox.open(next, '/queue/orders', 'auto');
  await inbox.atLeast(1);
});
