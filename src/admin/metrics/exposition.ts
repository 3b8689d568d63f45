/**
 * The text that Prometheus reads: exposition format 0.0.4, or OpenMetrics 1.0 for those who ask for it.
 * All samples of a metric stand together.
 */

import type { Histogram } from '../../platform/histogram.js';

export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const CONTENT_TYPE: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

export interface Metric {
  /** With its unit, and `_total` at the end of a counter. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Labels as they are written, or none. */
export type Sample = readonly [labels: string, value: number];

export class Exposition {
  readonly #format: ExpositionFormat;
  #text = '';

  constructor(format: ExpositionFormat) {
    this.#format = format;
  }

  /** A metric that has no value now is left out. */
  one(metric: Metric, value: number | null): void {
    if (value !== null) this.many(metric, [['', value]]);
  }

  many(metric: Metric, samples: Iterable<Sample>): void {
    this.#begin(metric);
    const { name } = metric;
    for (const [labels, value] of samples) this.#text += `${name}${labels} ${numberText(value)}\n`;
  }

  histogram(metric: Metric, { bounds, counts, count, sumSeconds }: Histogram): void {
    this.#begin(metric);
    const { name } = metric;
    let upTo = 0;
    for (const [step, bound] of bounds.entries()) {
      upTo += counts[step] as number;
      this.#text += `${name}_bucket{le="${bound}"} ${upTo}\n`;
    }
    this.#text += `${name}_bucket{le="+Inf"} ${count}\n`;
    this.#text += `${name}_sum ${sumSeconds}\n${name}_count ${count}\n`;
  }

  end(): string {
    return this.#format === 'openmetrics' ? `${this.#text}# EOF\n` : this.#text;
  }

  /** OpenMetrics calls a counter by its name without the suffix of its samples. */
  #begin({ name, type, help }: Metric): void {
    const isShort = this.#format === 'openmetrics' && type === 'counter';
    const family = isShort ? name.replace(/_total$/, '') : name;
    this.#text += `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`;
  }
}

/** `{queue="orders"}`. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return String(value);
}
