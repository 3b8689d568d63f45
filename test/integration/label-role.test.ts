/** deploy/kubernetes/label-role.mjs, alone and as the hook of real nodes, against an HTTPS server that stands for Kubernetes. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { atEnd } from '../support/at-end.js';
import { makeCertificate } from '../support/certificate.js';
import { eventually } from '../support/eventually.js';
import { repositoryRoot } from '../support/repository-root.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { TestStore } from '../support/test-store.js';
import { type CommandEnd, runHoldfast } from '../support/users.js';

const SCRIPT = join(repositoryRoot(), 'deploy', 'kubernetes', 'label-role.mjs');
const TOKEN = 'a-token-of-a-service-account';

interface SeenRequest {
  readonly line: string;
  readonly contentType: string;
  readonly authorization: string;
  readonly role: unknown;
}

/** What it is answered: a status with a body, or null for no answer at all. */
type Answer = { readonly status: number; readonly body?: unknown } | null;
const DONE: Answer = { status: 200, body: { kind: 'Pod' } };

class ApiServer {
  readonly requests: SeenRequest[] = [];
  readonly environment: Readonly<Record<string, string>>;
  readonly account: string;

  private constructor(server: Server, account: string) {
    const { port } = server.address() as AddressInfo;
    this.account = account;
    this.environment = {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: `${port}`,
      SERVICE_ACCOUNT_DIRECTORY: account,
    };
  }

  /** `answers`: one after another; the last one for ever. */
  static async start(t: TestContext, ...answers: readonly Answer[]): Promise<ApiServer> {
    const directory = await temporaryDirectoryOf(t);
    const certificate = await makeCertificate(directory);
    const server = createServer(certificate);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(t, () => {
      server.closeAllConnections();
      server.close();
    });
    const account = join(directory, 'account');
    await mkdir(account);
    await writeFile(join(account, 'namespace'), 'brokers');
    await writeFile(join(account, 'token'), `${TOKEN}\n`);
    await writeFile(join(account, 'ca.crt'), certificate.cert);
    const api = new ApiServer(server, account);
    server.on('request', async (request, response) => {
      const body = JSON.parse(await text(request)) as {
        metadata: { labels: Record<string, unknown> };
      };
      const answer = answers[Math.min(api.requests.length, answers.length - 1)] ?? null;
      api.requests.push({
        line: `${request.method} ${request.url}`,
        contentType: request.headers['content-type'] ?? '',
        authorization: request.headers.authorization ?? '',
        role: body.metadata.labels['holdfast/role'],
      });
      if (answer !== null) response.writeHead(answer.status).end(JSON.stringify(answer.body ?? {}));
    });
    return api;
  }
}

function label(environment: Readonly<Record<string, string>>): Promise<CommandEnd> {
  return runHoldfast([SCRIPT], {
    program: [process.execPath],
    environment: { POD_NAME: 'holdfast-0', HOLDFAST_ROLE: 'live', ...environment },
  });
}

test('it patches the label of its own pod, as its service account', async (t) => {
  const api = await ApiServer.start(t, DONE);
  const end = await label(api.environment);
  assert.equal(end.code, 0, end.complaint);
  assert.equal(end.printed, 'pod holdfast-0 is labelled holdfast/role=live\n');
  assert.deepEqual(api.requests, [
    {
      line: 'PATCH /api/v1/namespaces/brokers/pods/holdfast-0',
      contentType: 'application/merge-patch+json',
      authorization: `Bearer ${TOKEN}`,
      role: 'live',
    },
  ]);
});

test('whoever is not live is a backup', async (t) => {
  const api = await ApiServer.start(t, DONE);
  for (const role of ['backup', 'fenced', 'stopped']) {
    const end = await label({ ...api.environment, HOLDFAST_ROLE: role });
    assert.equal(end.code, 0, end.complaint);
  }
  assert.deepEqual(
    api.requests.map(({ role }) => role),
    ['backup', 'backup', 'backup'],
  );
});

test('a server that is not well, or does not answer, is asked again', async (t) => {
  const api = await ApiServer.start(t, { status: 503 }, null, { status: 429 }, DONE);
  const end = await label(api.environment);
  assert.equal(end.code, 0, end.complaint);
  assert.equal(api.requests.length, 4);
});

test('it gives up in time, and says what was wrong last', async (t) => {
  const api = await ApiServer.start(t, { status: 500, body: { message: 'etcd is gone' } });
  const end = await label(api.environment);
  assert.equal(end.code, 1);
  assert.match(end.complaint, /given up after \d+ attempts in 8 s: .* answers 500: etcd is gone/);
});

test('what is refused is not asked again, and the sentence says who gives the right', async (t) => {
  const api = await ApiServer.start(t, {
    status: 403,
    body: { kind: 'Status', message: 'pods "holdfast-0" is forbidden' },
  });
  const end = await label(api.environment);
  assert.equal(end.code, 1);
  assert.match(end.complaint, /answers 403: pods "holdfast-0" is forbidden .*rights\.yaml/);
  assert.equal(api.requests.length, 1);
  assert.ok(!`${end.printed}${end.complaint}`.includes(TOKEN));
});

test('a server that the CA of the account did not sign is told nothing', async (t) => {
  const api = await ApiServer.start(t, DONE);
  const other = await temporaryDirectoryOf(t);
  await writeFile(join(api.account, 'ca.crt'), (await makeCertificate(other)).cert);
  const end = await label(api.environment);
  assert.equal(end.code, 1);
  assert.match(end.complaint, /self-signed certificate/);
  assert.deepEqual(api.requests, []);
});

test('outside of a pod it says what is missing', async (t) => {
  const api = await ApiServer.start(t, DONE);
  const noAccount = await label({ ...api.environment, SERVICE_ACCOUNT_DIRECTORY: '/nowhere' });
  assert.equal(noAccount.code, 1);
  assert.match(noAccount.complaint, /service account's namespace cannot be read .*ENOENT/);
  const noPod = await label({ ...api.environment, KUBERNETES_SERVICE_HOST: '' });
  assert.match(noPod.complaint, /KUBERNETES_SERVICE_HOST is not set: Kubernetes sets it/);
});

test('as the hook of a pair, it follows the live role through a handover and a kill', async (t) => {
  const api = await ApiServer.start(t, DONE);
  const command = `POD_NAME= ${process.execPath} ${SCRIPT}`;
  const names = ['ON_LIVE', 'ON_BACKUP', 'ON_FENCED', 'ON_STOP'];
  const hooks = Object.fromEntries(names.map((name) => [`HOLDFAST_HOOKS_${name}`, command]));
  const store = await TestStore.make(t, { ...api.environment, ...hooks });
  const { live, backup } = await store.startPair();
  const labelled = (roles: Readonly<Record<string, string>>) =>
    eventually(`the pods are labelled ${JSON.stringify(roles)}`, () =>
      Object.entries(roles).every(
        ([node, role]) =>
          api.requests.findLast(({ line }) => line.endsWith(`/pods/${node}`))?.role === role,
      ),
    );
  await labelled({ a: 'live', b: 'backup' });
  await store.requestHandover(null);
  await labelled({ a: 'backup', b: 'live' });
  await backup.kill();
  await live.untilRole('live');
  await labelled({ a: 'live' });
  await live.terminate();
  await labelled({ a: 'backup' });
});
