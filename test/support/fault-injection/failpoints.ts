/**
 * The one list of failpoints: places in the life of a store at which a node may be killed, in the
 * words of moment.ts. test/integration/crash-points.test.ts kills a real process at every one, and
 * fails when a node makes a change to the store that no failpoint names.
 */
import type { FaultPlace } from './fault.js';

/**
 * What a node does when it meets its failpoint.
 *
 * - `initialise`: it makes a store of a directory in which others have died at it before, and goes live.
 * - `join`: it joins while another one is live.
 * - `take-over`: the live node was killed; it takes over, or has just done so.
 * - `serve`: it is live under load.
 * - `hand-over`: it is live under load and was asked to hand over.
 * - `stop`: it is live under load and was told to stop.
 */
export type FailpointScenario =
  | 'initialise'
  | 'join'
  | 'take-over'
  | 'serve'
  | 'hand-over'
  | 'stop';

export interface Failpoint extends FaultPlace {
  readonly name: string;
}

const SEGMENT = 'journal/#-#.segment';
const CHECKPOINT = 'journal/#-#.checkpoint';

const INITIALISE: readonly Failpoint[] = [
  { name: 'lock file made', when: 'after', at: 'joining: open-create lock' },
  { name: 'election lock got for a new store', when: 'after', at: 'joining: lock lock' },
  { name: 'epochs directory made', when: 'after', at: 'joining: make-directory epochs' },
  { name: 'journal directory made', when: 'after', at: 'joining: make-directory journal' },
  { name: 'nodes directory made', when: 'after', at: 'joining: make-directory nodes' },
  { name: 'requests directory made', when: 'after', at: 'joining: make-directory requests' },
  { name: 'live file made', when: 'after', at: 'joining: open-create live' },
  { name: 'request file made', when: 'after', at: 'joining: open-create requests/handover' },
  { name: 'requests directory synced', when: 'after', at: 'joining: sync-directory requests' },
  { name: 'store document made', when: 'after', at: 'joining: open-create-new store.json' },
  { name: 'begun store document opened', when: 'after', at: 'joining: open-create store.json' },
  { name: 'store directory synced', when: 'after', at: 'joining: sync-directory .' },
  { name: 'store document half written', when: 'during', at: 'joining: write store.json at 0' },
  { name: 'store document written', when: 'after', at: 'joining: write store.json at 0' },
];

/** No tail is there to be copied. */
const FIRST_TENURE: readonly Failpoint[] = [
  { name: 'store document synced', when: 'after', at: 'joining: sync store.json' },
  {
    name: 'first segment made',
    when: 'after',
    at: `taking-over: open-create-new ${SEGMENT}`,
  },
  {
    name: 'first tenure block written',
    when: 'after',
    at: `taking-over: write-durable ${SEGMENT} at #`,
  },
  {
    name: 'first segment header written',
    when: 'after',
    at: `taking-over: write-durable ${SEGMENT} at 0`,
  },
];

const JOIN: readonly Failpoint[] = [
  { name: 'node file made', when: 'after', at: 'joining: open-create nodes/*' },
  { name: 'node name locked', when: 'after', at: 'joining: lock nodes/*' },
  { name: 'first status half written', when: 'during', at: 'backup: write nodes/* at 0' },
  { name: 'first status written', when: 'after', at: 'backup: write nodes/* at 0' },
  { name: 'status of a backup rewritten', when: 'after', nth: 3, at: 'backup: sync nodes/*' },
];

