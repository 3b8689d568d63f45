/**
 * Who may use the admin listener where users are required: whoever logs in (HTTP Basic, RFC 7617) and has the
 * right to manage everything. Open to all stay health checks, which load balancers ask, and the report of
 * the node, which `holdfast status` shows: they tell nothing of messages and change nothing.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { messageOf } from '../platform/errors.js';
import type { Security } from '../security/security.js';

const OPEN_TO_ALL: ReadonlySet<string> = new Set(['/api/v1/node']);
const EVERYTHING = '>';

export function requireUsers(server: FastifyInstance, security: Security): void {
  server.addHook('onRequest', async (request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const isOpen = request.method === 'GET' && OPEN_TO_ALL.has(path);
    if (isOpen || path.startsWith('/health/')) return;
    const credentials = credentialsIn(request.headers.authorization);
    const asked =
      credentials === null
        ? null
        : security.userWithPassword(request.ip, credentials.login, credentials.password);
    const user = await asked?.catch((error: unknown) => messageOf(error));
    if (typeof user === 'string') return refuse(reply.header('retry-after', '1'), 503, user);
    if (user == null) {
      reply.header('www-authenticate', 'Basic realm="holdfast", charset="UTF-8"');
      return refuse(reply, 401, 'Log in with the name and password of a user of this broker.');
    }
    if (!user.may('manage', EVERYTHING)) {
      return refuse(reply, 403, `User ${user.name} has no right to manage "${EVERYTHING}".`);
    }
  });
}

const TITLE = { 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' } as const;

function refuse(reply: FastifyReply, status: keyof typeof TITLE, detail: string): FastifyReply {
  const problem = { type: 'about:blank', title: TITLE[status], status, detail };
  return reply.code(status).type('application/problem+json').send(problem);
}

function credentialsIn(header: string | undefined) {
  const encoded = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) return null;
  return { login: text.slice(0, colon), password: text.slice(colon + 1) };
}
