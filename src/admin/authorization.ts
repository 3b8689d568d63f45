/**
 * Who may ask the admin listener for what. Where users are required, every route but the open ones needs a user
 * who logs in (HTTP Basic, RFC 7617) and has the right that the route names. Open to all are health checks, which
 * load balancers ask, and the report of the node, which `holdfast status` shows: they tell nothing of messages
 * and change nothing. The API's description is the same on every node of a version.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Destination, TEMPORARY_PREFIX } from '../broker/api.js';
import { messageOf } from '../platform/errors.js';
import { accessDenied, EVERY_ADDRESS } from '../security/rights.js';
import type { KnownUser, Security } from '../security/security.js';
import { sendProblem } from './problems.js';
import { type Access, isChange } from './routes.js';
import { type ConsoleSessions, isFromConsole } from './sessions.js';

/** Where users are required: who they are, and who of them is logged in to the console. */
export interface Users {
  readonly security: Security;
  readonly sessions: ConsoleSessions;
}

/** To be called before the routes are added. Without `users` everybody may ask for everything. */
export function requireUsers(server: FastifyInstance, users: Users | null): void {
  server.decorateRequest('user', null);
  server.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) throw new Error(`${method} ${url} does not say who may ask.`);
  });
  if (users === null) return;
  server.addHook('onRequest', async (request, reply) => {
    // What is not there is told to users only.
    const access = request.is404 ? null : (request.routeOptions.config.access ?? null);
    if (access === 'open') return;
    const user = await loggedIn(request, reply, users);
    if (user === null) return reply;
    request.user = user;
    if (access !== null) requireAccess(user, access, request);
  });
}

/** Whether the caller may see that there is such an address, and its figures. */
export function sightOf({ user }: FastifyRequest): (address: string) => boolean {
  return (address) => {
    // Whoever knows the name of a temporary one may send there.
    const right = address.startsWith(TEMPORARY_PREFIX) ? 'manage' : 'view';
    return user === null || user.may(right, address);
  };
}

/** Whether `sightOf` would hide nothing. */
export function seesAll({ user }: FastifyRequest): boolean {
  return user === null || user.may('manage', EVERY_ADDRESS);
}

/**
 * Whether the caller may put messages there: as somebody who sends them, or who manages the address, and who
 * may make the queue when there is none.
 */
export function reachOf(
  { user }: FastifyRequest,
  hasQueue: (name: string) => boolean,
): (destination: Destination) => boolean {
  return ({ kind, name }) => {
    if (user === null || user.may('manage', name)) return true;
    if (!user.may('send', name)) return false;
    return kind === 'topic' || user.may('create', name) || hasQueue(name);
  };
}

/** @throws ACCESS_DENIED unless `reachOf` says that the caller may put messages into the queue. */
export function requireReach(
  request: FastifyRequest,
  queue: string,
  hasQueue: (name: string) => boolean,
): void {
  const { user } = request;
  if (user === null || reachOf(request, hasQueue)({ kind: 'queue', name: queue })) return;
  const right = user.may('send', queue) ? 'create' : 'send';
  throw accessDenied(user.name, right, `queue "${queue}"`);
}

function requireAccess(
  user: KnownUser,
  { right, on }: Exclude<Access, 'open'>,
  { params }: FastifyRequest,
): void {
  if (on === 'some') {
    if (!user.maySomewhere(right)) throw accessDenied(user.name, right, 'any address');
    return;
  }
  const address = on === 'name' ? (params as { readonly name: string }).name : EVERY_ADDRESS;
  if (user.may(right, address)) return;
  throw accessDenied(user.name, right, on === 'name' ? `queue "${address}"` : `"${address}"`);
}

/** Null when the request is answered. */
async function loggedIn(
  request: FastifyRequest,
  reply: FastifyReply,
  { security, sessions }: Users,
): Promise<KnownUser | null> {
  const session = sessions.of(request);
  if (session !== null) {
    if (isChange(request) && !isFromConsole(request)) return refuseForged(reply);
    // For the live node, when this one passes it on.
    request.headers.authorization = session.authorization;
    return session.user;
  }
  const credentials = credentialsIn(request.headers.authorization);
  const asked =
    credentials === null
      ? null
      : security.userWithPassword(request.ip, credentials.login, credentials.password);
  const user = await asked?.catch((error: unknown) => messageOf(error));
  if (typeof user === 'string') {
    reply.header('retry-after', '1');
    sendProblem(reply, { status: 503, code: 'LIMIT_EXCEEDED', detail: user });
    return null;
  }
  if (user != null) return user;
  // Of the console, a browser must not ask by a dialog of its own.
  const scheme = isFromConsole(request) ? 'Session' : 'Basic';
  reply.header('www-authenticate', `${scheme} realm="holdfast", charset="UTF-8"`);
  const detail = 'Log in with the name and password of a user of this broker.';
  sendProblem(reply, { status: 401, code: 'ACCESS_DENIED', detail });
  return null;
}

/** A page elsewhere can make a browser send its cookie, but not this header. */
function refuseForged(reply: FastifyReply): null {
  const detail =
    'A change by a session needs the header "holdfast-console: 1", which the console sends.';
  sendProblem(reply, { status: 403, code: 'ACCESS_DENIED', detail });
  return null;
}

function credentialsIn(header: string | undefined) {
  const encoded = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) return null;
  return { login: text.slice(0, colon), password: text.slice(colon + 1) };
}