const TAKE_OVER: readonly Failpoint[] = [
  { name: 'election lock got', when: 'after', at: 'backup: lock lock' },
  { name: 'taking over told', when: 'after', at: 'taking-over: sync nodes/*' },
  { name: 'epoch file made', when: 'after', at: 'taking-over: open-create-new epochs/#' },
  { name: 'epoch half written', when: 'during', at: 'taking-over: write epochs/# at 0' },
  { name: 'epoch written', when: 'after', at: 'taking-over: write epochs/# at 0' },
  { name: 'epoch synced', when: 'after', at: 'taking-over: sync epochs/#' },
  { name: 'epochs directory synced', when: 'after', at: 'taking-over: sync-directory epochs' },
  { name: 'live file locked', when: 'after', at: 'taking-over: lock live' },
  { name: 'taking over half published', when: 'during', at: 'taking-over: write live at 0' },
  { name: 'taking over published', when: 'after', at: 'taking-over: write live at 0' },
  { name: 'taking over published and synced', when: 'after', at: 'taking-over: sync live' },
  { name: 'tail locked', when: 'after', at: `taking-over: lock ${SEGMENT}` },
  { name: 'copy made', when: 'after', at: `taking-over: open-create-new ${SEGMENT}` },
  { name: 'copy half written', when: 'during', at: `taking-over: write ${SEGMENT} at #` },
  { name: 'copy written', when: 'after', at: `taking-over: write ${SEGMENT} at #` },
  { name: 'copy synced', when: 'after', at: `taking-over: sync ${SEGMENT}` },
  { name: 'copy in the directory', when: 'after', at: 'taking-over: sync-directory journal' },
  { name: 'copy locked', when: 'after', nth: 2, at: `taking-over: lock ${SEGMENT}` },
  {
    name: 'tenure block half written',
    when: 'during',
    at: `taking-over: write-durable ${SEGMENT} at #`,
  },
  {
    name: 'tenure block written',
    when: 'after',
    at: `taking-over: write-durable ${SEGMENT} at #`,
  },
  {
    name: 'header of the copy half written',
    when: 'during',
    at: `taking-over: write-durable ${SEGMENT} at 0`,
  },
  {
    name: 'header of the copy written',
    when: 'after',
    at: `taking-over: write-durable ${SEGMENT} at 0`,
  },
  { name: 'old tail about to go', when: 'before', at: `taking-over: unlink ${SEGMENT}` },
  { name: 'old tail unlinked', when: 'after', at: `taking-over: unlink ${SEGMENT}` },
  {
    name: 'old tail out of the directory',
    when: 'after',
    nth: 2,
    at: 'taking-over: sync-directory journal',
  },
  { name: 'tenure half published', when: 'during', nth: 2, at: 'taking-over: write live at 0' },
  { name: 'tenure published', when: 'after', nth: 2, at: 'taking-over: sync live' },
  { name: 'first ownership check under way', when: 'after', at: 'taking-over: stat lock' },
  { name: 'tenure verified', when: 'after', at: 'taking-over: post verified' },
  { name: 'live told', when: 'after', at: 'taking-over: post live' },
  { name: 'left-over segment about to go', when: 'before', at: `live: unlink ${SEGMENT}` },
  { name: 'left-over segment unlinked', when: 'after', at: `live: unlink ${SEGMENT}` },
  {
    name: 'left-overs out of the directory',
    when: 'after',
    since: `live: unlink ${SEGMENT}`,
    at: 'live: sync-directory journal',
  },
  { name: 'old epoch about to go', when: 'before', at: 'live: unlink epochs/#' },
  { name: 'old epoch unlinked', when: 'after', at: 'live: unlink epochs/#' },
];

