/** How long a session of the console lasts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { ConsoleSessions, cookieText } from '../../../src/admin/sessions.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeCryptography } from '../../../src/platform/node/cryptography.js';
import type { KnownUser } from '../../../src/security/security.js';

const MINUTE_MS = 60_000;

function userNamed(name: string): KnownUser {
  return { name, rules: [], may: () => true, maySomewhere: () => true, isCurrent: () => true };
}

function requestWith(cookie: string, headers: Record<string, string> = {}): FastifyRequest {
  return {
    protocol: 'http',
    socket: { localPort: 8161 },
    headers: { cookie, ...headers },
  } as never;
}

function scene() {
  let nowMs = 0;
  const clock = { ...nodeClock, monotonicMs: () => nowMs };
  const sessions = new ConsoleSessions(nodeCryptography, clock);
  const open = (name: string): FastifyRequest => {
    const id = sessions.open(userNamed(name), 'Basic x');
    return requestWith(`other=1; ${cookieText(requestWith(''), id).split(';')[0]}`);
  };
  const pass = (minutes: number): void => {
    nowMs += minutes * MINUTE_MS;
  };
  return { sessions, open, pass };
}

test('a session lasts as long as it is used, and for 12 hours at most', () => {
  const { sessions, open, pass } = scene();
  const request = open('ann');
  for (let halfHours = 1; halfHours < 24; halfHours += 1) {
    pass(30);
    assert.equal(sessions.of(request)?.user.name, 'ann', `after ${halfHours} half hours`);
  }
  pass(30);
  assert.equal(sessions.of(request), null);
});

test('a session that nobody uses is over after an hour', () => {
  const { sessions, open, pass } = scene();
  const request = open('ann');
  pass(60);
  assert.equal(sessions.of(request), null);
});

test('a thousand sessions at most: the one used longest ago goes', () => {
  const { sessions, open } = scene();
  const requests = Array.from({ length: 1_000 }, (_, number) => open(`user-${number}`));
  sessions.of(requests[0] as FastifyRequest);
  open('one more');
  assert.notEqual(sessions.of(requests[0] as FastifyRequest), null);
  assert.equal(sessions.of(requests[1] as FastifyRequest), null);
});

test('a request that logs in by itself is none of a session, nor one with the cookie of another port', () => {
  const { sessions, open } = scene();
  const request = open('ann');
  const cookie = String(request.headers.cookie);
  assert.equal(sessions.of(requestWith(cookie, { authorization: 'Basic y' })), null);
  assert.equal(sessions.of(requestWith(cookie.replace('8161', '8162'))), null);
  assert.notEqual(sessions.of(request), null);
});
