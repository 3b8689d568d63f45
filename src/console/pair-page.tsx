/** The pair at a glance: who is live, and whether another could take over now. */

import { useState } from 'preact/hooks';
import type { NodeReport } from '../node/node-report.js';
import { bytes, count, duration, fullMoment, moment } from './format.js';
import { HandoverDialog } from './handover-dialog.js';
import { history, news, tenures } from './node-watch.js';
import { useValue } from './observable.js';
import { couldTakeOver, type Peer } from './peers.js';
import { may } from './session.js';
import { TenureLine } from './tenure-line.js';

export function PairPage() {
  const { own, figures, silentSinceMs } = useValue(news);
  const past = useValue(tenures);
  const [isHandingOver, setHandingOver] = useState(false);
  if (own === null) return <p class="empty">Asking the node…</p>;
  // The live node knows how far its backups are; they themselves know less.
  const best = figures?.node ?? own;
  const { live } = best;
  const ready = best.peers.filter(couldTakeOver);
  return (
    <>
      <section
        class={`headline ${silentSinceMs === null ? headlineLook(best) : 'bad'}`}
        aria-label="Who is live"
      >
        <h1>{silentSinceMs === null ? headlineOf(best) : 'Who is live is not known'}</h1>
        <p>
          {silentSinceMs === null
            ? subline(best, ready)
            : `${own.node} does not answer; what follows is as it was at ${moment(silentSinceMs)}.`}
        </p>
        {live !== null && silentSinceMs === null && may('manage') && (
          <button type="button" onClick={() => setHandingOver(true)}>
            Hand over…
          </button>
        )}
      </section>
      <Warnings own={own} best={best} />
      <section class="nodes" aria-label="Nodes">
        <NodeCard node={selfCard(best)} />
        {best.peers.map((peer) => (
          <NodeCard key={peer.name} node={peerCard(peer)} />
        ))}
      </section>
      {figures !== null && <Totals />}
      {past !== null && (
        <section class="card">
          <h2>Tenures</h2>
          <TenureLine tenures={past} isSomebodyLive={live !== null} />
        </section>
      )}
      {isHandingOver && live !== null && (
        <HandoverDialog
          live={live.node}
          backups={best.peers}
          connections={best.connections}
          close={() => setHandingOver(false)}
        />
      )}
    </>
  );
}

function headlineOf({ live, role, node }: NodeReport): string {
  if (live?.state === 'live') return `${live.node} is live`;
  if (live?.state === 'handing-over') return `${live.node} is handing over`;
  if (role === 'taking-over') return `${node} is taking over`;
  return 'Nobody is live';
}

function headlineLook({ live, confirms, node }: NodeReport): string {
  if (live?.state !== 'live') return 'bad';
  return live.node === node && !confirms ? 'warn' : 'good';
}

function subline(best: NodeReport, ready: readonly Peer[]): string {
  const { live, node, sinceMs, epoch } = best;
  if (live === null)
    return 'Clients wait and connect again; a node takes over when it gets the lock.';
  const since =
    live.node === node ? ` since ${moment(sinceMs)} (${duration(Date.now() - sinceMs)})` : '';
  const others =
    live.node !== node
      ? ''
      : ready.length === 0
        ? ' No backup could take over now.'
        : ` ${ready.map(({ name }) => name).join(', ')} could take over now.`;
  return `Epoch ${live.node === node ? epoch : live.epoch}${since}.${others}`;
}

function Warnings({ own, best }: { readonly own: NodeReport; readonly best: NodeReport }) {
  const lines: string[] = [];
  const silence = best.storeSilence;
  if (silence !== null) {
    const { call, silentMs, limitMs } = silence;
    lines.push(
      `The store does not answer ${best.node}: ${call}, for ${duration(silentMs)}; past ${duration(limitMs)} a node that serves ends.`,
    );
  }
  if (best.producersHeld !== null) lines.push(`Producers are held back: ${best.producersHeld}`);
  if (best.role === 'live' && !best.confirms) {
    lines.push('Nothing is confirmed at this moment: ownership was not verified lately.');
  }
  if (own.node !== best.node && own.storeSilence !== null) {
    lines.push(`The store does not answer ${own.node} either.`);
  }
  if (lines.length === 0) return null;
  return (
    <section class="card warn" role="alert" aria-label="Warnings">
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </section>
  );
}

