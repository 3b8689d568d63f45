/** What a node says of itself without asking the store: to its admin listener, and through that to `status`. */

import { resolve } from 'node:path/posix';
import type { Config } from '../config/schema.js';
import type { Role } from '../ownership/role.js';
import type { HostIdentity } from '../platform/ports.js';
import type { Addresses, LiveDocument, NodeDocument } from '../store/documents.js';
import type { SlowCall } from './call-watch.js';
import type { PeerFacts, StorageEvent } from './storage-protocol.js';

/** As JSON at `/api/v1/node` (docs/admin.md). Times are milliseconds, of the wall clock when they name a moment. */
export interface NodeReport {
  readonly node: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly store: string;
  readonly addresses: Addresses;
  readonly role: Role;
  /** Why it is in this role; empty when there is nothing to say. */
  readonly detail: string;
  readonly sinceMs: number;
  readonly epoch: number;
  /** Live, ownership verified so lately that confirmations may leave, and none has waited as long. */
  readonly confirms: boolean;
  /** Since the beginning of the last good ownership check; null when it is not live. */
  readonly verifiedAgoMs: number | null;
  /** Null while the store answers. `limitMs`: past it, a node that serves ends. */
  readonly storeSilence: (SlowCall & { readonly limitMs: number }) | null;
  /** Why producers are held back; null when they are not. */
  readonly producersHeld: string | null;
  readonly connections: number;
  /** Who serves clients, as far as this node knows; null for nobody. */
  readonly live: ReportedLive | null;
  /** The other nodes, as their documents said when the store was read last. */
  readonly peers: readonly ReportedPeer[];
}

interface ReportedLive {
  readonly node: string;
  readonly host: string;
  readonly epoch: number;
  readonly addresses: Addresses;
  /** Clients are served in the state `live` alone. */
  readonly state: 'live' | 'handing-over';
}

interface ReportedPeer
  extends Pick<
    NodeDocument,
    'name' | 'host' | 'role' | 'detail' | 'addresses' | 'lagBytes' | 'ready'
  > {
  readonly running: boolean;
}

/** As the storage thread told last. */
export interface StoreFigures {
  /** Null before it was asked for the first time. */
  readonly freeBytes: number | null;
  readonly lockPolls: number;
  /** What a backup has still to read. */
  readonly lagBytes: number;
}

/** What the node itself knows of the moment. */
export interface NodeMoment {
  readonly config: Config;
  readonly name: string;
  readonly identity: HostIdentity;
  readonly version: string;
  readonly addresses: Addresses;
  readonly role: Role;
  /** How long the storage thread itself has made no progress. */
  readonly threadSilentMs: number;
  readonly verifiedAgoMs: number;
  readonly waitingMs: number;
  readonly producersHeld: string | null;
  readonly connections: number;
  readonly liveElsewhere: LiveDocument | null;
}

/** People are told of a thread that makes no progress for longer. */
const THREAD_IS_SILENT_MS = 1_000;

/** Keeps what the storage thread told last, for the report. Main thread. */
export class StoreNews {
  #slowest: SlowCall | null = null;
  #peers: readonly PeerFacts[] = [];
  #role = { epoch: 0, detail: '', sinceMs: 0 };
  #figures: StoreFigures = { freeBytes: null, lockPolls: 0, lagBytes: 0 };

  get figures(): StoreFigures {
    return this.#figures;
  }

  /** Where the other nodes that run take clients of this protocol, as `HOST:PORT`. */
  addressesOfOthers(protocol: string): readonly string[] {
    const running = this.#peers.filter(({ isRunning }) => isRunning);
    return running.flatMap(({ document }) => document.addresses[protocol] ?? []);
  }

  onEvent(event: StorageEvent, wallMs: number): void {
    switch (event.kind) {
      case 'slow-call':
        this.#slowest = event.slowest;
        return;
      case 'peers':
        this.#peers = event.peers;
        return;
      case 'free-bytes': {
        const { bytes, lockPolls, lagBytes } = event;
        this.#figures = { freeBytes: bytes, lockPolls, lagBytes };
        return;
      }
      case 'role':
        this.#role = {
          epoch: event.epoch,
          detail: event.detail,
          sinceMs: Math.round(wallMs),
        };
    }
  }

  report(moment: NodeMoment): NodeReport {
    const { config, name, identity, version, addresses, role, liveElsewhere } = moment;
    const { host, pid } = identity;
    const isLive = role === 'live' || role === 'handing-over';
    const verifiedAgoMs = isLive ? Math.round(moment.verifiedAgoMs) : null;
    const { freshMs } = config.ownership;
    const { epoch } = this.#role;
    return {
      ...{ node: name, host, pid, version, store: resolve(config.store), addresses },
      ...{ role, ...this.#role, verifiedAgoMs },
      confirms: isLive && Math.max(moment.verifiedAgoMs, moment.waitingMs) < freshMs,
      storeSilence: this.#silence(moment),
      producersHeld: isLive ? moment.producersHeld : null,
      connections: moment.connections,
      live: isLive
        ? { node: name, host, epoch, addresses, state: role }
        : reportedLive(liveElsewhere),
      peers: this.#peers.map(reportedPeer),
    };
  }

  #silence({ config, threadSilentMs }: NodeMoment): NodeReport['storeSilence'] {
    const limitMs = config.ownership.storeStallLimitMs;
    const slowest = this.#slowest;
    if (threadSilentMs > Math.max(THREAD_IS_SILENT_MS, slowest?.silentMs ?? 0)) {
      return { call: 'its storage thread', silentMs: Math.round(threadSilentMs), limitMs };
    }
    if (slowest === null) return null;
    return { call: slowest.call, silentMs: Math.round(slowest.silentMs), limitMs };
  }
}

function reportedPeer({ document, isRunning }: PeerFacts): ReportedPeer {
  const { name, host, role, detail, addresses, lagBytes, ready } = document;
  return { name, host, role, detail, addresses, lagBytes, ready, running: isRunning };
}

function reportedLive(document: LiveDocument | null): ReportedLive | null {
  if (document === null || document.state === 'released' || document.state === 'taking-over') {
    return null;
  }
  const { node, host, epoch, addresses, state } = document;
  return { node, host, epoch, addresses, state };
}
