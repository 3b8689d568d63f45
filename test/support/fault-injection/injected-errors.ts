/**
 * What the file system can do to a node, and what the node must make of it: a table, by chapters.
 * A failed call ends the node with a reason (P6), never with a guess. Lived with are a full disk where
 * nothing depends on the room, an answer that comes late, one that never comes to what is asked for other
 * nodes, and a status file of a backup that has to be opened anew.
 */
import type { ErrorCode } from '../../../src/platform/errors.js';
import type { FailpointScenario } from './failpoints.js';
import type { FaultEffect, FaultPlace } from './fault.js';
import type { Moment } from './moment.js';

/**
 * - an error code: the node logs it and ends with its exit code.
 * - `stalled`: it ends with STORE_STALLED, or kills itself where a thread is stuck, and says why.
 * - `goes on`: the node stays what it is.
 * - `lacks room`: it tells of it and stays live; what is left of the last segment is for acknowledgements.
 */
type Outcome = ErrorCode | 'stalled' | 'goes on' | 'lacks room';

export interface InjectedError extends FaultPlace {
  readonly effect: FaultEffect;
  readonly times?: 'once' | 'from-then-on';
  readonly outcome: Outcome;
}

const SEGMENT = 'journal/#-#.segment';
const CHECKPOINT = 'journal/#-#.checkpoint';
const DELAY_MS = 800;

/** Every call that a live node makes; a test fails when it makes another one. */
const CALLS_OF_THE_LIVE: readonly Moment[] = [
  `live: write-durable ${SEGMENT} at #`,
  `live: write-durable ${SEGMENT} at 0`,
  'live: sync-directory journal',
  `live: open-create-new ${SEGMENT}`,
  `live: write ${SEGMENT} at 0`,
  `live: sync ${SEGMENT}`,
  `live: open-write-durable ${SEGMENT}`,
  `live: lock ${SEGMENT}`,
  `live: close ${SEGMENT}`,
  `live: open-read ${SEGMENT}`,
  `live: read ${SEGMENT} at #`,
  `live: stat ${SEGMENT}`,
  `live: stat-open ${SEGMENT}`,
  `live: unlink ${SEGMENT}`,
  `live: open-create-new ${CHECKPOINT}`,
  `live: write ${CHECKPOINT} at #`,
  `live: write ${CHECKPOINT} at 0`,
  `live: sync ${CHECKPOINT}`,
  `live: close ${CHECKPOINT}`,
  `live: unlink ${CHECKPOINT}`,
  'live: list journal',
  'live: stat lock',
  'live: stat-open lock',
  'live: list epochs',
  'live: unlink epochs/#',
  'live: open-read live',
  'live: read live at 0',
  'live: close live',
  'live: write live at 0',
  'live: sync live',
  'live: list nodes',
  'live: open-read nodes/*',
  'live: read nodes/* at 0',
  'live: close nodes/*',
  'live: write nodes/* at 0',
  'live: sync nodes/*',
  'live: open-read requests/handover',
  'live: read requests/handover at 0',
  'live: close requests/handover',
  'live: free-bytes .',
];

/** Only what is left over from the tenure before is looked at like this. */
const CALLS_OF_THE_CLEAN_UP: readonly Moment[] = [`live: read ${SEGMENT} at 0`];

const CALLS_OF_A_HANDOVER: readonly Moment[] = [
  'live: open-update requests/handover',
  'live: write requests/handover at 0',
  'live: sync requests/handover',
  'handing-over: write live at 0',
  'handing-over: sync live',
  'handing-over: close lock',
];

const CALLS_OF_A_TAKEOVER: readonly Moment[] = [
  'taking-over: open-read live',
  'taking-over: list epochs',
  'taking-over: open-create-new epochs/#',
  'taking-over: write epochs/# at 0',
  'taking-over: sync epochs/#',
  'taking-over: sync-directory epochs',
  'taking-over: open-update live',
  'taking-over: lock live',
  'taking-over: write live at 0',
  'taking-over: sync live',
  `taking-over: open-write-durable ${SEGMENT}`,
  `taking-over: lock ${SEGMENT}`,
  `taking-over: read ${SEGMENT} at #`,
  'taking-over: list journal',
  `taking-over: open-create-new ${SEGMENT}`,
  `taking-over: write ${SEGMENT} at #`,
  `taking-over: sync ${SEGMENT}`,
  `taking-over: write-durable ${SEGMENT} at #`,
  `taking-over: write-durable ${SEGMENT} at 0`,
  'taking-over: sync-directory journal',
  `taking-over: unlink ${SEGMENT}`,
  'taking-over: stat lock',
];

const CALLS_OF_A_BACKUP: readonly Moment[] = [
  'joining: list .',
  'joining: open-create lock',
  'joining: read store.json at 0',
  'joining: open-create nodes/*',
  'joining: lock nodes/*',
  'backup: list nodes',
  'backup: list journal',
  `backup: open-read ${SEGMENT}`,
  `backup: read ${SEGMENT} at #`,
  `backup: read ${SEGMENT} at 0`,
  'backup: open-read live',
  'backup: lock lock',
  'backup: free-bytes .',
];

