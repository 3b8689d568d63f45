/**
 * Every call of the admin API with no user, a wrong one, one without the right, and one with it. The calls are those
 * of the OpenAPI document, so that a new one without a sample here fails.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StompClient } from '../../src/client/stomp-client.js';
import { type Answer, askAdmin, basic } from '../support/admin-calls.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox, type TestClientOptions } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { makeUsersFile, passwordOf, runHoldfast } from '../support/users.js';

type Right = 'view' | 'browse' | 'create' | 'manage';
type On = 'everything' | 'name' | 'some';

/** `ann` makes the scene. `X-orders` has the right X on orders alone, `X-all` everywhere, `no-X` each other one that does not include it. */
const ROLES = {
  ann: ['>: send consume create manage'],
  'view-orders': ['orders.>: view'],
  'browse-orders': ['orders.>: browse'],
  'create-orders': ['orders.>: create'],
  'manage-orders': ['orders.>: manage'],
  'view-all': ['>: view'],
  'manage-all': ['>: manage'],
  'no-view': ['>: send create'],
  'no-browse': ['>: send create view'],
  'no-create': ['>: send consume view browse'],
  'no-manage': ['>: send consume view browse create'],
  elsewhere: ['other.>: send consume view browse create manage'],
};
const USERS = Object.fromEntries(Object.keys(ROLES).map((name) => [name, [name]]));

interface Sample {
  /** What the document must say that it needs: a right, and on what. */
  readonly needs: 'open' | `${Right} ${On}`;
  /** Where the path has {id}. */
  readonly id?: (scene: Scene, queue: string) => Promise<number>;
  readonly query?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Before a call that may be done. */
  readonly prepare?: (scene: Scene) => Promise<unknown>;
  /** Of a call that may be done; left out, 200. */
  readonly status?: number;
}

const FROM_CONSOLE = { 'holdfast-console': '1' };
const OPEN: Sample = { needs: 'open' };
const VIEW_EVERYTHING: Sample = { needs: 'view everything' };
const VIEW_SOME: Sample = { needs: 'view some' };
const MANAGE_NAMED: Sample = { needs: 'manage name' };

/** By `operationId`. A handover comes last: another node is live then. */
const SAMPLES: { readonly [operationId: string]: Sample } = {
  getHealthLive: OPEN,
  getHealthReady: OPEN,
  getHealthRoleLive: OPEN,
  getApi: OPEN,
  getPageCss: OPEN,
  getPageJs: OPEN,
  getOpenapiJson: OPEN,
  getNode: OPEN,
  getSession: OPEN,
  postSession: {
    ...OPEN,
    headers: FROM_CONSOLE,
    body: { user: 'no-view', password: passwordOf('no-view') },
  },
  deleteSession: { ...OPEN, headers: FROM_CONSOLE, status: 204 },
  getMetrics: VIEW_EVERYTHING,
  getCluster: VIEW_EVERYTHING,
  getFigures: VIEW_EVERYTHING,
  getJournal: VIEW_EVERYTHING,
  getConnections: VIEW_EVERYTHING,
  getTransactions: VIEW_EVERYTHING,
  getEvents: VIEW_SOME,
  getTopics: VIEW_SOME,
  getSubscriptions: VIEW_SOME,
  getConsumers: VIEW_SOME,
  getQueues: VIEW_SOME,
  getQueuesName: { needs: 'view name' },
  getQueuesNameMessages: { needs: 'browse name' },
  getQueuesNameMessagesId: { needs: 'browse name', id: firstMessage },
  putQueuesName: { needs: 'create name' },
  deleteQueuesName: { ...MANAGE_NAMED, query: '?purge=true', status: 204 },
  deleteQueuesNameMessagesId: { ...MANAGE_NAMED, id: firstMessage },
  postQueuesNamePause: MANAGE_NAMED,
  postQueuesNameResume: MANAGE_NAMED,
  postQueuesNamePurge: MANAGE_NAMED,
  postQueuesNameExpire: MANAGE_NAMED,
  postQueuesNameRetry: MANAGE_NAMED,
  postQueuesNameMove: { ...MANAGE_NAMED, body: { to: 'orders.moved' } },
  postQueuesNameCopy: { ...MANAGE_NAMED, body: { to: 'orders.copied' } },
  deleteConnectionsId: { needs: 'manage everything', id: aConnection, status: 204 },
  deleteSubscriptions: {
    ...{ needs: 'manage some', query: '?clientId=c&name=s', prepare: subscribe, status: 204 },
  },
  postHandover: { needs: 'manage everything', status: 202 },
};

interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Null for one that is open to all. */
  readonly needs: { readonly right: Right; readonly on: On } | null;
}

interface Scene {
  readonly store: TestStore;
  readonly usersFile: string;
  readonly live: NodeProcess;
  readonly backup: NodeProcess;
  readonly operations: readonly Operation[];
}

async function makeScene(t: TestContext): Promise<Scene> {
  const directory = await temporaryDirectoryOf(t);
  const usersFile = `${directory}/users.yaml`;
  await makeUsersFile(usersFile, ROLES, USERS);
  const store = await TestStore.make(t, { HOLDFAST_SECURITY_USERS_FILE: usersFile });
  const { live, backup } = await store.startPair();
  const { json } = await askAdmin(live, 'GET', '/api/v1/openapi.json');
  return { store, usersFile, live, backup, operations: operationsOf(json) };
}

// biome-ignore lint/suspicious/noExplicitAny: the document as it comes.
function operationsOf(document: any): Operation[] {
  assert.deepEqual(document.security, [{ basic: [] }]);
  const found: Operation[] = [];
  for (const [path, methods] of Object.entries<object>(document.paths)) {
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    for (const [method, operation] of Object.entries<any>(methods)) {
      const isOpen = operation.security?.length === 0;
      const needs = { right: operation['x-right'], on: operation['x-right-on'] };
      assert.equal(isOpen, needs.right === undefined, `${method} ${path}`);
      const name = operation.operationId;
      found.push({ name, method: method.toUpperCase(), path, needs: isOpen ? null : needs });
    }
  }
  return found;
}

function logIn(
  node: NodeProcess,
  user: string,
  options: TestClientOptions = {},
): Promise<StompClient> {
  return connect(node.address, { ...options, login: user, passcode: passwordOf(user) });
}

function queueOf({ name }: Operation): string {
  return `orders.${name}`;
}

function pathOf(operation: Operation, sample: Sample, id = 1): string {
  const named = operation.path.replace('{name}', queueOf(operation)).replace('{id}', String(id));
  return named + (sample.query ?? '');
}

/** Who has the right that is needed, and no other. */
function userWith({ right, on }: NonNullable<Operation['needs']>): string {
  return on === 'everything' ? `${right}-all` : `${right}-orders`;
}

/** Who lacks it: the right, or only where it is needed. */
function usersWithout({ right, on }: NonNullable<Operation['needs']>): string[] {
  if (on === 'everything') return [`no-${right}`, `${right}-orders`];
  return on === 'name' ? [`no-${right}`, 'elsewhere'] : [`no-${right}`];
}

async function firstMessage({ live }: Scene, queue: string): Promise<number> {
  const { json } = await askAdmin(live, 'GET', `/api/v1/queues/${queue}/messages`, { user: 'ann' });
  return json.messages[0].id;
}

async function aConnection({ live }: Scene): Promise<number> {
  await logIn(live, 'view-orders');
  const { json } = await askAdmin(live, 'GET', '/api/v1/connections', { user: 'ann' });
  const isTheirs = ({ description }: { description: string }) => /view-orders/.test(description);
  return json.connections.find(isTheirs).id;
}

/** A durable subscription that nobody uses. */
async function subscribe({ live }: Scene): Promise<void> {
  const client = await logIn(live, 'ann', { clientId: 'c' });
  await Inbox.open(client, '/topic/orders.news', 'auto', { 'durable-subscription-name': 's' });
  client.destroy();
  await eventually('nobody uses it', async () => {
    const { json } = await askAdmin(live, 'GET', '/api/v1/subscriptions', { user: 'ann' });
    return json.subscriptions[0]?.consumers === 0;
  });
}

/** A queue for each call that names one, with messages that it may not lose. */
async function fillQueues({ live, operations }: Scene): Promise<void> {
  const ann = await logIn(live, 'ann');
  for (const operation of operations) {
    if (!operation.path.includes('{name}')) continue;
    const destination = `/queue/${queueOf(operation)}`;
    for (const body of ['one', 'two']) await ann.send({ destination, body, headers: {} });
  }
  ann.destroy();
}

