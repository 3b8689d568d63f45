/** The operator's own commands with real processes, and the configuration that is read again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type FileHandle, open, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { atEnd } from '../support/at-end.js';
import { CheckedLoad } from '../support/checked-load.js';
import { eventually, within } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { RawClient } from '../support/raw-client.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { makeUsersFile, passwordOf } from '../support/users.js';

/** What every hook of these tests does: it writes down what it was told. */
const NOTE =
  'echo "$HOLDFAST_HOOK $HOLDFAST_NODE $HOLDFAST_PREVIOUS_ROLE>$HOLDFAST_ROLE $HOLDFAST_EPOCH" >> "$NOTES"';
const ROLE_HOOKS = {
  HOLDFAST_HOOKS_ON_LIVE: NOTE,
  HOLDFAST_HOOKS_ON_BACKUP: NOTE,
  HOLDFAST_HOOKS_ON_FENCED: `${NOTE}; echo "$HOLDFAST_REASON" >> "$NOTES"`,
  HOLDFAST_HOOKS_ON_STOP: NOTE,
} as const;

class Notes {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  get settings(): { readonly NOTES: string } {
    return { NOTES: this.#path };
  }

  async lines(): Promise<string[]> {
    return (await readFile(this.#path, 'utf8')).trim().split('\n');
  }

  async until(line: string): Promise<void> {
    await eventually(`a hook writes "${line}"`, async () => (await this.lines()).includes(line));
  }
}

async function notesFor(t: TestContext): Promise<Notes> {
  const directory = await temporaryDirectoryOf(t);
  const path = join(directory, 'notes');
  await writeFile(path, '');
  return new Notes(path);
}

test('hooks are told each role, in order, through a kill, a handover and a stop', async (t) => {
  const notes = await notesFor(t);
  const store = await TestStore.make(t, { ...ROLE_HOOKS, ...notes.settings });
  const { live, backup } = await store.startPair();
  await notes.until('onBackup b joining>backup 0');
  await live.kill();
  await notes.until('onLive b taking-over>live 2');
  const again = await store.startBackup('a');
  await store.requestHandover('a');
  await notes.until('onLive a taking-over>live 3');
  await notes.until('onBackup b handing-over>backup 2');
  await backup.terminate();
  await again.terminate();
  assert.deepEqual(
    (await notes.lines()).filter((line) => line.includes(' a ')),
    [
      'onBackup a joining>backup 0',
      'onLive a taking-over>live 1',
      'onBackup a joining>backup 0',
      'onLive a taking-over>live 3',
      'onStop a live>stopped 3',
    ],
  );
});

test('a node that is deposed runs onFenced before its process ends', async (t) => {
  const notes = await notesFor(t);
  const store = await TestStore.make(t, { ...ROLE_HOOKS, ...notes.settings });
  const live = await store.startLive('a');
  await unlink(store.layout.lockFile);
  await live.end();
  const lines = await notes.lines();
  assert.equal(lines.at(-2), 'onFenced a live>fenced 1');
  assert.match(lines.at(-1) ?? '', /lock file .* was removed or replaced/);
});

test('a hook that fails or takes too long is told of, and holds up nothing', async (t) => {
  const store = await TestStore.make(t, {
    HOLDFAST_HOOKS_ON_BACKUP: 'echo no address >&2; exit 3',
    HOLDFAST_HOOKS_ON_LIVE: 'sleep 600 & sleep 600',
    HOLDFAST_HOOKS_TIMEOUT_MS: '2000',
  });
  const live = await store.startLive('a');
  const failed = await live.untilEvent('hook-failed');
  assert.equal(
    failed.message,
    'hooks.onBackup failed: it ended with exit code 3; it wrote: no address',
  );
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.confirmsMore(100);
  await live.until('the other hook is killed', () => hookFailures(live).length === 2);
  assert.match(
    hookFailures(live)[1] ?? '',
    /onLive failed: it took longer than 2000 ms and was killed/,
  );
  await load.finish();
});

function hookFailures(node: NodeProcess): string[] {
  return node.log.filter(({ event }) => event === 'hook-failed').map(({ message }) => message);
}

test('P5: a live node that is stopped is ended by fenceCommand, and the backup takes over', async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_OWNERSHIP_STATUS_INTERVAL_MS: '100' });
  const live = await store.startLive('a');
  const backup = await store.startBackup('b', {
    HOLDFAST_HOOKS_FENCE_COMMAND: `test "$HOLDFAST_LIVE_NODE $HOLDFAST_EPOCH" = "a 1" && kill -9 ${live.pid}`,
    HOLDFAST_HOOKS_FENCE_AFTER_MS: '1000',
  });
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.confirmsMore(100);
  assert.equal(backup.log.filter(({ event }) => event === 'live-silent').length, 0);
  live.signal('SIGSTOP');
  await backup.untilRole('live');
  const silent = backup.log.filter(({ event }) => event === 'live-silent');
  assert.deepEqual(
    silent.map((line) => [line.live, line.epoch]),
    [['a', 1]],
  );
  await load.confirmsMore(100);
  await load.finish();
});

