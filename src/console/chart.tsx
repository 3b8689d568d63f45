/** A chart over time, drawn by uPlot in the colours of the page. */

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useValue } from './observable.js';
import { isSystemDark, theme } from './theme.js';

interface Line {
  readonly label: string;
  /** The name of a colour of the page: `--line-1`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

const HEIGHT = 190;
/** Shorter ones look as if something were happening. */
const LEAST_SECONDS = 60;

export function Chart({ title, times, lines, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const look = useValue(theme);
  const isDark = useValue(isSystemDark);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const drawn = new uPlot(optionsOf(element, lines, format), dataOf(times, lines), element);
    plot.current = drawn;
    const resized = new ResizeObserver(() =>
      drawn.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resized.observe(element);
    return () => {
      resized.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [look, isDark]);
  useEffect(() => plot.current?.setData(dataOf(times, lines)), [times]);
  const last = lines.map(({ label, values }) => {
    const value = values.at(-1);
    return `${label} ${value == null ? 'nothing' : format(value)}`;
  });
  return (
    <figure class="card chart">
      <figcaption>
        {title}
        <span class="legend">
          {lines.map(({ label, colour, values }) => {
            const value = values.at(-1);
            return (
              <span key={label}>
                <i style={{ background: `var(${colour})` }} /> {label}{' '}
                <b>{value == null ? '–' : format(value)}</b>
              </span>
            );
          })}
        </span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}, now: ${last.join(', ')}`} />
    </figure>
  );
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [times, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
}

function optionsOf(
  element: HTMLElement,
  lines: readonly Line[],
  format: (value: number) => string,
): uPlot.Options {
  const [text, grid] = [colourOf(element, '--faint'), colourOf(element, '--border')];
  const axis = {
    stroke: text,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1 },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: {
        // Not what uPlot offers: of a single sample it makes a whole day.
        range: (plot) => {
          const times = plot.data[0];
          const last = times.at(-1) ?? 0;
          return [Math.min(times[0] ?? 0, last - LEAST_SECONDS), last];
        },
      },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, size: 30, values: (_, splits) => splits.map((at) => clock(at)) },
      { ...axis, size: 64, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ label, colour }) => ({
        label,
        stroke: colourOf(element, colour),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

function clock(seconds: number): string {
  return new Date(seconds * 1_000).toTimeString().slice(0, 8);
}

/** A canvas knows no variables. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = element.appendChild(document.createElement('i'));
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
