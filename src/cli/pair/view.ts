/** What `holdfast pair` shows: the table, and the news that appears above it. Pure. */

import { paintRole } from '../status/status-view.js';
import { bytesText, clockText, durationText, type Paint, tableLines } from '../text.js';
import type { NodeEnd } from './node-process.js';

export interface PairNode {
  readonly name: string;
  readonly role: string;
  /** Null while the process is not running. */
  readonly pid: number | null;
  readonly address: string;
  /** Of its console; null before it has told. */
  readonly consoleUrl: string | null;
  /** Null unless it follows a live node. */
  readonly lagBytes: number | null;
}

export interface PairLive {
  readonly name: string;
  readonly epoch: number;
  readonly sinceMs: number;
}

export interface PairView {
  readonly store: string;
  readonly live: PairLive | null;
  readonly nodes: readonly PairNode[];
  readonly nowMs: number;
  /** How a user calls this program, with the options that reach this pair: `holdfast send`. */
  readonly sendCommand: string;
  readonly receiveCommand: string;
}

export function pairLines(view: PairView, paint: Paint): string[] {
  const { live, nodes } = view;
  const head = ['node', 'role', 'epoch', 'stomp', 'pid', 'lag'].map((text) => paint.dim(text));
  const rows = nodes.map((node) => [
    node.name,
    paintRole(paint, node.role),
    live?.name === node.name ? String(live.epoch) : '-',
    node.address,
    node.pid === null ? '-' : String(node.pid),
    node.lagBytes === null ? '-' : bytesText(node.lagBytes),
  ]);
  return [
    '',
    `${liveSentence(view, paint)}  ${paint.dim(view.store)}`,
    '',
    ...tableLines(head, rows),
    '',
    ...invitation(view, paint),
    paint.dim('Ctrl-C ends both nodes.'),
  ];
}

/** The lines that a newcomer can type next. */
export function invitation(view: PairView, paint: Paint): string[] {
  const live = view.nodes.find((node) => node.name === view.live?.name);
  const pid = live?.pid ?? null;
  const kill = pid === null ? '' : `Try it: ${paint.bold(`kill -9 ${pid}`)}`;
  const page = live?.consoleUrl ?? null;
  return [
    kill,
    ...(page === null ? [] : [`        ${page} in a browser`]),
    `        ${view.sendCommand} /queue/orders "hello"`,
    `        ${view.receiveCommand} /queue/orders`,
  ];
}

function liveSentence({ live, nowMs }: PairView, paint: Paint): string {
  if (live === null) {
    return paint.red(paint.bold('Nobody is live.'));
  }
  const seconds = Math.max(0, Math.floor((nowMs - live.sinceMs) / 1_000));
  const age = seconds < 120 ? `${seconds} s` : durationText(nowMs - live.sinceMs);
  const since = `since ${clockText(live.sinceMs).slice(0, 8)} (${age})`;
  return `${paint.green(paint.bold(live.name))} is live ${since}, epoch ${live.epoch}.`;
}

/** One line of news with its time. */
export function newsLine(wallMs: number, sentence: string, paint: Paint): string {
  return `${paint.dim(clockText(wallMs))}  ${sentence}`;
}

export function endSentence(end: NodeEnd): string {
  const how = end.signal === null ? `ended with code ${end.code}` : `was ended by ${end.signal}`;
  const why = end.reason === '' ? '' : ` (${end.reason.replace(/\.$/, '')})`;
  return `${end.name} ${how}${why}; it starts again in ${durationText(end.restartInMs)}.`;
}

interface LiveChange {
  readonly before: PairLive | null;
  readonly after: PairLive;
  /** When the process of the node before ended, or null when it still runs. */
  readonly endedAtMs: number | null;
}

export function liveSentenceAfter({ before, after, endedAtMs }: LiveChange, paint: Paint): string {
  const who = paint.green(paint.bold(`${after.name} is live in epoch ${after.epoch}`));
  if (before === null || before.name === after.name) {
    return `${who}.`;
  }
  if (endedAtMs === null) {
    return `${who}, handed over by ${before.name}.`;
  }
  const took = durationText(Math.max(0, after.sinceMs - endedAtMs));
  return `${who}, ${paint.bold(took)} after ${before.name} was gone.`;
}
