/**
 * The node's HTTP listener for operators and their monitoring. It answers from what the main thread
 * knows, so that it still answers while the store does not.
 */

import fastify, { type FastifyInstance } from 'fastify';
import {
  formatAddress,
  isLoopback,
  parseListenAddress,
  reachableAddress,
} from '../config/address.js';
import type { Config } from '../config/schema.js';
import type { Administration } from '../node/administration.js';
import type { NodeReport } from '../node/node-report.js';
import { errnoOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import { nodeClock } from '../platform/node/clock.js';
import { nodeCryptography } from '../platform/node/cryptography.js';
import { listenFailure } from '../platform/node/network.js';
import { LAZY_SCHEMAS } from '../platform/node/schema-compilers.js';
import type { HostPort, Listener } from '../platform/ports.js';
import type { Security } from '../security/security.js';
import type { Answerer } from './answerer.js';
import { auditChanges, isForeignName, isFromAnotherSite } from './audit.js';
import { requireUsers } from './authorization.js';
import { addBrokerRoutes } from './broker-routes.js';
import { addBrowserPage } from './browser-page.js';
import { addClusterRoutes } from './cluster-routes.js';
import { addConsoleRoutes } from './console-routes.js';
import { addEventRoutes } from './event-routes.js';
import { addFiguresRoute } from './figures-route.js';
import { addHealthRoutes } from './health-routes.js';
import type { MetricsPage } from './metrics/metrics-page.js';
import { addMetricsRoute } from './metrics/metrics-route.js';
import { describeRoutes } from './openapi.js';
import { type CallHttps, passOnToLive } from './pass-on.js';
import { answerProblems, sendProblem } from './problems.js';
import { addQueueRoutes } from './queue-routes.js';
import { isChange, OPEN } from './routes.js';
import { addSecurityHeaders } from './security-headers.js';
import { addSessionRoutes } from './session-routes.js';
import { ConsoleSessions } from './sessions.js';

/** As ActiveMQ's users know it. */
const USUAL_ADDRESS: HostPort = { host: '127.0.0.1', port: 8161 };

const BODY_LIMIT_BYTES = 1024 * 1024;
/** 1,000 bytes, each of them encoded. */
const MAX_NAME_CHARACTERS = 3_000;

export interface AdminServerOptions {
  readonly config: Config['admin'];
  readonly hostName: string;
  readonly logger: Logger;
  readonly report: () => NodeReport;
  readonly administration: Administration;
  /** As in package.json. */
  readonly version: string;
  readonly metrics: MetricsPage;
  /** Left out, everybody may ask for everything. */
  readonly security?: Security;
  /** For `admin.tlsListen`, and for calling the live node at its own. */
  readonly tls?: {
    /** Answers at this address as well. */
    readonly listen: (address: HostPort, server: FastifyInstance['server']) => Promise<Listener>;
    readonly call: CallHttps;
  };
}

export interface AdminServer {
  /** HOST:PORT that others reach it at, as `admin`, and as `https` over TLS. */
  readonly addresses: { readonly [protocol: string]: string };
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
  const secure = await bindSecure(server, options).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  const addresses: { [protocol: string]: string } = {};
  const tell = (name: string, protocol: string, at: HostPort, advertised?: string): void => {
    const where = formatAddress(at);
    const sentence = `${protocol.toUpperCase()} on ${where}`;
    logger.info('listener-started', { protocol, address: where }, sentence);
    addresses[name] = advertised ?? formatAddress(reachableAddress(at, hostName));
  };
  tell('admin', 'http', bound, config.advertise);
  if (secure !== null) tell('https', 'https', secure.address, config.tlsAdvertise);
  return {
    addresses,
    close: async () => {
      await secure?.close();
      await server.close();
    },
    cutOff: () => {
      void secure?.close();
      server.server.close();
      server.server.closeAllConnections();
    },
  };
}

function makeServer(options: AdminServerOptions): FastifyInstance {
  const { report, administration, metrics, security, logger, version, tls } = options;
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: MAX_NAME_CHARACTERS },
    // What nobody has heard of is refused, and not left out: a misspelt filter must not purge a whole queue.
    schemaController: LAZY_SCHEMAS,
    ajv: { customOptions: { removeAdditional: false, allowUnionTypes: true } },
  });
  server.removeContentTypeParser('text/plain');
  answerProblems(server, logger);
  auditChanges(server, { report, logger, needsUser: security !== undefined });
  addSecurityHeaders(server);
  const sessions = new ConsoleSessions(nodeCryptography, nodeClock);
  const users = security === undefined ? null : { security, sessions };
  requireUsers(server, users);
  refuseOtherSites(server);
  if (security === undefined) refuseForeignNames(server, options);
  passOnToLive(server, report, tls?.call);
  const document = describeRoutes(server, version);
  const answerer: Answerer = () => {
    const { node, role } = report();
    return { node, role };
  };
  addHealthRoutes(server, report);
  addMetricsRoute(server, metrics);
  addClusterRoutes(server, administration, report);
  addQueueRoutes(server, administration, answerer);
  addBrokerRoutes(server, administration, answerer);
  addEventRoutes(server, administration, report);
  server.get(
    '/api/v1/openapi.json',
    { config: OPEN, schema: { tags: ['cluster'], summary: 'This document' } },
    () => document(),
  );
  addFiguresRoute(server, administration, report);
  addSessionRoutes(server, users);
  addBrowserPage(server);
  addConsoleRoutes(server);
  return server;
}

/** Before anything is done for them. */
function refuseOtherSites(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    if (!isChange(request) || !isFromAnotherSite(request.headers)) return;
    return sendProblem(reply, {
      status: 403,
      detail:
        'A page of another site may change nothing here; call it from a program, or from here.',
    });
  });
}

/** Where nobody logs in, whoever runs a browser on this machine must not lend its reach to a page. */
function refuseForeignNames(server: FastifyInstance, options: AdminServerOptions): void {
  const { hostName, config } = options;
  const { advertise = '', tlsAdvertise = '' } = config;
  const names = [hostName, advertise.replace(/:\d+$/, ''), tlsAdvertise.replace(/:\d+$/, '')];
  const ownNames = names.map((name) => name.toLowerCase());
  server.addHook('onRequest', async (request, reply) => {
    const { host } = request.headers;
    // What listens on [::] tells IPv4 addresses so.
    const localAddress = request.socket.localAddress?.replace(/^::ffff:/, '') ?? '';
    if (!isLoopback(localAddress) || !isForeignName(host, ownNames)) return;
    return sendProblem(reply, {
      status: 403,
      detail: `"${host}" is no name of this machine here; ask 127.0.0.1 or localhost, or configure users.`,
    });
  });
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

/** Null when it is not served over TLS. */
async function bindSecure(
  { server }: FastifyInstance,
  { config, tls }: AdminServerOptions,
): Promise<Listener | null> {
  const { tlsListen } = config;
  if (tlsListen === undefined || tls === undefined) return null;
  return tls.listen(parseListenAddress(tlsListen, 'admin.tlsListen'), server);
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
