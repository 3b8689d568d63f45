/** Who changed what: one line in the node's log for each call that changes something, also when it failed. */

import type { FastifyInstance } from 'fastify';
import { isLoopback } from '../config/address.js';
import type { NodeReport } from '../node/node-report.js';
import type { Logger } from '../platform/logger.js';
import { isChange } from './routes.js';

export interface AuditOptions {
  readonly report: () => NodeReport;
  readonly logger: Logger;
  /** Then nothing is done for nobody, and a flood of wrong logins, which are told of by themselves, makes no lines here. */
  readonly needsUser: boolean;
}

export function auditChanges(
  server: FastifyInstance,
  { report, logger, needsUser }: AuditOptions,
): void {
  server.decorateRequest('audit', null);
  // Not when the answer is out: who asked may be gone by then, and what was done is done.
  server.addHook('onSend', async (request, reply) => {
    const { user } = request;
    if (!isChange(request) || request.is404 || (needsUser && user === null)) return;
    const { access = 'open', onLive } = request.routeOptions.config;
    const who = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    const passedOnFor = request.headers['x-forwarded-for'];
    const status = reply.statusCode;
    const isPassedOn = onLive === true && reply.getHeader('holdfast-answered-by') !== undefined;
    const via = isPassedOn ? { passedOnTo: reply.getHeader('holdfast-answered-by') } : {};
    logger.info(
      'admin-change',
      {
        who,
        ...(user === null ? {} : { user: user.name }),
        ...(passedOnFor === undefined ? {} : { passedOnFor }),
        method: request.method,
        path: request.routeOptions.url,
        url: request.url,
        right: access === 'open' ? null : access.right,
        status,
        role: report().role,
        ...via,
        ...request.audit,
      },
      `${request.method} ${request.url} by ${user === null ? '' : `${user.name} at `}${who}: ${status}`,
    );
  });
}

/**
 * A page that an operator's browser shows must not change anything here: no page of another origin may.
 * A browser says where a request comes from; programs do not, and may do what they are allowed to.
 */
export function isFromAnotherSite(headers: {
  readonly [name: string]: string | readonly string[] | undefined;
}): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  const { origin, host } = headers;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

/**
 * A name of somebody else's that was made to lead to this machine (DNS rebinding): to a browser its pages and
 * this node are then one site. Asked only of what came over a loopback address, where nobody else's name belongs.
 * `ownNames`: what this machine is called, in small letters.
 */
export function isForeignName(host: string | undefined, ownNames: readonly string[]): boolean {
  if (host === undefined) return false;
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  const isAddress = /^[\d.]+$|:/.test(name);
  return name !== '' && !isAddress && !isLoopback(name) && !ownNames.includes(name);
}
