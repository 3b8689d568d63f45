/** What tells browsers not to do more with an answer than it is for. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** For every answer but those that take `raw` for themselves. */
export function addSecurityHeaders(server: FastifyInstance): void {
  server.addHook('onSend', async (request, reply) => setSecurityHeaders(request, reply));
}

/** What the API says is kept by nobody, unless `reply` says otherwise already. */
export function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-content-type-options', 'nosniff');
  reply.header('referrer-policy', 'no-referrer');
  reply.header('x-frame-options', 'DENY');
  // The console of another node asks whether this one answers, and can read nothing of it.
  const isForOthers = request.url.startsWith('/health/');
  reply.header('cross-origin-resource-policy', isForOthers ? 'cross-origin' : 'same-origin');
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  if (!reply.hasHeader('content-security-policy')) {
    reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  }
}
