/**
 * Settings of a simulated cluster: everything small, so that a few hundred messages fill segments,
 * blocks and limits, and drawn from the seed within what the real configuration allows of relations.
 * Everything else keeps its default.
 */
import { loadConfig } from '../../../src/config/load.js';
import type { Config } from '../../../src/config/schema.js';
import type { HostPort } from '../../../src/platform/ports.js';
import type { SeededRandom } from '../kernel/random.js';
import type { StorageKind } from '../storage/shared-storage.js';

export const STORE = '/store';
export const STOMP_PORT = 61_613;
const AMQP_PORT = 5_672;

const KIBIBYTE = 1024;

const DEFAULTS = loadConfig({
  hostName: 'simulated',
  file: null,
  environment: {},
  flags: [{ path: 'store', value: STORE, source: 'the simulation' }],
});

/** What all nodes of one cluster have in common. */
export type ClusterSettings = Pick<Config, 'ownership' | 'journal' | 'limits'> & {
  readonly heartbeatMs: number;
  /** Null: the nodes speak STOMP alone. */
  readonly amqp: AmqpSettings | null;
};

type AmqpSettings = Pick<
  Config['amqp'],
  'maxFrameBytes' | 'linkCredit' | 'openTimeoutMs' | 'idleTimeoutMs' | 'redirectToLive'
>;

/**
 * Each node has others, so that what a node applies is shown not to depend on what it has set itself. Nobody
 * consumes what expired; what failed goes where the ledger looks for it.
 */
const ADDRESSES_BY_NODE: { readonly [name: string]: Config['addresses'] } = {
  a: [{ pattern: 'orders', expiryAddress: 'expired orders', duplicateIds: 25_000 }],
  b: [
    { pattern: '>', expiryAddress: 'expired', duplicateIds: 30_000 },
    { pattern: 'work', redeliveryDelayMs: 20, redeliveryDelayMultiplier: 2 },
  ],
};

/** Without shared locks two nodes can wait for each other, and the longer the more often. */
const LONGEST_FRESH_MS = { sharedLocks: 3_000, localLocks: 6_000 };

export function drawSettings(random: SeededRandom, storage: StorageKind): ClusterSettings {
  const isShared = storage !== 'nfs4-local-locks';
  const longestFreshMs = isShared ? LONGEST_FRESH_MS.sharedLocks : LONGEST_FRESH_MS.localLocks;
  return {
    ownership: drawOwnership(random, longestFreshMs),
    journal: drawJournal(random),
    limits: drawLimits(random),
    heartbeatMs: random.whole(500, 3_000),
    amqp: null,
  };
}

export function drawAmqp(random: SeededRandom): AmqpSettings {
  return {
    maxFrameBytes: random.pick([512, 1_000, 4_096, 131_072]),
    linkCredit: random.whole(1, 40),
    openTimeoutMs: random.whole(1_000, 5_000),
    idleTimeoutMs: random.whole(500, 3_000),
    redirectToLive: random.chance(0.3),
  };
}

/** Where a node speaks AMQP, of where it speaks STOMP. */
export function amqpAddressOf({ host, port }: HostPort): HostPort {
  return { host, port: port - STOMP_PORT + AMQP_PORT };
}

export interface NodePlace {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export function nodeConfig(settings: ClusterSettings, place: NodePlace): Config {
  const { ownership, journal, limits, heartbeatMs, amqp } = settings;
  const amqpAddress = amqpAddressOf(place);
  return {
    ...DEFAULTS,
    name: place.name,
    allowAnonymous: true,
    stomp: {
      ...DEFAULTS.stomp,
      listen: `${place.host}:${place.port}`,
      heartbeatMs,
      maxBodyBytes: limits.maxTransactionBytes,
      socketBufferMaxBytes: 64 * KIBIBYTE,
    },
    amqp:
      amqp === null
        ? DEFAULTS.amqp
        : {
            ...DEFAULTS.amqp,
            ...amqp,
            listen: `${amqpAddress.host}:${amqpAddress.port}`,
            maxMessageBytes: limits.maxTransactionBytes,
            maxUnsettledPerLink: limits.maxPrefetch,
            socketBufferMaxBytes: 64 * KIBIBYTE,
          },
    ownership,
    journal,
    limits,
    addresses: ADDRESSES_BY_NODE[place.name] ?? [],
  };
}

function drawOwnership(random: SeededRandom, longestFreshMs: number): Config['ownership'] {
  const checkIntervalMs = random.whole(200, 400);
  const freshMs = random.whole(2 * checkIntervalMs + 1, longestFreshMs);
  return {
    lockPollIntervalMs: random.whole(200, 700),
    checkIntervalMs,
    freshMs,
    storeStallLimitMs: random.whole(Math.max(2_000, freshMs + 1), 9_000),
    statusIntervalMs: random.whole(700, 1_500),
    handoverTimeoutMs: random.whole(1_000, 5_000),
  };
}

/** Smaller than the schema allows: what matters is how often segments end, not how much lies in them. */
function drawJournal(random: SeededRandom): Config['journal'] {
  const segmentBytes = random.whole(4, 16) * 4 * KIBIBYTE;
  return {
    segmentBytes,
    // Two segments, or as many as by default; not drawn, so that every seed draws what it always drew.
    slackBytes: segmentBytes % (12 * KIBIBYTE) === 0 ? 8 * segmentBytes : 0,
    maxBatchBytes: random.whole(1, 4) * 4 * KIBIBYTE,
    cacheBytes: random.whole(4, 64) * KIBIBYTE,
    minFreeBytes: 16 * KIBIBYTE,
  };
}

function drawLimits(random: SeededRandom): Config['limits'] {
  const defaultPrefetch = random.whole(1, 20);
  return {
    ...DEFAULTS.limits,
    maxTransactionBytes: 64 * KIBIBYTE,
    topicBacklogMaxBytes: 64 * KIBIBYTE,
    memoryMaxBytes: 256 * KIBIBYTE,
    defaultPrefetch,
    maxPrefetch: 2 * defaultPrefetch,
    maxDeliveries: random.whole(3, 5),
  };
}
