/** What charts are drawn from: counters, the moment that they are of, and how long confirmations took. */

import type { FastifyInstance } from 'fastify';
import type { Administration } from '../node/administration.js';
import type { NodeReport } from '../node/node-report.js';
import type { Histogram } from '../platform/histogram.js';
import { onLive, VIEW_EVERYTHING } from './routes.js';
import { object, TIMINGS, TOTALS } from './schemas.js';

export function addFiguresRoute(
  server: FastifyInstance,
  administration: Administration,
  report: () => NodeReport,
): void {
  server.get(
    '/api/v1/figures',
    {
      config: onLive(VIEW_EVERYTHING),
      schema: {
        tags: ['cluster'],
        summary: 'The live node, its counters, and how long confirmations and writes took',
        response: {
          200: object({
            node: { type: 'object', additionalProperties: true },
            atMs: {
              type: 'number',
              description: 'Of a clock that never jumps, for rates between two answers.',
            },
            totals: TOTALS,
            ...TIMINGS,
          }),
        },
      },
    },
    () => {
      const { confirmations, writes, appendedBytes } = administration.timings();
      return {
        node: report(),
        atMs: performance.now(),
        totals: administration.totals(),
        confirmations: plain(confirmations),
        writes: plain(writes),
        appendedBytes,
      };
    },
  );
}

/** Typed arrays are objects in JSON. */
function plain({ bounds, counts, count, sumSeconds }: Histogram) {
  return { bounds, counts: [...counts], count, sumSeconds };
}
