/**
 * One node on the main thread: its broker, its clients, and what the storage thread tells it. As a
 * backup the broker follows the live node's blocks; as the live node it takes clients' commands and
 * sends its batches to the storage thread. It never touches the store itself. node-parts.ts has its parts.
 */

import type { Broker } from '../broker/broker.js';
import type { Config } from '../config/schema.js';
import type { RoleChange } from '../hooks/role-hooks.js';
import { type Cursor, JOURNAL_START } from '../journal/format.js';
import type { SegmentLedger } from '../journal/space.js';
import type { Role } from '../ownership/role.js';
import type { ErrorCode } from '../platform/errors.js';
import type { HostIdentity } from '../platform/ports.js';
import type { Addresses, LiveDocument } from '../store/documents.js';
import type { Administration } from './administration.js';
import type { BlockCache } from './block-cache.js';
import type { ClientListeners } from './client-listeners.js';
import type { CommitPipeline } from './commit-pipeline.js';
import { asHoldfastError } from './failures.js';
import type { Housekeeping } from './housekeeping.js';
import type { NodeFigures } from './node-figures.js';
import { assembleNode, type NodePartsOptions } from './node-parts.js';
import { type NodeReport, StoreNews } from './node-report.js';
import type { ProducerHold } from './producer-hold.js';
import type { SpaceKeeper } from './space-keeper.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';

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

export interface NodeOptions extends NodePartsOptions {
  readonly name: string;
  readonly identity: HostIdentity;
  /** As in package.json. */
  readonly version: string;
  readonly observer?: NodeObserver;
}

export class Node {
  readonly #options: NodeOptions;
  readonly #ledger: SegmentLedger;
  readonly #cache: BlockCache;
  readonly #broker: Broker;
  readonly #pipeline: CommitPipeline;
  readonly #space: SpaceKeeper;
  readonly #housekeeping: Housekeeping;
  readonly #clients: ClientListeners;
  readonly #hold: ProducerHold;
  readonly #news = new StoreNews();
  /** For operators. */
  readonly administration: Administration;
  #addresses: Addresses = {};
  #role: Role = 'joining';
  /** As it was read last, outside a tenure of this node. */
  #liveElsewhere: LiveDocument | null = null;
  #applied: Cursor = JOURNAL_START;
  #isStopping = false;
  #hasEnded = false;
  #resolveEnded: (end: NodeEnd) => void = () => undefined;
  readonly ended: Promise<NodeEnd>;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const parts = assembleNode(options, {
      applied: () => this.#applied,
      onApplied: (cursor) => {
        this.#applied = cursor;
      },
      isOver: () => this.#hasEnded,
      onStall: (silentMs) => this.#onStall(silentMs),
      onFailure: (error) => this.#end(asEnd(error)),
    });
    this.#ledger = parts.ledger;
    this.#cache = parts.cache;
    this.#broker = parts.broker;
    this.#pipeline = parts.pipeline;
    this.#space = parts.space;
    this.#hold = parts.hold;
    this.#housekeeping = parts.housekeeping;
    this.#clients = parts.clients;
    this.administration = parts.administration;
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
        if (this.#pipeline.isFresh) this.#housekeeping.verified();
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
    this.#pipeline.open(event.verifiedBeganMs);
    this.#broker.startServing();
    this.#housekeeping.start();
    this.#hold.begin();
    this.#space.start(event);
    this.#clients.openHere();
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
    await this.#housekeeping.drained();
    await this.#pipeline.finish();
    await new Promise<void>((resolve) => this.#options.clock.soon(resolve));
    this.#pipeline.close();
    this.#clients.close(true);
    this.#cache.letGo();
    this.#housekeeping.stop();
    this.#broker.stopServing();
    this.#post({ kind: 'confirmed', cursor: this.#applied });
    this.#post({ kind: 'quiesced', cursor: this.#applied });
  }

  #reportConfirmed(): void {
    this.#options.clock.after(CONFIRMED_POSITION_MS, () => {
      if (this.#hasEnded) return;
      if (this.#role === 'live') this.#post({ kind: 'confirmed', cursor: this.#applied });
      this.#reportConfirmed();
    });
  }

  #onStall(silentMs: number): void {
    const limit = `${Math.round(silentMs / 1000)} s (ownership.storeStallLimitMs)`;
    const sentence = `Ownership could not be verified for ${limit}: this node ends now`;
    this.#end({ exitCodeReason: 'STORE_STALLED', sentence });
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

  #post(command: StorageCommand): void {
    this.#options.channel.post(command);
  }
}

function asEnd(error: unknown): NodeEnd {
  const { code, message } = asHoldfastError(error);
  return { exitCodeReason: code, sentence: message };
}
