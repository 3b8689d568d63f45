/** Draws the faults of one seed. What can go wrong, and how often, depends on the kind of storage. */
import type { SeededRandom } from '../kernel/random.js';
import type { CallFault, StorageOperation } from '../storage/shared-storage.js';
import { drawCompound, entangle, handOverAtWork } from './draw-compounds.js';
import {
  callMoment,
  drawNotBefore,
  type FaultCircumstances,
  stretched,
  timeMoment,
  weighted,
} from './draw-moments.js';
import type {
  CallMoment,
  Fault,
  FaultAction,
  FaultKind,
  Moment,
  NodeChoice,
} from './fault-plan.js';
import { APPENDING, RELIED_UPON, TELLING_CALLS, UNSYNCED } from './telling-calls.js';

const QUIET_PART = 0.08;
const MOST_FAULTS = 5;
const COMPOUND_PART = 0.4;
/** Of the seeds. */
const HAND_OVER_AT_WORK = 0.08;
/** Of the seeds with damage. */
const SPOILED_PART = 0.4;
const REMOVED_PART = 0.2;
/** Of the seeds with bits that flip, those in which all nodes start anew right after it. */
const NOBODY_REMEMBERS = 0.5;
const PROVOKED_PART = 0.7;
const POWER_OFF_BEFORE_SYNC = 0.65;
const CUT_WHILE_RELIED_UPON = 0.4;
/** Of the moments around a call that is relied upon, those at which it is under way. */
const WHILE_UNDER_WAY = 0.6;
/** Of the moments around calls, those around an append. */
const APPENDING_PART = 0.15;

export function drawFaults(random: SeededRandom, circumstances: FaultCircumstances): Fault[] {
  if (circumstances.hasDamage) return drawDamage(random, circumstances);
  if (random.chance(QUIET_PART)) return [];
  const table = WEIGHTS[circumstances.storage === 'local' ? 'local' : 'shared'];
  const count = random.whole(1, MOST_FAULTS);
  const faults: Fault[] = [];
  while (faults.length < count) {
    if (random.chance(COMPOUND_PART)) {
      faults.push(...drawCompound(random, circumstances));
      continue;
    }
    const fault = DRAW[weighted(random, table)](random, circumstances);
    faults.push(complicated(random, fault, circumstances), ...provoke(random, fault.when));
  }
  if (random.chance(HAND_OVER_AT_WORK)) faults.push(handOverAtWork(random, circumstances));
  return faults;
}

/** A fault in the middle of a takeover needs one to happen. */
function provoke(random: SeededRandom, when: Moment): Fault[] {
  if (when.at === 'time' || !random.chance(PROVOKED_PART)) return [];
  const role = when.at === 'role' ? when.role : when.by;
  if (role !== 'taking-over' && role !== 'handing-over') return [];
  const atMs = when.notBeforeMs + stretched(random, 1, 1_500);
  const isHandover = role === 'handing-over' || random.chance(0.3);
  return [
    {
      when: { at: 'time', atMs },
      what: isHandover
        ? { kind: 'hand-over', to: null }
        : { kind: 'kill', node: { whoever: 'live' } },
    },
  ];
}

function complicated(random: SeededRandom, fault: Fault, facts: FaultCircumstances): Fault {
  const { what } = fault;
  if (what.kind !== 'cut-storage') return fault;
  const forMs = random.between(0.5, 2) * what.forMs;
  return { ...fault, next: entangle(random, facts, forMs) };
}

type DrawnKind = Exclude<
  FaultKind,
  'flip-bit' | 'heal-storage' | 'spoil-sector' | 'remove-segments'
>;
type Weights = readonly (readonly [DrawnKind, number])[];

const WEIGHTS: { readonly [world in 'local' | 'shared']: Weights } = {
  shared: [
    ['kill', 20],
    ['hold-down', 4],
    ['stop', 5],
    ['pause', 11],
    ['lag', 4],
    ['power-off-host', 8],
    ['jump-clock', 3],
    ['cut-storage', 20],
    ['restart-server', 4],
    ['power-off-server', 5],
    ['cut-network', 5],
    ['delay-network', 3],
    ['lose-network', 3],
    ['reset-network', 3],
    ['fill-storage', 4],
    ['fail-call', 13],
    ['hand-over', 11],
  ],
  local: [
    ['kill', 24],
    ['hold-down', 4],
    ['stop', 5],
    ['pause', 12],
    ['lag', 4],
    ['power-off-host', 16],
    ['jump-clock', 2],
    ['cut-network', 4],
    ['delay-network', 3],
    ['lose-network', 3],
    ['reset-network', 3],
    ['fill-storage', 4],
    ['fail-call', 13],
    ['hand-over', 11],
  ],
};

const CLOCK_JUMPS_MS: readonly (readonly [number, number])[] = [
  [-3_600_000, -30_000],
  [-30_000, -100],
  [100, 30_000],
  [30_000, 3_600_000],
];

