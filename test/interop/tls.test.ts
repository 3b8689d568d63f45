/** Clients of others over TLS, with certificates of their own: who they are, and what a takeover does to them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { Client } from '@stomp/stompjs';
import type { ConnectionOptions } from 'rhea';
import { parseTargetAddress } from '../../src/config/address.js';
import type { NodeReport } from '../../src/node/node-report.js';
import { atEnd } from '../support/at-end.js';
import { type MadeCertificate, makeKeyStore, makeTrustStore } from '../support/certificates.js';
import { eventually, within } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { TcpStompSocket } from '../support/stomp-socket.js';
import { readPair, type TlsScene, tlsScene } from '../support/tls-scene.js';
import { passwordOf } from '../support/users.js';
import { noMaven, secureFailoverUrl, startJava } from './java-programs.js';
import { JmsLoad } from './jms-load.js';
import { connect, connectToAny, once, send } from './rhea-client.js';

const run = promisify(execFile);
const noCurl = await run('curl', ['--version']).then(
  () => false as const,
  () => 'SKIPPED: curl is not installed',
);

/** What rhea hands on to Node's `tls`, with what it logs in by. */
async function secured(
  { trusted }: TlsScene,
  made: MadeCertificate | null,
  login: { readonly [option: string]: unknown },
): Promise<Partial<ConnectionOptions>> {
  const own = made === null ? null : await readPair(made);
  const shown = own === null ? {} : { cert: own.certificate, key: own.key };
  return { transport: 'tls', ca: trusted, ...shown, ...login } as Partial<ConnectionOptions>;
}

const EXTERNAL = { enable_sasl_external: true };

test('rhea logs in with its certificate (SASL EXTERNAL), through a backup too, or with a password', async (t) => {
  const scene = await tlsScene(t, { HOLDFAST_AMQP_ANNOUNCE_NODES: 'true' });
  const { live, backup } = await scene.store.startPair();
  const ann = await secured(scene, await scene.authority.sign('ann'), EXTERNAL);
  for (const node of [live, backup]) {
    const client = await connect(t, node, ann);
    const queue = `orders.${node.name}`;
    await send(await client.sender(queue), { body: 'one' });
    const inbox = await client.inbox(queue);
    await inbox.atLeast(1);
    assert.deepEqual(inbox.bodies, ['one']);
  }
  const pat = { username: 'pat', password: passwordOf('pat') };
  await connect(t, live, await secured(scene, null, pat));
  // Its certificate is nobody's, so its password counts.
  const stranger = await scene.authority.sign('stranger');
  await connect(t, live, await secured(scene, stranger, pat));
  await assert.rejects(connect(t, live, await secured(scene, stranger, EXTERNAL)));
  await untilKnown(live, backup);
  const told = await connect(t, live, ann);
  const { properties } = told.connection as unknown as { properties: Record<string, unknown> };
  const [other] = properties['failover-server-list'] as Record<string, unknown>[];
  assert.equal(other?.scheme, 'amqps');
  assert.equal(`${other?.hostname}:${other?.port}`, backup.addressOf('amqps'));
});

test('rhea goes on over TLS after kill -9 of the live node', async (t) => {
  const scene = await tlsScene(t);
  const { live, backup } = await scene.store.startPair();
  const ann = await secured(scene, await scene.authority.sign('ann'), EXTERNAL);
  const client = await connectToAny(t, [live, backup], ann);
  const sender = await client.sender('orders');
  await send(sender, { body: 'before' });
  const again = once(client.connection, 'connection_open');
  await live.kill();
  await backup.untilRole('live');
  await again;
  await send(sender, { body: 'after' });
  const inbox = await client.inbox('orders');
  await inbox.atLeast(2);
  assert.deepEqual(inbox.bodies, ['before', 'after']);
});

test('Qpid JMS over amqps, with truststore and keystore, loses nothing through kill -9 of the live node', {
  skip: noMaven,
}, async (t) => {
  const scene = await tlsScene(t, { HOLDFAST_AMQP_CLIENT_CERTIFICATES: 'required' });
  const { live, backup } = await scene.store.startPair();
  const load = new JmsLoad();
  const url = secureFailoverUrl([live, backup], await javaStores(scene, 'ann'));
  const program = await startJava(t, 'jakarta', ['JmsFailover', url], load.onLine);
  await load.confirmsMore();
  load.noteUnderWay();
  await live.kill();
  load.noteUnderWay();
  await backup.untilRole('live');
  await program.line(/^all connected/);
  await load.confirmsMore();
  program.tell('stop');
  await program.line(/^all stopped/);
  await load.check();
  assert.equal(await program.end(), 0);
  t.diagnostic(load.summary);
});

