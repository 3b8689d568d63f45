/** Stands for a simulated world in the tests of the program: some seeds break, some crash. */

import type { Fault } from '../faults/fault-plan.js';
import { drawScenario } from '../scenario.js';
import type { RunSeed } from '../seed-result.js';

const KILL: Fault = {
  when: { at: 'time', atMs: 5 },
  what: { kind: 'kill', node: { name: 'one' } },
};
const HAND_OVER: Fault = {
  when: { at: 'time', atMs: 6 },
  what: { kind: 'hand-over', to: null },
};

export const BREAKING_SEED = 205;
export const CRASHING_SEED = 303;

export const runSeed: RunSeed = async (seed, { overrides = {}, onTraceLine }) => {
  if (seed === CRASHING_SEED) throw new Error('the stub crashed');
  const faults = overrides.faults ?? [KILL, HAND_OVER];
  onTraceLine?.(`trace of seed ${seed} with ${faults.length} faults`);
  const breaks = seed === BREAKING_SEED && faults.some(({ what }) => what.kind === 'kill');
  return {
    seed,
    scenario: drawScenario(seed).name,
    virtualMs: 1_000,
    events: 10,
    messages: 2,
    faults: faults.map(({ what }) => ({ kind: what.kind, drawn: 1, hit: 1 })),
    plan: { faults, nodeCount: 1, clients: overrides.clients ?? ['client'] },
    breach: breaks ? { invariant: 'P1', sentence: 'A message was lost.', atMs: 7 } : null,
  };
};
