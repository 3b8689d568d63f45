/**
 * The node's HTTP listener for operators and their monitoring. It answers from what the main thread
 * knows, so that it still answers while the store does not.
 */

import fastify, { type FastifyInstance } from 'fastify';
import { formatAddress, parseListenAddress, reachableAddress } from '../config/address.js';
import type { Config } from '../config/schema.js';
import type { NodeReport } from '../node/node-report.js';
import { errnoOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import { listenFailure } from '../platform/node/network.js';
import type { HostPort } from '../platform/ports.js';
import type { Security } from '../security/security.js';
import { requireUsers } from './authorization.js';
import { addHealthRoutes } from './health-routes.js';
import type { MetricsPage } from './metrics/metrics-page.js';
import { addMetricsRoute } from './metrics/metrics-route.js';

/** As ActiveMQ's users know it. */
const USUAL_ADDRESS: HostPort = { host: '127.0.0.1', port: 8161 };

export interface AdminServerOptions {
  readonly config: Config['admin'];
  readonly hostName: string;
  readonly logger: Logger;
  readonly report: () => NodeReport;
  readonly metrics: MetricsPage;
  /** Left out, everybody may ask for everything. */
  readonly security?: Security;
}

export interface AdminServer {
  /** HOST:PORT that others reach it at. */
  readonly address: string;
  /** Answers nobody any more, at once. */
  close(): Promise<void>;
  /** Closes every socket within this call, for a process that is about to be killed. */
  cutOff(): void;
}

/** @throws ADDRESS_IN_USE when the address that was asked for cannot be bound. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { config, hostName, logger } = options;
  const server = makeServer(options);
  const bound = await bind(server, config.listen);
  const where = formatAddress(bound);
  logger.info('listener-started', { protocol: 'http', address: where }, `HTTP on ${where}`);
  return {
    address: config.advertise ?? formatAddress(reachableAddress(bound, hostName)),
    close: () => server.close(),
    cutOff: () => {
      server.server.close();
      server.server.closeAllConnections();
    },
  };
}

function makeServer({ report, metrics, security }: AdminServerOptions): FastifyInstance {
  const server = fastify({ logger: false, forceCloseConnections: true });
  if (security !== undefined) requireUsers(server, security);
  addHealthRoutes(server, report);
  addMetricsRoute(server, metrics);
  server.get('/api/v1/node', () => report());
  server.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .type('application/problem+json')
      .send({
        type: 'about:blank',
        title: 'Not Found',
        status: 404,
        detail: `There is nothing at ${request.url}; docs/admin.md lists what there is.`,
      }),
  );
  return server;
}

/** A free port instead of the usual one, for a second node on this machine; but never of one that was asked for. */
async function bind(server: FastifyInstance, listen: string | undefined): Promise<HostPort> {
  if (listen !== undefined) return tryBind(server, parseListenAddress(listen, 'admin.listen'));
  try {
    return await tryBind(server, USUAL_ADDRESS);
  } catch (error) {
    if (errnoOf((error as Error).cause) !== 'EADDRINUSE') throw error;
    return tryBind(server, { ...USUAL_ADDRESS, port: 0 });
  }
}

async function tryBind(server: FastifyInstance, asked: HostPort): Promise<HostPort> {
  try {
    await server.listen(asked);
  } catch (error) {
    throw listenFailure(asked, error);
  }
  const bound = server.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : asked.port;
  return { host: asked.host, port };
}
