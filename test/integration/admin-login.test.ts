/** `holdfast queue`, `connection` and `handover` where users are required: who is asked, and where passwords come from. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { atEnd } from '../support/at-end.js';
import { atTerminal } from '../support/at-terminal.js';
import type { NodeProcess } from '../support/node-process.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { makeUsersFile, passwordOf, runHoldfast } from '../support/users.js';

const ROLES = { ann: ['>: send create manage'], olga: ['orders.>: view'] };

interface Scene {
  readonly live: NodeProcess;
  readonly backup: NodeProcess;
  readonly root: string;
  readonly secretFile: string;
}

async function makeScene(t: TestContext): Promise<Scene> {
  const directory = await temporaryDirectoryOf(t);
  const usersFile = `${directory}/users.yaml`;
  await makeUsersFile(usersFile, ROLES, { ann: ['ann'], olga: ['olga'] });
  const secretFile = `${directory}/secret`;
  await writeFile(secretFile, `${passwordOf('ann')}\n`);
  const store = await TestStore.make(t, { HOLDFAST_SECURITY_USERS_FILE: usersFile });
  const { live, backup } = await store.startPair();
  const login = { login: 'ann', passcode: passwordOf('ann') };
  const client = await connect(live.address, login);
  atEnd(t, () => client.destroy());
  await client.send({ destination: '/queue/orders.new', body: 'x', headers: {} });
  await client.send({ destination: '/queue/mail', body: 'x', headers: {} });
  return { live, backup, root: store.layout.root, secretFile };
}

test('commands log in with a password from a file, standard input, the environment or the terminal', async (t) => {
  const { live, root, secretFile } = await makeScene(t);
  const store = ['--store', root];
  const list = ['queue', 'list', ...store];
  const environment = { HOLDFAST_USER: 'ann', HOLDFAST_PASSWORD: passwordOf('ann') };
  for (const [flags, given] of [
    [['--user', 'ann', '--password-file', secretFile], {}],
    [['--user', 'ann', '--password-stdin'], { input: passwordOf('ann') }],
    [[], { environment }],
  ] as const) {
    const end = await runHoldfast([...list, ...flags], given);
    assert.equal(end.code, 0, end.complaint);
    assert.match(end.printed, /^mail +1 .*\n^orders\.new +1 /m);
  }
  const node = ['--node', live.addressOf('http')];
  const words = ['queue', 'list', ...node, '--user', 'ann'];
  const answered = { question: 'Password', answer: passwordOf('ann') };
  const { shown: asked, code } = await atTerminal(words, answered);
  assert.equal(code, 0, asked);
  assert.match(asked, /Password of ann: .*orders\.new +1 /s);
  assert.doesNotMatch(asked, /ann-secret/, 'nothing of it is shown');

  const olga = { input: passwordOf('olga') };
  const seen = await runHoldfast([...list, '--user', 'olga', '--password-stdin'], olga);
  assert.match(seen.printed, /orders\.new/);
  assert.doesNotMatch(seen.printed, /mail/);
  const asOlga = [...store, '--user', 'olga', '--password-stdin'];
  const wrong = [...list, '--user', 'ann', '--password-stdin'];
  const purge = ['queue', 'purge', 'orders.new', '--yes', ...asOlga];
  for (const [flags, given, code, sentence] of [
    [list, {}, 3, /requires users: log in with --user NAME/],
    [wrong, { input: 'guess' }, 3, /User ann is not known .* or the password is wrong/],
    [[...list, '--user', 'ann'], {}, 2, /User ann needs a password/],
    [[...list, '--user', 'ann', '--password', 'x'], {}, 2, /Unknown option --password/],
    [['connection', 'list', ...asOlga], olga, 3, /olga has no right to view on ">"/],
    [['top', '--count', '1', ...asOlga], olga, 3, /olga has no right to view on ">"/],
    [['queue', 'purge', 'mail', '--yes', ...asOlga], olga, 3, /no right to view on queue "mail"/],
    [purge, olga, 3, /olga has no right to manage on queue "orders.new"/],
  ] as const) {
    const end = await runHoldfast(flags, given);
    assert.equal(end.code, code, `${flags.join(' ')}: ${end.complaint}`);
    assert.match(end.complaint, sentence);
  }
});

test('a handover that a node is asked for needs the right, and is logged with its user', async (t) => {
  const { live, backup, root, secretFile } = await makeScene(t);
  const node = ['--node', backup.addressOf('http')];
  const olga = { input: passwordOf('olga') };
  const denied = await runHoldfast(
    ['handover', ...node, '--user', 'olga', '--password-stdin'],
    olga,
  );
  assert.equal(denied.code, 3, denied.complaint);
  assert.match(denied.complaint, /olga has no right to manage on ">"/);
  const nobody = await runHoldfast(['handover', ...node]);
  assert.match(nobody.complaint, /requires users/);
  const ann = ['--user', 'ann', '--password-file', secretFile];
  const unknown = await runHoldfast(['handover', ...node, ...ann, '--to', 'z']);
  assert.deepEqual([unknown.code, /handover is refused/.test(unknown.complaint)], [3, true]);

  const done = await runHoldfast(['handover', ...node, ...ann]);
  assert.equal(done.code, 0, done.complaint);
  assert.match(done.printed, /^b on .* is live in epoch 2; the handover from a took /);
  assert.ok(
    live.log.some(
      ({ event, user, status }) => event === 'admin-change' && user === 'ann' && status === 202,
    ),
  );
  await live.untilRole('backup');
  // Through the store, which only those can write who may order it; then by the node that serves, as the user.
  const back = await runHoldfast(['handover', '--store', root]);
  assert.match(back.printed, /^a on .* is live in epoch 3/, back.complaint);
  await backup.untilRole('backup');
  const again = await runHoldfast(['handover', '--store', root, '--to', 'b', ...ann]);
  assert.match(again.printed, /^b on .* is live in epoch 4/, again.complaint);
});
