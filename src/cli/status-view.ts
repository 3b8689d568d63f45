/** What `holdfast status` prints: the JSON that scripts read, and the page for people. Pure. */

import type { Addresses, LiveDocument } from '../store/documents.js';
import type { NodeStatus, StoreStatus } from '../store/store-status.js';
import { bytesText, dateText, durationText, type Paint, tableLines } from './text.js';

/** Part of the command's contract: keys may be added to `nodes`, and nothing else changes. */
export interface StatusJson {
  readonly storeId: string | null;
  readonly live: {
    readonly node: string;
    readonly host: string;
    readonly pid: number;
    readonly epoch: number;
    readonly sinceMs: number;
    readonly addresses: Addresses;
  } | null;
  readonly nodes: readonly {
    readonly name: string;
    readonly role: string;
    readonly lagBytes: number;
    readonly ready: boolean;
    readonly running: NodeStatus['running'];
    readonly host: string;
    readonly pid: number;
    readonly sinceMs: number;
    readonly ageMs: number;
    readonly addresses: Addresses;
    readonly version: string;
    readonly detail: string;
  }[];
}

export function statusJson(status: StoreStatus): StatusJson {
  const live = servingLive(status);
  return {
    storeId: status.storeId,
    live:
      live === null
        ? null
        : {
            node: live.node,
            host: live.host,
            pid: live.pid,
            epoch: live.epoch,
            sinceMs: live.sinceMs,
            addresses: live.addresses,
          },
    nodes: status.nodes.map((node) => ({
      name: node.name,
      role: roleOf(node),
      lagBytes: node.lagBytes,
      ready: isReady(node),
      running: node.running,
      host: node.host,
      pid: node.pid,
      sinceMs: node.sinceMs,
      ageMs: Math.round(node.ageMs),
      addresses: node.addresses,
      version: node.version,
      detail: node.detail,
    })),
  };
}

export interface StatusPage {
  readonly store: string;
  readonly status: StoreStatus;
  readonly nowMs: number;
  readonly paint: Paint;
}

export function statusLines(page: StatusPage): string[] {
  const { status, paint } = page;
  const head = [`Store  ${page.store}  ${paint.dim(status.storeId ?? 'not initialised yet')}`];
  return [...head, ...liveLines(page), '', ...nodeLines(page)];
}

/** Who serves clients now. A node that is still taking over does not. */
export function servingLive(status: StoreStatus): LiveDocument | null {
  return status.live === null || status.live.state === 'taking-over' ? null : status.live;
}

/** A node whose process is gone has no role, whatever it wrote last. */
export function roleOf(node: NodeStatus): string {
  return node.running === 'no' ? 'stopped' : node.role;
}

export function isReady(node: NodeStatus): boolean {
  return node.running !== 'no' && node.ready;
}

function liveLines({ status, nowMs, paint }: StatusPage): string[] {
  const live = servingLive(status);
  if (live === null) {
    const last = status.lastLive;
    const before =
      last === null ? '' : `; the last one was ${last.node} on ${last.host}, epoch ${last.epoch}`;
    return [`Live   ${paint.red('nobody')}${before}`];
  }
  const who = `${paint.green(paint.bold(live.node))} on ${live.host}, pid ${live.pid}, epoch ${live.epoch}`;
  const since = `since ${dateText(live.sinceMs)} (${durationText(nowMs - live.sinceMs)})`;
  const verified =
    live.verifiedAtMs === 0
      ? 'not verified yet'
      : `verified ${durationText(nowMs - live.verifiedAtMs)} ago`;
  const handing = live.state === 'handing-over' ? `, ${paint.yellow('handing over')}` : '';
  const addresses = Object.entries(live.addresses).map(
    ([protocol, address]) => `${protocol.toUpperCase().padEnd(5)}  ${address}`,
  );
  return [`Live   ${who}${handing}`, `       ${since}, ${verified}`, ...addresses];
}

function nodeLines({ status, paint }: StatusPage): string[] {
  if (status.nodes.length === 0) {
    return ['No node has used this store yet.'];
  }
  const head = ['node', 'role', 'host', 'pid', 'stomp', 'lag', 'age', ''].map((text) =>
    paint.dim(text),
  );
  const rows = status.nodes.map((node) => [
    node.name,
    paintRole(paint, roleOf(node)),
    node.host,
    String(node.pid),
    node.addresses.stomp ?? '-',
    node.role === 'live' ? '-' : bytesText(node.lagBytes),
    durationText(node.ageMs),
    node.detail,
  ]);
  return tableLines(head, rows);
}

export function paintRole(paint: Paint, role: string): string {
  switch (role) {
    case 'live':
      return paint.green(role);
    case 'backup':
      return paint.cyan(role);
    case 'fenced':
    case 'stopped':
      return paint.red(role);
    default:
      return paint.yellow(role);
  }
}
