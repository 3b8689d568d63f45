/**
 * Two doctors on two hosts try out one directory together. They work in directories of their own in
 * it, and talk through it, so nothing else has to be reachable.
 */
import { errnoOf, HoldfastError, messageOf } from '../../platform/errors.js';
import type { Clock, HostIdentity, Patience, TrialProcess } from '../../platform/ports.js';
import { pause } from '../pause.js';
import type { TrialResult } from '../trial-result.js';
import {
  removeWorkDirectory,
  type WorkDirectoryOptions,
  withWorkDirectory,
  workDirectoryName,
} from '../work-directory.js';
import { Announcement } from './announcement.js';
import { measureOffset } from './clock-offset.js';
import { Conversation } from './conversation.js';
import { meetPeer } from './meeting.js';
import { type Cut, isSameHost, type PeerDocument } from './peer-document.js';
import type { Parties, PeerTrial } from './ring.js';
import { type Arena, killSoon, runTrial } from './run-trial.js';
import { wallClockResult } from './trials.js';

const BLOCKED_NOTICE_MS = 5_000;
const BLOCKED_QUIET_MS = 9_000;
const CALL_LIMIT_MS = 120_000;
/** With a host that is to be cut off: as long as a person and a server take. */
const CALL_LIMIT_WHEN_CUT_MS = 1_800_000;
/** So long a farewell stays readable. */
const FAREWELL_MS = 2_000;
const FAREWELL_LENGTH_LIMIT = 500;

/** What the person who runs both doctors asks for. */
export interface PeerRequest {
  readonly version: string;
  readonly waitMs: number;
  readonly toBeCut: Cut | null;
  /** For the person who waits; no part of the report. */
  readonly tell: (sentence: string) => void;
}

export interface PeerExaminationOptions extends Omit<WorkDirectoryOptions, 'fileSystem'> {
  readonly root: string;
  readonly startProcess: (patience: Patience) => Promise<TrialProcess>;
  readonly request: PeerRequest;
  /** The same on both sides. */
  readonly trials: readonly PeerTrial[];
  readonly isNetwork: boolean;
  readonly fence1Enforced: boolean;
}

export interface PeerReport {
  readonly host: string;
  readonly pid: number;
  readonly isSameHost: boolean;
  readonly trials: readonly TrialResult[];
  /** Why there are no more trials, or null when all were made. */
  readonly failure: HoldfastError | null;
}

/** Throws what kept the two from beginning; what ends them later is in the report. */
export async function examineWithPeer(options: PeerExaminationOptions): Promise<PeerReport> {
  const { clock, root } = options;
  const patience = patienceFor(options.request, clock);
  const voice = await options.startProcess(patience);
  try {
    const workOptions = { ...options, fileSystem: voice.fileSystem };
    return await withWorkDirectory(workOptions, root, async (directory) => {
      const mine = await Announcement.begin(voice.fileSystem, clock, directory, introduce(options));
      try {
        return await meetAndTry(options, { voice, mine, patience });
      } catch (error) {
        await sayFarewell(options, mine, error);
        throw error;
      } finally {
        await mine.close();
      }
    });
  } finally {
    await killSoon(clock, voice);
  }
}

interface Means {
  readonly voice: TrialProcess;
  readonly mine: Announcement;
  readonly patience: Patience;
}

async function meetAndTry(options: PeerExaminationOptions, means: Means): Promise<PeerReport> {
  const { clock, root, request } = options;
  const { voice, mine } = means;
  const { fileSystem } = voice;
  request.tell(
    `waiting up to ${request.waitMs / 1_000} s for the doctor on the other host: run ` +
      '`holdfast doctor DIR --peer` there, with DIR the same directory as mounted there',
  );
  const peer = await meetPeer({ fileSystem, clock, mine, root, waitMs: request.waitMs });
  request.tell(`the other doctor is process ${peer.pid} on host ${peer.host}`);
  const peerDirectory = `${root}/${peer.id}`;
  const talk = new Conversation({ fileSystem, clock, mine, peer, peerDirectory });
  const trials: TrialResult[] = [];
  const { host, pid } = peer;
  const report = { host, pid, isSameHost: isSameHost(mine.document, peer), trials };
  try {
    await tryAll(options, { ...means, peer, talk }, trials);
    return { ...report, failure: null };
  } catch (error) {
    const failure = asFailure(error);
    if (failure.code !== 'PEER_GONE') await sayFarewell(options, mine, failure);
    return { ...report, failure };
  }
}

