/** Sessions of the console: what the cookie stands for, what ends it, and what it does not allow; and headers of pages. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { type TestContext, test } from 'node:test';
import { type AdminCall, type Answer, askAdmin } from '../support/admin-calls.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { makeUsersFile, passwordOf, runHoldfast } from '../support/users.js';

const FROM_CONSOLE = { 'holdfast-console': '1' };
const ROLES = { ann: ['>: send consume create manage'], olga: ['orders.>: view'] };
const SESSION = '/api/v1/session';
const PURGE = '/api/v1/queues/orders.new/purge';

interface Scene {
  readonly live: NodeProcess;
  readonly backup: NodeProcess;
  readonly usersFile: string;
}

async function makeScene(t: TestContext): Promise<Scene> {
  const directory = await temporaryDirectoryOf(t);
  const usersFile = `${directory}/users.yaml`;
  await makeUsersFile(usersFile, ROLES, { ann: ['ann'], olga: ['olga'] });
  const store = await TestStore.make(t, { HOLDFAST_SECURITY_USERS_FILE: usersFile });
  const { live, backup } = await store.startPair();
  const client = await connect(live.address, { login: 'ann', passcode: passwordOf('ann') });
  await client.send({ destination: '/queue/orders.new', body: 'x', headers: {} });
  client.destroy();
  return { live, backup, usersFile };
}

function logIn(node: NodeProcess, user: string, call: AdminCall = {}): Promise<Answer> {
  const body = { user, password: passwordOf(user) };
  return askAdmin(node, 'POST', SESSION, { body, headers: FROM_CONSOLE, ...call });
}

/** `NAME=ID` of the cookie that the answer sets. */
function cookieIn({ headers }: Answer): string {
  return String(headers['set-cookie']?.[0]).split(';')[0] ?? '';
}

test('a session stands for its user: rights, a backup that passes on, and who it was in the log', async (t) => {
  const { live, backup } = await makeScene(t);
  const before = await askAdmin(live, 'GET', SESSION);
  assert.deepEqual(before.json, { usersRequired: true, user: null, rules: [] });
  const olga = await logIn(live, 'olga');
  assert.deepEqual(olga.json, {
    usersRequired: true,
    user: 'olga',
    rules: [{ address: 'orders.>', allow: ['view'] }],
  });
  const [set] = olga.headers['set-cookie'] ?? [];
  assert.match(
    String(set),
    /^holdfast-session-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
  );
  const https = { ...FROM_CONSOLE, origin: `https://${live.addressOf('http')}` };
  const secure = await logIn(live, 'olga', { headers: https });
  assert.match(String(secure.headers['set-cookie']?.[0]), /^__Host-holdfast-session-.*; Secure$/);
  // Behind a proxy that ends TLS; of a GET the browser does not say where it comes from.
  const asSecure = { headers: { ...FROM_CONSOLE, cookie: cookieIn(secure) } };
  assert.equal((await askAdmin(live, 'GET', '/api/v1/queues', asSecure)).status, 200);

  const asOlga = { headers: { ...FROM_CONSOLE, cookie: cookieIn(olga) } };
  const seen = await askAdmin(live, 'GET', '/api/v1/queues', asOlga);
  assert.deepEqual([seen.status, seen.json.queues.length], [200, 1]);
  const denied = await askAdmin(live, 'POST', PURGE, asOlga);
  assert.match(denied.json.detail, /^User olga has no right to manage/);
  const elsewhere = await askAdmin(backup, 'GET', '/api/v1/queues', asOlga);
  assert.equal(elsewhere.status, 401, 'the other node knows nothing of it');

  const ann = await logIn(backup, 'ann');
  const asAnn = { headers: { ...FROM_CONSOLE, cookie: cookieIn(ann) } };
  assert.equal((await askAdmin(backup, 'POST', PURGE, asAnn)).json.done, 1);
  const line = await live.untilEvent('admin-change');
  assert.ok(line);
  assert.ok(live.log.some(({ user, kind }) => user === 'ann' && kind === 'purge'));
});

test('a page elsewhere can make a browser send the cookie, and changes nothing with it', async (t) => {
  const { live } = await makeScene(t);
  const cookie = cookieIn(await logIn(live, 'ann'));
  for (const [what, headers, status] of [
    ['no header of the console', { cookie }, 403],
    ['another origin', { ...FROM_CONSOLE, cookie, origin: 'http://evil.example' }, 403],
    ['another port', { ...FROM_CONSOLE, cookie, 'sec-fetch-site': 'same-site' }, 403],
    ['another id', { ...FROM_CONSOLE, cookie: `${cookie.slice(0, -4)}AAAA` }, 401],
    ['the console', { ...FROM_CONSOLE, cookie, 'sec-fetch-site': 'same-origin' }, 200],
  ] as const) {
    assert.equal((await askAdmin(live, 'POST', PURGE, { headers })).status, status, what);
  }
  const login = await logIn(live, 'ann', { headers: {} });
  assert.equal(login.status, 403, 'nor may it log somebody in');
  const over = await askAdmin(live, 'DELETE', SESSION, { headers: { cookie } });
  assert.equal(over.status, 403, 'or out');
});

