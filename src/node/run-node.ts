/** Puts a node together for real: storage thread, sockets, broker, watchdog. */

import {
  type AdminServer,
  type AdminServerOptions,
  startAdminServer,
} from '../admin/admin-server.js';
import { MetricsPage } from '../admin/metrics/metrics-page.js';
import type { Config } from '../config/schema.js';
import { assertSafeFileSystem } from '../doctor/safe-file-system.js';
import { OperatorHooks } from '../hooks/operator-hooks.js';
import type { RoleChange } from '../hooks/role-hooks.js';
import { messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import { nodeClock, nodeRandom } from '../platform/node/clock.js';
import { shellCommands } from '../platform/node/commands.js';
import { nodeCryptography } from '../platform/node/cryptography.js';
import { readHostIdentity } from '../platform/node/host-identity.js';
import { callHttps, listenHttps } from '../platform/node/https.js';
import { readMounts } from '../platform/node/mounts.js';
import { NodeNetwork } from '../platform/node/network.js';
import { ProcessMeter } from '../platform/node/process-figures.js';
import { killThisProcess, startThread } from '../platform/node/threads.js';
import type { TlsEndpointOptions } from '../platform/node/tls-endpoint.js';
import { tracerOfUser } from '../platform/node/tracing.js';
import { RefusalLog } from '../security/refusal-log.js';
import type { Security } from '../security/security.js';
import { storeLayout } from '../store/layout.js';
import { RoleSpans } from '../tracing/role-spans.js';
import { ConfigurationReload, type ConfigurationSource } from './configuration-reload.js';
import { assembleMainThread } from './main-thread.js';
import type { NodeEnd, NodeObserver } from './node.js';
import type { NodeReport } from './node-report.js';
import type { StorageThreadData } from './run-storage-thread.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';
import type { StorageSettings } from './storage-world.js';
import { PULSE_BYTES } from './watchdog.js';
import { type WatchedCertificates, watchCertificates } from './watched-certificates.js';
import { watchUsers } from './watched-users.js';

/** What still has not ended after this long is stuck in the kernel. */
const CALLS_END_LIMIT_MS = 2_000;

export interface RunNodeOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** As in package.json. */
  readonly version: string;
  /** Entry of the thread that owns the store's descriptors: storage-thread.js. */
  readonly storageThread: URL;
  /** Left out, the configuration is never read again. */
  readonly source?: ConfigurationSource & {
    /** What belongs to the caller: the level of the log. */
    readonly use: (config: Config) => void;
  };
  /** Told of each change, after the node itself has gone over to the new role. */
  readonly onRole?: (change: RoleChange) => void;
}

export interface RunningNode {
  /** What the node knows of itself; it does not ask the store. */
  report(): NodeReport;
  /** Hands over when live and a backup is ready, then ends. Resolves when it has ended. */
  stop(): Promise<void>;
  /** Reads the configuration again; the log tells what became of it. */
  reload(): void;
  readonly ended: Promise<NodeEnd>;
}

