/** Draws the faults of one seed. What can go wrong, and how often, depends on the kind of storage. */
import type { Role } from '../../../src/ownership/role.js';
import type { SeededRandom } from '../kernel/random.js';
import type { CallFault, StorageKind, StorageOperation } from '../storage/shared-storage.js';
import type { Fault, FaultAction, FaultKind, Moment, NodeChoice } from './fault-plan.js';
import type { PathClass } from './path-class.js';

export interface FaultCircumstances {
  readonly storage: StorageKind;
  readonly nodes: readonly { readonly name: string; readonly host: string }[];
  readonly clientHosts: readonly string[];
  /** Faults lie between these two. */
  readonly fromMs: number;
  readonly calmAtMs: number;
  /** A bit of the journal flips: then refusing is right, and nothing else may go wrong besides kills. */
  readonly hasDamage: boolean;
}

const QUIET_PART = 0.08;
const MOST_FAULTS = 5;
const PROVOKED_PART = 0.7;
const LATE_FOLLOWER = 0.5;

export function drawFaults(random: SeededRandom, circumstances: FaultCircumstances): Fault[] {
  if (circumstances.hasDamage) return drawDamage(random, circumstances);
  if (random.chance(QUIET_PART)) return [];
  const table = WEIGHTS[circumstances.storage === 'local' ? 'local' : 'shared'];
  const count = random.whole(1, MOST_FAULTS);
  const faults: Fault[] = [];
  while (faults.length < count) {
    const fault = DRAW[weighted(random, table)](random, circumstances);
    faults.push(
      fault,
      ...provoke(random, fault.when),
      ...delayFollower(random, fault, circumstances),
    );
  }
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

/** Who follows a live node that is cut off may be late, and then read what that node still writes. */
function delayFollower(
  random: SeededRandom,
  { when, what }: Fault,
  { nodes }: FaultCircumstances,
): Fault[] {
  if (what.kind !== 'cut-storage' || nodes.length < 3 || !random.chance(LATE_FOLLOWER)) return [];
  const node: NodeChoice = { whoever: 'backup' };
  const forMs = random.between(0.5, 2) * what.forMs;
  const { direction } = what;
  const late: FaultAction = random.chance(0.5)
    ? { kind: 'pause', node, forMs }
    : { kind: 'cut-storage', node, direction, forMs };
  return [{ when, what: late }];
}

type DrawnKind = Exclude<FaultKind, 'flip-bit'>;
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
    ['power-off-host', 8],
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
    return onNode(random, facts, (node) => ({ kind: 'power-off-host', node, forMs }));
  },
  'jump-clock': (random, facts) => {
    const byMs = Math.round(random.between(...random.pick(CLOCK_JUMPS_MS)));
    return onNode(random, facts, (node) => ({ kind: 'jump-clock', node, byMs }));
  },
  'cut-storage': (random, facts) => {
    const direction = random.pick(['both', 'both', 'both', 'to-server', 'from-server'] as const);
    const forMs = stretched(random, 50, 40_000);
    const what = (node: NodeChoice): FaultAction => ({
      kind: 'cut-storage',
      node,
      direction,
      forMs,
    });
    if (!random.chance(CUT_WHILE_RELIED_UPON)) return onNode(random, facts, what);
    const when = callMoment(random, RELIED_UPON, drawNotBefore(random, facts));
    return { when, what: what({ whoever: 'caller' }) };
  },
  'restart-server': (random, facts) => {
    const downMs = stretched(random, 50, 8_000);
    return { when: drawMoment(random, facts), what: { kind: 'restart-server', downMs } };
  },
  'power-off-server': (random, facts) => {
    const downMs = stretched(random, 500, 15_000);
    return { when: drawMoment(random, facts), what: { kind: 'power-off-server', downMs } };
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

function timeMoment(random: SeededRandom, { fromMs, calmAtMs }: FaultCircumstances): Moment {
  return { at: 'time', atMs: random.between(fromMs, fromMs + (calmAtMs - fromMs) * 0.8) };
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

/** From early on, or from some later time. */
function drawNotBefore(random: SeededRandom, { fromMs, calmAtMs }: FaultCircumstances): number {
  return random.chance(0.4) ? fromMs : random.between(fromMs, fromMs + (calmAtMs - fromMs) * 0.6);
}

/** Calls around which a node changes something, or learns what it then relies on. */
interface TellingCall {
  readonly by: Role;
  readonly operation: StorageOperation;
  readonly path: PathClass;
  /** How many of them one step makes at most, or how many are worth telling apart. */
  readonly upTo: number;
}

const call = (
  by: Role,
  operation: StorageOperation,
  path: PathClass,
  upTo: number,
): TellingCall => ({ by, operation, path, upTo });

const TELLING_CALLS: readonly TellingCall[] = [
  // Claiming the epoch and naming oneself.
  call('taking-over', 'list', 'epochs-directory', 1),
  call('taking-over', 'create', 'epoch', 1),
  call('taking-over', 'write', 'epoch', 1),
  call('taking-over', 'sync', 'epoch', 1),
  call('taking-over', 'sync-directory', 'epochs-directory', 1),
  call('taking-over', 'lock', 'live', 2),
  call('taking-over', 'write', 'live', 2),
  call('taking-over', 'sync', 'live', 2),
  // The end of the journal, and sealing it.
  call('taking-over', 'list', 'journal-directory', 8),
  call('taking-over', 'lock', 'segment', 3),
  call('taking-over', 'read', 'segment', 10),
  call('taking-over', 'open', 'segment', 10),
  call('taking-over', 'create', 'segment', 1),
  call('taking-over', 'write', 'segment', 3),
  call('taking-over', 'sync', 'segment', 1),
  call('taking-over', 'sync-directory', 'journal-directory', 2),
  call('taking-over', 'close', 'segment', 6),
  call('taking-over', 'unlink', 'segment', 1),
  call('taking-over', 'stat', 'lock', 1),
  // A tenure: appends, rolls, checkpoints, deletions, checks.
  call('live', 'write', 'segment', 60),
  call('live', 'write', 'segment', 300),
  call('live', 'create', 'segment', 5),
  call('live', 'lock', 'segment', 5),
  call('live', 'sync', 'segment', 5),
  call('live', 'close', 'segment', 8),
  call('live', 'unlink', 'segment', 6),
  call('live', 'sync-directory', 'journal-directory', 8),
  call('live', 'create', 'checkpoint', 3),
  call('live', 'write', 'checkpoint', 6),
  call('live', 'sync', 'checkpoint', 4),
  call('live', 'unlink', 'checkpoint', 3),
  call('live', 'open', 'live', 30),
  call('live', 'read', 'live', 30),
  call('live', 'stat', 'segment', 30),
  call('live', 'stat', 'lock', 30),
  call('live', 'write', 'live', 10),
  call('live', 'write', 'node', 10),
  // A handover.
  call('handing-over', 'write', 'live', 2),
  call('handing-over', 'sync', 'live', 2),
  call('handing-over', 'write', 'segment', 2),
  call('handing-over', 'close', 'segment', 2),
  call('handing-over', 'close', 'live', 1),
  call('handing-over', 'close', 'lock', 1),
  // A backup's work.
  call('backup', 'lock', 'lock', 60),
  call('backup', 'read', 'segment', 60),
  call('backup', 'read', 'checkpoint', 3),
  call('backup', 'list', 'journal-directory', 60),
  call('joining', 'read', 'store', 2),
  call('joining', 'lock', 'node', 2),
  call('joining', 'write', 'store', 1),
];

/** Calls whose answers a live node relies upon for a while: the worst ones to come late. */
const RELIED_UPON: readonly TellingCall[] = [
  call('live', 'write', 'segment', 100),
  call('live', 'open', 'live', 40),
  call('live', 'read', 'live', 40),
  call('live', 'stat', 'segment', 40),
  call('live', 'stat', 'lock', 40),
];
const CUT_WHILE_RELIED_UPON = 0.4;

function drawCall(random: SeededRandom, notBeforeMs: number): Moment {
  return callMoment(random, TELLING_CALLS, notBeforeMs);
}

function callMoment(
  random: SeededRandom,
  calls: readonly TellingCall[],
  notBeforeMs: number,
): Moment {
  const { upTo, ...telling } = random.pick(calls);
  const edge = random.fraction();
  return {
    at: edge < 0.7 ? 'before' : 'after',
    ...telling,
    count: Math.floor(stretched(random, 1, upTo + 1)),
    notBeforeMs,
    // With some delay after the beginning the call is on its way, or carried out and not answered yet.
    delayMs: edge < 0.3 ? stretched(random, 0.05, 1.5) : 0,
  };
}

const WRITING: readonly StorageOperation[] = ['write', 'create'];

/** Reads that fail and writes that fail are as important as writes that fail for want of room. */
function drawFailingCall(random: SeededRandom, facts: FaultCircumstances): Fault {
  const drawn = drawCall(random, drawNotBefore(random, facts));
  if (drawn.at !== 'before' && drawn.at !== 'after') throw new Error('a call was asked for');
  const when: Moment = { ...drawn, at: 'before', delayMs: 0 };
  const times = random.chance(0.8) ? 1 : random.whole(2, 4);
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

function drawDamage(random: SeededRandom, facts: FaultCircumstances): Fault[] {
  const flips = Array.from({ length: random.whole(1, 2) }, () => {
    const what: FaultAction = { kind: 'flip-bit', part: random.fraction() };
    return atTime(random, facts, what);
  });
  const kills = Array.from({ length: random.whole(1, 3) }, () => DRAW.kill(random, facts));
  return [...flips, ...kills];
}

/** As often between 1 and 10 as between 10 and 100. */
function stretched(random: SeededRandom, from: number, to: number): number {
  return from * (to / from) ** random.fraction();
}

function weighted(random: SeededRandom, weights: Weights): DrawnKind {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  let draw = random.between(0, total);
  for (const [kind, weight] of weights) {
    draw -= weight;
    if (draw < 0) return kind;
  }
  return 'kill';
}