async function depths({ live }: Scene): Promise<string[]> {
  const { json } = await askAdmin(live, 'GET', '/api/v1/queues', { user: 'ann' });
  return json.queues.map(
    ({ name, messages, paused }: { name: string; messages: number; paused: boolean }) =>
      `${name} ${messages} ${paused}`,
  );
}

function refused(answer: Answer, status: number, what: string): void {
  assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.json).slice(0, 300)}`);
  assert.match(answer.type, /^application\/problem\+json/, what);
  assert.equal(answer.json.code, 'ACCESS_DENIED', what);
  const asksForUser = answer.headers['www-authenticate'] !== undefined;
  assert.equal(asksForUser, status === 401, what);
}

test('every call of the admin API: no user, a wrong one, one without the right, and one with it', async (t) => {
  const scene = await makeScene(t);
  const { live, backup, operations } = scene;
  assert.deepEqual(
    operations.map(({ name }) => name).toSorted(),
    Object.keys(SAMPLES).toSorted(),
    'each call has a sample, and each sample is of a call',
  );
  await fillQueues(scene);
  const before = await depths(scene);

  for (const [index, operation] of operations.entries()) {
    const { needs, name, method } = operation;
    const sample = SAMPLES[name] as Sample;
    const path = pathOf(operation, sample);
    const { body, headers = {} } = sample;
    const said = needs === null ? 'open' : `${needs.right} ${needs.on}`;
    assert.equal(said, sample.needs, name);
    if (needs === null) {
      const answer = await askAdmin(live, method, path, { user: 'nobody', body, headers });
      assert.equal(answer.status, sample.status ?? 200, `${name} does not ask who it is`);
      continue;
    }
    for (const node of [live, backup]) {
      refused(await askAdmin(node, method, path, { body }), 401, `${name}: no user`);
      for (const user of usersWithout(needs)) {
        const answer = await askAdmin(node, method, path, { body, user });
        refused(answer, 403, `${name} by ${user}`);
        assert.match(
          answer.json.detail,
          new RegExp(`^User ${user} has no right to ${needs.right} `),
        );
      }
    }
    // Each from an address of its own: wrong passwords of one address are answered later and later.
    const from = `127.0.1.${index + 1}`;
    const wrong =
      index % 2 === 0 ? { user: `nobody-${index}` } : { user: userWith(needs), password: 'guess' };
    refused(
      await askAdmin(live, method, path, { body, from, ...wrong }),
      401,
      `${name}: a wrong one`,
    );
  }
  assert.deepEqual(await depths(scene), before, 'nothing was done for those who may not');
  for (const path of ['/api/v1/none', '/API/v1/node', '//api/v1/node']) {
    assert.equal((await askAdmin(live, 'GET', path)).status, 401, path);
    assert.equal((await askAdmin(live, 'GET', path, { user: 'no-view' })).status, 404, path);
  }

  const handover = operations.filter(
    ({ method, path }) => method === 'POST' && /handover/.test(path),
  );
  const others = operations.filter((operation) => !handover.includes(operation));
  for (const operation of [...others, ...handover]) {
    const { needs, name, method } = operation;
    const sample = SAMPLES[name] as Sample;
    await sample.prepare?.(scene);
    const id = await sample.id?.(scene, queueOf(operation));
    const user = needs === null ? {} : { user: userWith(needs) };
    const answer = await askAdmin(live, method, pathOf(operation, sample, id), {
      ...(sample.body === undefined ? {} : { body: sample.body }),
      ...(sample.headers === undefined ? {} : { headers: sample.headers }),
      ...user,
    });
    assert.equal(answer.status, sample.status ?? 200, `${name}: ${JSON.stringify(answer.json)}`);
  }
  await backup.untilRole('live');
});

test('lists and events show what a user may see, and end when that changes', async (t) => {
  const { live, backup, usersFile } = await makeScene(t);
  const ann = await logIn(live, 'ann');
  atEnd(t, () => ann.destroy());
  for (const name of ['orders.new', 'other.new']) {
    await ann.send({ destination: `/queue/${name}`, body: 'x', headers: {} });
    await Inbox.open(ann, `/queue/${name}`, 'client-individual');
    await Inbox.open(ann, `/topic/${name}`, 'auto');
  }
  const names = async (list: string, key: string, user: string) => {
    const { json } = await askAdmin(live, 'GET', `/api/v1/${list}`, { user });
    // biome-ignore lint/suspicious/noExplicitAny: any list.
    return [...new Set(json[list].map((each: any) => each[key]))];
  };
  for (const [list, key] of [
    ['queues', 'name'],
    ['topics', 'name'],
    ['subscriptions', 'topic'],
    ['consumers', 'destination'],
  ] as const) {
    assert.deepEqual(await names(list, key, 'view-orders'), ['orders.new'], list);
    assert.deepEqual(await names(list, key, 'view-all'), ['orders.new', 'other.new'], list);
  }

  const some = await Stream.open(live, 'view-orders');
  const all = await Stream.open(backup, 'view-all');
  await eventually('both queues are told', () => /other\.new/.test(all.text));
  await ann.send({ destination: '/queue/other.later', body: 'x', headers: {} });
  await ann.send({ destination: '/queue/orders.later', body: 'x', headers: {} });
  await eventually('what comes is told', () => /orders\.later/.test(some.text));
  await eventually(
    'to both',
    () => /orders\.later/.test(all.text) && /other\.later/.test(all.text),
  );
  assert.doesNotMatch(some.text, /other\./);
  await removeUser(usersFile, 'view-orders');
  await some.ended;
});

test('an operator puts messages only where it may send, whatever they say of where they came from', async (t) => {
  const { live } = await makeScene(t);
  const ann = await logIn(live, 'ann');
  atEnd(t, () => ann.destroy());
  const send = (destination: string, headers = {}) => ann.send({ destination, body: 'x', headers });
  await send('/queue/orders.new');
  await send('/queue/other.there');
  const user = 'manage-orders';
  const move = (kind: string, to: string) =>
    askAdmin(live, 'POST', `/api/v1/queues/orders.new/${kind}`, { user, body: { to } });
  for (const kind of ['move', 'copy']) {
    const answer = await move(kind, 'other.there');
    assert.equal(answer.status, 403);
    assert.match(answer.json.detail, /no right to send on queue "other\.there"/);
  }
  const refusal = await live.untilEvent('admin-change');
  assert.deepEqual(
    [refusal.user, refusal.status, refusal.queue, refusal.to],
    [user, 403, 'orders.new', 'other.there'],
  );
  // As the broker writes it into dead letters, and as anybody may who sends there.
  await send('/queue/orders.dead', { 'original-destination': '/queue/other.there' });
  await send('/queue/orders.dead', { 'original-destination': '/queue/orders.new' });
  const retry = { user, body: {} };
  const retried = await askAdmin(live, 'POST', '/api/v1/queues/orders.dead/retry', retry);
  assert.deepEqual([retried.json.done, retried.json.skipped], [1, 1]);
  assert.match(retried.json.reason, /sent to queue "other\.there", where you may not send/);
});

test('what a backup passes on carries its caller: the live node looks at the right, and logs the user', async (t) => {
  const { live, backup } = await makeScene(t);
  const ann = await logIn(live, 'ann');
  atEnd(t, () => ann.destroy());
  await ann.send({ destination: '/queue/orders.new', body: 'x', headers: {} });
  const user = 'manage-orders';
  const purged = await askAdmin(backup, 'POST', '/api/v1/queues/orders.new/purge', { user });
  assert.deepEqual([purged.status, purged.json.done], [200, 1]);
  for (const node of [live, backup]) {
    const line = await node.untilEvent('admin-change');
    assert.deepEqual([line.user, line.right, line.status], [user, 'manage', 200]);
    assert.doesNotMatch(JSON.stringify(node.log), /-secret|Basic /);
  }
});

/** Server-sent events as they come. */
class Stream {
  text = '';
  readonly ended: Promise<unknown>;

  private constructor(body: AsyncIterable<Uint8Array>) {
    this.ended = (async () => {
      for await (const part of body) this.text += Buffer.from(part).toString();
    })().catch(() => undefined);
  }

  static async open(node: NodeProcess, user: string): Promise<Stream> {
    const response = await fetch(`http://${node.addressOf('http')}/api/v1/events`, {
      headers: { authorization: basic(user) },
    });
    assert.equal(response.status, 200);
    assert.ok(response.body);
    return new Stream(response.body);
  }
}

async function removeUser(usersFile: string, name: string): Promise<void> {
  const end = await runHoldfast(['user', 'remove', name, '--users-file', usersFile]);
  assert.equal(end.code, 0, end.complaint);
}