/** @throws HoldfastError when the node cannot start: the store, its file system, or a listener. */
export async function runNode(options: RunNodeOptions): Promise<RunningNode> {
  const { config, logger, version } = options;
  const { store, name } = config;
  const fileSystem = await assertSafeFileSystem(readMounts, store);
  const pulses = new Int32Array(new SharedArrayBuffer(PULSE_BYTES));
  const settings: StorageSettings = {
    layout: storeLayout(store),
    name,
    identity: readHostIdentity(),
    version,
    isFencedByServer: fileSystem.fence1Enforced,
    isSharedByHosts: fileSystem.isNetwork,
    ...config.ownership,
    segmentBytes: config.journal.segmentBytes,
  };
  const data: StorageThreadData = { settings, pulses };
  const { usersFile } = config.security;
  const users = usersFile === undefined ? null : await watchUsers(usersFile, logger);
  const guarded = users === null ? {} : { security: users.security };
  const certificates = await watchCertificates(
    config,
    logger,
    tellTlsRefused(logger, users?.security),
  ).catch(async (error: unknown) => {
    await users?.close();
    throw error;
  });
  const network = new NodeNetwork((error) =>
    logger.warn('accept-failed', {}, `A connection could not be taken: ${messageOf(error)}`),
  );
  const tracer = await tracerOfUser(version);
  const thread = startThread<StorageCommand, StorageEvent>(options.storageThread, data);
  let admin: AdminServer | null = null;
  const hookWorld = { clock: nodeClock, commands: shellCommands, logger, node: name };
  const hooks = new OperatorHooks(hookWorld, config.hooks);
  const spans = tracer === null ? null : new RoleSpans(tracer, name);
  const { node, watchdog } = assembleMainThread({
    config,
    identity: settings.identity,
    version,
    clock: nodeClock,
    random: nodeRandom,
    cryptography: nodeCryptography,
    network,
    logger,
    ...guarded,
    ...(certificates === null ? {} : { tls: certificates.endpoints }),
    channel: thread.channel,
    pulses,
    observer: observerOf(hooks, spans, options.onRole),
    ...(tracer === null ? {} : { tracer }),
    killProcess: () => {
      admin?.cutOff();
      hooks.beforeKill('The store has not answered for too long.', killThisProcess);
    },
  });
  const meter = new ProcessMeter();
  const metrics = new MetricsPage({
    maxQueues: config.admin.metricsMaxQueues,
    wallMs: () => nodeClock.wallMs(),
    node: () => node.figures(watchdog.silentMs),
    process: () => meter.figures(),
    certificateEnds: () => certificates?.ends() ?? new Map(),
  });
  const reload = reloading(options, (changed) => {
    node.useAddressRules(changed.addresses);
    hooks.use(changed.hooks);
  });
  const closeWatched = () => [users, certificates, reload].map((watched) => watched?.close());
  const ended = node.ended.then(async (end) => {
    watchdog.stop();
    await Promise.all([
      admin?.close(),
      hooks.ended(end.exitCodeReason !== null, end.sentence),
      endCalls([thread.terminate(), ...closeWatched()], () => tellStuck(logger, end)),
    ]);
    return end;
  });
  try {
    admin = await startAdminServer({
      config: config.admin,
      hostName: settings.identity.host,
      logger,
      report: () => node.report(watchdog.silentMs),
      administration: node.administration,
      version,
      metrics,
      ...guarded,
      ...(certificates === null ? {} : { tls: adminTls(certificates, network) }),
    });
    await node.start(admin.addresses);
  } catch (error) {
    watchdog.stop();
    await admin?.close();
    await endCalls([thread.terminate(), ...closeWatched()], () => undefined);
    throw error;
  }
  return {
    ended,
    report: () => node.report(watchdog.silentMs),
    reload: () => reload?.now(),
    stop: async () => {
      node.stop();
      await ended;
    },
  };
}

function observerOf(
  hooks: OperatorHooks,
  spans: RoleSpans | null,
  onRole: RunNodeOptions['onRole'],
): NodeObserver {
  return {
    roleChanged: (change) => {
      hooks.roleChanged(change);
      spans?.roleChanged(change);
      onRole?.(change);
    },
    liveSilent: (live, silentMs) => hooks.liveSilent(live, silentMs),
  };
}

function adminTls(
  certificates: WatchedCertificates,
  network: NodeNetwork,
): NonNullable<AdminServerOptions['tls']> {
  return {
    listen: (address, server) => {
      const endpoint = certificates.endpoints.get('admin');
      if (endpoint === undefined) throw new Error('The admin listener has no TLS.');
      return listenHttps(network, address, endpoint, server);
    },
    call: (url, call) => callHttps(url, call, certificates.credentials),
  };
}

/** Who has no good certificate has failed to log in. Whoever only looks at ports is of no interest. */
function tellTlsRefused(
  logger: Logger,
  security: Security | undefined,
): TlsEndpointOptions['onRefused'] {
  const refusals = new RefusalLog({ clock: nodeClock, logger }, 'tls-refused');
  return ({ remoteAddress, reason, kind }) => {
    const sentence = `No TLS with a client at ${remoteAddress}: ${reason}`;
    if (kind === 'gone') logger.debug('tls-refused', { remoteAddress, reason }, sentence);
    else refusals.tell({ remoteAddress, reason }, sentence);
    if (kind === 'certificate') security?.certificateRefused(remoteAddress);
  };
}

function reloading(
  { source, config, logger }: RunNodeOptions,
  use: (config: Config) => void,
): ConfigurationReload | null {
  if (source === undefined) return null;
  const useAll = (changed: Config): void => {
    source.use(changed);
    use(changed);
  };
  return new ConfigurationReload({ source, config, logger, use: useAll });
}

/**
 * Resolves when all that may call file systems has ended. `beforeKill` is called when it does not, because a call
 * hangs in the kernel: a process that exits waits for it, too.
 */
async function endCalls(
  endings: readonly (Promise<unknown> | undefined)[],
  beforeKill: () => void,
): Promise<void> {
  const stuck = nodeClock.after(CALLS_END_LIMIT_MS, () => {
    beforeKill();
    killThisProcess();
  });
  await Promise.all(endings);
  stuck.cancel();
}

/** Nobody else will: the process does not live to report its end. */
function tellStuck(logger: Logger, { exitCodeReason, sentence }: NodeEnd): void {
  logger.error(
    'node-killed',
    { code: exitCodeReason },
    `${sentence} A call hangs in the kernel, so this process is killed.`,
  );
}
