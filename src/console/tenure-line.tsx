/** Who was live when, and how each tenure ended: drawn to scale, and as a table. */

import type { TenureView } from '../node/administration.js';
import { duration, fullMoment, moment } from './format.js';
import { SortedTable } from './sorted-table.js';

const MOST_DRAWN = 12;
/** So that a short one is seen at all. */
const LEAST_WIDTH_PERCENT = 0.8;
const COLOURS = 5;

const ENDS: { readonly [end: string]: string } = {
  'handed-over': 'handed over',
  stopped: 'stopped',
  lost: 'lost: killed, cut off, hung or failed',
};

export function TenureLine({
  tenures,
  isSomebodyLive,
}: {
  readonly tenures: readonly TenureView[];
  readonly isSomebodyLive: boolean;
}) {
  const nodes = [...new Set(tenures.map(({ node }) => node ?? 'unknown'))].toSorted();
  return (
    <>
      <Drawing tenures={tenures.slice(0, MOST_DRAWN)} nodes={nodes} />
      <SortedTable
        label="Tenures, the newest first"
        rows={tenures}
        keyOf={({ epoch }) => epoch}
        empty="Nobody has been live yet."
        columns={[
          { title: 'Epoch', show: ({ epoch }) => epoch },
          { title: 'Node', show: ({ node }) => <b>{node ?? 'unknown'}</b> },
          { title: 'From', show: ({ fromMs }) => timeOf(fromMs) },
          {
            title: 'To',
            show: ({ toMs, ended }) =>
              toMs === null && ended === null && isSomebodyLive ? 'now' : timeOf(toMs),
          },
          { title: 'For', show: (tenure) => lengthOf(tenure) },
          { title: 'Ended', show: ({ ended }) => endOf(ended) },
        ]}
      />
    </>
  );
}

function Drawing({
  tenures,
  nodes,
}: {
  readonly tenures: readonly TenureView[];
  readonly nodes: readonly string[];
}) {
  const known = tenures.filter(({ fromMs }) => fromMs !== null);
  const first = Math.min(...known.map(({ fromMs }) => fromMs ?? 0));
  const now = Date.now();
  const span = Math.max(1, now - first);
  if (known.length === 0) return null;
  return (
    <div class="tenures" aria-hidden="true">
      {nodes.map((node, row) => (
        <div class="tenure-row" key={node}>
          <span class="tenure-node">{node}</span>
          <div class="tenure-track">
            {known
              .filter((tenure) => (tenure.node ?? 'unknown') === node)
              .map(({ epoch, fromMs, toMs, ended }) => {
                const left = (((fromMs ?? first) - first) / span) * 100;
                const width = (((toMs ?? now) - (fromMs ?? first)) / span) * 100;
                return (
                  <span
                    key={epoch}
                    class={`tenure colour-${row % COLOURS} ${ended === 'lost' ? 'lost' : ''}`}
                    style={{
                      left: `${left}%`,
                      width: `max(${LEAST_WIDTH_PERCENT}%, ${width}% - 2px)`,
                    }}
                    title={`Epoch ${epoch}: ${node}`}
                  >
                    {width > 6 ? epoch : ''}
                  </span>
                );
              })}
          </div>
        </div>
      ))}
      <div class="tenure-row faint">
        <span class="tenure-node" />
        <div class="tenure-scale">
          <span>{moment(first)}</span>
          <span>now</span>
        </div>
      </div>
    </div>
  );
}

function timeOf(ms: number | null) {
  return ms === null ? 'not known' : <time dateTime={fullMoment(ms)}>{moment(ms)}</time>;
}

function lengthOf({ fromMs, toMs }: TenureView): string {
  return fromMs === null ? '' : duration((toMs ?? Date.now()) - fromMs);
}

function endOf(ended: TenureView['ended']): string {
  return ended === null ? '' : (ENDS[ended] ?? ended);
}
