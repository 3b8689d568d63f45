/** What only the live node can answer, a backup asks it, and hands back what it says. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { NodeReport } from '../node/node-report.js';
import { messageOf } from '../platform/errors.js';
import type { SecureCall } from '../platform/node/https.js';
import { sendProblem } from './problems.js';
import { CONSOLE_HEADER } from './sessions.js';

/** Who passed a request on: the node that gets one with it is live, or nobody is. */
const PASSED_ON_BY = 'holdfast-passed-on-by';
/** An order for millions of messages takes its time; its progress is told by asking for less at once. */
const ANSWER_LIMIT_MS = 10 * 60_000;
/** With the one of the console, so that no browser asks for a login by a dialog of its own. */
const PASSED_HEADERS = ['content-type', 'authorization', 'accept', CONSOLE_HEADER] as const;
const ANSWERED_HEADERS = ['content-type', 'www-authenticate', 'retry-after'] as const;

/** As `fetch`, with the trust of this node's own configuration. */
export type CallHttps = (url: string, call: SecureCall) => Promise<Response>;

/** `callHttps` left out: this node has no TLS, and asks the live one without. */
export function passOnToLive(
  server: FastifyInstance,
  report: () => NodeReport,
  callHttps?: CallHttps,
): void {
  server.addHook('preHandler', async (request, reply) => {
    if (request.routeOptions.config.onLive !== true) return;
    const { node, role, live } = report();
    if (role === 'live') return;
    const { admin, https } = live?.addresses ?? {};
    const isEncrypted = callHttps !== undefined && https !== undefined;
    const address = isEncrypted ? https : admin;
    const isElsewhere = live !== null && live.node !== node && live.state === 'live';
    if (!isElsewhere || address === undefined || request.headers[PASSED_ON_BY] !== undefined) {
      return sendProblem(reply, {
        status: 503,
        code: 'NOBODY_LIVE',
        detail: `This node is ${role}, and ${whoIsLive(live)}; try again later.`,
      });
    }
    const target = { address, from: node, to: live.node };
    return passOn(request, reply, isEncrypted ? { ...target, callHttps } : target);
  });
}

function whoIsLive(live: NodeReport['live']): string {
  return live === null ? 'nobody is live' : `${live.node} on ${live.host} is ${live.state}`;
}

interface Target {
  /** HOST:PORT of the live node. */
  readonly address: string;
  readonly from: string;
  readonly to: string;
  /** Set when it is to be asked over TLS. */
  readonly callHttps?: CallHttps;
}

async function passOn(
  request: FastifyRequest,
  reply: FastifyReply,
  { address, from, to, callHttps }: Target,
): Promise<FastifyReply> {
  const headers = new Headers({ [PASSED_ON_BY]: from, 'x-forwarded-for': request.ip });
  for (const name of PASSED_HEADERS) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, String(value));
  }
  // A client that is gone waits for nothing any more.
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const hasBody = request.body !== undefined && request.body !== null;
  let answer: Response;
  try {
    const call = {
      method: request.method,
      headers,
      signal: AbortSignal.any([gone.signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]),
      ...(hasBody ? { body: JSON.stringify(request.body) } : {}),
    };
    answer =
      callHttps === undefined
        ? await fetch(`http://${address}${request.url}`, { ...call, redirect: 'error' })
        : await callHttps(`https://${address}${request.url}`, call);
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    return sendProblem(reply, {
      status: 502,
      code: 'NOBODY_LIVE',
      detail:
        `${to} is live, but did not answer at ${address}: ${messageOf(cause)}. ` +
        'Whether it did what was asked is not known; let its admin.listen be reachable from here, or ask it directly.',
    });
  }
  reply.code(answer.status).header('holdfast-answered-by', to);
  for (const name of ANSWERED_HEADERS) {
    const value = answer.headers.get(name);
    if (value !== null) reply.header(name, value);
  }
  return reply.send(answer.body ?? undefined);
}
