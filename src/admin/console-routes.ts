/**
 * The web console (src/console/), as vite has built it beside this program: a page, and files whose names change
 * with what is in them, so that browsers keep those for ever and ask for the page each time.
 */

import type { FastifyInstance, FastifyReply } from 'fastify';
import { errnoOf, HoldfastError } from '../platform/errors.js';
import { readFilesBelow } from '../platform/node/static-files.js';
import { OPEN } from './routes.js';

const BUILT = new URL('../console/', import.meta.url);
const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_EACH_TIME = 'no-cache';

const TYPES: { readonly [ending: string]: string } = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/**
 * Scripts and styles come from this node alone. The page also asks whether other nodes of the store answer
 * when this one does not any more (`connect-src`), whose addresses it learns only then.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self' http: https:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

export function addConsoleRoutes(server: FastifyInstance): void {
  const files = builtFiles();
  for (const url of ['/', '/console']) {
    server.get(url, { config: OPEN }, (_, reply) => reply.redirect('/console/'));
  }
  server.get('/console/', { config: OPEN }, (_, reply) =>
    sendFile(reply, 'index.html', files, ASK_EACH_TIME),
  );
  server.get<{ Params: { file: string } }>(
    '/console/assets/:file',
    { config: OPEN },
    ({ params }, reply) => sendFile(reply, `assets/${params.file}`, files, FOR_EVER),
  );
}

function sendFile(
  reply: FastifyReply,
  path: string,
  files: ReadonlyMap<string, Buffer>,
  caching: string,
): FastifyReply {
  const file = files.get(path);
  if (file === undefined) {
    const mend = files.size === 0 ? 'build it with: npm run build' : 'load /console/ again';
    throw new HoldfastError('NOT_FOUND', `There is no ${path} of the console; ${mend}.`);
  }
  const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
  return reply
    .type(type)
    .header('cache-control', caching)
    .header('content-security-policy', CONTENT_SECURITY_POLICY)
    .send(file);
}

function builtFiles(): ReadonlyMap<string, Buffer> {
  try {
    return readFilesBelow(BUILT);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    // A broker serves without it; who asks for the page is told.
    return new Map();
  }
}