/** A file system that fails a call of the doctors themselves ends the trials, not the report. */
function asFailure(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (errnoOf(error) === undefined) throw error;
  const sentence = `The file system failed while the doctors talked: ${messageOf(error)}`;
  return new HoldfastError('STORE_UNWRITABLE', sentence, { cause: error });
}

/** What came of each trial is added to `trials`, so that it is there when a later one ends all. */
async function tryAll(
  options: PeerExaminationOptions,
  means: Means & { readonly peer: PeerDocument; readonly talk: Conversation },
  trials: TrialResult[],
): Promise<void> {
  const { clock, root, request } = options;
  const { voice, mine, peer, talk } = means;
  const parties = partiesOf(options, mine.document, peer);
  const offset = await measureOffset(talk, clock);
  trials.push(wallClockResult(parties, offset));
  const [mineAt, theirsAt] = [`${root}/${mine.document.id}`, `${root}/${peer.id}`];
  const isFirst = parties.role === 'first';
  const arena: Arena = {
    ...parties,
    clock,
    fileSystem: voice.fileSystem,
    talk,
    offset,
    tell: request.tell,
    patience: means.patience,
    startProcess: options.startProcess,
    workDirectories: isFirst
      ? { first: mineAt, second: theirsAt }
      : { first: theirsAt, second: mineAt },
  };
  for (const trial of options.trials) {
    request.tell(`trying: ${trial.name}`);
    trials.push(...(await runTrial(trial, arena)));
  }
  // Of a host without power nobody else clears up: its next boot has another name here.
  if (talk.isOver && peer.toBeCut === 'power-off') {
    await removeWorkDirectory(voice.fileSystem, clock, theirsAt);
  }
  await talk.finish();
}

function partiesOf(
  options: PeerExaminationOptions,
  mine: PeerDocument,
  peer: PeerDocument,
): Parties {
  const role = mine.id < peer.id ? 'first' : 'second';
  const [first, second] = role === 'first' ? [mine, peer] : [peer, mine];
  const cut = [first, second].find(({ toBeCut }) => toBeCut !== null);
  const isOneName = first.host === second.host;
  const nameOf = ({ host, pid }: HostIdentity) => (isOneName ? `${host}/${pid}` : host);
  return {
    role,
    names: { first: nameOf(first), second: nameOf(second) },
    isSameHost: isSameHost(first, second),
    isNetwork: options.isNetwork,
    fence1Enforced: options.fence1Enforced,
    toBeCut: cut?.toBeCut ? { role: cut === first ? 'first' : 'second', how: cut.toBeCut } : null,
  };
}

function introduce({ identity, request }: PeerExaminationOptions): PeerDocument {
  const { host, pid, bootId } = identity;
  const { version, toBeCut } = request;
  const nothingYet = { beat: 0, peer: null, said: [], farewell: null };
  return { id: workDirectoryName(identity), host, pid, bootId, version, toBeCut, ...nothingYet };
}

/** As well as it goes: what the other doctor is told is worth less than the error itself. */
async function sayFarewell(
  options: PeerExaminationOptions,
  mine: Announcement,
  error: unknown,
): Promise<void> {
  if (error instanceof HoldfastError && error.code === 'PEER_MISSING') return;
  const farewell = messageOf(error).slice(0, FAREWELL_LENGTH_LIMIT);
  await mine.update({ farewell, said: [] }).catch(() => undefined);
  await pause(options.clock, FAREWELL_MS);
}

/** Of several calls that hang at once, one is told. */
function patienceFor({ toBeCut, tell }: PeerRequest, clock: Clock): Patience {
  let quietUntilMs = 0;
  return {
    noticeMs: BLOCKED_NOTICE_MS,
    limitMs: toBeCut === null ? CALL_LIMIT_MS : CALL_LIMIT_WHEN_CUT_MS,
    onBlocked(call, blockedMs) {
      if (clock.monotonicMs() < quietUntilMs) return;
      quietUntilMs = clock.monotonicMs() + BLOCKED_QUIET_MS;
      const seconds = (blockedMs / 1_000).toFixed(0);
      tell(`the file server has not answered for ${seconds} s (${call}); waiting`);
    },
  };
}
