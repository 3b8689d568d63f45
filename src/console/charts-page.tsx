/** Rates, depth and times of the live node in the last ten minutes. */

import { Chart } from './chart.js';
import { count } from './format.js';
import { history } from './node-watch.js';
import { useValue } from './observable.js';

const short = (value: number): string =>
  value > 0 && value < 10 ? value.toFixed(2).replace(/\.?0+$/, '') : count(Math.round(value));
const perSecond = (value: number): string => `${short(value)}/s`;
const milliseconds = (value: number): string => `${short(value)} ms`;

export function ChartsPage() {
  const samples = useValue(history.samples);
  if (samples.length === 0)
    return <p class="empty">Nothing was measured yet; the live node is asked each second.</p>;
  const times = samples.map(({ at }) => at);
  const line = (
    label: string,
    colour: number,
    key: Exclude<keyof (typeof samples)[number], 'at'>,
  ) => ({
    label,
    colour: `--line-${colour}`,
    values: samples.map((sample) => sample[key]),
  });
  return (
    <>
      <h1>Charts</h1>
      <p class="faint">Of the live node, since this page was opened, for ten minutes at most.</p>
      <div class="charts">
        <Chart
          title="Messages in and out"
          times={times}
          format={perSecond}
          lines={[
            line('sent', 1, 'sent'),
            line('delivered', 2, 'delivered'),
            line('acknowledged', 3, 'acknowledged'),
          ]}
        />
        <Chart
          title="Depth"
          times={times}
          format={(value) => count(Math.round(value))}
          lines={[line('messages', 1, 'messages')]}
        />
        <Chart
          title="Confirmation time"
          times={times}
          format={milliseconds}
          lines={[line('median', 1, 'confirmMedianMs'), line('99 %', 4, 'confirm99Ms')]}
        />
        <Chart
          title="Dead letters"
          times={times}
          format={perSecond}
          lines={[line('dead-lettered', 4, 'deadLettered')]}
        />
      </div>
    </>
  );
}