const CALLS_FOR_THE_STATUS_OF_A_BACKUP: readonly Moment[] = [
  'backup: write nodes/* at 0',
  'backup: sync nodes/*',
];

/** The store lacks room for something without which the node can go on. */
const CALLS_THAT_MAY_LACK_ROOM: readonly Moment[] = [
  `live: open-create-new ${SEGMENT}`,
  `live: write ${SEGMENT} at 0`,
  `live: sync ${SEGMENT}`,
  `live: open-create-new ${CHECKPOINT}`,
  `live: write ${CHECKPOINT} at #`,
  `live: write ${CHECKPOINT} at 0`,
  `live: sync ${CHECKPOINT}`,
];

/** EIO in place of the call. */
function failing(calls: readonly Moment[]): InjectedError[] {
  const effect: FaultEffect = { kind: 'fail', errno: 'EIO' };
  return calls.map((at) => ({ at, when: 'before', effect, outcome: 'JOURNAL_IO_FAILED' }));
}

/** A file server that gave the host up: the file is opened and locked anew, which helps or does not. */
function failingStatus(): InjectedError[] {
  const once = failing(CALLS_FOR_THE_STATUS_OF_A_BACKUP);
  return [
    ...once.map((error): InjectedError => ({ ...error, outcome: 'goes on' })),
    ...once.map((error): InjectedError => ({ ...error, times: 'from-then-on' })),
  ];
}

function lackingRoom(): InjectedError[] {
  return CALLS_THAT_MAY_LACK_ROOM.flatMap((at, index): InjectedError[] => {
    const effect: FaultEffect = { kind: 'fail', errno: index % 2 === 0 ? 'ENOSPC' : 'EDQUOT' };
    const before: InjectedError = { at, when: 'before', effect, outcome: 'goes on' };
    return at.includes(' write ') ? [before, { ...before, when: 'during' }] : [before];
  });
}

/** The old tail is unlinked, and nobody knows whether that is on stable storage. */
const OLD_TAIL_STILL_NAMED: InjectedError = {
  at: 'taking-over: sync-directory journal',
  when: 'before',
  nth: 2,
  effect: { kind: 'fail', errno: 'EIO' },
  outcome: 'JOURNAL_IO_FAILED',
};

/** Of a next segment, or of a checkpoint: what a takeover left was removed before the first roll. */
const NO_ROOM_FOR_A_NAME: InjectedError = {
  since: `live: write-durable ${SEGMENT} at 0`,
  at: 'live: sync-directory journal',
  when: 'before',
  effect: { kind: 'fail', errno: 'ENOSPC' },
  outcome: 'goes on',
};

const fail = (errno: string): FaultEffect => ({ kind: 'fail', errno });

const NO_ROOM_THAT_IS_NEEDED: readonly InjectedError[] = [
  {
    at: `live: open-create-new ${SEGMENT}`,
    when: 'before',
    effect: fail('ENOSPC'),
    times: 'from-then-on',
    outcome: 'lacks room',
  },
  ...([`live: write-durable ${SEGMENT} at #`, 'live: write live at 0'] as const).map(
    (at): InjectedError => ({
      at,
      when: 'before',
      nth: 3,
      effect: fail('EDQUOT'),
      outcome: 'JOURNAL_IO_FAILED',
    }),
  ),
];

/** Half of it is on disk when the call fails. */
const SHORT_WRITES: readonly InjectedError[] = (
  [
    `live: write-durable ${SEGMENT} at #`,
    `live: write-durable ${SEGMENT} at 0`,
    `live: write ${SEGMENT} at 0`,
    `live: write ${CHECKPOINT} at #`,
    'live: write live at 0',
    `taking-over: write ${SEGMENT} at #`,
    'taking-over: write live at 0',
  ] as const
).map((at) => ({ at, when: 'during', effect: fail('EIO'), outcome: 'JOURNAL_IO_FAILED' }));

/** It was done, and the answer was lost. */
const LOST_ANSWERS: readonly InjectedError[] = (
  [
    `live: write-durable ${SEGMENT} at #`,
    `live: write-durable ${SEGMENT} at 0`,
    `live: unlink ${SEGMENT}`,
    'taking-over: open-create-new epochs/#',
    `taking-over: open-create-new ${SEGMENT}`,
    `taking-over: write-durable ${SEGMENT} at 0`,
    `taking-over: unlink ${SEGMENT}`,
  ] as const
).map((at) => ({ at, when: 'after', effect: fail('EIO'), outcome: 'JOURNAL_IO_FAILED' }));

