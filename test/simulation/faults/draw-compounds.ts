/**
 * Draws faults that belong together, because what breaks is rarely one thing alone: the node that is cut
 * off is deposed and comes back late, the whole room loses power, what failed is read by somebody else.
 */
import type { SeededRandom } from '../kernel/random.js';
import type { CallFault } from '../storage/shared-storage.js';
import { callMoment, type FaultCircumstances, stretched, weighted } from './draw-moments.js';
import type { Fault, FaultAction, Moment, NodeChoice } from './fault-plan.js';
import {
  CHECKPOINTING,
  CLAIMING,
  KEEPING_HOUSE,
  LASTING,
  RELIED_UPON,
  SEALED,
  SEALING,
  UNSYNCED,
} from './telling-calls.js';

type Compound = (random: SeededRandom, facts: FaultCircumstances) => Fault[];
type Weights = readonly (readonly [Compound, number])[];

const CALLER: NodeChoice = { whoever: 'caller' };
/** Of the moments around a call, those at which it is under way. */
const WHILE_UNDER_WAY = 0.6;
const LATE_FOLLOWER = 0.5;
const STUCK_SUCCESSOR = 0.4;
const BACK_WITH_SUCCESSOR = 0.5;
const BACK: readonly Fault[] = [{ when: { at: 'time', atMs: 0 }, what: { kind: 'heal-storage' } }];
const READ_BY_ANOTHER = 0.7;

const WEIGHTS: { readonly [world in 'local' | 'local-locks' | 'shared']: Weights } = {
  local: [
    [blackout, 6],
    [failsOnce, 4],
    [crowd, 2],
  ],
  'local-locks': [
    [ousted, 5],
    [blackout, 2],
    [failsOnce, 2],
    [crowd, 5],
  ],
  shared: [
    [ousted, 8],
    [blackout, 6],
    [failsOnce, 3],
    [crowd, 1],
  ],
};

export function drawCompound(random: SeededRandom, facts: FaultCircumstances): Fault[] {
  return weighted(random, WEIGHTS[worldOf(facts)])(random, facts);
}

function worldOf({ storage }: FaultCircumstances): keyof typeof WEIGHTS {
  if (storage === 'local') return 'local';
  return storage === 'nfs4-local-locks' ? 'local-locks' : 'shared';
}

/**
 * The live node is cut off in the middle of something for as long as a takeover takes, so that what it
 * had begun arrives when another one has taken over, or is just about to.
 */
function ousted(random: SeededRandom, facts: FaultCircumstances): Fault[] {
  const calls = random.chance(0.5) ? RELIED_UPON : LASTING;
  const when = callMoment(random, calls, early(random, facts), WHILE_UNDER_WAY);
  const direction = random.pick(['both', 'both', 'to-server', 'from-server'] as const);
  const cut = (forMs: number): FaultAction => {
    return { kind: 'cut-storage', node: CALLER, direction, forMs };
  };
  if (random.chance(BACK_WITH_SUCCESSOR)) {
    // A client takes a while to notice that it is connected again, and a node to start.
    const stuckMs = random.between(1_000, 6_000);
    const next = [...lateFollower(random, facts, stuckMs), stuckSuccessor(random, stuckMs, BACK)];
    return [{ when, what: cut(2 * facts.takeoverMs), next }];
  }
  const stuckMs = stretched(random, 100, 6_000);
  const forMs = facts.takeoverMs * random.between(0.7, 1.2) + stuckMs * random.fraction();
  return [{ when, what: cut(forMs), next: entangle(random, facts, stuckMs) }];
}

/** While a node is cut off, its successor may get stuck half-way, or somebody who follows be late. */
export function entangle(
  random: SeededRandom,
  facts: FaultCircumstances,
  forMs: number,
): readonly Fault[] {
  const faults = lateFollower(random, facts, forMs);
  if (random.chance(STUCK_SUCCESSOR)) faults.push(stuckSuccessor(random, forMs, []));
  return faults;
}

function lateFollower(random: SeededRandom, { nodes }: FaultCircumstances, forMs: number): Fault[] {
  if (nodes.length < 3 || !random.chance(LATE_FOLLOWER)) return [];
  const when: Moment = { at: 'time', atMs: stretched(random, 0.1, 1_000) };
  return [{ when, what: { kind: 'pause', node: { whoever: 'backup' }, forMs } }];
}

function stuckSuccessor(random: SeededRandom, forMs: number, next: readonly Fault[]): Fault {
  const when = random.chance(0.3)
    ? callMoment(random, SEALING, 0)
    : callMoment(random, SEALED, 0, 0);
  const kind = random.pick(['pause', 'pause', 'hold-down'] as const);
  return { when, what: { kind, node: CALLER, forMs }, next };
}