const APPEND_AND_ROLL: readonly Failpoint[] = [
  {
    name: 'block about to be written',
    when: 'before',
    nth: 50,
    at: `live: write-durable ${SEGMENT} at #`,
  },
  {
    name: 'block half written',
    when: 'during',
    nth: 50,
    at: `live: write-durable ${SEGMENT} at #`,
  },
  { name: 'block durable, nobody told', when: 'before', nth: 50, at: 'live: post appended' },
  { name: 'block durable and told', when: 'after', nth: 50, at: 'live: post appended' },
  { name: 'next segment made', when: 'after', at: `live: open-create-new ${SEGMENT}` },
  { name: 'zeros half written', when: 'during', at: `live: write ${SEGMENT} at 0` },
  { name: 'zeros written', when: 'after', at: `live: write ${SEGMENT} at 0` },
  { name: 'zeros synced', when: 'after', at: `live: sync ${SEGMENT}` },
  {
    name: 'next segment in the directory',
    when: 'after',
    since: `live: open-create-new ${SEGMENT}`,
    at: 'live: sync-directory journal',
  },
  { name: 'next segment locked', when: 'after', at: `live: lock ${SEGMENT}` },
  { name: 'next segment told', when: 'after', at: 'live: post segment-prepared' },
  {
    name: 'header of the next segment about to be written',
    when: 'before',
    at: `live: write-durable ${SEGMENT} at 0`,
  },
  {
    name: 'header of the next segment half written',
    when: 'during',
    at: `live: write-durable ${SEGMENT} at 0`,
  },
  {
    name: 'header of the next segment written',
    when: 'after',
    at: `live: write-durable ${SEGMENT} at 0`,
  },
  {
    name: 'full segment closed',
    when: 'after',
    since: `live: write-durable ${SEGMENT} at 0`,
    at: `live: close ${SEGMENT}`,
  },
  {
    name: 'first block of the next segment half written',
    when: 'during',
    since: `live: write-durable ${SEGMENT} at 0`,
    at: `live: write-durable ${SEGMENT} at #`,
  },
  { name: 'ownership check under way', when: 'after', nth: 3, at: 'live: stat lock' },
  { name: 'ownership verified, nobody told', when: 'before', nth: 3, at: 'live: post verified' },
  { name: 'live document half written', when: 'during', nth: 2, at: 'live: write live at 0' },
  { name: 'live document written', when: 'after', nth: 2, at: 'live: write live at 0' },
  { name: 'live document synced', when: 'after', nth: 2, at: 'live: sync live' },
  { name: 'status half written', when: 'during', nth: 2, at: 'live: write nodes/* at 0' },
  { name: 'status synced', when: 'after', nth: 2, at: 'live: sync nodes/*' },
];

const SPACE: readonly Failpoint[] = [
  { name: 'checkpoint made', when: 'after', at: `live: open-create-new ${CHECKPOINT}` },
  { name: 'checkpoint half written', when: 'during', at: `live: write ${CHECKPOINT} at #` },
  { name: 'checkpoint written', when: 'after', at: `live: write ${CHECKPOINT} at #` },
  { name: 'checkpoint synced', when: 'after', at: `live: sync ${CHECKPOINT}` },
  {
    name: 'header of the checkpoint half written',
    when: 'during',
    at: `live: write ${CHECKPOINT} at 0`,
  },
  { name: 'header of the checkpoint written', when: 'after', at: `live: write ${CHECKPOINT} at 0` },
  {
    name: 'header of the checkpoint synced',
    when: 'after',
    since: `live: write ${CHECKPOINT} at 0`,
    at: `live: sync ${CHECKPOINT}`,
  },
  {
    name: 'checkpoint in the directory',
    when: 'after',
    since: `live: write ${CHECKPOINT} at 0`,
    at: 'live: sync-directory journal',
  },
  {
    name: 'older checkpoint about to go',
    when: 'before',
    since: `live: write ${CHECKPOINT} at 0`,
    at: `live: unlink ${CHECKPOINT}`,
  },
  {
    name: 'older checkpoint unlinked',
    when: 'after',
    since: `live: write ${CHECKPOINT} at 0`,
    at: `live: unlink ${CHECKPOINT}`,
  },
  { name: 'checkpoint told', when: 'after', at: 'live: post checkpoint-written' },
  {
    name: 'dead segment about to go',
    when: 'before',
    since: 'live: receive delete-segments',
    at: `live: unlink ${SEGMENT}`,
  },
  {
    name: 'dead segment unlinked',
    when: 'after',
    since: 'live: receive delete-segments',
    at: `live: unlink ${SEGMENT}`,
  },
  { name: 'dead segments told', when: 'after', at: 'live: post segments-deleted' },
  {
    name: 'sparse segment about to be copied',
    when: 'after',
    since: 'live: receive load of a run',
    at: 'live: post loaded',
  },
  // The batch that was under way goes first; the second one has what compaction appends.
  {
    name: 'messages of a sparse segment half copied',
    when: 'during',
    nth: 2,
    since: 'live: receive load of a run',
    at: `live: write-durable ${SEGMENT} at #`,
  },
  {
    name: 'messages of a sparse segment copied, nobody told',
    when: 'before',
    nth: 2,
    since: 'live: receive load of a run',
    at: 'live: post appended',
  },
  {
    name: 'messages of a sparse segment copied and told',
    when: 'after',
    nth: 2,
    since: 'live: receive load of a run',
    at: 'live: post appended',
  },
  {
    name: 'emptied segment about to go',
    when: 'before',
    since: 'live: receive load of a run',
    at: `live: unlink ${SEGMENT}`,
  },
];

