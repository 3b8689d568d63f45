/** What callers of the admin API may see and reach, by their rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify, { type FastifyRequest } from 'fastify';
import { reachOf, requireUsers, seesAll, sightOf } from '../../../src/admin/authorization.js';
import { OPEN } from '../../../src/admin/routes.js';
import { TEMPORARY_PREFIX } from '../../../src/broker/api.js';
import { isAllowed, isAllowedSomewhere, type Right } from '../../../src/security/rights.js';

function requestOf(...rules: readonly (readonly [address: string, ...allow: Right[]])[]) {
  const all = rules.map(([address, ...allow]) => ({ address, allow }));
  const user = {
    name: 'bob',
    may: (right: Right, address: string) => isAllowed(all, right, address),
    maySomewhere: (right: Right) => isAllowedSomewhere(all, right),
    isCurrent: () => true,
  };
  return { user } as unknown as FastifyRequest;
}

const NOBODY = { user: null } as FastifyRequest;
const TEMPORARY = `${TEMPORARY_PREFIX}queue:1`;

test('who may view everything does not learn the names of temporary queues', () => {
  for (const [request, names] of [
    [NOBODY, ['orders', 'mail', TEMPORARY]],
    [requestOf(['>', 'manage']), ['orders', 'mail', TEMPORARY]],
    [requestOf(['>', 'view']), ['orders', 'mail']],
    [requestOf(['>', 'consume']), ['orders', 'mail']],
    [requestOf(['orders', 'manage']), ['orders']],
    [requestOf(['>', 'send', 'create']), []],
  ] as const) {
    const seen = ['orders', 'mail', TEMPORARY].filter(sightOf(request));
    assert.deepEqual(seen, names);
    assert.equal(seesAll(request), seen.length === 3);
  }
});

test('messages are put where their caller may send, or manages, and makes queues only with the right', () => {
  const hasQueue = (name: string): boolean => name === 'there';
  const reaches = (request: FastifyRequest, kind: 'queue' | 'topic', name: string) =>
    reachOf(request, hasQueue)({ kind, name });
  assert.equal(reaches(NOBODY, 'queue', 'new'), true);
  for (const [rights, there, made, topic] of [
    [['send'], true, false, true],
    [['send', 'create'], true, true, true],
    [['manage'], true, true, true],
    [['create', 'consume', 'browse', 'view'], false, false, false],
  ] as const) {
    const request = requestOf(['>', ...rights]);
    assert.equal(reaches(request, 'queue', 'there'), there, `${rights}`);
    assert.equal(reaches(request, 'queue', 'new'), made, `${rights}`);
    assert.equal(reaches(request, 'topic', 'new'), topic, `${rights}`);
  }
  assert.equal(reaches(requestOf(['other', 'manage']), 'queue', 'there'), false);
});

test('a route that does not say who may ask cannot be added', () => {
  const server = fastify();
  requireUsers(server, null);
  server.get('/open', { config: OPEN }, () => 'x');
  assert.throws(
    () => server.get('/forgotten', () => 'x'),
    /GET \/forgotten does not say who may ask/,
  );
});