const TAKEN_AWAY: readonly InjectedError[] = [
  ...(['live: stat lock', 'live: open-read live'] as const).map(
    (at): InjectedError => ({
      at,
      when: 'before',
      nth: 2,
      effect: fail('ESTALE'),
      outcome: 'OWNERSHIP_LOST',
    }),
  ),
  // Once would not do: a handle for reading bodies is looked at like this too, and is opened anew then.
  {
    at: `live: stat-open ${SEGMENT}`,
    when: 'before',
    nth: 2,
    effect: fail('ESTALE'),
    times: 'from-then-on',
    outcome: 'OWNERSHIP_LOST',
  },
];

/** A late answer costs time, and a rival epoch the turn. */
const LIVED_WITH: readonly InjectedError[] = [
  ...(
    [
      `live: write-durable ${SEGMENT} at #`,
      'live: sync-directory journal',
      'live: stat lock',
      'live: open-read live',
      'live: sync live',
      `live: sync ${CHECKPOINT}`,
    ] as const
  ).map(
    (at): InjectedError => ({
      at,
      when: 'before',
      nth: 2,
      effect: { kind: 'delay', delayMs: DELAY_MS },
      outcome: 'goes on',
    }),
  ),
  {
    at: 'taking-over: open-create-new epochs/#',
    when: 'before',
    effect: fail('EEXIST'),
    outcome: 'goes on',
  },
];

const hanging = (at: Moment, nth: number): InjectedError => ({
  at,
  when: 'before',
  nth,
  effect: { kind: 'hang' },
  outcome: 'stalled',
});

/** Whether a thread is stuck in it, a commit waits for it, or nobody seems to. */
const HANGING: readonly InjectedError[] = [
  hanging(`live: write-durable ${SEGMENT} at #`, 2),
  hanging('live: sync live', 2),
  hanging('live: stat lock', 2),
  hanging('live: open-read live', 2),
  hanging('live: list epochs', 1),
  hanging('live: sync-directory journal', 1),
  hanging(`live: sync ${SEGMENT}`, 2),
  hanging(`live: sync ${CHECKPOINT}`, 1),
  hanging(`live: unlink ${SEGMENT}`, 1),
  // What is asked for other nodes.
  { ...hanging('live: list nodes', 2), outcome: 'goes on' },
  { ...hanging('live: open-read requests/handover', 2), outcome: 'goes on' },
  hanging('taking-over: list journal', 1),
  hanging('taking-over: sync-directory epochs', 1),
];

const WRONG_STORE: readonly InjectedError[] = [
  {
    at: 'joining: open-create lock',
    when: 'before',
    effect: fail('EROFS'),
    outcome: 'STORE_UNWRITABLE',
  },
  { at: 'joining: list .', when: 'before', effect: fail('EACCES'), outcome: 'STORE_UNWRITABLE' },
  { at: 'joining: list .', when: 'before', effect: fail('ENOENT'), outcome: 'STORE_MISSING' },
  {
    at: `backup: open-read ${SEGMENT}`,
    when: 'before',
    effect: fail('ESTALE'),
    outcome: 'goes on',
  },
];

const middle = Math.ceil(CALLS_OF_THE_LIVE.length / 2);

/** Chapters run side by side, each with a store of its own: the longest first, so that none is left alone at the end. */
export const INJECTED_ERRORS: readonly {
  readonly chapter: string;
  readonly scenario: FailpointScenario;
  readonly errors: readonly InjectedError[];
}[] = [
  {
    chapter: 'answers that never come',
    scenario: 'serve',
    errors: HANGING,
  },
  {
    chapter: 'calls of a takeover that fail',
    scenario: 'serve',
    errors: [...failing(CALLS_OF_A_TAKEOVER), OLD_TAIL_STILL_NAMED],
  },
  {
    chapter: 'calls of a live node that fail, the first half of them',
    scenario: 'serve',
    errors: failing(CALLS_OF_THE_LIVE.slice(0, middle)),
  },
  {
    chapter: 'calls of a live node that fail, the other half',
    scenario: 'serve',
    errors: failing(CALLS_OF_THE_LIVE.slice(middle)),
  },
  {
    chapter: 'calls of the clean-up after a takeover that fail',
    scenario: 'take-over',
    errors: failing(CALLS_OF_THE_CLEAN_UP),
  },
  {
    chapter: 'calls of a handover that fail',
    scenario: 'hand-over',
    errors: [...failing(CALLS_OF_A_HANDOVER), hanging('handing-over: close lock', 1)],
  },
  {
    chapter: 'calls of a backup that fail',
    scenario: 'join',
    errors: [...failing(CALLS_OF_A_BACKUP), ...failingStatus(), ...WRONG_STORE],
  },
  {
    chapter: 'full disks and short writes',
    scenario: 'serve',
    errors: [...lackingRoom(), NO_ROOM_FOR_A_NAME, ...NO_ROOM_THAT_IS_NEEDED, ...SHORT_WRITES],
  },
  {
    chapter: 'answers that are lost or late',
    scenario: 'serve',
    errors: [...LOST_ANSWERS, ...TAKEN_AWAY, ...LIVED_WITH],
  },
];