const HAND_OVER: readonly Failpoint[] = [
  { name: 'request half answered', when: 'during', at: 'live: write requests/handover at 0' },
  { name: 'request answered', when: 'after', at: 'live: write requests/handover at 0' },
  { name: 'answer synced', when: 'after', at: 'live: sync requests/handover' },
  { name: 'handing over told', when: 'after', at: 'live: post role handing-over' },
  { name: 'status of a handover written', when: 'after', at: 'handing-over: sync nodes/*' },
  { name: 'handing over half published', when: 'during', at: 'handing-over: write live at 0' },
  { name: 'handing over published', when: 'after', at: 'handing-over: sync live' },
  { name: 'clients told to finish', when: 'after', at: 'handing-over: post quiesce' },
  { name: 'clients are gone', when: 'before', at: 'handing-over: receive quiesced' },
  {
    name: 'release half published',
    when: 'during',
    since: 'handing-over: receive quiesced',
    at: 'handing-over: write live at 0',
  },
  {
    name: 'release published',
    when: 'after',
    since: 'handing-over: receive quiesced',
    at: 'handing-over: sync live',
  },
  {
    name: 'tail unlocked',
    when: 'after',
    since: 'handing-over: receive quiesced',
    at: `handing-over: close ${SEGMENT}`,
  },
  {
    name: 'live file unlocked',
    when: 'after',
    since: 'handing-over: receive quiesced',
    at: 'handing-over: close live',
  },
  { name: 'election lock dropped', when: 'after', at: 'handing-over: close lock' },
  { name: 'handed over', when: 'after', at: 'handing-over: post role backup' },
];

const STOP: readonly Failpoint[] = [
  { name: 'stopping node quiesced', when: 'before', at: 'live: receive quiesced' },
  {
    name: 'stopping node half released',
    when: 'during',
    since: 'live: receive quiesced',
    at: 'live: write live at 0',
  },
  {
    name: 'stopping node released',
    when: 'after',
    since: 'live: receive quiesced',
    at: 'live: sync live',
  },
  { name: 'stopping node dropped the lock', when: 'after', at: 'live: close lock' },
  { name: 'stopped told', when: 'after', at: 'stopped: sync nodes/*' },
];

/** Chapters run side by side; each has a store of its own. */
export const FAILPOINTS: readonly {
  readonly chapter: string;
  readonly scenario: FailpointScenario;
  readonly failpoints: readonly Failpoint[];
}[] = [
  { chapter: 'making a store', scenario: 'initialise', failpoints: INITIALISE },
  { chapter: 'the first tenure', scenario: 'initialise', failpoints: FIRST_TENURE },
  { chapter: 'joining a store', scenario: 'join', failpoints: JOIN },
  { chapter: 'taking over', scenario: 'take-over', failpoints: TAKE_OVER },
  { chapter: 'appending and rolling', scenario: 'serve', failpoints: APPEND_AND_ROLL },
  { chapter: 'checkpoints, deletion and compaction', scenario: 'serve', failpoints: SPACE },
  { chapter: 'handing over', scenario: 'hand-over', failpoints: HAND_OVER },
  { chapter: 'stopping', scenario: 'stop', failpoints: STOP },
];
