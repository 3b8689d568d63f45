/** AMQP clients that log in: each with no user, a wrong one, one without the right, and one with it. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { ConnectionOptions, Receiver, Sender } from 'rhea';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { repositoryRoot } from '../support/repository-root.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { TestStore } from '../support/test-store.js';
import { makeUsersFile, passwordOf } from '../support/users.js';
import { classPathOf, noMaven } from './java-programs.js';
import { LineProgram } from './line-program.js';
import { connect, once, send } from './rhea-client.js';

const run = promisify(execFile);
const STEPS = join(repositoryRoot(), 'test', 'interop', 'proton-login.py');
/** Debian's, whose packages are not another Python's. */
const PYTHON = '/usr/bin/python3';
const noProton =
  spawnSync(PYTHON, ['-c', 'import proton'], { stdio: 'ignore' }).status === 0
    ? false
    : 'SKIPPED: python3-qpid-proton is not installed';

const ROLES = { sender: ['orders: send create'], worker: ['orders: consume create'] };
const DENIED = 'amqp:unauthorized-access';
const USERS = { sam: ['sender'], wendy: ['worker'], nobody: [] };

async function startPair(t: TestContext) {
  const directory = await temporaryDirectoryOf(t);
  const usersFile = join(directory, 'users.yaml');
  await makeUsersFile(usersFile, ROLES, USERS);
  const store = await TestStore.make(t, {
    HOLDFAST_AMQP_LISTEN: '127.0.0.1:0',
    HOLDFAST_SECURITY_USERS_FILE: usersFile,
  });
  return store.startPair();
}

const as = (username: string, password = passwordOf(username)): Partial<ConnectionOptions> => ({
  username,
  password,
});

/** rhea tells of a link that it is open, and then that it was refused. */
async function isDenied(link: Sender | Receiver, event: string): Promise<void> {
  await once(link, event);
  assert.equal((link.error as { condition?: string } | undefined)?.condition, DENIED);
}

test('rhea logs in with PLAIN, and is told on the link what it may not', async (t) => {
  const { live, backup } = await startPair(t);
  for (const options of [{}, { username: 'anonymous' }, as('sam', 'guess'), as('stranger')]) {
    await assert.rejects(connect(t, live, options), JSON.stringify(options));
  }
  const nobody = await connect(t, live, as('nobody'));
  await isDenied(nobody.connection.open_sender('orders'), 'sender_error');
  const sam = await connect(t, backup, as('sam'));
  await isDenied(sam.connection.open_receiver('orders'), 'receiver_error');
  // The connection goes on: only the link was refused.
  const sender = await sam.sender('orders');
  await send(sender, { body: 'one' });
  const relay = await sam.sender({ target: {} });
  await send(relay, { to: 'orders', body: 'two' });
  await assert.rejects(send(relay, { to: 'other', body: 'x' }), /amqp:unauthorized-access/);
  const wendy = await connect(t, live, as('wendy'));
  const inbox = await wendy.inbox('orders');
  await inbox.atLeast(2);
  assert.deepEqual(inbox.bodies, ['one', 'two']);
  await isDenied(wendy.connection.open_sender('orders'), 'sender_error');
  wendy.connection.close();
  await once(wendy.connection, 'connection_close');
  await eventually('refusals are in the log', () =>
    live.log.some(({ event, user }) => event === 'login-refused' && user === 'sam'),
  );
});

test('Qpid JMS logs in with SCRAM-SHA-256 and with PLAIN', { skip: noMaven }, async (t) => {
  const { live, backup } = await startPair(t);
  const classPath = await classPathOf('interop-jakarta');
  const run = async (node: NodeProcess, mechanisms: string, user: string, password: string) => {
    const url = `amqp://${node.addressOf('amqp')}?amqp.saslMechanisms=${mechanisms}`;
    const args = ['-cp', classPath, 'JmsLogin', url, user, password, 'orders'];
    const program = new LineProgram(t, { command: 'java', args });
    assert.equal(await program.end(), 0);
    return program.lines;
  };
  const scram = 'SCRAM-SHA-256';
  const refused = ['JMSSecuritySaslException'];
  assert.deepEqual(await run(live, scram, 'sam', 'guess'), refused);
  assert.deepEqual(await run(live, scram, 'stranger', 'guess'), refused);
  // None of what it is allowed is offered.
  assert.deepEqual(await run(live, 'ANONYMOUS', 'sam', passwordOf('sam')), refused);
  const nothing = ['JMSSecurityException', 'JMSSecurityException'];
  assert.deepEqual(await run(live, scram, 'nobody', passwordOf('nobody')), nothing);
  const sent = await run(backup, scram, 'sam', passwordOf('sam'));
  assert.deepEqual(sent, ['sent', 'JMSSecurityException']);
  const received = await run(live, 'PLAIN', 'wendy', passwordOf('wendy'));
  assert.deepEqual(received, ['JMSSecurityException', 'received one']);
});

test('Qpid Proton for Python logs in', { skip: noProton }, async (t) => {
  const { live } = await startPair(t);
  const url = `amqp://${live.addressOf('amqp')}`;
  const steps = async (user: string, password: string) => {
    const { stdout } = await run(PYTHON, [STEPS, url, user, password, 'orders']);
    return stdout.trim().split('\n');
  };
  assert.deepEqual(await steps('sam', 'guess'), ['refused True']);
  assert.deepEqual(await steps('nobody', passwordOf('nobody')), [DENIED, DENIED]);
  assert.deepEqual(await steps('sam', passwordOf('sam')), ['sent', DENIED]);
  assert.deepEqual(await steps('wendy', passwordOf('wendy')), [DENIED, 'received one']);
});
