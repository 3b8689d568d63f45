/** The admin API of real nodes: what it shows and changes, on the live node and through a backup. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StompClient } from '../../src/client/stomp-client.js';
import { type Answer, askAdmin } from '../support/admin-calls.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

// biome-ignore lint/suspicious/noExplicitAny: answers are compared with what is expected, whole.
type Json = any;

function call(
  node: NodeProcess,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return askAdmin(node, method, path, { body, headers });
}

async function send(
  client: StompClient,
  destination: string,
  bodies: readonly string[],
  headers: Record<string, string> = {},
): Promise<void> {
  const named = bodies.map((body, index) => ({ ...headers, number: String(index + 1), body }));
  for (const { body, ...more } of named) await client.send({ destination, body, headers: more });
}

async function bodiesIn(node: NodeProcess, queue: string): Promise<unknown[]> {
  const path = `/api/v1/queues/${encodeURIComponent(queue)}/messages`;
  const { json } = await call(node, 'GET', path);
  return json.messages.map(({ body }: Json) => body.value);
}

test('queues and messages over HTTP: browse, detail, move, purge, pause, delete', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, '/queue/orders/eu', ['one', 'two', 'three', 'four']);
  await send(client, '/queue/orders/eu', ['{"a":[1]}'], { 'content-type': 'application/json' });
  const base = '/api/v1/queues/orders%2Feu';

  const list = await call(live, 'GET', '/api/v1/queues');
  assert.equal(list.status, 200);
  assert.deepEqual([list.json.node, list.json.role], ['a', 'live']);
  assert.equal(list.json.queues[0].name, 'orders/eu');
  assert.equal(list.json.queues[0].messages, 5);

  const page = await call(live, 'GET', `${base}/messages?limit=2`);
  assert.equal(page.json.messages.length, 2);
  const rest = await call(live, 'GET', `${base}/messages?after=${page.json.next}`);
  assert.equal(rest.json.messages.length, 3);
  assert.equal(rest.json.next, null);
  const filter = encodeURIComponent("number = '3'");
  const found = await call(live, 'GET', `${base}/messages?filter=${filter}`);
  assert.deepEqual(
    found.json.messages.map(({ body }: Json) => body.value),
    ['three'],
  );
  const last = rest.json.messages.at(-1);
  const detail = await call(live, 'GET', `${base}/messages/${last.id}`);
  assert.deepEqual(detail.json.body, {
    ...{ encoding: 'json', value: { a: [1] }, bytes: 9, truncated: false },
  });
  assert.equal(detail.json.headers.number, '1');

  const moved = await call(live, 'POST', `${base}/move`, { to: 'other', filter: "number = '3'" });
  assert.equal(moved.status, 200);
  assert.equal(moved.json.done, 1);
  assert.deepEqual(await bodiesIn(live, 'other'), ['three']);
  const undone = await call(live, 'POST', '/api/v1/queues/other/move', {
    to: 'orders/eu',
    ids: moved.json.copies.map(({ to }: Json) => to),
  });
  assert.equal(undone.json.done, 1);

  assert.equal((await call(live, 'POST', `${base}/pause`)).json.paused, true);
  const inbox = await Inbox.open(client, '/queue/orders/eu', 'auto');
  await send(client, '/queue/elsewhere', ['a round trip']);
  assert.deepEqual(inbox.texts, []);
  assert.equal((await call(live, 'DELETE', base)).json.code, 'QUEUE_IN_USE');
  assert.equal((await call(live, 'POST', `${base}/resume`)).json.paused, false);
  await inbox.atLeast(5);

  await send(client, '/queue/single', ['1', '2', '3', '4']);
  const { messages } = (await call(live, 'GET', '/api/v1/queues/single/messages')).json;
  const [first, second, third] = messages.map(({ id }: Json) => id);
  assert.equal(
    (await call(live, 'DELETE', `/api/v1/queues/single/messages/${second}`)).status,
    200,
  );
  assert.deepEqual(await bodiesIn(live, 'single'), ['1', '3', '4']);
  const copied = { to: 'copies', ids: [third] };
  assert.equal((await call(live, 'POST', '/api/v1/queues/single/copy', copied)).json.done, 1);
  assert.deepEqual(await bodiesIn(live, 'copies'), ['3']);
  const expired = await call(live, 'POST', '/api/v1/queues/single/expire', { ids: [first] });
  assert.equal(expired.json.done, 1);
  assert.deepEqual(await bodiesIn(live, 'single'), ['3', '4']);

  await send(client, '/queue/waste', ['1', '2', '3']);
  const purged = await call(live, 'POST', '/api/v1/queues/waste/purge', { limit: 2 });
  assert.deepEqual([purged.json.done, purged.json.isComplete], [2, false]);
  assert.equal((await call(live, 'DELETE', '/api/v1/queues/waste')).status, 409);
  assert.equal((await call(live, 'DELETE', '/api/v1/queues/waste?purge=true')).status, 204);
  assert.equal((await call(live, 'GET', '/api/v1/queues/waste')).status, 404);
  assert.equal((await call(live, 'PUT', '/api/v1/queues/new')).status, 201);
  assert.equal((await call(live, 'PUT', '/api/v1/queues/new')).status, 200);

  const line = await live.untilEvent('admin-change');
  assert.equal(line.right, 'manage');
  assert.match(String(line.who), /^127\.0\.0\.1:\d+$/);
  assert.deepEqual([line.queue, line.to, line.done], ['orders/eu', 'other', 1]);
});

test('a dead letter goes back to its queue, that is undone, and a connection is closed', async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_LIMITS_MAX_DELIVERIES: '1' });
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  const failing = await connect(live.address, { clientId: 'failing' });
  atEnd(t, () => failing.destroy());
  await send(client, '/queue/orders', ['poison']);
  const inbox = await Inbox.open(failing, '/queue/orders', 'client-individual');
  await inbox.atLeast(1);
  const { json } = await call(live, 'GET', '/api/v1/connections');
  const connection = json.connections.find(({ clientId }: Json) => clientId === 'failing');
  assert.equal(connection.unacknowledged, 1);
  const consumers = await call(live, 'GET', '/api/v1/consumers');
  assert.equal(consumers.json.consumers[0].connection, connection.id);
  const closed = await call(live, 'DELETE', `/api/v1/connections/${connection.id}`);
  assert.equal(closed.status, 204);
  await eventually('the message is a dead letter', async () => {
    return (await call(live, 'GET', '/api/v1/queues/DLQ.orders')).json.messages === 1;
  });
  const retried = await call(live, 'POST', '/api/v1/queues/DLQ.orders/retry');
  assert.deepEqual([retried.status, retried.json.done], [200, 1]);
  assert.deepEqual(await bodiesIn(live, 'orders'), ['poison']);
  const [copy] = retried.json.copies;
  const back = { to: 'DLQ.orders', ids: [copy.to] };
  assert.equal((await call(live, 'POST', `/api/v1/queues/${copy.queue}/move`, back)).json.done, 1);
  assert.equal((await call(live, 'POST', '/api/v1/queues/DLQ.orders/retry')).json.done, 1);
  assert.deepEqual(await bodiesIn(live, 'orders'), ['poison']);
});

test('bad input is answered with problem details, and changes nothing', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, '/queue/q', ['1']);
  const purge = '/api/v1/queues/q/purge';
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const bad: readonly [
    number,
    RegExp,
    Parameters<typeof call> extends [unknown, ...infer R] ? R : never,
  ][] = [
    [400, /must NOT have additional properties: fliter\.$/, ['POST', purge, { fliter: "a = 'b'" }]],
    [400, /filter must match pattern/, ['POST', purge, { filter: ' ' }]],
    [400, /filter must match pattern/, ['POST', purge, { filter: null }]],
    [400, /selector is wrong at column/, ['POST', purge, { filter: 'a = = b' }]],
    [400, /not valid JSON|JSON/i, ['POST', purge, '{']],
    [415, /Unsupported Media Type|content-type/i, ['POST', purge, 'ids=1', form]],
    [403, /another site/, ['POST', purge, undefined, { origin: 'http://evil.example' }]],
    [403, /another site/, ['POST', purge, undefined, { 'sec-fetch-site': 'cross-site' }]],
    [413, /too large/i, ['POST', purge, ' '.repeat(1024 * 1024 + 1)]],
    [400, /limit must be <= 1000/, ['GET', '/api/v1/queues/q/messages?limit=1001']],
    [400, /required property 'to'/, ['POST', '/api/v1/queues/q/move', {}]],
    [400, /cannot be the name of a queue/, ['POST', '/api/v1/queues/q/move', { to: 'a,b' }]],
    [400, /Write x, without a prefix/, ['PUT', '/api/v1/queues/%2Fqueue%2Fx']],
    [400, /cannot be the name of a queue\. (?!Write)/, ['PUT', '/api/v1/queues/%2Fqueue%2F']],
    [400, /Write x, without a prefix/, ['POST', '/api/v1/queues/q/copy', { to: 'queue://x' }]],
    [400, /name another/, ['POST', '/api/v1/queues/q/move', { to: 'q' }]],
    [404, /no queue "missing"/, ['POST', '/api/v1/queues/missing/purge']],
    [404, /no message 99/, ['GET', '/api/v1/queues/q/messages/99']],
    [404, /nothing at PATCH/, ['PATCH', '/api/v1/queues/q']],
    [404, /no connection 1000000/, ['DELETE', '/api/v1/connections/1000000']],
    [409, /no backup is ready/, ['POST', '/api/v1/handover']],
  ];
  for (const [status, detail, [method, path, body, headers]] of bad) {
    const answer = await call(live, method, path, body, headers);
    const what = `${method} ${path} ${JSON.stringify(body)?.slice(0, 40)}: ${JSON.stringify(answer.json)}`;
    assert.equal(answer.status, status, what);
    assert.match(answer.type, /^application\/problem\+json/, what);
    assert.match(answer.json.detail, detail, what);
    assert.equal(answer.json.status, status);
  }
  assert.deepEqual(await bodiesIn(live, 'q'), ['1']);
});

test('a backup answers what it knows and passes the rest to the live node, and the history tells of both', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, '/queue/q', ['1', '2', '3']);
  await eventually('the backup has followed', async () => {
    const { json } = await call(backup, 'GET', '/api/v1/queues');
    return json.role === 'backup' && json.queues[0]?.messages === 3;
  });
  const followed = (await call(backup, 'GET', '/api/v1/queues/q')).json;
  assert.deepEqual([followed.ready, followed.consumers, followed.paused], [null, null, null]);
  assert.deepEqual([followed.counts, followed.temporary], [null, false]);
  assert.deepEqual(await bodiesIn(backup, 'q'), ['1', '2', '3']);
  const moved = await call(backup, 'POST', '/api/v1/queues/q/move', { to: 'other', limit: 1 });
  assert.deepEqual([moved.status, moved.json.done], [200, 1]);
  assert.deepEqual(await bodiesIn(live, 'other'), ['1']);
  const missing = await call(backup, 'POST', '/api/v1/queues/missing/purge', {});
  assert.equal(missing.status, 404);
  assert.match(missing.type, /^application\/problem\+json/);
  assert.equal((await call(backup, 'GET', '/api/v1/connections')).json.role, 'live');

  const handover = await call(backup, 'POST', '/api/v1/handover', { to: 'b' });
  assert.deepEqual([handover.status, handover.json], [202, { reason: 'handing over to b' }]);
  await backup.untilRole('live');
  const { json } = await call(backup, 'GET', '/api/v1/cluster');
  assert.deepEqual(
    json.tenures.map(({ epoch, node, ended }: Json) => [epoch, node, ended]),
    [
      [2, 'b', null],
      [1, 'a', 'handed-over'],
    ],
  );
  assert.equal(json.tenures[1].toMs, json.tenures[0].fromMs);
  assert.equal(json.totals.messages, 3);
  assert.ok((await call(backup, 'GET', '/api/v1/journal')).json.segments >= 1);

  await live.untilRole('backup');
  await eventually('the other one passes on', async () => {
    return (await call(live, 'GET', '/api/v1/transactions')).status === 200;
  });
  await live.kill();
  await backup.kill();
  const alone = await store.start('c', { HOLDFAST_ADMIN_LISTEN: '127.0.0.1:0' }).untilRole('live');
  assert.equal((await call(alone, 'GET', '/api/v1/cluster')).json.tenures[1].ended, 'lost');
  assert.deepEqual(await bodiesIn(alone, 'q'), ['2', '3']);
});

test('the OpenAPI document names every route, and the page that shows it is served', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const { json } = await call(live, 'GET', '/api/v1/openapi.json');
  assert.equal(json.openapi, '3.1.0');
  const operations = Object.entries<Json>(json.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  for (const kind of ['purge', 'move', 'copy', 'retry', 'expire', 'pause', 'resume']) {
    assert.ok(operations.includes(`post /api/v1/queues/{name}/${kind}`), kind);
  }
  const move = json.paths['/api/v1/queues/{name}/move'].post;
  assert.equal(move['x-right'], 'manage');
  assert.equal(move.parameters[0].name, 'name');
  assert.deepEqual(move.requestBody.content['application/json'].schema.required, ['to']);
  const ids = Object.values<Json>(json.paths).flatMap((methods) =>
    Object.values<Json>(methods).map(({ operationId }) => operationId),
  );
  assert.equal(new Set(ids).size, ids.length, 'operation ids are unique');
  assert.match((await call(live, 'GET', '/api')).json, /openapi\.json/);
  assert.equal((await call(live, 'GET', '/api/v1/page.js')).status, 200);
});

test('what changes is told as server-sent events', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  const stop = new AbortController();
  atEnd(t, () => stop.abort());
  const response = await fetch(`http://${live.addressOf('http')}/api/v1/events`, {
    signal: stop.signal,
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  let text = '';
  const reading = (async () => {
    for await (const part of response.body ?? []) text += Buffer.from(part).toString();
  })().catch(() => undefined);
  await eventually('the beginning comes', () => /event: node\ndata: .*"role":"live"/.test(text));
  await send(client, '/queue/news', ['1']);
  await eventually('the queue is told', () =>
    /event: queues\ndata: \{"changed":\[\{"name":"news","messages":1/.test(text),
  );
  stop.abort();
  await reading;
});