const DRAW: {
  readonly [kind in DrawnKind]: (random: SeededRandom, facts: FaultCircumstances) => Fault;
} = {
  kill: (random, facts) => onNode(random, facts, (node) => ({ kind: 'kill', node })),
  'hold-down': (random, facts) => {
    const forMs = random.between(1_000, 15_000);
    return onNode(random, facts, (node) => ({ kind: 'hold-down', node, forMs }));
  },
  stop: (random, facts) => onNode(random, facts, (node) => ({ kind: 'stop', node })),
  pause: (random, facts) => {
    const forMs = stretched(random, 1, 40_000);
    return onNode(random, facts, (node) => ({ kind: 'pause', node, forMs }));
  },
  lag: (random, facts) => {
    const lagMs = stretched(random, 0.2, 60);
    const forMs = random.between(500, 10_000);
    return onNode(random, facts, (node) => ({ kind: 'lag', node, lagMs, forMs }));
  },
  'power-off-host': (random, facts) => {
    const forMs = stretched(random, 500, 30_000);
    const what = (node: NodeChoice): FaultAction => ({ kind: 'power-off-host', node, forMs });
    if (!random.chance(POWER_OFF_BEFORE_SYNC)) return onNode(random, facts, what);
    const when = callMoment(random, UNSYNCED, drawNotBefore(random, facts));
    return { when, what: what({ whoever: 'caller' }) };
  },
  'jump-clock': (random, facts) => {
    const byMs = Math.round(random.between(...random.pick(CLOCK_JUMPS_MS)));
    return onNode(random, facts, (node) => ({ kind: 'jump-clock', node, byMs }));
  },
  'cut-storage': (random, facts) => {
    const direction = random.pick(['both', 'both', 'both', 'to-server', 'from-server'] as const);
    const cut =
      (forMs: number) =>
      (node: NodeChoice): FaultAction => ({ kind: 'cut-storage', node, direction, forMs });
    if (!random.chance(CUT_WHILE_RELIED_UPON)) {
      return onNode(random, facts, cut(stretched(random, 50, 40_000)));
    }
    const when = callMoment(random, RELIED_UPON, drawNotBefore(random, facts), WHILE_UNDER_WAY);
    // So that somebody else is live when it ends, and the node has not given up.
    return { when, what: cut(stretched(random, 500, 12_000))({ whoever: 'caller' }) };
  },
  'restart-server': (random, facts) => {
    const downMs = stretched(random, 50, 8_000);
    return { when: drawMoment(random, facts), what: { kind: 'restart-server', downMs } };
  },
  'power-off-server': (random, facts) => {
    const downMs = stretched(random, 500, 15_000);
    const what: FaultAction = { kind: 'power-off-server', downMs };
    if (!random.chance(POWER_OFF_BEFORE_SYNC)) return { when: drawMoment(random, facts), what };
    return { when: callMoment(random, UNSYNCED, drawNotBefore(random, facts)), what };
  },
  'cut-network': (random, facts) => {
    const [from, to] = drawLink(random, facts);
    const mode = random.pick(['both', 'one-way'] as const);
    const forMs = stretched(random, 50, 25_000);
    return atTime(random, facts, { kind: 'cut-network', from, to, mode, forMs });
  },
  'delay-network': (random, facts) => {
    const [from, to] = drawLink(random, facts);
    const delayMs = stretched(random, 1, 2_000);
    const forMs = random.between(500, 10_000);
    return atTime(random, facts, { kind: 'delay-network', from, to, delayMs, forMs });
  },
  'lose-network': (random, facts) => {
    const [from, to] = drawLink(random, facts);
    const forMs = random.between(500, 10_000);
    return atTime(random, facts, { kind: 'lose-network', from, to, forMs });
  },
  'reset-network': (random, facts) => {
    const [from, to] = drawLink(random, facts);
    return atTime(random, facts, { kind: 'reset-network', from, to });
  },
  'fill-storage': (random, facts) => {
    const errno = random.pick(['ENOSPC', 'ENOSPC', 'EDQUOT'] as const);
    const forMs = stretched(random, 200, 10_000);
    return { when: drawMoment(random, facts), what: { kind: 'fill-storage', errno, forMs } };
  },
  'fail-call': drawFailingCall,
  'hand-over': (random, facts) => {
    const to = random.chance(0.5) ? null : random.pick(facts.nodes).name;
    return { when: drawMoment(random, facts), what: { kind: 'hand-over', to } };
  },
};

function onNode(
  random: SeededRandom,
  facts: FaultCircumstances,
  action: (node: NodeChoice) => FaultAction,
): Fault {
  const when = drawMoment(random, facts);
  return { when, what: action(drawNode(random, facts, when)) };
}

function atTime(random: SeededRandom, facts: FaultCircumstances, what: FaultAction): Fault {
  return { when: timeMoment(random, facts), what };
}