test('Qpid JMS is redirected over TLS, and refused with a certificate that is no user', {
  skip: noMaven,
}, async (t) => {
  const scene = await tlsScene(t, { HOLDFAST_AMQP_REDIRECT_TO_LIVE: 'true' });
  const { backup } = await scene.store.startPair();
  const steps = async (name: string): Promise<readonly string[]> => {
    const url = secureFailoverUrl([backup], await javaStores(scene, name));
    const byCertificate = `${url}&failover.nested.amqp.saslMechanisms=EXTERNAL`;
    const args = ['JmsLogin', byCertificate, 'pat', 'guess', 'orders'];
    const program = await startJava(t, 'jakarta', args);
    assert.equal(await program.end(), 0);
    return program.lines;
  };
  assert.deepEqual(await steps('ann'), ['sent', 'received one']);
  assert.deepEqual(await steps('stranger'), ['JMSSecuritySaslException']);
});

test('@stomp/stompjs over TLS: by certificate, and on to the next node after kill -9', async (t) => {
  const scene = await tlsScene(t);
  const { live, backup } = await scene.store.startPair();
  const { certificate, key } = await readPair(await scene.authority.sign('ann'));
  const servers = [live, backup].map((node) =>
    parseTargetAddress(node.addressOf('stomp+ssl'), 'the log'),
  );
  let attempts = 0;
  const received: string[] = [];
  const client = new Client({
    webSocketFactory: () => {
      const { host, port } = servers[attempts % 2] as { host: string; port: number };
      attempts += 1;
      const socket = tls.connect({ host, port, ca: scene.trusted, cert: certificate, key });
      return new TcpStompSocket({ host, port }, socket);
    },
    reconnectDelay: 50,
    onConnect: () => {
      client.subscribe('/queue/orders', ({ body }) => received.push(body));
    },
  });
  atEnd(t, () => client.deactivate({ force: true }));
  client.activate();
  const goesThrough = (body: string): Promise<unknown> =>
    eventually(`${body} comes`, () => {
      if (client.connected) client.publish({ destination: '/queue/orders', body });
      return received.includes(body);
    });
  await goesThrough('before');
  await live.kill();
  await backup.untilRole('live');
  await goesThrough('after');
});

test('curl asks the admin listener over HTTPS', { skip: noCurl }, async (t) => {
  const scene = await tlsScene(t);
  const live = await scene.store.startLive('a');
  const ca = ['--silent', '--show-error', '--fail', '--cacert', scene.authority.certificate];
  const address = live.addressOf('https');
  const { stdout } = await run('curl', [...ca, `https://${address}/health/role/live`]);
  assert.match(stdout, /live/);
  const queues = `https://${address}/api/v1/queues`;
  await assert.rejects(run('curl', [...ca, queues]), /401/);
  await run('curl', [...ca, '--user', `pat:${passwordOf('pat')}`, queues]);
  await assert.rejects(run('curl', [...ca, '--tls-max', '1.1', queues]));
});

async function javaStores(scene: TlsScene, name: string) {
  const { authority, folder } = scene;
  const keyStore = join(folder, `${name}.p12`);
  return {
    trustStore: await makeTrustStore(authority, join(folder, `trust-${name}.p12`)),
    keyStore: await makeKeyStore(await authority.sign(name), keyStore),
  };
}

/** The live node has seen where clients reach the other one over TLS. */
async function untilKnown(live: NodeProcess, other: NodeProcess): Promise<void> {
  await eventually(`${live.name} knows of ${other.name}`, async () => {
    const answer = await within(
      'the node answers',
      fetch(`http://${live.addressOf('http')}/api/v1/node`),
    );
    const { peers } = (await answer.json()) as NodeReport;
    return peers.some(({ running, addresses }) => running && addresses.amqps !== undefined);
  });
}
