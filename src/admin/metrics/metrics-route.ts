/** `GET /metrics`, for Prometheus and whatever else reads its formats. */

import type { FastifyInstance } from 'fastify';
import { VIEW_EVERYTHING } from '../routes.js';
import { CONTENT_TYPE } from './exposition.js';
import type { MetricsPage } from './metrics-page.js';

export function addMetricsRoute(server: FastifyInstance, page: MetricsPage): void {
  const schema = { tags: ['metrics'], summary: 'For Prometheus (docs/metrics.md)' };
  server.get('/metrics', { config: VIEW_EVERYTHING, schema }, (request, reply) => {
    const wantsOpenMetrics = request.headers.accept?.includes('application/openmetrics-text');
    const format = wantsOpenMetrics === true ? 'openmetrics' : 'prometheus';
    return reply.type(CONTENT_TYPE[format]).send(page.render(format));
  });
}
