/** What a node tells of itself over HTTP, and what `holdfast status` makes of it, with real processes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { get } from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { StatusJson } from '../../src/cli/status/status-view.js';
import type { NodeReport } from '../../src/node/node-report.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const STALL_LIMIT_MS = 15_000;
const SETTINGS = { HOLDFAST_OWNERSHIP_STORE_STALL_LIMIT_MS: String(STALL_LIMIT_MS) };

async function reportOf(node: NodeProcess): Promise<NodeReport> {
  const response = await fetch(`http://${node.addressOf('http')}/api/v1/node`);
  assert.equal(response.status, 200);
  return (await response.json()) as NodeReport;
}

/** The status codes of /health/live, /health/ready and /health/role/live. */
async function health(node: NodeProcess): Promise<string> {
  const codes = await Promise.all(
    ['live', 'ready', 'role/live'].map(async (name) => {
      const response = await fetch(`http://${node.addressOf('http')}/health/${name}`);
      await response.arrayBuffer();
      return response.status;
    }),
  );
  return codes.join(' ');
}

async function status(
  store: TestStore,
  ...flags: readonly string[]
): Promise<{ code: number; json: StatusJson }> {
  const run = [PROGRAM, 'status', '--store', store.layout.root, '--json', ...flags];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, run);
    return { code: 0, json: JSON.parse(stdout) as StatusJson };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, json: JSON.parse(stdout) as StatusJson };
  }
}

/** What hangs, how the node tells of it, and how it ends: a thread that is stuck in the kernel cannot end by itself. */
const STALLS = [
  {
    at: 'live: write-durable journal/#-#.segment at #',
    call: /^its storage thread$/,
    end: { code: null, signal: 'SIGKILL' },
    lastWord: 'store-stalled',
  },
  {
    at: 'live: stat lock',
    call: /^stat .*\/lock$/,
    end: { code: 5, signal: null },
    lastWord: 'node-failed',
  },
] as const;

test('a pair: the live node and its backup both answer, and all is well', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const backup = await store.startBackup('b');
  assert.equal(await health(live), '200 200 200');
  assert.equal(await health(backup), '200 200 503');
  await eventually('the live node knows its backup', async () =>
    (await reportOf(live)).peers.some(
      ({ name, ready, running }) => name === 'b' && ready && running,
    ),
  );
  const report = await reportOf(backup);
  assert.equal(report.role, 'backup');
  assert.equal(report.live?.node, 'a');
  assert.deepEqual(report.live?.addresses, (await reportOf(live)).addresses);
  const { code, json } = await status(store);
  assert.equal(code, 0);
  assert.equal(json.state, 'well');
});

test('the backup that took over is the one that load balancers are sent to', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const backup = await store.startBackup('b');
  await live.kill();
  await backup.untilRole('live');
  assert.equal(await health(backup), '200 200 200');
  const { code, json } = await status(store);
  assert.equal(code, 0);
  assert.equal(json.state, 'no-backup');
});

for (const { at, call, end, lastWord } of STALLS) {
  test(`P3: with "${at}" hanging the live node says why it confirms nothing, then ends`, async (t) => {
    const store = await TestStore.make(t, SETTINGS);
    const live = store.startFaulty('a', [
      { name: 'stall', at, when: 'before', effect: { kind: 'hang' } },
    ]);
    await live.untilRole('live');
    const client = await connect(live.address);
    atEnd(t, () => client.destroy());
    client.send({ destination: '/queue/q', body: 'never confirmed' }).catch(() => undefined);
    await eventually('it tells of the call that hangs, and confirms nothing', async () => {
      const { storeSilence, confirms } = await reportOf(live);
      return storeSilence !== null && call.test(storeSilence.call) && !confirms;
    });
    const report = await reportOf(live);
    assert.equal(report.role, 'live');
    assert.equal(report.storeSilence?.limitMs, STALL_LIMIT_MS);
    assert.equal(await health(live), '200 503 200');
    const { code, json } = await status(store);
    assert.equal(code, 0);
    assert.equal(json.state, 'live-stalled');
    assert.match(json.situations[0]?.sentence ?? '', /the store has not answered it for/);
    assert.deepEqual(await live.end(), end);
    assert.equal(live.log.findLast(({ level }) => level === 'error')?.event, lastWord);
  });
}

/** Opening a FIFO that nobody writes into hangs in the kernel, like a file of a server that is gone. */
test('status ends although the store does not answer it, and asks the node that it is given', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const { storeFile } = store.layout;
  await rm(storeFile);
  await promisify(execFile)('mkfifo', [storeFile]);
  const alone = await status(store);
  assert.equal(alone.code, 4);
  assert.equal(alone.json.state, 'store-silent-everywhere');
  assert.equal(alone.json.storeAnswers, false);
  const asking = await status(store, '--node', live.addressOf('http'));
  assert.equal(asking.code, 0);
  assert.equal(asking.json.state, 'store-silent-here');
  assert.match(asking.json.situations[0]?.sentence ?? '', /but a on .* is live and confirms/);
});

test('an admin address that is taken is refused when it was asked for, and otherwise another is found', async (t) => {
  const store = await TestStore.make(t);
  const first = await store.startLive('a');
  const taken = store.start('b', { HOLDFAST_ADMIN_LISTEN: first.addressOf('http') });
  assert.equal((await taken.end()).code, 3);
  assert.match(
    taken.complaint,
    /Cannot listen on 127\.0\.0\.1:\d+\. Another program listens there/,
  );
  const usual = await store.start('c', { HOLDFAST_ADMIN_LISTEN: '' }).untilRole('backup');
  const other = await store.start('d', { HOLDFAST_ADMIN_LISTEN: '' }).untilRole('backup');
  assert.notEqual(usual.addressOf('http'), other.addressOf('http'));
});

test('without users a name of somebody else, made to lead to this machine, is refused', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const [host, port] = live.addressOf('http').split(':');
  const statusOf = (name: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const call = get(
        { host, port, path: '/api/v1/queues', headers: { host: name } },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
      call.on('error', reject);
    });
  assert.equal(await statusOf(`evil.example:${port}`), 403);
  assert.equal(await statusOf(`localhost:${port}`), 200);
});
