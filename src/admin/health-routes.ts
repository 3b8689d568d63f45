/** What load balancers, supervisors and Kubernetes ask: an answer is its status code; the rest is for people. */

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { NodeReport } from '../node/node-report.js';
import { OPEN } from './routes.js';

interface Health {
  readonly isGood: boolean;
  readonly reason: string;
}

export function addHealthRoutes(server: FastifyInstance, report: () => NodeReport): void {
  const answer = (reply: FastifyReply, judge: (report: NodeReport) => Health): unknown => {
    const now = report();
    const { isGood, reason } = judge(now);
    return reply.code(isGood ? 200 : 503).send({ node: now.node, role: now.role, reason });
  };
  for (const { url, judge, summary } of CHECKS) {
    const schema = { tags: ['health'], summary };
    server.get(url, { config: OPEN, schema }, (_, reply) => answer(reply, judge));
  }
}

const CHECKS = [
  { url: '/health/live', judge: isRunning, summary: 'Whether the process answers' },
  { url: '/health/ready', judge: isReady, summary: 'Whether clients are served here (else 503)' },
  { url: '/health/role/live', judge: isLive, summary: 'Whether this node is live (else 503)' },
] as const;

/** The process answers. Whether it should be ended is its own decision: it knows what hangs. */
function isRunning(report: NodeReport): Health {
  return { isGood: true, reason: whySilent(report) ?? 'this node runs' };
}

/** A client that connects here now is served: by this node, or passed on to the live one. */
function isReady(report: NodeReport): Health {
  const { live, node, role, confirms } = report;
  if (live === null) return { isGood: false, reason: 'no node of this store is live' };
  if (live.node !== node) {
    const isPassing = live.state === 'live' && (role === 'backup' || role === 'joining');
    return {
      isGood: isPassing,
      reason: `${live.node} is ${live.state}${isPassing ? ', and clients are passed on to it' : ''}`,
    };
  }
  if (role !== 'live') return { isGood: false, reason: `this node is ${role}` };
  if (confirms) return { isGood: true, reason: 'this node is live' };
  return { isGood: false, reason: whySilent(report) ?? 'ownership is not verified at the moment' };
}

/** Stays good through a pause of the store: whoever follows the live role must not run away from it. */
function isLive({ role, live }: NodeReport): Health {
  if (role === 'live') return { isGood: true, reason: 'this node is live' };
  const other = live === null ? 'nobody is' : `${live.node} is`;
  return { isGood: false, reason: `this node is ${role}; ${other} live` };
}

function whySilent({ storeSilence }: NodeReport): string | null {
  if (storeSilence === null) return null;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return `the store has not answered for ${seconds(storeSilence.silentMs)} (${storeSilence.call}); a node that serves ends after ${seconds(storeSilence.limitMs)}`;
}
