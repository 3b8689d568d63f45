/** Users and their rights, by real nodes: no user, a wrong one, one without the right, and one with it. For the admin API see admin-rights.test.ts. */
import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BrokerRefusal, type StompClient } from '../../src/client/stomp-client.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { RawClient } from '../support/raw-client.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { addUser, makeUsersFile, passwordOf, runHoldfast } from '../support/users.js';

const ROLES = {
  sender: ['orders.>: send create'],
  worker: ['orders.>: consume', 'DLQ.orders.>: browse'],
  onlooker: ['orders.>: browse'],
};
const USERS = { sam: ['sender'], wendy: ['worker'], olga: ['onlooker'], nobody: [] };
const DESTINATION = '/queue/orders.new';

interface Scene {
  readonly store: TestStore;
  readonly usersFile: string;
}

async function scene(t: TestContext): Promise<Scene> {
  const directory = await temporaryDirectoryOf(t);
  const usersFile = join(directory, 'users.yaml');
  await makeUsersFile(usersFile, ROLES, USERS);
  const store = await TestStore.make(t, { HOLDFAST_SECURITY_USERS_FILE: usersFile });
  return { store, usersFile };
}

function login(node: NodeProcess, user: string, passcode = passwordOf(user)): Promise<StompClient> {
  return connect(node.address, { connectTimeoutMs: 15_000, login: user, passcode });
}

function refusal(code: string, sentence: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof BrokerRefusal, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, sentence);
    return true;
  };
}

test('STOMP: no user, a wrong one, one without the right, and one with it', async (t) => {
  const { store } = await scene(t);
  const { live, backup } = await store.startPair();

  const nobody = await RawClient.open(live.address);
  nobody.write('CONNECT\naccept-version:1.2\nhost:h\n\n\0');
  assert.match(await nobody.refusal(), /^ERROR\nmessage:Login or passcode is wrong\n/);
  const wrong = refusal('ACCESS_DENIED', /Login or passcode is wrong/);
  await assert.rejects(login(live, 'sam', 'guess'), wrong);
  await assert.rejects(login(live, 'stranger'), wrong);

  const send = (client: StompClient, destination = DESTINATION) =>
    client.send({ destination, body: 'one', headers: {} });
  const denied = (right: string) =>
    refusal('ACCESS_DENIED', new RegExp(`has no right to ${right} on queue "orders.new"`));
  await assert.rejects(send(await login(live, 'nobody')), denied('send'));
  await assert.rejects(send(await login(live, 'wendy')), denied('send'));
  // Through the backup: the login is the live node's.
  await send(await login(backup, 'sam'));
  const elsewhere = refusal('ACCESS_DENIED', /no right to send on queue "other"/);
  await assert.rejects(send(await login(live, 'sam'), '/queue/other'), elsewhere);

  const consume = async (user: string, headers = {}) =>
    Inbox.open(await login(live, user), DESTINATION, 'auto', headers);
  await assert.rejects(consume('sam'), denied('consume'));
  await assert.rejects(consume('olga'), denied('consume'));
  await assert.rejects(consume('sam', { browser: 'true' }), denied('browse'));
  const [seen] = await (await consume('olga', { browser: 'true' })).atLeast(1);
  assert.equal(seen?.text(), 'one');
  const inbox = await consume('wendy');
  await inbox.atLeast(1);
  assert.deepEqual(inbox.texts, ['one']);
  const create = refusal('ACCESS_DENIED', /no right to create on queue "orders.other"/);
  const worker = await login(live, 'wendy');
  await assert.rejects(Inbox.open(worker, '/queue/orders.other', 'auto'), create);

  // Neither passwords nor what is kept of them are in any log.
  for (const node of [live, backup]) {
    const log = JSON.stringify([node.log, node.otherOutput]);
    assert.doesNotMatch(log, /-secret|guess|hash=|stored=/);
  }
  assert.ok(live.log.some(({ event, user }) => event === 'login-refused' && user === 'sam'));
});