test('a session ends with a logout, a new password, or the user, and with too many of them', async (t) => {
  const { live, usersFile } = await makeScene(t);
  const standing = async (cookie: string): Promise<number> => {
    const headers = { ...FROM_CONSOLE, cookie };
    return (await askAdmin(live, 'GET', '/api/v1/queues', { headers })).status;
  };
  const wrong = await logIn(live, 'ann', {
    body: { user: 'ann', password: 'guess' },
    headers: FROM_CONSOLE,
  });
  assert.deepEqual([wrong.status, wrong.headers['set-cookie']], [401, undefined]);
  // Else browsers would ask by a dialog of their own.
  assert.equal(wrong.headers['www-authenticate'], 'Session realm="holdfast"');

  const out = cookieIn(await logIn(live, 'ann'));
  const headers = { ...FROM_CONSOLE, cookie: out };
  assert.equal((await askAdmin(live, 'DELETE', SESSION, { headers })).status, 204);
  assert.equal(await standing(out), 401);

  const first = cookieIn(await logIn(live, 'ann'));
  const second = cookieIn(await logIn(live, 'ann'));
  const olga = cookieIn(await logIn(live, 'olga'));
  for (let more = 0; more < 19; more += 1) await logIn(live, 'ann');
  assert.deepEqual([await standing(first), await standing(second)], [401, 200]);
  assert.equal(await standing(olga), 200, 'those of others stay');

  const flags = ['--users-file', usersFile, '--password-stdin'];
  const passwd = await runHoldfast(['user', 'passwd', 'ann', ...flags], { input: 'another one\n' });
  assert.equal(passwd.code, 0, passwd.complaint);
  await eventually('her sessions are over', async () => (await standing(second)) === 401);
  const removed = await runHoldfast(['user', 'remove', 'olga', '--users-file', usersFile]);
  assert.equal(removed.code, 0, removed.complaint);
  await eventually('and those of who is gone', async () => (await standing(olga)) === 401);
});

test('without users everybody is in; pages and answers have their headers', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const login = await logIn(live, 'ann');
  assert.deepEqual(login.json, { usersRequired: false, user: null, rules: null });
  assert.equal(login.headers['set-cookie'], undefined);
  for (const path of ['/', '/console']) {
    const { status, headers } = await askAdmin(live, 'GET', path);
    assert.deepEqual([status, headers.location], [302, '/console/']);
  }
  const page = await askAdmin(live, 'GET', '/console/');
  const policy = String(page.headers['content-security-policy']);
  assert.match(policy, /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.doesNotMatch(
    page.json,
    /<script>|<style>|https?:/,
    'nothing inline, nothing from elsewhere',
  );
  assert.equal(page.headers['cache-control'], 'no-cache');
  for (const [, path = ''] of String(page.json).matchAll(/(?:href|src)="([^"]+)"/g)) {
    const { status, headers } = await askAdmin(live, 'GET', path);
    const caching = 'public, max-age=31536000, immutable';
    assert.deepEqual([status, headers['cache-control']], [200, caching], path);
    assert.equal(headers['x-content-type-options'], 'nosniff');
  }
  const missing = await askAdmin(live, 'GET', '/console/assets/index-old.js');
  assert.deepEqual([missing.status, missing.headers['cache-control']], [404, 'no-store']);
  for (const path of ['node', 'queues', 'events', 'openapi.json', 'missing']) {
    const { headers } = await askAdmin(live, 'GET', `/api/v1/${path}`);
    assert.equal(headers['cache-control'], 'no-store', path);
    assertSecure(headers, path);
  }
  for (const path of ['/metrics', '/health/live', '/console/', '/api', '/', '/nothing']) {
    assertSecure((await askAdmin(live, 'GET', path)).headers, path);
  }
});

function assertSecure(headers: IncomingHttpHeaders, path: string): void {
  assert.equal(headers['referrer-policy'], 'no-referrer', path);
  assert.equal(headers['x-content-type-options'], 'nosniff', path);
  assert.equal(headers['x-frame-options'], 'DENY', path);
  assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/, path);
}

test('figures for charts: counters, and how long confirmations took', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  const before = (await askAdmin(live, 'GET', '/api/v1/figures')).json;
  for (const body of ['one', 'two']) {
    await client.send({ destination: '/queue/q', body, headers: {} });
  }
  const after = (await askAdmin(backup, 'GET', '/api/v1/figures')).json;
  assert.equal(after.node.node, 'a', 'a backup asks the live node');
  assert.ok(after.atMs > before.atMs);
  assert.equal(after.totals.sent - before.totals.sent, 2);
  for (const name of ['confirmations', 'writes']) {
    const { bounds, counts, count, sumSeconds } = after[name];
    assert.equal(counts.length, bounds.length);
    assert.ok(count > before[name].count, name);
    assert.ok(sumSeconds > before[name].sumSeconds, name);
  }
  assert.ok(after.appendedBytes > before.appendedBytes);
});
