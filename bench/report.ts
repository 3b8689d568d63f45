/** Tables for people and JSON for programs. */

import { cpus } from 'node:os';
import { paintFor, tableLines } from '../src/cli/text.js';
import { findFault, type Measurement, type Scenario } from './scenario.js';

/** What else the machine did, so that a reader can judge the figures. */
export interface Circumstances {
  /** Of one minute, just before the scenario began. */
  readonly loadAverageBefore: number;
}

export function reportText(
  scenario: Scenario,
  measurements: readonly Measurement[],
  circumstances: Circumstances,
): string {
  const paint = paintFor(process.stdout);
  const labels = measurements[0]?.figures.map(({ label }) => label) ?? [];
  const rows = measurements.map(({ name, figures }) => [
    name,
    ...figures.map(({ value, digits }) => numberText(value, digits)),
  ]);
  const lines = [paint.bold(scenario.name), ...tableLines(['', ...labels], rows)];
  for (const { name, ledger } of measurements) {
    if (ledger === null) continue;
    const { confirmed, received, duplicates, lost, invented, disordered } = ledger;
    const counts = Object.entries({ confirmed, received, duplicates, lost, invented, disordered })
      .map(([what, count]) => `${numberText(count, 0)} ${what}`)
      .join(', ');
    const fault = findFault(ledger);
    lines.push(fault === null ? `${name}: ${counts}` : paint.red(`${name}: ${counts}: ${fault}`));
  }
  lines.push(paint.dim(`target: ${scenario.target}`));
  const load = numberText(circumstances.loadAverageBefore, 2);
  lines.push(paint.dim(`load average of the machine before: ${load}`));
  return `${lines.join('\n')}\n\n`;
}

/** What `one` measured as parts of what `other` did, figure by figure. */
export function ratioBetween(one: Measurement, other: Measurement): Measurement {
  const figures = one.figures.map((each, index) => {
    const value = each.value / (other.figures[index]?.value ?? Number.NaN);
    return { ...each, value, digits: 2 };
  });
  return { name: `${one.name} / ${other.name}`, figures, ledger: null };
}

/** What `--json` prints for a scenario, on one line. */
export interface ReportDocument extends Circumstances {
  readonly scenario: string;
  readonly finishedAt: string;
  readonly node: string;
  readonly processors: number;
  /** With the figures by their keys. */
  readonly measurements: readonly ({
    readonly name: string;
    readonly ledger: Measurement['ledger'];
  } & { readonly [key: string]: unknown })[];
}

export function reportJson(
  scenario: Scenario,
  measurements: readonly Measurement[],
  circumstances: Circumstances,
): string {
  const document: ReportDocument = {
    scenario: scenario.name,
    finishedAt: new Date().toISOString(),
    node: process.version,
    processors: cpus().length,
    ...circumstances,
    measurements: measurements.map(({ name, figures, ledger }) => ({
      name,
      ...Object.fromEntries(figures.map(({ key, value }) => [key, value])),
      ledger,
    })),
  };
  return `${JSON.stringify(document)}\n`;
}

export function numberText(value: number, digits: number): string {
  // A ratio of nothing to nothing.
  if (Number.isNaN(value)) return '';
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
