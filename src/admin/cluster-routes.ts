/** The cluster and its history, the journal, and the live role. */

import type { FastifyInstance } from 'fastify';
import type { Administration } from '../node/administration.js';
import type { NodeReport } from '../node/node-report.js';
import { MANAGE_EVERYTHING, OPEN, onLive, VIEW_EVERYTHING } from './routes.js';
import { JOURNAL, TENURE, TOTALS } from './schemas.js';

const tags = ['cluster'];
const NODE = { type: 'object', additionalProperties: true } as const;

export function addClusterRoutes(
  server: FastifyInstance,
  administration: Administration,
  report: () => NodeReport,
): void {
  server.get(
    '/api/v1/node',
    {
      config: OPEN,
      schema: { tags, summary: 'What this node knows of itself', response: { 200: NODE } },
    },
    () => report(),
  );
  server.get(
    '/api/v1/cluster',
    {
      config: VIEW_EVERYTHING,
      schema: {
        tags,
        summary: 'This node and the others, what they hold, and the history of tenures',
        response: {
          200: {
            type: 'object',
            required: ['node', 'totals', 'tenures'],
            properties: {
              node: NODE,
              totals: TOTALS,
              tenures: { type: 'array', items: TENURE, description: 'Newest first, 100 at most.' },
            },
          },
        },
      },
    },
    async () => ({
      node: report(),
      totals: administration.totals(),
      tenures: await administration.tenures(),
    }),
  );
  server.get(
    '/api/v1/journal',
    {
      config: onLive(VIEW_EVERYTHING),
      schema: { tags, summary: 'The journal', response: { 200: JOURNAL } },
    },
    () => administration.journal(),
  );
  addHandoverRoute(server, administration);
}

function addHandoverRoute(server: FastifyInstance, administration: Administration): void {
  server.post<{ Body: { to?: string } | null }>(
    '/api/v1/handover',
    {
      config: MANAGE_EVERYTHING,
      schema: {
        tags,
        summary: 'Moves the live role to a backup that is ready',
        body: {
          type: ['object', 'null'],
          additionalProperties: false,
          properties: {
            to: { type: 'string', minLength: 1, description: 'A node; left out, any.' },
          },
        },
        response: {
          202: {
            type: 'object',
            description: 'It has begun; GET /api/v1/node of the other one tells when it is live.',
            properties: { reason: { type: 'string' } },
          },
        },
      },
    },
    async (request, reply) => {
      const to = request.body?.to ?? null;
      request.audit = { to };
      const who = request.user === null ? 'an operator' : `user ${request.user.name}`;
      const began = await administration.handover(to, `${who} at ${request.ip}`);
      return reply.code(202).send(began);
    },
  );
}
