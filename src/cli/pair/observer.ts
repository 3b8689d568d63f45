/**
 * Turns what the store says, looked at again and again, into the table of `holdfast pair` and its
 * news. Pure: it is told when each look happened and when a process ended.
 */

import type { StoreStatus } from '../../store/store-status.js';
import { servingLive } from '../status/status-rules.js';
import type { NodeEnd } from './node-process.js';
import type { PairLive, PairNode } from './view.js';

/** A node as `holdfast pair` itself knows it. */
export interface KnownProcess {
  readonly name: string;
  readonly pid: number | null;
  readonly address: string;
}

export type PairNews =
  | {
      readonly kind: 'live';
      readonly before: PairLive | null;
      readonly after: PairLive;
      readonly endedAtMs: number | null;
    }
  | { readonly kind: 'role'; readonly name: string; readonly role: string };

export interface PairLook {
  readonly live: PairLive | null;
  readonly nodes: readonly PairNode[];
  readonly news: readonly PairNews[];
}

/** Roles that are news; the others are passed through in an instant, or are told as "is live". */
const ROLES_TOLD: readonly string[] = ['backup', 'fenced'];

export class PairObserver {
  #lastLive: PairLive | null = null;
  readonly #roles = new Map<string, string>();
  readonly #endedAtMs = new Map<string, number>();
  readonly #pidsSeenRunning = new Set<number>();

  /** A process ended by itself or was killed. */
  noteEnd(end: NodeEnd): void {
    this.#endedAtMs.set(end.name, end.endedAtMs);
    this.#roles.delete(end.name);
  }

  /** Whether this process ever got as far as being live or a backup. */
  hasServed(pid: number | undefined): boolean {
    return pid !== undefined && this.#pidsSeenRunning.has(pid);
  }

  look(status: StoreStatus, processes: readonly KnownProcess[]): PairLook {
    const nodes = processes.map((process) => describeNode(status, process));
    const live = this.#findLive(status, processes);
    const news: PairNews[] = [];
    if (live !== null && live.epoch !== this.#lastLive?.epoch) {
      const endedAtMs = this.#endedAtMs.get(this.#lastLive?.name ?? '') ?? null;
      news.push({ kind: 'live', before: this.#lastLive, after: live, endedAtMs });
      this.#lastLive = live;
      this.#endedAtMs.clear();
    }
    for (const node of nodes) {
      if (node.pid !== null && (node.role === 'live' || node.role === 'backup')) {
        this.#pidsSeenRunning.add(node.pid);
      }
      if (this.#roles.get(node.name) !== node.role) {
        this.#roles.set(node.name, node.role);
        if (ROLES_TOLD.includes(node.role)) {
          news.push({ kind: 'role', name: node.name, role: node.role });
        }
      }
    }
    return { live, nodes, news };
  }

  /** Since when it serves, which is a little later than the start of its tenure. */
  #findLive(status: StoreStatus, processes: readonly KnownProcess[]): PairLive | null {
    const live = servingLive(status);
    const process = processes.find((candidate) => candidate.name === live?.node);
    if (live === null || process === undefined || process.pid !== live.pid) {
      return null;
    }
    const document = status.nodes.find((node) => node.name === live.node && node.pid === live.pid);
    const sinceMs = document?.role === 'live' ? document.sinceMs : live.sinceMs;
    return this.#lastLive?.epoch === live.epoch
      ? this.#lastLive
      : { name: live.node, epoch: live.epoch, sinceMs };
  }
}

/** What the node wrote counts only when the process that runs now wrote it. */
function describeNode(status: StoreStatus, process: KnownProcess): PairNode {
  const document = status.nodes.find((node) => node.name === process.name);
  const current = document !== undefined && document.pid === process.pid ? document : null;
  const admin = current?.addresses.admin;
  const starting = process.pid === null ? 'stopped' : 'starting';
  return {
    name: process.name,
    role: current?.role ?? starting,
    pid: process.pid,
    address: current?.addresses.stomp ?? process.address,
    consoleUrl: admin === undefined ? null : `http://${admin}/`,
    lagBytes: current?.role === 'backup' ? current.lagBytes : null,
  };
}
