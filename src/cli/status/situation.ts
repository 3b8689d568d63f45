/**
 * Which of the known situations a store is in, worst first, and what to do about each: for the
 * operator who was woken by an alarm. docs/runbook.md has a page for every one of them. Pure.
 */

import type { NodeReport } from '../../node/node-report.js';
import type { Role } from '../../ownership/role.js';
import type { NodeStatus, StoreStatus } from '../../store/store-status.js';
import { bytesText, durationText } from '../text.js';
import { isReady, roleOf, servingLive } from './status-rules.js';
import type { StoreLook } from './store-process.js';

/** Every situation, worst first: the headings of docs/runbook.md. */
export const SITUATIONS = [
  'store-silent-everywhere',
  'store-silent-here',
  'live-stalled',
  'nobody-live-no-node-runs',
  'nobody-live-lock-held',
  'live-unreachable',
  'producers-held',
  'taking-over',
  'handing-over',
  'backup-cut-off',
  'no-backup',
  'backup-behind',
  'new-store',
  'well',
] as const;
export type SituationName = (typeof SITUATIONS)[number];

export interface Situation {
  readonly name: SituationName;
  /** What is the case. */
  readonly sentence: string;
  /** What to do; empty when there is nothing to do. */
  readonly advice: string;
}

/** What one look at the store and at the nodes themselves brought. */
export type Sight = StoreLook & {
  /** Of the nodes that could be asked. */
  readonly reports: readonly NodeReport[];
  /** Addresses of the live node that took no connection from this host. */
  readonly unreachable: readonly string[];
  readonly nowMs: number;
};

/** At least one; the worst comes first. */
export function findSituations(sight: Sight): [Situation, ...Situation[]] {
  const found = [
    ...storeSilence(sight),
    ...(sight.status === null ? [] : ofTheStore(sight, sight.status)),
    ...ofTheReports(sight),
  ];
  const rank = ({ name }: Situation): number => SITUATIONS.indexOf(name);
  const [worst, ...others] = found.sort((a, b) => rank(a) - rank(b));
  if (worst === undefined) throw new Error('a store is always in some situation');
  return [worst, ...others];
}

/** A node that serves clients and can confirm, by its own word. */
export function confirmingReport(reports: readonly NodeReport[]): NodeReport | null {
  return reports.find(({ role, confirms }) => role === 'live' && confirms) ?? null;
}

function storeSilence({ status, trouble, reports }: Sight): Situation[] {
  if (status !== null) return [];
  const silent = `The store ${trouble}`;
  const confirming = confirmingReport(reports);
  if (confirming !== null) {
    return [
      {
        name: 'store-silent-here',
        sentence: `${silent}, but ${confirming.node} on ${confirming.host} is live and confirms.`,
        advice:
          "Clients are served. Look at this host's mount, and at its network to the file server.",
      },
    ];
  }
  return [
    {
      name: 'store-silent-everywhere',
      sentence: `${silent}, and no node that was asked confirms anything.`,
      advice:
        reports.length === 0
          ? 'No node could be asked: run this on the host of a node, or name one with --node HOST:PORT. Look at the file server and the network to it.'
          : 'Look at the file server and the network to it. Nodes go on, or come back as backups, by themselves when it answers.',
    },
  ];
}

function ofTheStore(sight: Sight, status: StoreStatus): Situation[] {
  if (status.nodes.length === 0 && status.lastLive === null) {
    return [
      {
        name: 'new-store',
        sentence: 'No node has used this store yet.',
        advice:
          'Is this the right directory, and is it mounted here (findmnt --target DIR)? Then start a node: holdfast start --store DIR',
      },
    ];
  }
  return servingLive(status) === null ? withoutLive(sight, status) : withLive(sight, status);
}

function withoutLive({ nowMs }: Sight, status: StoreStatus): Situation[] {
  const running = status.nodes.filter((node) => node.running !== 'no');
  const successor = running.find(({ role }) => role === 'taking-over');
  if (successor !== undefined) {
    return [
      {
        name: 'taking-over',
        sentence: `${successor.name} is taking over since ${durationText(nowMs - successor.sinceMs)}.`,
        advice:
          'Wait some seconds. Longer than a minute: look at its log; the file server may be slow, or still waits for the host that was live.',
      },
    ];
  }
  const last = status.lastLive;
  const before =
    last === null ? '' : ` The last one was ${last.node} on ${last.host}, epoch ${last.epoch}.`;
  if (running.length === 0) {
    return [
      {
        name: 'nobody-live-no-node-runs',
        sentence: `Nobody is live, and no node runs.${before}${lastWords(status.nodes)}`,
        advice:
          'Start a node: systemctl start holdfast, or holdfast start --store DIR. Its log says what keeps it out.',
      },
    ];
  }
  const names = running.map(({ name }) => name).join(', ');
  return [
    {
      name: 'nobody-live-lock-held',
      sentence: `Nobody is live, and ${names} cannot get the lock: the file server still gives it to somebody else.${before}`,
      advice:
        "If that host is down, the server frees the lock when its lease ends (10 s as recommended, 90 s by default, never with NFSv3); /proc/fs/nfsd/clients/*/states on the server names the holder. If that host runs, a process there is stuck: kill it, or cut the host's power.",
    },
  ];
}