test('who guesses through a backup does not keep others out who come the same way', async (t) => {
  const { store } = await scene(t);
  const { live, backup } = await store.startPair();
  const { port } = backup.address;
  const answers: string[] = [];
  let guesses = 0;
  const guess = (): net.Socket => {
    guesses += 1;
    const guesser = net.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    atEnd(t, () => guesser.destroy());
    guesser.on('error', () => undefined);
    guesser.on('data', (bytes) => answers.push(bytes.toString()));
    guesser.write(`CONNECT\naccept-version:1.2\nhost:h\nlogin:sam\npasscode:${guesses}\n\n\0`);
    return guesser;
  };
  for (let count = 0; count < 150; count += 1) guess();
  await eventually('one was wrong', () =>
    answers.some((answer) => answer.includes('Login or passcode is wrong')),
  );
  const refused = await live.untilEvent('login-refused');
  assert.match(String(refused.remoteAddress), /^127\.0\.0\.2:/);
  const later = Array.from({ length: 50 }, guess);
  await eventually('their address is held off', () =>
    later.some(({ destroyed, bytesRead }) => destroyed && bytesRead === 0),
  );
  await (await login(backup, 'wendy')).disconnect();
});

test('a changed users file holds at once: new users, new passwords, rights that are gone', async (t) => {
  const { store, usersFile } = await scene(t);
  const live = await store.startLive('a');
  const wendy = await login(live, 'wendy');
  const sam = await login(live, 'sam');
  const change = async (flags: readonly string[], input = '') => {
    const end = await runHoldfast(['user', ...flags, '--users-file', usersFile], { input });
    assert.equal(end.code, 0, end.complaint);
  };
  await addUser(usersFile, 'zoe', ['sender']);
  await eventually(
    'zoe is known',
    () =>
      login(live, 'zoe')
        .then(() => true)
        .catch(() => false),
    20_000,
  );
  await change(['passwd', 'wendy', '--password-stdin'], 'another\n');
  assert.match(String((await wendy.closed)?.message), /User wendy was changed on the broker/);
  await login(live, 'wendy', 'another');
  await change(['remove', 'sam']);
  assert.match(String((await sam.closed)?.message), /User sam was removed on the broker/);

  const zoe = await login(live, 'zoe');
  const good = await readFile(usersFile, 'utf8');
  await writeFile(usersFile, 'users: [');
  await live.untilEvent('users-refused');
  await zoe.send({ destination: DESTINATION, body: 'x', headers: {} });
  await writeFile(usersFile, good);
  await live.untilSaid(/is as it was before: \d+ users$/);
  await zoe.send({ destination: DESTINATION, body: 'x', headers: {} });
  await writeFile(
    usersFile,
    good.replace('[ send, create ]', '[create]').replace('send, create', 'create'),
  );
  assert.match(String((await zoe.closed)?.message), /User zoe was changed on the broker/);
});

test('a users file that others may read, is missing or is wrong keeps a node from starting', async (t) => {
  const { store, usersFile } = await scene(t);
  const complaintOf = async (settings = {}) => {
    const node = store.start('a', settings);
    const end = await node.end();
    return `${end.code} ${node.complaint}`;
  };
  await chmod(usersFile, 0o644);
  assert.match(await complaintOf(), /^2 .*has the mode 0644.*run: chmod 600 \S+users\.yaml/);
  await chmod(usersFile, 0o600);
  await writeFile(usersFile, 'users:\n  bob:\n    roles: [x]\n');
  assert.match(await complaintOf(), /^2 .*users\.yaml, line 3: user bob has role x/);
  const missing = { HOLDFAST_SECURITY_USERS_FILE: `${usersFile}.gone` };
  assert.match(await complaintOf(missing), /^2 There is no users file at .*holdfast user add/);
  const both = { HOLDFAST_ALLOW_ANONYMOUS: 'true' };
  assert.match(await complaintOf(both), /^2 .*security.usersFile in .* requires users/);
});

test('with users a node serves other hosts; the users file may lie in the store', async (t) => {
  const store = await TestStore.make(t);
  const usersFile = join(store.layout.root, 'users.yaml');
  await makeUsersFile(usersFile, ROLES, USERS);
  const settings = {
    HOLDFAST_SECURITY_USERS_FILE: usersFile,
    HOLDFAST_STOMP_LISTEN: '0.0.0.0:0',
  };
  const { live } = await store.startPair(settings);
  const { port } = live.address;
  const login = { connectTimeoutMs: 10_000, login: 'sam', passcode: passwordOf('sam') };
  const sam = await connect({ host: '127.0.0.1', port }, login);
  await sam.send({ destination: DESTINATION, body: 'x', headers: {} });
});

