/**
 * One node on the main thread: its broker, its clients, and what the storage thread tells it. As a
 * backup the broker follows the live node's blocks; as the live node it takes clients' commands and
 * sends its batches to the storage thread. It never touches the store itself.
 */

import type { BrokerSession, ClientBroker, SessionEvents } from '../broker/api.js';
import { Broker } from '../broker/broker.js';
import type { MessageContents } from '../broker/services.js';
import type { Config } from '../config/schema.js';
import type { RoleChange } from '../hooks/role-hooks.js';
import { BLOCK_HEADER_BYTES, type Cursor, JOURNAL_START } from '../journal/format.js';
import { SegmentLedger } from '../journal/space.js';
import type { Role } from '../ownership/role.js';
import { type ErrorCode, HoldfastError, messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import type {
  Channel,
  Clock,
  HostIdentity,
  Network,
  Socket,
  TlsEndpoint,
} from '../platform/ports.js';
import type { Tracer } from '../platform/tracing.js';
import type { Addresses, LiveDocument } from '../store/documents.js';
import { TracedBroker } from '../tracing/traced-broker.js';
import { Administration } from './administration.js';
import { BlockCache } from './block-cache.js';
import { ClientListeners, type ClientProtocol } from './client-listeners.js';
import type { OriginCryptography } from './client-origin.js';
import { CommitPipeline } from './commit-pipeline.js';
import { logFirstDrop } from './drop-log.js';
import type { NodeFigures } from './node-figures.js';
import { type NodeReport, StoreNews } from './node-report.js';
import { ProducerHold } from './producer-hold.js';
import { SlabPool } from './slab-pool.js';
import { SpaceKeeper } from './space-keeper.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';

const HOUSEKEEPING_MS = 50;
const CONFIRMED_POSITION_MS = 1_000;

export interface NodeEnd {
  /** Why the node ended by itself; null after a stop in good order. */
  readonly exitCodeReason: ErrorCode | null;
  readonly sentence: string;
}

/** Who wants to know what becomes of a node. */
export interface NodeObserver {
  roleChanged(change: RoleChange): void;
  /** This node is a backup, and has seen no sign of the live one for so long; 0: it is heard again. */
  liveSilent(live: LiveDocument, silentMs: number): void;
}

export interface NodeOptions {
  readonly config: Config;
  readonly name: string;
  readonly identity: HostIdentity;
  /** As in package.json. */
  readonly version: string;
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
  readonly observer?: NodeObserver;
  readonly cryptography: OriginCryptography;
  /** As of ClientGate; for each run of a node another one. */
  readonly originKey: string;
  /** As of ClientGate. */
  readonly holdsOff?: ((socket: Socket) => boolean) | undefined;
  /** Set where messages are traced. */
  readonly tracer?: Tracer;
}

export class Node {
  readonly #options: NodeOptions;
  readonly #slabs: SlabPool;
  readonly #ledger = new SegmentLedger();
  readonly #cache: BlockCache;
  readonly #broker: Broker;
  readonly #pipeline: CommitPipeline;
  readonly #space: SpaceKeeper;
  readonly #clients: ClientListeners;
  readonly #hold: ProducerHold;
  readonly #news = new StoreNews();
  /** For operators. */
  readonly administration: Administration;
  #addresses: Addresses = {};
  #housekeeper: BrokerSession | null = null;
  #role: Role = 'joining';
  /** As it was read last, outside a tenure of this node. */
  #liveElsewhere: LiveDocument | null = null;
  #applied: Cursor = JOURNAL_START;
  #isStopping = false;
  #staleMs = 0;
  #hasEnded = false;
  #resolveEnded: (end: NodeEnd) => void = () => undefined;
  readonly ended: Promise<NodeEnd>;

  constructor(options: NodeOptions) {
    const { config, clock, logger } = options;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#slabs = new SlabPool(BLOCK_HEADER_BYTES + config.journal.maxBatchBytes);
    this.#cache = new BlockCache(
      config.journal.cacheBytes,
      (load) => this.#post({ kind: 'load', ...load }),
      {
        usage: this.#ledger,
        requestPart: (part) => this.#post({ kind: 'load-part', ...part }),
      },
    );
    this.#broker = new Broker({
      limits: config.limits,
      addresses: config.addresses,
      onFirstDrop: (address, cause) => logFirstDrop(options.logger, address, cause),
      maxBatchBytes: config.journal.maxBatchBytes,
      bodies: this.#cache,
      usage: this.#ledger,
      wallMs: () => clock.wallMs(),
      mayDeliver: () => this.#pipeline.isFresh,
      onPending: () => this.#pipeline.schedule(),
      allocateSlab: (minimumBytes) => this.#slabs.allocate(minimumBytes),
      contents: options.contents,
      later: (task) => clock.soon(task),
    });
    this.administration = new Administration({
      broker: this.#broker,
      post: (command) => this.#post(command),
      clock,
      journal: () => {
        const { segment, offset, sequence } = this.#applied;
        const waitingMs = Math.round(this.#pipeline.waitingMs);
        return { ...this.#space.figures(), position: { segment, offset, sequence }, waitingMs };
      },
      timings: () => {
        const { confirmationTimes, writeTimes, appendedBytes } = this.#pipeline;
        return { confirmations: confirmationTimes, writes: writeTimes, appendedBytes };
      },
    });
    const { minFreeBytes } = config.journal;
    this.#hold = new ProducerHold({ minFreeBytes, logger, broker: this.#broker });
    const post = (command: StorageCommand, transfer: readonly ArrayBuffer[]): void =>
      this.#post(command, transfer);
    this.#pipeline = new CommitPipeline({
      clock,
      freshMs: config.ownership.freshMs,
      source: this.#broker,
      cache: this.#cache,
      slabs: this.#slabs,
      post,
      onCommitted: (appended) => {
        if (appended === null) return;
        this.#applied = appended.cursor;
        this.#space.onAppended(appended.cursor.offset - appended.offset, appended.tail);
      },
    });
    this.#space = new SpaceKeeper({
      ledger: this.#ledger,
      segmentBytes: config.journal.segmentBytes,
      slackBytes: Math.max(config.journal.slackBytes, 2 * config.journal.segmentBytes),
      maxBatchBytes: config.journal.maxBatchBytes,
      broker: this.#broker,
      post,
      loadBlocks: (segment, offset) => this.#cache.loadRun(segment, offset),
      drained: () => this.#drained(),
      applied: () => this.#applied,
      onRoom: (isShort) => this.#hold.onRoom(isShort),
      onFailure: (error) => this.#end(asEnd(error)),
    });
    this.#clients = new ClientListeners({
      tls: options.tls,
      protocols: options.protocols,
      broker: this.#traced(options),
      holdsOff: options.holdsOff,
      cryptography: options.cryptography,
      originKey: options.originKey,
      network: options.network,
      clock,
      logger,
      isSure: () => this.#pipeline.isFresh,
    });
  }

  #traced({ tracer, contents }: NodeOptions): ClientBroker {
    if (tracer === undefined) return this.#broker;
    return new TracedBroker(this.#broker, { tracer, propertiesOf: contents.propertiesOf });
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  get role(): Role {
    return this.#role;
  }

  /** For those who compare its state with what the journal says: nobody else may call it. */
  get broker(): Broker {
    return this.#broker;
  }

  /** `threadSilentMs`: how long the storage thread itself has made no progress. */
  report(threadSilentMs: number): NodeReport {
    return this.#news.report({
      ...this.#options,
      role: this.#role,
      addresses: this.#addresses,
      threadSilentMs,
      verifiedAgoMs: this.#pipeline.verifiedAgoMs,
      waitingMs: this.#pipeline.waitingMs,
      producersHeld: this.#hold.reason,
      connections: this.#clients.connections,
      liveElsewhere: this.#liveElsewhere,
    });
  }

  /** `threadSilentMs`: as for `report`. */
  figures(threadSilentMs: number): NodeFigures {
    const isLive = this.#role === 'live' || this.#role === 'handing-over';
    const { confirmationTimes, writeTimes, appendedBytes } = this.#pipeline;
    return {
      report: this.report(threadSilentMs),
      broker: isLive ? this.#broker.statistics() : null,
      journal: isLive ? this.#space.figures() : null,
      connections: this.#clients.connectionsByProtocol(),
      ...{ confirmationTimes, writeTimes, appendedBytes },
      store: this.#news.figures,
      minFreeBytes: this.#options.config.journal.minFreeBytes,
    };
  }

  /** Where clients of this protocol may go when this node is gone, as far as it knows. */
  addressesOfOthers(protocol: string): readonly string[] {
    return this.#news.addressesOfOthers(protocol);
  }

  /** Binds the listeners, then joins the store. `addresses`: those of listeners that were bound before. */
  async start(addresses: Addresses): Promise<void> {
    const { channel, identity } = this.#options;
    channel.onMessage((event) => this.#receive(event));
    channel.onClose((reason) => this.#onStorageClosed(reason));
    this.#addresses = { ...(await this.#clients.start(identity.host)), ...addresses };
    const { originKey } = this.#options;
    this.#post({ kind: 'reach', reach: { addresses: this.#addresses, originKey } });
    this.#reportConfirmed();
  }

  /** Settings of addresses in place of those of before. */
  useAddressRules(rules: Config['addresses']): void {
    this.#broker.useAddressRules(rules);
  }

  /** Ends the node in good order: `ended` tells when. */
  stop(): void {
    this.#isStopping = true;
    this.#post({ kind: 'stop' });
  }

  /**
   * Nothing more is confirmed, every client is cut off and the port is free, at once: a process that is
   * killed keeps its sockets for as long as one of its threads hangs in the kernel.
   */
  cutOff(): void {
    this.#pipeline.close();
    this.#clients.destroy();
  }

  #receive(event: StorageEvent): void {
    if (!this.#hasEnded) this.#guarded(() => this.#dispatch(event));
  }

  #dispatch(event: StorageEvent): void {
    switch (event.kind) {
      case 'reset':
        this.#broker.reset();
        this.#cache.clear();
        this.#ledger.clear();
        return;
      case 'restore':
        this.#restore(event.payload);
        return;
      case 'blocks':
        this.#follow(event);
        return;
      case 'live':
        this.#goLive(event);
        return;
      case 'appended':
        this.#pipeline.onAppended(event);
        return;
      case 'verified':
        this.#pipeline.onVerified(event.beganMs);
        // A check that took too long lets nothing out, however many there are of them.
        if (this.#pipeline.isFresh) this.#staleMs = 0;
        this.#broker.deliverWaiting();
        return;
      case 'loaded':
        this.#cache.onLoaded(event.requestId, event.bytes, event.blocks);
        return;
      case 'part-loaded':
        this.#cache.onPart(event.requestId, event.bytes);
        return;
      case 'load-missed':
        this.#cache.onMissed(event.requestId);
        return;
      case 'free-bytes':
        this.#hold.onFreeBytes(event.bytes);
        this.#news.onEvent(event, 0);
        return;
      case 'role':
        this.#news.onEvent(event, this.#options.clock.wallMs());
        this.#onRole(event);
        return;
      case 'live-silent':
        this.#options.observer?.liveSilent(event.document, event.silentMs);
        return;
      case 'answer':
        this.administration.onAnswer(event);
        return;
      case 'slow-call':
      case 'peers':
        this.#news.onEvent(event, 0);
        return;
      case 'live-elsewhere':
        this.#liveElsewhere = event.document;
        this.#routeClients();
        return;
      case 'quiesce':
        this.#quiesce().catch((error: unknown) => this.#end(asEnd(error)));
        return;
      case 'log':
        this.#options.logger[event.level](event.event, event.fields, event.sentence);
        return;
      case 'ended':
        this.#end({ exitCodeReason: event.code, sentence: event.sentence });
        return;
      default:
        this.#space.onEvent(event);
    }
  }

  #restore(payload: ArrayBuffer): void {
    this.#broker.restore(new Uint8Array(payload));
    this.#post({ kind: 'applied', bytes: payload.byteLength });
  }

  #follow(event: Extract<StorageEvent, { kind: 'blocks' }>): void {
    for (const block of event.blocks) {
      if (!block.hasRecords) continue;
      const payload = new Uint8Array(event.bytes, block.start, block.length);
      const { segment, offset } = block;
      this.#broker.apply(payload, block.recordCount, { segment, blockOffset: offset });
    }
    this.#post({ kind: 'applied', bytes: event.fileBytes });
  }

  #goLive(event: Extract<StorageEvent, { kind: 'live' }>): void {
    this.#applied = event.cursor;
    this.#liveElsewhere = null;
    this.#staleMs = 0;
    this.#pipeline.open(event.verifiedBeganMs);
    this.#broker.startServing();
    this.#housekeeper = this.#broker.openSession(HOUSEKEEPER, 'housekeeping', {
      isOfNode: true,
    });
    this.#hold.begin();
    this.#space.start(event);
    this.#clients.openHere();
    this.#keepHouse(this.#housekeeper);
  }

  #onRole(event: Extract<StorageEvent, { kind: 'role' }>): void {
    const before = this.#role;
    this.#role = event.role;
    this.#options.logger.info(
      'role-changed',
      { from: before, to: event.role, epoch: event.epoch, detail: event.detail },
      `${this.#options.name} is ${event.role}${event.detail === '' ? '' : `: ${event.detail}`}`,
    );
    this.#routeClients();
    const { role, epoch, detail } = event;
    this.#options.observer?.roleChanged({ from: before, to: role, epoch, reason: detail });
  }

  /**
   * Only a backup passes clients on. One that takes over is named in the `live` file before it serves:
   * were it still to pass them to the node before, and that one to it, they would go round in circles.
   */
  #routeClients(): void {
    if (this.#role === 'taking-over') this.#clients.hold();
    if (this.#role !== 'joining' && this.#role !== 'backup') return;
    const document = this.#liveElsewhere;
    const isServing = document?.state === 'live' && document.node !== this.#options.name;
    this.#clients.openElsewhere(isServing ? document : null);
  }

  /** Takes nothing new, finishes what was taken, tells everybody, and closes them. */
  async #quiesce(): Promise<void> {
    this.#space.stop();
    this.#clients.pauseAll();
    this.#broker.stopDelivering();
    await this.#drained();
    await this.#pipeline.finish();
    await new Promise<void>((resolve) => this.#options.clock.soon(resolve));
    this.#pipeline.close();
    this.#clients.close(true);
    this.#cache.letGo();
    this.#housekeeper = null;
    this.#broker.stopServing();
    this.#post({ kind: 'confirmed', cursor: this.#applied });
    this.#post({ kind: 'quiesced', cursor: this.#applied });
  }

  /** Everything that the broker was asked for so far is committed. */
  #drained(): Promise<void> {
    const housekeeper = this.#housekeeper;
    if (housekeeper === null) return Promise.resolve();
    return new Promise((resolve) => housekeeper.barrier(resolve));
  }

  /** As long as this housekeeper's tenure is not being ended. */
  #keepHouse(housekeeper: BrokerSession): void {
    this.#options.clock.after(HOUSEKEEPING_MS, () => {
      if (this.#hasEnded || this.#housekeeper !== housekeeper) return;
      this.#guarded(() => this.#sweep());
      this.#keepHouse(housekeeper);
    });
  }

  #sweep(): void {
    this.#broker.sweep();
    this.#pipeline.flush();
    this.#space.consider();
    // Counted in steps, so that a pause of the whole process is no stall.
    this.#staleMs += HOUSEKEEPING_MS;
    if (this.#staleMs <= this.#options.config.ownership.storeStallLimitMs) return;
    // With a thread that hangs this process could not end by itself: the watchdog kills it.
    if (this.#options.isStorageSilent()) return;
    const limit = `${Math.round(this.#staleMs / 1000)} s (ownership.storeStallLimitMs)`;
    const sentence = `Ownership could not be verified for ${limit}: this node ends now`;
    this.#end({ exitCodeReason: 'STORE_STALLED', sentence });
  }

  #reportConfirmed(): void {
    this.#options.clock.after(CONFIRMED_POSITION_MS, () => {
      if (this.#hasEnded) return;
      if (this.#role === 'live') this.#post({ kind: 'confirmed', cursor: this.#applied });
      this.#reportConfirmed();
    });
  }

  #guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#end(asEnd(error));
    }
  }

  #onStorageClosed(reason: string): void {
    const sentence = `The storage thread is gone: ${reason}`;
    this.#end({ exitCodeReason: 'UNEXPECTED', sentence });
  }

  #end(end: NodeEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.cutOff();
    this.#resolveEnded(end);
  }

  #post(command: StorageCommand, transfer: readonly ArrayBuffer[] = []): void {
    this.#options.channel.post(command, transfer);
  }
}

/** The node's own session with the broker: its tokens are callbacks. */
const HOUSEKEEPER: SessionEvents = {
  confirmed: (token) => (token as () => void)(),
  writable: false,
  deliver: () => undefined,
  pauseReading: () => undefined,
  resumeReading: () => undefined,
  abort: () => undefined,
};

function asEnd(error: unknown): NodeEnd {
  if (error instanceof HoldfastError)
    return { exitCodeReason: error.code, sentence: error.message };
  const detail = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  return {
    exitCodeReason: 'UNEXPECTED',
    sentence: `An unexpected failure ended this node: ${detail}`,
  };
}