/** What nodes that ended had to say, for nothing else tells it. */
function lastWords(nodes: readonly NodeStatus[]): string {
  return nodes
    .filter(({ detail }) => detail !== '' && detail !== 'stopped')
    .map(({ name, detail }) => ` ${name} said: ${detail}`)
    .join('');
}

function withLive({ unreachable, nowMs }: Sight, status: StoreStatus): Situation[] {
  const live = servingLive(status);
  if (live === null) return [];
  const found: Situation[] = backups(status, live.node);
  if (live.state === 'handing-over') {
    found.push({
      name: 'handing-over',
      sentence: `${live.node} is handing over to ${live.successor ?? 'another node'}.`,
      advice: 'Wait some seconds.',
    });
  }
  if (unreachable.length > 0) {
    found.push({
      name: 'live-unreachable',
      sentence: `${live.node} is live and uses the store (${durationText(nowMs - live.verifiedAtMs)} ago), but takes no connection from this host at ${unreachable.join(', ')}.`,
      advice: `Look at the network and the firewall between this host and ${live.host}. Clients that reach a backup are passed on by it; holdfast handover moves the live role.`,
    });
  }
  return found;
}

function backups(status: StoreStatus, live: string): Situation[] {
  const others = status.nodes.filter(({ name }) => name !== live);
  const running = others.filter(({ running }) => running !== 'no');
  const ready = running.find(isReady);
  if (ready !== undefined) {
    return [
      {
        name: 'well',
        sentence: `${live} is live, and ${ready.name} could take over now.`,
        advice: '',
      },
    ];
  }
  const [behind] = running;
  if (behind !== undefined) {
    return [
      {
        name: 'backup-behind',
        sentence: `${live} is live; ${behind.name} (${roleOf(behind)}) has ${bytesText(behind.lagBytes)} to read before it could take over.`,
        advice: 'Wait. If it does not get less: look at its log, its mount and its processor.',
      },
    ];
  }
  const names = others.map(({ name, host }) => `${name} on ${host}`).join(', ');
  return [
    {
      name: 'no-backup',
      sentence: `${live} is live, and no backup runs.${lastWords(others)}`,
      advice:
        names === ''
          ? 'Start a second node on another host; docs/two-hosts.md shows how.'
          : `Start one again (${names}); its log says what keeps it out.`,
    },
  ];
}

const SERVING_ROLES: readonly Role[] = ['live', 'handing-over'];
const WAITING_ROLES: readonly Role[] = ['joining', 'backup', 'taking-over'];

function ofTheReports({ reports }: Sight): Situation[] {
  return reports.flatMap((report): Situation[] => {
    const { node, host, role, confirms, storeSilence, producersHeld } = report;
    const found: Situation[] = [];
    if (SERVING_ROLES.includes(role) && !confirms) {
      const why =
        storeSilence === null
          ? `its ownership was verified ${durationText(report.verifiedAgoMs ?? 0)} ago`
          : `the store has not answered it for ${durationText(storeSilence.silentMs)} (${storeSilence.call})`;
      const limit = report.storeSilence?.limitMs;
      found.push({
        name: 'live-stalled',
        sentence: `${node} on ${host} is ${role} and confirms nothing: ${why}.`,
        advice: `Look at the file server and the network to it. It goes on when the store answers${limit === undefined ? '' : `, and ends after ${durationText(limit)} (ownership.storeStallLimitMs), so that a backup may take over`}.`,
      });
    } else if (WAITING_ROLES.includes(role) && storeSilence !== null) {
      found.push({
        name: 'backup-cut-off',
        sentence: `${node} on ${host} is ${role}, and the store has not answered it for ${durationText(storeSilence.silentMs)} (${storeSilence.call}).`,
        advice:
          'Look at the mount of that host and its network to the file server: it could not take over now.',
      });
    }
    if (producersHeld !== null) {
      found.push({
        name: 'producers-held',
        sentence: `${node} holds producers back: ${producersHeld}.`,
        advice:
          'Make room on the file system of the store, or let consumers catch up; producers go on by themselves.',
      });
    }
    return found;
  });
}