test('holdfast user makes and changes the file; passwords come from elsewhere than arguments', async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const path = join(directory, 'users.yaml');
  const user = (flags: readonly string[], input = '') =>
    runHoldfast(['user', ...flags, '--users-file', path], { input });
  const added = await user(['add', 'bob', '--role', 'admin', '--password-stdin'], 'secret\n');
  assert.deepEqual([added.code, added.printed], [0, `User bob was added in ${path}.\n`]);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await user(['add', 'eve', '--no-scram', '--password-stdin'], 'other');
  const listed = await user(['list']);
  assert.equal(
    listed.printed,
    'bob: roles admin; password, SCRAM-SHA-256\neve: roles (none); password\n',
  );
  assert.doesNotMatch(await readFile(path, 'utf8'), /secret|other/);
  for (const [flags, input, expected] of [
    [['add', 'bob', '--password-stdin'], 'x', /User bob is in .* already/],
    [['add', 'x', '--role', 'none', '--password-stdin'], 'x', /user x has role none.*admin/],
    [['add', 'x', '--password-stdin'], '\n', /A password has 1 to 1024 bytes/],
    [['add', 'x'], 'x', /There is no terminal to ask at; .*--password-stdin/],
    [['add', 'x', '--password', 'x'], '', /Unknown option --password/],
    [['remove', 'x'], '', /There is no user x in .*; in it: bob, eve/],
    [['passwd'], '', /user passwd needs the name of a user/],
  ] as const) {
    const end = await user(flags, input);
    assert.equal(end.code, 2);
    assert.match(end.complaint, expected);
  }
  assert.equal((await user(['remove', 'eve'])).code, 0);
  await writeFile(`${path}.new`, '');
  assert.match((await user(['remove', 'bob'])).complaint, /somebody else changes .* now/);
});

test('holdfast send and receive log in', async (t) => {
  const { store, usersFile } = await scene(t);
  const live = await store.startLive('a');
  const url = ['--url', `stomp://127.0.0.1:${live.address.port}`];
  const secret = `${usersFile}.sam`;
  await writeFile(secret, `${passwordOf('sam')}\n`);
  const sent = await runHoldfast([
    'send',
    DESTINATION,
    'hello',
    '--user',
    'sam',
    '--password-file',
    secret,
    ...url,
  ]);
  assert.match(sent.printed, /^1 message confirmed/, sent.complaint);
  const environment = { HOLDFAST_USER: 'wendy', HOLDFAST_PASSWORD: passwordOf('wendy') };
  const received = await runHoldfast(['receive', DESTINATION, ...url], { environment });
  assert.deepEqual([received.code, received.printed], [0, 'hello\n']);
  const wrong = await runHoldfast(
    ['receive', DESTINATION, '--user', 'sam', '--password-stdin', ...url],
    {
      input: 'guess',
    },
  );
  assert.equal(wrong.code, 3, wrong.complaint);
  assert.match(wrong.complaint, /Login or passcode is wrong/);
  const denied = await runHoldfast(['send', DESTINATION, 'x', ...url], { environment });
  assert.equal(denied.code, 3, denied.complaint);
  assert.match(denied.complaint, /User wendy has no right to send/);
  const none = await runHoldfast(['receive', DESTINATION, '--user', 'sam', ...url]);
  assert.match(none.complaint, /User sam needs a password/);
});

test('what a node writes into the store is for its user alone', async (t) => {
  const store = await TestStore.make(t);
  await store.startLive('a');
  const { root } = store.layout;
  const names = await readdir(root, { recursive: true });
  assert.ok(names.length > 5);
  for (const name of names) {
    // A directory that proper-lockfile makes, with nothing in it.
    if (name === 'witness.lock') continue;
    assert.equal((await stat(join(root, name))).mode & 0o077, 0, name);
  }
});
