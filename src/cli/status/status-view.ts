/** What `holdfast status` prints: the JSON that scripts read, and the page for people. Pure. */

import type { NodeReport } from '../../node/node-report.js';
import type { Addresses } from '../../store/documents.js';
import type { NodeStatus, StoreStatus } from '../../store/store-status.js';
import { bytesText, dateText, durationText, type Paint, tableLines, wrapText } from '../text.js';
import type { Situation, SituationName } from './situation.js';
import { isReady, roleOf, servingLive } from './status-rules.js';

/** Part of the command's contract: keys may be added, and none changes or goes. */
export interface StatusJson {
  /** The name of the first of `situations`. */
  readonly state: SituationName;
  /** Worst first; each has a page in docs/runbook.md. */
  readonly situations: readonly Situation[];
  /** Addresses that `--node` named and where no node answers. */
  readonly unanswered: readonly string[];
  /** False: what follows is empty, because this host could not read the store. */
  readonly storeAnswers: boolean;
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

export function statusJson(
  status: StoreStatus | null,
  situations: readonly [Situation, ...Situation[]],
  unanswered: readonly string[] = [],
): StatusJson {
  return {
    state: situations[0].name,
    situations,
    unanswered,
    storeAnswers: status !== null,
    ...storeJson(status ?? NOTHING_READ),
  };
}

const NOTHING_READ: StoreStatus = { storeId: null, live: null, lastLive: null, nodes: [] };

function storeJson(status: StoreStatus): Pick<StatusJson, 'storeId' | 'live' | 'nodes'> {
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
  /** Null when this host could not read the store. */
  readonly status: StoreStatus | null;
  /** Of the nodes that could be asked. */
  readonly reports: readonly NodeReport[];
  readonly situations: readonly Situation[];
  /** Addresses that were named and where no node answers. */
  readonly unanswered: readonly string[];
  readonly nowMs: number;
  readonly paint: Paint;
  /** What a sentence may take of a line: nothing of what to do is cut off by a narrow terminal. */
  readonly columns: number;
}

export function statusLines(page: StatusPage): string[] {
  const { status, reports, paint, nowMs } = page;
  const situations = [
    ...page.unanswered.map((address) => paint.yellow(`No node answers at ${address}.`)),
    ...page.situations.flatMap((situation) => situationLines(situation, page)),
  ];
  if (status === null) {
    const head = `Store  ${page.store}  ${paint.red('cannot be read')}`;
    return [head, '', ...reportLines(reports, nowMs, paint), ...situations];
  }
  const head = `Store  ${page.store}  ${paint.dim(status.storeId ?? 'not initialised yet')}`;
  return [
    ...[head, ...liveLines(status, nowMs, paint), ''],
    ...nodeLines(status, paint),
    ...situations,
  ];
}

function situationLines(
  { name, sentence, advice }: Situation,
  { paint, columns }: Pick<StatusPage, 'paint' | 'columns'>,
): string[] {
  if (name === 'well') return wrapText(sentence, columns).map(paint.green);
  const colour = name === 'taking-over' || name === 'handing-over' ? paint.yellow : paint.red;
  return [
    ...wrapText(sentence, columns).map(colour),
    ...(advice === '' ? [] : wrapText(advice, columns, '  ')),
    paint.dim(`  docs/runbook.md#${name}`),
  ];
}

/** What nodes say of themselves, when the store says nothing. */
function reportLines(reports: readonly NodeReport[], nowMs: number, paint: Paint): string[] {
  if (reports.length === 0) return [];
  const head = ['node', 'role', 'host', 'pid', 'stomp', 'since', ''].map((text) => paint.dim(text));
  const rows = reports.map((report) => [
    report.node,
    paintRole(paint, report.role),
    report.host,
    String(report.pid),
    report.addresses.stomp ?? '-',
    durationText(nowMs - report.sinceMs),
    report.storeSilence === null
      ? ''
      : `${report.storeSilence.call} for ${durationText(report.storeSilence.silentMs)}`,
  ]);
  return [...tableLines(head, rows), ''];
}

function liveLines(status: StoreStatus, nowMs: number, paint: Paint): string[] {
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
  const names = Object.keys(live.addresses);
  const width = Math.max(...[...names, 'Store'].map(({ length }) => length));
  const addresses = Object.entries(live.addresses).map(
    ([protocol, address]) => `${protocol.toUpperCase().padEnd(width)}  ${address}`,
  );
  return [`Live   ${who}${handing}`, `       ${since}, ${verified}`, ...addresses];
}

function nodeLines(status: StoreStatus, paint: Paint): string[] {
  if (status.nodes.length === 0) return [];
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
  return [...tableLines(head, rows), ''];
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
