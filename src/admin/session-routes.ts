/** Logging in to the console, and out. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HoldfastError, messageOf } from '../platform/errors.js';
import type { KnownUser } from '../security/security.js';
import type { Users } from './authorization.js';
import { sendProblem } from './problems.js';
import { OPEN } from './routes.js';
import { object } from './schemas.js';
import { cookieText, isFromConsole } from './sessions.js';

const URL_OF_SESSION = '/api/v1/session';
const tags = ['session'];
const MOST_CHARACTERS = 1_000;

const STANDING = object({
  usersRequired: { type: 'boolean' },
  user: { type: ['string', 'null'], description: 'Null for nobody.' },
  rules: {
    type: ['array', 'null'],
    description: 'What the user may do where; null where everybody may do everything.',
    items: object({
      address: { type: 'string' },
      allow: { type: 'array', items: { type: 'string' } },
    }),
  },
});

const LOGIN = {
  ...object({
    user: { type: 'string', maxLength: MOST_CHARACTERS },
    password: { type: 'string', maxLength: MOST_CHARACTERS },
  }),
  additionalProperties: false,
};

/** `users` is null where nobody has to log in. */
export function addSessionRoutes(server: FastifyInstance, users: Users | null): void {
  const standingOf = (user: KnownUser | null) => ({
    usersRequired: users !== null,
    user: user?.name ?? null,
    rules: users === null ? null : (user?.rules ?? []),
  });
  server.get(
    URL_OF_SESSION,
    {
      config: OPEN,
      schema: { tags, summary: 'Who is logged in by the cookie', response: { 200: STANDING } },
    },
    (request) => standingOf(users?.sessions.of(request)?.user ?? null),
  );
  server.post<{ Body: { user: string; password: string } }>(
    URL_OF_SESSION,
    {
      config: OPEN,
      schema: {
        tags,
        summary: 'Logs in to the console: the cookie of the answer stands for the user',
        body: LOGIN,
        response: { 200: STANDING },
      },
    },
    async (request, reply) => {
      requireConsole(request);
      if (users === null) return standingOf(null);
      const { user: login, password } = request.body;
      const asked = users.security.userWithPassword(request.ip, login, password);
      const user = await asked.catch((error: unknown) => messageOf(error));
      if (typeof user === 'string') {
        reply.header('retry-after', '1');
        return sendProblem(reply, { status: 503, code: 'LIMIT_EXCEEDED', detail: user });
      }
      if (user === null) {
        reply.header('www-authenticate', 'Session realm="holdfast"');
        const detail = 'The name or the password is wrong.';
        return sendProblem(reply, { status: 401, code: 'ACCESS_DENIED', detail });
      }
      request.user = user;
      users.sessions.close(request);
      const id = users.sessions.open(user, basic(login, password));
      return reply.header('set-cookie', cookieText(request, id)).send(standingOf(user));
    },
  );
  server.delete(
    URL_OF_SESSION,
    {
      config: OPEN,
      schema: {
        tags,
        summary: 'Logs out',
        response: { 204: { type: 'null', description: 'The session is over.' } },
      },
    },
    (request, reply) => {
      requireConsole(request);
      request.user = users?.sessions.of(request)?.user ?? null;
      users?.sessions.close(request);
      return reply
        .code(204)
        .header('set-cookie', cookieText(request, '', true))
        .send();
    },
  );
}

/** Else a page elsewhere could log an operator in as somebody else. */
function requireConsole(request: FastifyRequest): void {
  if (isFromConsole(request)) return;
  const sentence = 'A session needs the header "holdfast-console: 1", which the console sends.';
  throw new HoldfastError('ACCESS_DENIED', sentence);
}

/** RFC 7617. */
function basic(login: string, password: string): string {
  return `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`;
}