/** The file server and the nodes' hosts lose power at once, some of them or all: whoever starts then reads what is left. */
function blackout(random: SeededRandom, facts: FaultCircumstances): Fault[] {
  const calls = random.chance(0.5) ? CHECKPOINTING : UNSYNCED;
  const when = callMoment(random, calls, early(random, facts), WHILE_UNDER_WAY);
  const hosts = new Set(facts.nodes.map(({ host }) => host));
  const faults: Fault[] = [];
  if (facts.storage !== 'local') {
    const downMs = stretched(random, 500, 5_000);
    faults.push({ when, what: { kind: 'power-off-server', downMs } });
  }
  const isWhole = random.chance(0.8);
  const victims: NodeChoice[] = isWhole ? [] : [CALLER];
  for (const { name, host } of isWhole ? facts.nodes : []) {
    if (hosts.delete(host)) victims.push({ name });
  }
  for (const node of victims) {
    const forMs = stretched(random, 500, 5_000);
    faults.push({ when, what: { kind: 'power-off-host', node, forMs } });
  }
  return faults;
}

/** A step that the journal goes on with fails a single time; soon somebody else has to read what is there. */
function failsOnce(random: SeededRandom, facts: FaultCircumstances): Fault[] {
  const drawn = callMoment(random, LASTING, early(random, facts));
  const when: Moment = { ...drawn, at: 'before', delayMs: 0 };
  const isShort = drawn.operation === 'write' && random.chance(0.4);
  const fault: CallFault = isShort
    ? { kind: 'short-write', part: random.fraction() }
    : { kind: 'error', errno: 'EIO' };
  const what: FaultAction = { kind: 'fail-call', fault, times: 1 };
  if (!random.chance(READ_BY_ANOTHER)) return [{ when, what }];
  const live: NodeChoice = { whoever: 'live' };
  const forMs = stretched(random, 500, 5_000);
  const ends: readonly FaultAction[] = [
    { kind: 'kill', node: live },
    { kind: 'hold-down', node: live, forMs },
    { kind: 'power-off-host', node: live, forMs },
    { kind: 'hand-over', to: null },
  ];
  const soon: Moment = { at: 'time', atMs: stretched(random, 1, 1_500) };
  return [{ when, what, next: [{ when: soon, what: random.pick(ends) }] }];
}

/** The live node ends and several are started at about the same time, one of which is held up while it claims the store. */
function crowd(random: SeededRandom, facts: FaultCircumstances): Fault[] {
  const atMs = facts.fromMs + spanMs(facts) * random.between(0, 0.6);
  const kind = random.pick(['stop', 'stop', 'kill'] as const);
  const next: Fault[] = [];
  if (random.chance(0.5)) {
    const { name } = random.pick(facts.nodes);
    const forMs = stretched(random, 50, 1_500);
    const when: Moment = { at: 'time', atMs: 0 };
    next.push({ when, what: { kind: 'hold-down', node: { name }, forMs } });
  }
  const forMs = stretched(random, 50, 4_000);
  next.push({
    when: callMoment(random, CLAIMING, 0),
    what: { kind: 'pause', node: CALLER, forMs },
  });
  return [{ when: { at: 'time', atMs }, what: { kind, node: { whoever: 'live' } }, next }];
}

/** The live node is asked to hand over, or told to stop, while something that it does beside its appends takes long. */
export function handOverAtWork(random: SeededRandom, facts: FaultCircumstances): Fault {
  const drawn = callMoment(random, KEEPING_HOUSE, early(random, facts));
  const delayMs = stretched(random, 200, 4_000);
  const what: FaultAction = {
    kind: 'fail-call',
    fault: { kind: 'delay', delayMs },
    times: random.whole(1, 3),
  };
  const end: FaultAction = random.chance(0.7)
    ? { kind: 'hand-over', to: null }
    : { kind: 'stop', node: { whoever: 'live' } };
  const meanwhile: Moment = { at: 'time', atMs: delayMs * random.between(0, 0.5) };
  return {
    when: { ...drawn, at: 'before', delayMs: 0 },
    what,
    next: [{ when: meanwhile, what: end }],
  };
}

/** So early that what belongs together has the time to happen. */
function early(random: SeededRandom, facts: FaultCircumstances): number {
  if (random.chance(0.5)) return facts.fromMs;
  return facts.fromMs + spanMs(facts) * random.between(0, 0.4);
}

function spanMs({ fromMs, calmAtMs }: FaultCircumstances): number {
  return calmAtMs - fromMs;
}
