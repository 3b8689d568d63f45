/**
 * Who may use the admin listener where users are required: whoever logs in (HTTP Basic, RFC 7617) and has the
 * right to manage everything. Open to all stay health checks, which load balancers ask, and the report of
 * the node, which `holdfast status` shows: they tell nothing of messages and change nothing.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Security } from '../security/security.js';

const OPEN_TO_ALL: ReadonlySet<string> = new Set(['/api/v1/node']);
const EVERYTHING = '>';

export function requireUsers(server: FastifyInstance, security: Security): void {
  server.addHook('onRequest', async (request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const isOpen = request.method === 'GET' && OPEN_TO_ALL.has(path);
    if (isOpen || path.startsWith('/health/')) return;
    const credentials = credentialsIn(request.headers.authorization);
    const user =
      credentials === null
        ? null
        : await security.userWithPassword(request.ip, credentials.login, credentials.password);
    if (user === null) {
      reply.header('www-authenticate', 'Basic realm="holdfast", charset="UTF-8"');
      return refuse(reply, 401, 'Log in with the name and password of a user of this broker.');
    }
    if (!user.may('manage', EVERYTHING)) {
      return refuse(reply, 403, `User ${user.name} has no right to manage "${EVERYTHING}".`);
    }
  });
}

function refuse(reply: FastifyReply, status: 401 | 403, detail: string): FastifyReply {
  const title = status === 401 ? 'Unauthorized' : 'Forbidden';
  const problem = { type: 'about:blank', title, status, detail };
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