test('the configuration is read again when its file changes, and on SIGHUP', async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const file = join(directory, 'holdfast.yaml');
  await writeFile(file, 'log: { level: info }\n');
  const store = await TestStore.make(t, { HOLDFAST_CONFIG: file });
  const live = await store.startLive('a');
  const client = await RawClient.connect(live.address);
  atEnd(t, () => client.socket.destroy());

  const good = 'addresses: { "small.>": { maxMessages: 1, whenFull: reject } }\n';
  await writeFile(file, good);
  const read = await live.untilEvent('configuration-read');
  assert.deepEqual([read.taken, read.needRestart], [['addresses'], []]);
  client.write('SEND\ndestination:/queue/small.a\nreceipt:1\n\nfirst\0');
  await client.receives('receipt-id:1');
  client.write('SEND\ndestination:/queue/small.a\nreceipt:2\n\nsecond\0');
  assert.match(await client.refusal(), /is full and rejects messages/);

  await writeFile(file, 'addresses: [\n');
  const refused = await live.untilEvent('configuration-refused');
  assert.match(refused.message, /The configuration of before stays in use.*holdfast\.yaml/s);

  await writeFile(file, good);
  await live.untilSaid(/^The configuration was read again: nothing has changed\.$/);

  const unchanged = () => live.log.filter(({ message }) => /nothing has changed\.$/.test(message));
  const before = unchanged().length;
  live.signal('SIGHUP');
  await live.until('it is read though the file is as it was', () => unchanged().length > before);

  await writeFile(file, 'limits: { maxQueues: 7 }\n');
  await live.until('the node says that a restart is needed', () =>
    live.log.some(
      ({ event, message }) =>
        event === 'configuration-read' &&
        message.includes('addresses in use from now on; limits.maxQueues only after a restart'),
    ),
  );
});

test('a file system that does not answer holds up the reading of files, and nothing else', async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const file = join(directory, 'holdfast.yaml');
  const usersFile = join(directory, 'users.yaml');
  await writeFile(file, 'log: { level: info }\n');
  await makeUsersFile(usersFile, { all: ['>: manage send consume'] }, { ann: ['all'] });
  const settings = { HOLDFAST_CONFIG: file, HOLDFAST_SECURITY_USERS_FILE: usersFile };
  const store = await TestStore.make(t, settings);
  const live = await store.startLive('a');
  const login = { login: 'ann', passcode: passwordOf('ann') };

  const configuration = await putPipe(file);
  live.signal('SIGHUP');
  const [forConfiguration, forUsers] = await within(
    'the node has opened both files',
    Promise.all([configuration.opened, (await putPipe(usersFile)).opened]),
  );
  atEnd(t, () => forUsers.close());
  const client = await connect(live.address, login);
  atEnd(t, () => client.destroy());
  await client.send({ destination: '/queue/orders', body: 'on time' });
  assert.equal(live.log.filter(({ event }) => event === 'configuration-read').length, 0);

  await forConfiguration.writeFile('limits: { maxQueues: 7 }\n');
  await forConfiguration.close();
  const read = await live.untilEvent('configuration-read');
  assert.deepEqual(read.needRestart, ['limits.maxQueues']);

  // The reading of the users still hangs, in the kernel, and the node ends all the same.
  const { signal } = await live.terminate();
  assert.equal(signal, 'SIGKILL');
  assert.ok(live.log.some(({ event }) => event === 'node-killed'));
});

/**
 * In place of a file that a node watches: whoever reads it hangs in the kernel, as with a file server that is
 * gone, until `opened` is written to and closed. That resolves when somebody reads.
 */
async function putPipe(path: string): Promise<{ readonly opened: Promise<FileHandle> }> {
  execFileSync('mkfifo', ['-m', '600', `${path}.pipe`]);
  await rename(`${path}.pipe`, path);
  return { opened: open(path, 'w') };
}
