/**
 * What a node is made of on the main thread, and which of its parts calls which. What follows from its role, and
 * from what the storage thread tells, is in node.ts.
 */

import { Broker } from '../broker/broker.js';
import type { MessageContents } from '../broker/services.js';
import type { Config } from '../config/schema.js';
import { BLOCK_HEADER_BYTES, type Cursor } from '../journal/format.js';
import { SegmentLedger } from '../journal/space.js';
import type { Logger } from '../platform/logger.js';
import type { Channel, Clock, Network, TlsEndpoint } from '../platform/ports.js';
import type { Tracer } from '../platform/tracing.js';
import { TracedBroker } from '../tracing/traced-broker.js';
import { Administration } from './administration.js';
import { BlockCache } from './block-cache.js';
import type { HoldsOff } from './client-gate.js';
import { ClientListeners, type ClientProtocol } from './client-listeners.js';
import type { OriginCryptography } from './client-origin.js';
import { CommitPipeline } from './commit-pipeline.js';
import { logFirstDrop } from './drop-log.js';
import { Housekeeping } from './housekeeping.js';
import { ProducerHold } from './producer-hold.js';
import { SlabPool } from './slab-pool.js';
import { SpaceKeeper } from './space-keeper.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';

export interface NodePartsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly network: Network;
  readonly logger: Logger;
  readonly channel: Channel<StorageCommand, StorageEvent>;
  readonly protocols: readonly ClientProtocol[];
  /** Of those that are served over TLS. */
  readonly tls: ReadonlyMap<string, TlsEndpoint>;
  readonly contents: MessageContents;
  /** Its thread makes no progress at this moment. */
  readonly isStorageSilent: () => boolean;
  readonly cryptography: OriginCryptography;
  /** As of ClientGate; for each run of a node another one. */
  readonly originKey: string;
  /** As of ClientGate. */
  readonly holdsOff?: HoldsOff | undefined;
  /** Set where messages are traced. */
  readonly tracer?: Tracer;
}

/** What the parts ask the node, and tell it. */
export interface NodeLinks {
  /** Up to here the broker has applied the journal of this tenure. */
  readonly applied: () => Cursor;
  readonly onApplied: (cursor: Cursor) => void;
  readonly isOver: () => boolean;
  /** Ownership could not be verified for longer than the limit. */
  readonly onStall: (silentMs: number) => void;
  /** Ends the node. */
  readonly onFailure: (error: unknown) => void;
}

export interface NodeParts {
  readonly ledger: SegmentLedger;
  readonly cache: BlockCache;
  readonly broker: Broker;
  readonly pipeline: CommitPipeline;
  readonly space: SpaceKeeper;
  readonly hold: ProducerHold;
  readonly housekeeping: Housekeeping;
  readonly clients: ClientListeners;
  readonly administration: Administration;
}

export function assembleNode(options: NodePartsOptions, links: NodeLinks): NodeParts {
  const { config, clock, logger, channel, isStorageSilent } = options;
  const { journal, ownership } = config;
  const { applied, isOver, onStall, onFailure } = links;
  const post = (command: StorageCommand, transfer: readonly ArrayBuffer[] = []): void =>
    channel.post(command, transfer);
  const ledger = new SegmentLedger();
  const slabs = new SlabPool(BLOCK_HEADER_BYTES + journal.maxBatchBytes);
  const cache = new BlockCache(journal.cacheBytes, (load) => post({ kind: 'load', ...load }), {
    usage: ledger,
    requestPart: (part) => post({ kind: 'load-part', ...part }),
  });
  const broker = new Broker({
    limits: config.limits,
    addresses: config.addresses,
    onFirstDrop: (address, cause) => logFirstDrop(logger, address, cause),
    maxBatchBytes: journal.maxBatchBytes,
    bodies: cache,
    usage: ledger,
    wallMs: () => clock.wallMs(),
    mayDeliver: () => pipeline.isFresh,
    onPending: () => pipeline.schedule(),
    allocateSlab: (minimumBytes) => slabs.allocate(minimumBytes),
    contents: options.contents,
    later: (task) => clock.soon(task),
  });
  const hold = new ProducerHold({ minFreeBytes: journal.minFreeBytes, logger, broker });
  const pipeline: CommitPipeline = new CommitPipeline({
    clock,
    freshMs: ownership.freshMs,
    source: broker,
    cache,
    slabs,
    post,
    onCommitted: (appended) => {
      if (appended === null) return;
      links.onApplied(appended.cursor);
      space.onAppended(appended.cursor.offset - appended.offset, appended.tail);
    },
  });
  const space: SpaceKeeper = new SpaceKeeper({
    ledger,
    segmentBytes: journal.segmentBytes,
    slackBytes: Math.max(journal.slackBytes, 2 * journal.segmentBytes),
    maxBatchBytes: journal.maxBatchBytes,
    broker,
    post,
    loadBlocks: (segment, offset) => cache.loadRun(segment, offset),
    drained: () => housekeeping.drained(),
    applied,
    onRoom: (room) => hold.onRoom(room),
    onFailure,
  });
  const { storeStallLimitMs } = ownership;
  const housekeeping = new Housekeeping({
    ...{ clock, broker, pipeline, space, storeStallLimitMs },
    ...{ isStorageSilent, isOver, onStall, onFailure },
  });
  const clients = clientListeners(options, broker, pipeline);
  const parts = { ledger, cache, broker, pipeline, space, hold, housekeeping, clients };
  return { ...parts, administration: administrationOf(parts, { clock, post, applied }) };
}

function clientListeners(
  options: NodePartsOptions,
  broker: Broker,
  pipeline: CommitPipeline,
): ClientListeners {
  const { tls, protocols, network, clock, logger, tracer } = options;
  const { holdsOff, cryptography, originKey } = options;
  const { propertiesOf } = options.contents;
  return new ClientListeners({
    ...{ tls, protocols, network, clock, logger, holdsOff, cryptography, originKey },
    broker: tracer === undefined ? broker : new TracedBroker(broker, { tracer, propertiesOf }),
    isSure: () => pipeline.isFresh,
  });
}

function administrationOf(
  { broker, pipeline, space }: Pick<NodeParts, 'broker' | 'pipeline' | 'space'>,
  {
    clock,
    post,
    applied,
  }: {
    readonly clock: Clock;
    readonly post: (command: StorageCommand) => void;
    readonly applied: () => Cursor;
  },
): Administration {
  return new Administration({
    broker,
    post,
    clock,
    journal: () => {
      const { segment, offset, sequence } = applied();
      const waitingMs = Math.round(pipeline.waitingMs);
      return { ...space.figures(), position: { segment, offset, sequence }, waitingMs };
    },
    timings: () => {
      const { confirmationTimes, writeTimes, appendedBytes } = pipeline;
      return { confirmations: confirmationTimes, writes: writeTimes, appendedBytes };
    },
  });
}
