/** When a fault begins, and what all draws of faults have in common. */
import type { SeededRandom } from '../kernel/random.js';
import type { StorageKind } from '../storage/shared-storage.js';
import type { CallMoment, Moment } from './fault-plan.js';
import type { TellingCall } from './telling-calls.js';

export interface FaultCircumstances {
  readonly storage: StorageKind;
  readonly nodes: readonly { readonly name: string; readonly host: string }[];
  readonly clientHosts: readonly string[];
  /** Faults lie between these two. */
  readonly fromMs: number;
  readonly calmAtMs: number;
  /** How long after the live node has fallen silent another one is live, about. */
  readonly takeoverMs: number;
  /** A bit of the journal flips: then refusing is right, and nothing else may go wrong besides kills. */
  readonly hasDamage: boolean;
}

export function timeMoment(random: SeededRandom, { fromMs, calmAtMs }: FaultCircumstances): Moment {
  return { at: 'time', atMs: random.between(fromMs, fromMs + (calmAtMs - fromMs) * 0.8) };
}

/** From early on, or from some later time. */
export function drawNotBefore(
  random: SeededRandom,
  { fromMs, calmAtMs }: FaultCircumstances,
): number {
  return random.chance(0.4) ? fromMs : random.between(fromMs, fromMs + (calmAtMs - fromMs) * 0.6);
}

export function callMoment(
  random: SeededRandom,
  calls: readonly TellingCall[],
  notBeforeMs: number,
  underWayPart = 0.3,
): CallMoment {
  const { upTo, ...telling } = random.pick(calls);
  const edge = random.fraction();
  return {
    at: edge < (1 + underWayPart) / 2 ? 'before' : 'after',
    ...telling,
    count: Math.floor(stretched(random, 1, upTo + 1)),
    notBeforeMs,
    // With some delay after the beginning the call is on its way, or carried out and not answered yet.
    delayMs: edge < underWayPart ? stretched(random, 0.05, 1.5) : 0,
  };
}

/** As often between 1 and 10 as between 10 and 100. */
export function stretched(random: SeededRandom, from: number, to: number): number {
  return from * (to / from) ** random.fraction();
}

export function weighted<Item>(
  random: SeededRandom,
  weights: readonly (readonly [Item, number])[],
): Item {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  let draw = random.between(0, total);
  for (const [item, weight] of weights) {
    draw -= weight;
    if (draw < 0) return item;
  }
  throw new Error('nothing to draw from');
}
