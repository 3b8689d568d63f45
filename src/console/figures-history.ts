/** Rates and times between two answers, for the last ten minutes, as charts want them. */

import type { FiguresAnswer, HistogramAnswer } from './answers.js';
import { Observable } from './observable.js';

const MOST_SAMPLES = 600;

export interface Sample {
  /** Seconds since 1970. */
  readonly at: number;
  readonly messages: number;
  /** Each second; null for the first one of a node. */
  readonly sent: number | null;
  readonly delivered: number | null;
  readonly acknowledged: number | null;
  readonly deadLettered: number | null;
  /** Milliseconds; null when nothing was confirmed. */
  readonly confirmMedianMs: number | null;
  readonly confirm99Ms: number | null;
}

export class FiguresHistory {
  readonly samples = new Observable<readonly Sample[]>([]);
  #last: FiguresAnswer | null = null;

  add(now: FiguresAnswer): void {
    const last = this.#last;
    this.#last = now;
    const sample = sampleOf(isSameTenure(last, now) ? last : null, now);
    this.samples.set([...this.samples.value.slice(1 - MOST_SAMPLES), sample]);
  }
}

/** Counters begin anew with each tenure, and with each process. */
function isSameTenure(last: FiguresAnswer | null, now: FiguresAnswer): last is FiguresAnswer {
  const one = last?.node;
  return one?.node === now.node.node && one.epoch === now.node.epoch && one.pid === now.node.pid;
}

function sampleOf(last: FiguresAnswer | null, now: FiguresAnswer): Sample {
  const seconds = last === null ? 0 : (now.atMs - last.atMs) / 1_000;
  const rate = (name: 'sent' | 'delivered' | 'acknowledged' | 'deadLettered'): number | null =>
    last === null || seconds <= 0
      ? null
      : Math.max(0, now.totals[name] - last.totals[name]) / seconds;
  const since = last?.confirmations ?? null;
  return {
    at: Date.now() / 1_000,
    messages: now.totals.messages,
    sent: rate('sent'),
    delivered: rate('delivered'),
    acknowledged: rate('acknowledged'),
    deadLettered: rate('deadLettered'),
    confirmMedianMs: quantileMs(since, now.confirmations, 0.5),
    confirm99Ms: quantileMs(since, now.confirmations, 0.99),
  };
}

/** Within the step that it falls into, in proportion; null when nothing came in between. */
function quantileMs(
  before: HistogramAnswer | null,
  now: HistogramAnswer,
  share: number,
): number | null {
  if (before === null) return null;
  const total = now.count - before.count;
  if (total <= 0) return null;
  const wanted = total * share;
  let below = 0;
  for (const [step, bound] of now.bounds.entries()) {
    const inStep = (now.counts[step] ?? 0) - (before.counts[step] ?? 0);
    if (below + inStep >= wanted && inStep > 0) {
      const floor = now.bounds[step - 1] ?? 0;
      return (floor + ((bound - floor) * (wanted - below)) / inStep) * 1_000;
    }
    below += inStep;
  }
  return (now.bounds.at(-1) ?? 0) * 1_000;
}
