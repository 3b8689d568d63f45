/** TLS on every listener, by real nodes: who gets in, what passes through a backup, and certificates that change. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls';
import { connectStomp, type StompClient } from '../../src/client/stomp-client.js';
import { parseTargetAddress } from '../../src/config/address.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import { callHttps } from '../../src/platform/node/https.js';
import { TlsNetwork } from '../../src/platform/node/network.js';
import { type MadeCertificate, TestAuthority } from '../support/certificates.js';
import { eventually, within } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { RawClient } from '../support/raw-client.js';
import { Inbox } from '../support/test-client.js';
import { readPair, type TlsScene, tlsScene, tlsSettings } from '../support/tls-scene.js';
import { passwordOf, runHoldfast } from '../support/users.js';

const CONNECT = 'CONNECT\naccept-version:1.2\nhost:h\n\n\0';

interface Login {
  readonly made?: MadeCertificate;
  readonly login?: string;
  readonly passcode?: string;
}

/** The shipped client, over TLS. */
async function stomp(
  { trusted }: TlsScene,
  node: NodeProcess,
  { made, ...login }: Login,
): Promise<StompClient> {
  const shown = made === undefined ? {} : await readPair(made);
  return connectStomp([parseTargetAddress(node.addressOf('stomp+ssl'), 'the log')], {
    network: new TlsNetwork({ authority: trusted, ...shown }, (error) => assert.fail(error)),
    clock: nodeClock,
    connectTimeoutMs: 15_000,
    heartbeatMs: 0,
    ...login,
  });
}

/** A handshake with a node; rejects with what comes of a bad one. */
async function handshake(
  { trusted }: TlsScene,
  address: string,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const { host, port } = parseTargetAddress(address, 'the log');
  const socket = tls.connect({ host, port, ca: trusted, ...options });
  await within('the handshake ends', once(socket, 'secureConnect'));
  socket.on('error', () => undefined);
  return socket;
}

/** What the broker answers to a CONNECT without login. */
async function connectAnswer(socket: TLSSocket): Promise<string> {
  let received = '';
  socket.on('data', (bytes: Buffer) => {
    received += bytes.toString();
  });
  socket.write(CONNECT);
  await eventually('there is an answer', () => received.includes('\0') || socket.destroyed);
  return received;
}

async function showing(made: MadeCertificate): Promise<ConnectionOptions> {
  const { certificate, key } = await readPair(made);
  return { cert: certificate, key };
}

const wasRefused = (node: NodeProcess, event: string, field: string, text: RegExp) =>
  node.until(`${node.name} logs ${event} ${text}`, () =>
    node.log.some((line) => line.event === event && text.test(String(line[field]))),
  );

test('STOMP over TLS: by password, by certificate, and through a backup', async (t) => {
  const scene = await tlsScene(t);
  const { authority, store } = scene;
  const { live, backup } = await store.startPair();
  const ann = await authority.sign('ann');

  const pat = { login: 'pat', passcode: passwordOf('pat') };
  for (const [node, login, body] of [
    [live, pat, 'by password'],
    [live, { made: ann }, 'by certificate'],
    [backup, pat, 'by password, through the backup'],
    [backup, { made: ann }, 'by certificate, through the backup'],
    // Who names a user is that one, whatever the certificate says.
    [live, { made: ann, ...pat }, 'by both'],
  ] as const) {
    const client = await stomp(scene, node, login);
    await client.send({ destination: '/queue/orders', body });
    const inbox = await Inbox.open(client, '/queue/orders', 'auto');
    await inbox.atLeast(1);
    assert.deepEqual(inbox.texts, [body]);
    await client.disconnect();
  }

  const wrong = /Login or passcode is wrong/;
  await assert.rejects(stomp(scene, live, { login: 'pat', passcode: 'guess' }), wrong);
  await assert.rejects(stomp(scene, live, {}), wrong);
  const stranger = await authority.sign('stranger');
  const answer = await connectAnswer(
    await handshake(scene, live.addressOf('stomp+ssl'), await showing(stranger)),
  );
  assert.match(answer, /^ERROR\nmessage:No user has the name in this certificate\n/);
  assert.match(answer, /O=Example, CN=stranger/);
  const two = await authority.sign('two', { subject: '/CN=ann/CN=pat' });
  const ambiguous = await handshake(scene, live.addressOf('stomp+ssl'), await showing(two));
  assert.match(await connectAnswer(ambiguous), /^ERROR\nmessage:No user has the name/);
  await wasRefused(live, 'login-refused', 'user', /CN=stranger/);
  await eventually('the log tells who came through the backup', async () => {
    const through = await handshake(scene, backup.addressOf('stomp+ssl'), await showing(stranger));
    const address = `127.0.0.1:${through.localPort}`;
    await connectAnswer(through);
    return live.log.some(
      (line) => line.event === 'login-refused' && line.remoteAddress === address,
    );
  });

  const { key } = await readPair(scene.node);
  for (const node of [live, backup]) {
    const log = JSON.stringify([node.log, node.otherOutput]);
    assert.doesNotMatch(log, /PRIVATE KEY/);
    assert.ok(!log.includes(key.split('\n')[1] as string));
  }
});

