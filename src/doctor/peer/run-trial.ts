/** One trial of two doctors, from an empty directory to a result that both agree on. */
import { type ErrorCode, HoldfastError, messageOf } from '../../platform/errors.js';
import type { Clock, Patience, TrialProcess } from '../../platform/ports.js';
import { failed, type TrialResult } from '../trial-result.js';
import { emptyDirectory } from '../work-directory.js';
import { TrialEndedByPeer } from './conversation.js';
import { otherRole, type PeerTrial, type Ring } from './ring.js';

/** A process that hangs in the kernel is not waited for. */
const KILL_LIMIT_MS = 5_000;
const FAILURE_LENGTH_LIMIT = 500;
/** They say nothing of what the directory can do. */
const ENDS_ALL_TRIALS: readonly ErrorCode[] = ['PEER_GONE', 'STORE_STALLED'];

/** Everything that is the same for all trials. */
export interface Arena extends Omit<Ring, 'directory' | 'startHand'> {
  readonly patience: Patience;
  readonly startProcess: (patience: Patience) => Promise<TrialProcess>;
  /** `root/ID` of each. */
  readonly workDirectories: { readonly first: string; readonly second: string };
}

/** Throws what ends all trials: that the peer is gone, or the file server. */
export async function runTrial(trial: PeerTrial, arena: Arena): Promise<readonly TrialResult[]> {
  const { talk, role, fileSystem, clock } = arena;
  const owner = trial.place(arena);
  const directory = `${arena.workDirectories[owner]}/${trial.name.replaceAll(' ', '-')}`;
  const hands: TrialProcess[] = [];
  const startHand = async () => {
    const hand = await arena.startProcess(arena.patience);
    hands.push(hand);
    return hand;
  };
  talk.begin(trial.name);
  if (owner === role) await fileSystem.makeDirectory(directory);
  const mine = await attempt(trial, { ...arena, directory, startHand }).finally(() =>
    // What they have open could not be removed by whoever clears up.
    Promise.all(hands.map((hand) => killSoon(clock, hand))),
  );
  const theirFailure = await talk.endTrial<string | null>(mine.failure);
  if (owner === role) {
    await emptyDirectory(fileSystem, clock, directory);
    await fileSystem.removeDirectory(directory);
  }
  if (mine.failure === null && theirFailure === null) return mine.results;
  const { [role]: here, [otherRole(role)]: there } = arena.names;
  const texts = [];
  if (mine.failure) texts.push(`on ${here}: ${mine.failure}`);
  if (theirFailure) texts.push(`on ${there}: ${theirFailure}`);
  return [failed(trial.name, texts.join('; '), { fence: trial.fence })];
}

interface Attempt {
  readonly results: readonly TrialResult[];
  /** Empty when the failure is the peer's. */
  readonly failure: string | null;
}

async function attempt(trial: PeerTrial, ring: Ring): Promise<Attempt> {
  try {
    await ring.talk.exchange('ready', null);
    return { results: await trial.run(ring), failure: null };
  } catch (error) {
    if (error instanceof TrialEndedByPeer) return { results: [], failure: '' };
    if (error instanceof HoldfastError && ENDS_ALL_TRIALS.includes(error.code)) throw error;
    return { results: [], failure: messageOf(error).slice(0, FAILURE_LENGTH_LIMIT) };
  }
}

export async function killSoon(clock: Clock, process: TrialProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const limit = clock.after(KILL_LIMIT_MS, resolve);
    // One that went on running would keep the doctor from ending.
    process
      .kill()
      .finally(() => limit.cancel())
      .then(resolve, reject);
  });
}