function drawNode(random: SeededRandom, facts: FaultCircumstances, when: Moment): NodeChoice {
  if (when.at !== 'time') {
    const draw = random.fraction();
    if (draw < 0.75) return { whoever: 'caller' };
    if (draw < 0.9) return { whoever: 'other' };
  }
  const draw = random.fraction();
  if (draw < 0.55) return { whoever: 'live' };
  return draw < 0.8 ? { whoever: 'backup' } : { name: random.pick(facts.nodes).name };
}

/** Two hosts, one of which is a node's. */
function drawLink(random: SeededRandom, facts: FaultCircumstances): [string, string] {
  const { host } = random.pick(facts.nodes);
  const others = [...new Set([...facts.clientHosts, ...facts.nodes.map((node) => node.host)])];
  const other = random.pick(others.filter((name) => name !== host));
  return random.chance(0.5) ? [host, other] : [other, host];
}

const TIMED_PART = 0.25;
const ROLE_PART = 0.12;

function drawMoment(random: SeededRandom, facts: FaultCircumstances): Moment {
  const draw = random.fraction();
  if (draw < TIMED_PART) return timeMoment(random, facts);
  const notBeforeMs = drawNotBefore(random, facts);
  if (draw < TIMED_PART + ROLE_PART) {
    return {
      at: 'role',
      role: random.pick(['taking-over', 'live', 'handing-over', 'backup'] as const),
      count: random.chance(0.75) ? 1 : 2,
      notBeforeMs,
      delayMs: stretched(random, 0.01, 4_000),
    };
  }
  return drawCall(random, notBeforeMs);
}

function drawCall(random: SeededRandom, notBeforeMs: number): CallMoment {
  const calls = random.chance(APPENDING_PART) ? APPENDING : TELLING_CALLS;
  return callMoment(random, calls, notBeforeMs);
}

const WRITING: readonly StorageOperation[] = ['write', 'create'];

/** Reads that fail and writes that fail are as important as writes that fail for want of room. */
function drawFailingCall(random: SeededRandom, facts: FaultCircumstances): Fault {
  const drawn = drawCall(random, drawNotBefore(random, facts));
  const when: Moment = { ...drawn, at: 'before', delayMs: 0 };
  // A place that cannot be read stays so more often than a write fails twice.
  const isOnce = random.chance(drawn.operation === 'read' ? 0.3 : 0.8);
  const times = isOnce ? 1 : random.whole(2, 4);
  return {
    when,
    what: { kind: 'fail-call', fault: drawCallFault(random, drawn.operation), times },
  };
}

function drawCallFault(random: SeededRandom, operation: StorageOperation): CallFault {
  const draw = random.fraction();
  if (draw < 0.4) return { kind: 'delay', delayMs: stretched(random, 1, 25_000) };
  if (operation === 'write' && draw < 0.55) return { kind: 'short-write', part: random.fraction() };
  if (WRITING.includes(operation) && draw < 0.75) {
    return { kind: 'error', errno: random.pick(['ENOSPC', 'ENOSPC', 'EDQUOT'] as const) };
  }
  return { kind: 'error', errno: 'EIO' };
}

/** Bits that flip, a sector that fails and a takeover that has to read it, or segments that somebody deletes. */
function drawDamage(random: SeededRandom, facts: FaultCircumstances): Fault[] {
  const draw = random.fraction();
  if (draw < SPOILED_PART) return drawSpoiledSector(random, facts);
  if (draw > 1 - REMOVED_PART) return [atTime(random, facts, { kind: 'remove-segments' })];
  const flips = Array.from({ length: random.whole(1, 2) }, () => {
    // More often near the end, which is read by whoever takes over, and in no checkpoint yet.
    const what: FaultAction = { kind: 'flip-bit', part: 1 - random.fraction() ** 3 };
    return atTime(random, facts, what);
  });
  if (random.chance(NOBODY_REMEMBERS)) {
    const [flip, ...others] = flips as [Fault, ...Fault[]];
    return [{ ...flip, next: killAll(random, facts) }, ...others];
  }
  const kills = Array.from({ length: random.whole(1, 3) }, () => DRAW.kill(random, facts));
  return [...flips, ...kills];
}

/** Whoever takes over then has to read everything again. */
function killAll(random: SeededRandom, { nodes }: FaultCircumstances): Fault[] {
  const atMs = stretched(random, 1, 500);
  return nodes.map(({ name }) => ({
    when: { at: 'time', atMs },
    what: { kind: 'kill', node: { name } },
  }));
}

function drawSpoiledSector(
  random: SeededRandom,
  { fromMs, calmAtMs }: FaultCircumstances,
): Fault[] {
  const atMs = random.between(fromMs, fromMs + (calmAtMs - fromMs) * 0.8);
  const killedMs = atMs + stretched(random, 1, 500);
  return [
    { when: { at: 'time', atMs }, what: { kind: 'spoil-sector', part: random.fraction() } },
    { when: { at: 'time', atMs: killedMs }, what: { kind: 'kill', node: { whoever: 'live' } } },
  ];
}