test('certificates of nobody known are refused, and so is none where one is required', async (t) => {
  const scene = await tlsScene(t, { HOLDFAST_STOMP_CLIENT_CERTIFICATES: 'required' });
  const { authority, folder, store } = scene;
  const { live, backup } = await store.startPair();
  const other = await TestAuthority.make(folder, 'other');
  const old = await authority.sign('ann', { days: -1 });
  const forged = await other.sign('ann');
  const ann = await authority.sign('ann');

  /** Until the log of the live node says why: of many refusals in a moment it tells one. */
  const refused = (node: NodeProcess, made: MadeCertificate | null, why: RegExp) =>
    eventually(`the log tells of ${why}`, async () => {
      const shown = made === null ? {} : await showing(made);
      // With TLS 1.3 a client learns only afterwards that its certificate was not wanted.
      const socket = await handshake(scene, node.addressOf('stomp+ssl'), shown);
      assert.equal(await connectAnswer(socket), '');
      return live.log.some(({ event, reason }) => event === 'tls-refused' && why.test(`${reason}`));
    });
  await refused(live, null, /no certificate, which is required/);
  await refused(live, forged, /CN=ann is not trusted \(UNABLE_TO_VERIFY/);
  await refused(backup, old, /CN=ann is not trusted \(CERT_HAS_EXPIRED/);
  const socket = await handshake(scene, live.addressOf('stomp+ssl'), await showing(ann));
  assert.match(await connectAnswer(socket), /^CONNECTED\n/);

  // Where one is optional, a forged one is no better.
  const amqps = await handshake(scene, live.addressOf('amqps'), await showing(forged));
  await within('it is closed', once(amqps, 'close'));
});

test('a client whose certificate was revoked is refused, also one that comes back', async (t) => {
  const scene = await tlsScene(t);
  const { authority, store } = scene;
  const [ann, other] = [await authority.sign('ann'), await authority.sign('ann')];
  const list = await authority.revoke();
  const live = await store.startLive('a', { HOLDFAST_TLS_REVOCATION_LIST: list });
  const address = live.addressOf('stomp+ssl');
  const version = { maxVersion: 'TLSv1.2' } as const;
  const first = await handshake(scene, address, { ...(await showing(ann)), ...version });
  assert.match(await connectAnswer(first), /^CONNECTED\n/);

  await authority.revoke(ann);
  await live.untilEvent('certificates-changed');
  // With TLS 1.2 the end of the connection may come in the client's handshake, or right after it.
  const answer = (options: ConnectionOptions): Promise<string> =>
    handshake(scene, address, options).then(connectAnswer, () => '');
  const returning = { ...(await showing(ann)), ...version };
  assert.equal(await answer(returning), '');
  const session = first.getSession();
  assert.ok(session);
  assert.equal(await answer({ ...returning, session }), '');
  await wasRefused(live, 'tls-refused', 'reason', /CN=ann is not trusted \(CERT_REVOKED\)/);
  assert.match(await answer({ ...(await showing(other)), ...version }), /^CONNECTED\n/);

  // A list that is of no use changes nothing.
  await writeFile(list, '');
  const { message } = await live.untilEvent('certificates-refused');
  assert.match(message, /tls\.revocationList: the file .* holds no revocation list/);
  assert.equal(await answer(returning), '');
});

test('old versions of TLS and clients without TLS are refused, and harm nobody', async (t) => {
  const scene = await tlsScene(t);
  const live = await scene.store.startLive('a');
  const address = live.addressOf('stomp+ssl');
  const old = {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  } as const;
  await assert.rejects(handshake(scene, address, old), /alert protocol version/);
  await wasRefused(live, 'tls-refused', 'reason', /unsupported protocol/);
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const options = { minVersion: version, maxVersion: version };
    const socket = await handshake(scene, address, options);
    assert.equal(socket.getProtocol(), version);
    socket.destroy();
  }
  // A client that goes on where it left has the user that it had before.
  const shown = await showing(await scene.authority.sign('ann'));
  const first = await handshake(scene, address, { ...shown, maxVersion: 'TLSv1.2' });
  const again = { ...shown, maxVersion: 'TLSv1.2', session: first.getSession() } as const;
  const resumed = await handshake(scene, address, again);
  assert.ok(resumed.isSessionReused());
  assert.match(await connectAnswer(resumed), /^CONNECTED\n/);
  const plain = await RawClient.open(parseTargetAddress(address, 'the log'));
  plain.write(CONNECT);
  await within('the connection is closed', plain.closed);
  const client = await stomp(scene, live, { login: 'pat', passcode: passwordOf('pat') });
  await client.disconnect();
});

test('a new certificate is taken over without dropping connections, and a bad one is not', async (t) => {
  const scene = await tlsScene(t);
  const { authority, folder, store } = scene;
  // As Kubernetes mounts secrets: a link to a folder, which is pointed at another one.
  const current = join(folder, 'current');
  const mount = async (name: string, made: MadeCertificate, key = made.key): Promise<void> => {
    const target = join(folder, name);
    await mkdir(target);
    await copyFile(made.certificate, join(target, 'tls.crt'));
    await copyFile(key, join(target, 'tls.key'));
    await symlink(target, `${current}.new`);
    await rename(`${current}.new`, current);
  };
  await mount('one', scene.node);
  const mounted = { certificate: join(current, 'tls.crt'), key: join(current, 'tls.key') };
  const live = await store.startLive('a', tlsSettings(mounted, authority));
  const shown = async (): Promise<string | undefined> => {
    const socket = await handshake(scene, live.addressOf('stomp+ssl'));
    const serial = socket.getPeerX509Certificate()?.serialNumber;
    socket.destroy();
    return serial;
  };
  const before = await shown();
  const client = await stomp(scene, live, { login: 'pat', passcode: passwordOf('pat') });

  const renewed = await authority.forNode('renewed');
  await mount('two', renewed);
  await live.untilEvent('certificates-changed');
  const after = await shown();
  assert.notEqual(after, before);

  await mount('three', await authority.forNode('wrong'), scene.node.key);
  const { message } = await live.untilEvent('certificates-refused');
  assert.match(message, /tls\.key: the file .*tls\.key is not the key of the certificate in/);
  assert.equal(await shown(), after);
  await mount('four', renewed);
  await live.untilSaid(/^The files are as before again: /);
  await client.send({ destination: '/queue/orders', body: 'the connection of before' });
  await client.disconnect();
});

test('the admin listener over HTTPS: a backup asks the live node over TLS, too', async (t) => {
  const scene = await tlsScene(t, { HOLDFAST_ADMIN_CLIENT_CERTIFICATES: 'required' });
  const { live, backup } = await scene.store.startPair();
  const own = await readPair(scene.node);
  const ask = (node: NodeProcess, path: string, user = 'pat'): Promise<Response> =>
    callHttps(
      `https://${node.addressOf('https')}${path}`,
      {
        method: 'GET',
        headers: new Headers({ authorization: basic(user) }),
        signal: AbortSignal.timeout(10_000),
      },
      { ...own, authority: scene.trusted },
    );
  assert.equal((await ask(live, '/health/role/live')).status, 200);
  assert.equal((await ask(live, '/api/v1/queues')).status, 200);
  const passedOn = await ask(backup, '/api/v1/queues');
  assert.equal(passedOn.status, 200);
  assert.ok(Array.isArray(((await passedOn.json()) as { queues?: unknown }).queues));
  assert.equal((await ask(backup, '/api/v1/queues', 'nobody')).status, 401);
  const { addresses } = (await (await ask(live, '/api/v1/node')).json()) as {
    addresses: Record<string, string>;
  };
  assert.equal(addresses.https, live.addressOf('https'));
  assert.equal(addresses.amqps, live.addressOf('amqps'));
  assert.equal(addresses['stomp+ssl'], live.addressOf('stomp+ssl'));
  const socket = await handshake(scene, live.addressOf('https'));
  await within('one without a certificate is closed', once(socket, 'close'));
});

test('holdfast send and receive over TLS, by certificate', async (t) => {
  const scene = await tlsScene(t);
  const { authority } = scene;
  const live = await scene.store.startLive('a');
  const ann = await authority.sign('ann');
  const secure = ['--url', `stomp+ssl://${live.addressOf('stomp+ssl')}`, '--retry', '0'];
  const trusting = [...secure, '--ca', authority.certificate];
  const shown = ['--certificate', ann.certificate, '--key', ann.key];
  const sent = await runHoldfast(['send', ...trusting, ...shown, '/queue/orders', 'one coffee']);
  assert.equal(sent.code, 0, sent.complaint);
  const received = await runHoldfast(['receive', ...trusting, ...shown, '/queue/orders']);
  assert.equal(received.printed, 'one coffee\n');
  const untrusting = await runHoldfast(['send', ...secure, ...shown, '/queue/orders', 'x']);
  assert.equal(untrusting.code, 4);
  assert.match(untrusting.complaint, /refused here \(.*(?:unable to verify|self.signed)/);
  const nobody = await runHoldfast(['send', ...trusting, '/queue/orders', 'x']);
  assert.equal(nobody.code, 3);
  const wrong = [...trusting, '--certificate', ann.certificate, '--key', scene.node.key];
  const useless = await runHoldfast(['send', ...wrong, '/queue/orders', 'x']);
  assert.equal(useless.code, 2, useless.complaint);
});

test('commands ask the admin listener over HTTPS, when they trust its certificate', async (t) => {
  const scene = await tlsScene(t, { HOLDFAST_SECURITY_USERS_FILE: '' });
  const live = await scene.store.startLive('a');
  const list = ['queue', 'list', '--json', '--node', `https://${live.addressOf('https')}`];
  const trusting = { environment: { NODE_EXTRA_CA_CERTS: scene.authority.certificate } };
  const listed = await runHoldfast(list, trusting);
  assert.equal(listed.code, 0, listed.complaint);
  const refused = await runHoldfast(list);
  assert.equal(refused.code, 4);
  assert.match(refused.complaint, /refused here \(.*(?:unable to verify|self.signed)/);
});

test('a node does not start with files that would not do', async (t) => {
  const scene = await tlsScene(t);
  const { authority, folder, node, store } = scene;
  const other = await authority.forNode('other');
  const expired = await authority.forNode('expired', { days: -1 });
  const open = await authority.forNode('open');
  await chmod(open.key, 0o644);
  const missing = join(folder, 'missing.crt');
  for (const [settings, sentence] of [
    [{ HOLDFAST_TLS_CERTIFICATE: missing }, /tls\.certificate: the file .*missing\.crt does not/],
    [{ HOLDFAST_TLS_CERTIFICATE: node.key }, /tls\.certificate: .*holds no certificate/],
    [{ HOLDFAST_TLS_KEY: other.key }, /tls\.key: .*is not the key of the certificate in/],
    [tlsSettings(expired, authority), /tls\.certificate: .*has expired: that of O=Example, CN=exp/],
    [tlsSettings(open, authority), /tls\.key: .*has the mode 0644.*chmod 600/],
    [{ HOLDFAST_TLS_AUTHORITY: missing }, /tls\.authority: .*does not exist/],
    [{ HOLDFAST_TLS_REVOCATION_LIST: node.key }, /tls\.revocationList: .*holds no revocation list/],
  ] as const) {
    const refused = store.start('a', settings);
    assert.equal((await refused.end()).code, 2);
    assert.match(refused.complaint, sentence);
  }
});

function basic(user: string): string {
  return `Basic ${Buffer.from(`${user}:${passwordOf(user)}`).toString('base64')}`;
}
