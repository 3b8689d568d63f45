/** The main thread's part of a node, put together from its ports: for the real world and for a simulated one. */

import type { Config } from '../config/schema.js';
import type { Logger } from '../platform/logger.js';
import type {
  Channel,
  Clock,
  HostIdentity,
  Network,
  Random,
  TlsEndpoint,
} from '../platform/ports.js';
import type { Tracer } from '../platform/tracing.js';
import type { Security } from '../security/security.js';
import type { OriginCryptography } from './client-origin.js';
import { clientProtocols } from './client-protocols.js';
import { messageContents } from './content-kinds.js';
import { Node, type NodeObserver } from './node.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';
import { PULSE, Watchdog } from './watchdog.js';

const ORIGIN_KEY_BYTES = 32;

export interface MainThreadOptions {
  readonly config: Config;
  readonly identity: HostIdentity;
  /** As in package.json. */
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly cryptography: OriginCryptography;
  readonly network: Network;
  readonly logger: Logger;
  readonly channel: Channel<StorageCommand, StorageEvent>;
  /** Left out, no users are required. */
  readonly security?: Security;
  readonly observer?: NodeObserver;
  readonly tracer?: Tracer;
  /** Of the protocols that are served over TLS. */
  readonly tls?: ReadonlyMap<string, TlsEndpoint>;
  readonly pulses: Int32Array<SharedArrayBuffer>;
  /** Ends this process at once, whatever hangs. The node's own sockets are closed by then. */
  readonly killProcess: () => void;
}

export interface MainThread {
  /** Not started yet. */
  readonly node: Node;
  /** To be stopped when the node has ended. */
  readonly watchdog: Watchdog;
}

export function assembleMainThread(options: MainThreadOptions): MainThread {
  const { config, identity, version, clock, network, logger, channel, cryptography } = options;
  const { name } = config;
  const { security, tls = new Map<string, TlsEndpoint>() } = options;
  const node: Node = new Node({
    config,
    name,
    identity,
    version,
    clock,
    network,
    logger,
    channel,
    tls,
    cryptography,
    originKey: Buffer.from(options.random.bytes(ORIGIN_KEY_BYTES)).toString('hex'),
    protocols: clientProtocols({
      ...options,
      addressesOfOthers: (protocol) => node.addressesOfOthers(protocol),
    }),
    contents: messageContents,
    isStorageSilent: () => watchdog.silentMs > 0,
    holdsOff: security && ((socket, afterwards) => security.holdsOff(socket, afterwards)),
    ...(options.observer === undefined ? {} : { observer: options.observer }),
    ...(options.tracer === undefined ? {} : { tracer: options.tracer }),
  });
  const watchdog: Watchdog = watchStorage(node, options);
  return { node, watchdog };
}

/** A live node whose store does not answer must not go on holding its clients (P3, P5). */
function watchStorage(node: Node, options: MainThreadOptions): Watchdog {
  const { clock, logger, pulses, config, killProcess } = options;
  return new Watchdog({
    clock,
    pulses,
    mine: PULSE.main,
    other: PULSE.storage,
    limitMs: config.ownership.storeStallLimitMs,
    isArmed: () => node.isStopping || (node.role !== 'joining' && node.role !== 'backup'),
    onSilence: (silentMs) => {
      node.cutOff();
      logger.error(
        'store-stalled',
        { silentMs: Math.round(silentMs) },
        `The store has not answered for ${Math.round(silentMs / 1000)} s (ownership.storeStallLimitMs): this node ends now`,
      );
      killProcess();
    },
  });
}
