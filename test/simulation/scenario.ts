/** What a seed is about in the large: the kind of storage, the number of nodes, damage or none. */
import { SeededRandom } from './kernel/random.js';
import type { StorageKind } from './storage/shared-storage.js';

export interface Scenario {
  readonly name: string;
  readonly storage: StorageKind;
  readonly nodeCount: number;
  /** A bit of the journal flips on the disk. */
  readonly hasDamage: boolean;
}

/** With how often each comes, of a hundred. */
const SCENARIOS: readonly (readonly [number, Scenario])[] = [
  [30, { name: 'nfs4-pair', storage: 'nfs4', nodeCount: 2, hasDamage: false }],
  [14, { name: 'nfs4-three', storage: 'nfs4', nodeCount: 3, hasDamage: false }],
  [15, { name: 'cluster-pair', storage: 'cluster', nodeCount: 2, hasDamage: false }],
  [10, { name: 'cluster-three', storage: 'cluster', nodeCount: 3, hasDamage: false }],
  [12, { name: 'local-pair', storage: 'local', nodeCount: 2, hasDamage: false }],
  [6, { name: 'nfs3-pair', storage: 'nfs3', nodeCount: 2, hasDamage: false }],
  [8, { name: 'local-locks', storage: 'nfs4-local-locks', nodeCount: 2, hasDamage: false }],
  [5, { name: 'damage', storage: 'nfs4', nodeCount: 2, hasDamage: true }],
];

export const SCENARIO_NAMES: readonly string[] = SCENARIOS.map(([, { name }]) => name);

export function drawScenario(seed: number): Scenario {
  let draw = new SeededRandom(seed, 'scenario').between(0, 100);
  for (const [weight, scenario] of SCENARIOS) {
    draw -= weight;
    if (draw < 0) return scenario;
  }
  throw new Error('the weights of the scenarios do not add up to a hundred');
}
