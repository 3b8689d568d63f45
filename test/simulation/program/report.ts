/** What `npm run simulate` prints: progress, tables, and a failure so that it can be understood. */
import { tableLines } from '../../../src/cli/text.js';
import { describeFault } from '../faults/fault-plan.js';
import type { FaultCount, SeedResult } from '../seed-result.js';
import type { Shrunk } from '../shrink.js';

const BAR_COLUMNS = 30;
export const LAST_LINES = 60;

const number = (value: number): string => Math.round(value).toLocaleString('en');

/** Sums over all seeds that ran. */
export class Totals {
  seeds = 0;
  messages = 0;
  events = 0;
  virtualMs = 0;
  readonly failures: SeedResult[] = [];
  readonly #faults = new Map<string, FaultCount>();
  readonly #scenarios = new Map<string, { seeds: number; failures: number }>();

  add(result: SeedResult): void {
    this.seeds += 1;
    this.messages += result.messages;
    this.events += result.events;
    this.virtualMs += result.virtualMs;
    if (result.breach !== null) this.failures.push(result);
    for (const { kind, drawn, hit } of result.faults) {
      const sum = this.#faults.get(kind);
      this.#faults.set(kind, {
        kind,
        drawn: drawn + (sum?.drawn ?? 0),
        hit: hit + (sum?.hit ?? 0),
      });
    }
    const { seeds, failures } = this.#scenarios.get(result.scenario) ?? { seeds: 0, failures: 0 };
    this.#scenarios.set(result.scenario, {
      seeds: seeds + 1,
      failures: failures + (result.breach === null ? 0 : 1),
    });
  }

  lines(realMs: number): string[] {
    const perSecond = (this.seeds * 1_000) / realMs;
    const faults = [...this.#faults.values()].sort((a, b) => a.kind.localeCompare(b.kind));
    const scenarios = [...this.#scenarios].sort(([a], [b]) => a.localeCompare(b));
    return [
      ...tableLines(
        ['fault', 'drawn', 'hit'],
        faults.map(({ kind, drawn, hit }) => [kind, number(drawn), number(hit)]),
      ),
      '',
      ...tableLines(
        ['scenario', 'seeds', 'failures'],
        scenarios.map(([name, sum]) => [name, number(sum.seeds), number(sum.failures)]),
      ),
      '',
      `${number(this.seeds)} seeds in ${(realMs / 1_000).toFixed(1)} s (${perSecond.toFixed(1)} a second), ` +
        `${number(this.virtualMs / 1_000)} virtual seconds, ${number(this.messages)} messages, ` +
        `${number(this.events)} events, ${number(this.failures.length)} failures.`,
    ];
  }
}

/** `##########....................  1,000/3,000 seeds  101.3/s  20 s left`. */
export function progressText(done: number, total: number, elapsedMs: number): string {
  const filled = Math.floor((done / total) * BAR_COLUMNS);
  const bar = '#'.repeat(filled) + '.'.repeat(BAR_COLUMNS - filled);
  const perSecond = elapsedMs === 0 ? 0 : (done * 1_000) / elapsedMs;
  const left = perSecond === 0 ? '' : `  ${Math.ceil((total - done) / perSecond)} s left`;
  return `${bar}  ${number(done)}/${number(total)} seeds  ${perSecond.toFixed(1)}/s${left}`;
}

export function breachLines({ seed, scenario, breach }: SeedResult): string[] {
  if (breach === null) return [`Seed ${seed} (${scenario}) broke nothing.`];
  const when = `at ${breach.atMs.toFixed(1)} virtual ms`;
  return [`Seed ${seed} (${scenario}) broke ${breach.invariant} ${when}:`, `  ${breach.sentence}`];
}

export function shrunkLines({ overrides, result, runs }: Shrunk, planFile: string): string[] {
  const { plan, breach, seed } = result;
  const faults = overrides.faults.map((fault) => `  - ${describeFault(fault)}`);
  const limits =
    overrides.maxMessagesPerClient === undefined
      ? ''
      : `, at most ${overrides.maxMessagesPerClient} messages each`;
  return [
    `Shrunk by ${runs} runs to ${plan.nodeCount} ${plan.nodeCount === 1 ? 'node' : 'nodes'}, clients ${plan.clients.join(', ') || 'none'}${limits}, and these faults:`,
    ...(faults.length > 0 ? faults : ['  (none)']),
    `It then breaks ${breach?.invariant} at ${breach?.atMs.toFixed(1)} virtual ms: ${breach?.sentence}`,
    '',
    `All of it:  npm run simulate -- --seed ${seed} --trace`,
    `Shrunk:     npm run simulate -- --seed ${seed} --trace --plan ${planFile}`,
  ];
}
