/** One page of `holdfast top`, made of two looks at the broker. */

import type { BrokerTotals, QueueFacts } from '../../broker/facts.js';
import type { NodeReport } from '../../node/node-report.js';
import {
  bytesText,
  durationText,
  knownNumber,
  type Paint,
  plainLine,
  tableLines,
} from '../text.js';

/** What was asked at one moment. */
export interface TopLook {
  /** Of a clock that never jumps. */
  readonly atMs: number;
  readonly wallMs: number;
  readonly node: NodeReport;
  readonly totals: BrokerTotals;
  readonly queues: readonly QueueFacts[];
}

export const TOP_ORDERS = ['depth', 'in', 'out', 'name'] as const;
type TopOrder = (typeof TOP_ORDERS)[number];

export interface TopPage {
  readonly order: TopOrder;
  /** Queues that fit. */
  readonly rows: number;
  readonly paint: Paint;
}

interface QueueRow {
  readonly queue: QueueFacts;
  /** Per second; null at the first look. */
  readonly inRate: number | null;
  readonly outRate: number | null;
}

/** `before` is of the same tenure, or null: rates are counted from the one to the other. */
export function topLines(before: TopLook | null, now: TopLook, page: TopPage): string[] {
  const earlier = before !== null && isSameTenure(before, now) ? before : null;
  const known = new Map(earlier?.queues.map((queue) => [queue.name, queue]));
  const rate = rateOver(earlier, now);
  const rows = now.queues.map((queue): QueueRow => {
    const { counts } = queue;
    if (counts === null) return { queue, inRate: null, outRate: null };
    const old = known.get(queue.name)?.counts;
    return {
      queue,
      inRate: rate(old?.arrived, counts.arrived),
      outRate: rate(old?.acknowledged, counts.acknowledged),
    };
  });
  const shown = rows.toSorted(COMPARE[page.order]).slice(0, page.rows);
  const hidden = rows.length - shown.length;
  return [
    ...nodeLines(now, page.paint),
    totalsLine(earlier, now),
    '',
    ...(rows.length === 0 ? ['There are no queues.'] : queueTable(shown, now.wallMs)),
    ...(hidden === 0 ? [] : [`and ${hidden} more`]),
  ];
}

function isSameTenure(before: TopLook, now: TopLook): boolean {
  return before.node.node === now.node.node && before.node.epoch === now.node.epoch;
}

function rateOver(before: TopLook | null, now: TopLook) {
  return (old: number | undefined, value: number): number | null => {
    if (before === null) return null;
    // A queue that was not there before began at nothing.
    return ((value - (old ?? 0)) * 1_000) / Math.max(1, now.atMs - before.atMs);
  };
}

const COMPARE: { readonly [order in TopOrder]: (one: QueueRow, other: QueueRow) => number } = {
  depth: (one, other) => other.queue.messages - one.queue.messages || byName(one, other),
  in: (one, other) => (other.inRate ?? 0) - (one.inRate ?? 0) || byName(one, other),
  out: (one, other) => (other.outRate ?? 0) - (one.outRate ?? 0) || byName(one, other),
  name: byName,
};

function byName(one: QueueRow, other: QueueRow): number {
  return one.queue.name < other.queue.name ? -1 : 1;
}

function nodeLines({ node, wallMs }: TopLook, paint: Paint): string[] {
  const { live } = node;
  const since = durationText(wallMs - node.sinceMs);
  const states = [
    ...(node.storeSilence === null ? [] : [paint.red('the store does not answer')]),
    ...(node.producersHeld === null ? [] : [paint.yellow('producers are held back')]),
  ];
  const state = states.length === 0 ? '' : `: ${states.join(', ')}`;
  const first =
    node.role === 'live'
      ? `${paint.green(node.node)} is live for ${since}, epoch ${node.epoch}${state}`
      : `${paint.yellow(node.node)} is ${node.role}, ${live === null ? 'nobody is live' : `${live.node} is live`}`;
  const others = node.peers.map(({ name, role, ready, running, lagBytes }) => {
    if (!running) return `${paint.red(name)} does not run`;
    if (role !== 'backup') return `${name} is ${role}`;
    return ready
      ? `${name} could take over now`
      : `${paint.yellow(name)} is ${bytesText(lagBytes)} behind`;
  });
  return [first, others.length === 0 ? paint.red('There is no backup.') : others.join(', ')];
}

function totalsLine(before: TopLook | null, now: TopLook): string {
  const rate = rateOver(before, now);
  const { totals, node } = now;
  return [
    `in ${rateText(rate(before?.totals.sent, totals.sent))}`,
    `out ${rateText(rate(before?.totals.acknowledged, totals.acknowledged))}`,
    `${totals.messages} messages`,
    bytesText(totals.bytes),
    `${node.connections} connections`,
  ].join('   ');
}

function rateText(perSecond: number | null): string {
  return perSecond === null ? '-' : `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`;
}

function queueTable(rows: readonly QueueRow[], wallMs: number): string[] {
  const head = [
    'Queue',
    'Messages',
    'Unacknowledged',
    'Consumers',
    'Size',
    'In',
    'Out',
    'Oldest',
    '',
  ];
  const cells = rows.map(({ queue, inRate, outRate }) => [
    plainLine(queue.name),
    String(queue.messages),
    knownNumber(queue.unacknowledged),
    knownNumber(queue.consumers),
    bytesText(queue.bytes),
    rateText(inRate),
    rateText(outRate),
    queue.oldestAtMs === null ? '' : durationText(wallMs - queue.oldestAtMs),
    queue.paused ? 'paused' : '',
  ]);
  return tableLines(head, cells);
}