interface Card {
  readonly name: string;
  readonly host: string;
  readonly role: string;
  readonly isRunning: boolean;
  readonly addresses: NodeReport['addresses'];
  readonly facts: readonly (readonly [string, string, string?])[];
}

function selfCard(report: NodeReport): Card {
  const { node, host, role, detail, sinceMs, addresses, verifiedAgoMs, connections } = report;
  const isLive = verifiedAgoMs !== null;
  return {
    ...{ name: node, host, role, addresses, isRunning: true },
    facts: [
      ['Since', `${moment(sinceMs)}${detail === '' ? '' : `: ${detail}`}`, fullMoment(sinceMs)],
      ...(isLive
        ? [
            ['Ownership verified', `${duration(verifiedAgoMs)} ago`] as const,
            ['Producers', report.producersHeld === null ? 'not held' : 'held back'] as const,
          ]
        : []),
      ['Connections', count(connections)],
      ['Store', report.storeSilence === null ? 'answers' : 'does not answer'],
    ],
  };
}

function peerCard(peer: Peer): Card {
  const { name, host, role, detail, addresses, lagBytes, running } = peer;
  const isBackup = role === 'backup';
  return {
    ...{ name, host, role: running ? role : 'not running', addresses, isRunning: running },
    facts: [
      ...(isBackup && running
        ? [
            ['Could take over now', couldTakeOver(peer) ? 'yes' : 'no'] as const,
            ['Lag', lagBytes === 0 ? 'none' : bytes(lagBytes)] as const,
          ]
        : []),
      ...(running ? [] : [['Last known as', role] as const]),
      ...(detail === '' ? [] : [['Says', detail] as const]),
    ],
  };
}

/** Of the addresses that lead to a console. */
const SCHEMES: { readonly [protocol: string]: string } = { admin: 'http:', https: 'https:' };

function NodeCard({ node }: { readonly node: Card }) {
  const { name, host, role, isRunning, addresses, facts } = node;
  return (
    <article class={isRunning ? 'card' : 'card off'} aria-label={`Node ${name}`}>
      <h2>
        {name} <span class={`badge ${role.replaceAll(/\W/g, '-')}`}>{role}</span>
      </h2>
      <p class="faint">on {host}</p>
      <dl>
        {facts.map(([title, text, hint]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd title={hint}>{text}</dd>
          </div>
        ))}
        {Object.entries(addresses).map(([protocol, address]) => (
          <div key={protocol}>
            <dt>{protocol}</dt>
            <dd>
              {protocol in SCHEMES && address !== location.host ? (
                <a href={`${SCHEMES[protocol]}//${address}/console/`}>{address}</a>
              ) : (
                address
              )}
            </dd>
          </div>
        ))}
      </dl>
    </article>
  );
}

function Totals() {
  const { figures } = useValue(news);
  const samples = useValue(history.samples);
  if (figures === null) return null;
  const { totals } = figures;
  const last = samples.at(-1);
  const rate = (value: number | null | undefined): string =>
    value == null ? '–' : `${count(Math.round(value))}/s`;
  const tiles = [
    ['Messages', count(totals.messages), bytes(totals.bytes)],
    ['Queues', count(totals.queues), `${count(totals.deadLettered)} dead-lettered in this tenure`],
    ['Sent', rate(last?.sent), `${count(totals.sent)} in this tenure`],
    ['Acknowledged', rate(last?.acknowledged), `${count(totals.acknowledged)} in this tenure`],
  ] as const;
  return (
    <section class="tiles" aria-label="Totals">
      {tiles.map(([title, value, more]) => (
        <div class="card tile" key={title}>
          <span class="faint">{title}</span>
          <b>{value}</b>
          <span class="faint">{more}</span>
        </div>
      ))}
    </section>
  );
}
