/** Where a request goes that only the live node can answer, when there is none, or none that answers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import fastify from 'fastify';
import { passOnToLive } from '../../../src/admin/pass-on.js';
import { OPEN, onLive } from '../../../src/admin/routes.js';
import type { NodeReport } from '../../../src/node/node-report.js';

async function ask(
  report: Partial<NodeReport>,
  headers: Record<string, string> = {},
  url = '/live',
): Promise<{ status: number; detail?: string; answered?: string }> {
  const server = fastify();
  passOnToLive(server, () => ({ node: 'b', role: 'backup', live: null, ...report }) as NodeReport);
  server.get('/live', { config: onLive(OPEN) }, () => ({ answered: 'here' }));
  server.get('/any', { config: OPEN }, () => ({ answered: 'here' }));
  const response = await server.inject({ method: 'GET', url, headers });
  return { ...response.json<object>(), status: response.statusCode };
}

function liveAt(admin: string, state: 'live' | 'handing-over' = 'live'): Partial<NodeReport> {
  return { live: { node: 'a', host: 'alpha', epoch: 1, addresses: { admin }, state } };
}

test('the live node answers by itself, and a backup what it knows', async () => {
  assert.equal((await ask({ role: 'live' })).answered, 'here');
  assert.equal((await ask({}, {}, '/any')).answered, 'here');
});

test('a backup says when nobody is live, or nobody surely', async () => {
  const nobody = await ask({});
  assert.equal(nobody.status, 503);
  assert.match(nobody.detail ?? '', /This node is backup, and nobody is live/);
  const leaving = await ask(liveAt('127.0.0.1:1', 'handing-over'));
  assert.equal(leaving.status, 503);
  assert.match(leaving.detail ?? '', /a on alpha is handing-over/);
});

test('what was passed on once is not passed on again: two backups that take each other for live', async () => {
  const answer = await ask(liveAt('127.0.0.1:1'), { 'holdfast-passed-on-by': 'c' });
  assert.equal(answer.status, 503);
});

test('a live node that cannot be reached is named', async () => {
  const closed = net.createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  const answer = await ask(liveAt(`127.0.0.1:${port}`));
  assert.equal(answer.status, 502);
  assert.match(
    answer.detail ?? '',
    new RegExp(`a is live, but did not answer at 127\\.0\\.0\\.1:${port}`),
  );
});
