/**
 * How two doctors find each other in a directory: by listing it, since a name that is looked for
 * before it exists stays missing for long, and by beats, since a dead doctor leaves its document.
 */
import { errnoOf, HoldfastError } from '../../platform/errors.js';
import type { Clock, FileSystem } from '../../platform/ports.js';
import { readDocumentOrNull } from '../../store/document-file.js';
import { pause } from '../pause.js';
import { isWorkDirectoryName } from '../work-directory.js';
import type { Announcement } from './announcement.js';
import { peerGone } from './conversation.js';
import {
  INTRODUCTION_SHAPE,
  type Introduction,
  PEER_FILE,
  PEER_SHAPE,
  type PeerDocument,
} from './peer-document.js';

const POLL_MS = 100;
/** Once one has been chosen it needs no longer than this to choose us. */
const MUTUAL_LIMIT_MS = 10_000;

export interface MeetingOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly mine: Announcement;
  /** The directory that is examined, without symbolic links. */
  readonly root: string;
  readonly waitMs: number;
}

/** Throws PEER_MISSING when nobody came, PEER_REFUSED when those who came do not fit. */
export async function meetPeer(options: MeetingOptions): Promise<PeerDocument> {
  const { mine } = options;
  const chosen = await findOther(options);
  await mine.update({ peer: chosen.id });
  const deadline = options.clock.monotonicMs() + MUTUAL_LIMIT_MS;
  let other: Introduction | null = chosen;
  while (other !== null && other.peer === null && options.clock.monotonicMs() < deadline) {
    await pause(options.clock, POLL_MS);
    other = await introductionOf(options, chosen.id);
  }
  // Only now, when it has chosen us: so it knows our version as well, and refuses it by itself.
  assertSameVersion(mine.document, chosen);
  if (other?.peer === null) throw peerGone(chosen, 'did not answer');
  if (other !== null && other.peer !== mine.document.id) throw crowded(chosen, mine.document);
  const peer = await readPeer(options, chosen);
  if (peer.toBeCut !== null && mine.document.toBeCut !== null) throw bothToBeCutOff(peer);
  return peer;
}

/** The one other doctor whose document changes while we look. */
async function findOther(options: MeetingOptions): Promise<Introduction> {
  const { clock, waitMs } = options;
  const deadline = clock.monotonicMs() + waitMs;
  const firstBeats = new Map<string, number>();
  while (clock.monotonicMs() < deadline) {
    const living: Introduction[] = [];
    for (const other of await introductions(options)) {
      const firstBeat = firstBeats.get(other.id) ?? other.beat;
      firstBeats.set(other.id, firstBeat);
      if (other.beat !== firstBeat) living.push(other);
    }
    const [one, another] = living;
    if (one !== undefined && another !== undefined) throw crowded(one, another);
    if (one !== undefined) return one;
    await pause(clock, POLL_MS);
  }
  throw nobodyCame(options.root, waitMs);
}

async function introductions(options: MeetingOptions): Promise<Introduction[]> {
  const { fileSystem, root, mine } = options;
  const found: Introduction[] = [];
  for (const name of await fileSystem.list(root)) {
    if (!isWorkDirectoryName(name) || name === mine.document.id) continue;
    const introduction = await introductionOf(options, name);
    if (introduction !== null) found.push(introduction);
  }
  return found;
}

/** Null for a doctor that is alone on purpose, and for one that is gone by now. */
async function introductionOf(options: MeetingOptions, id: string): Promise<Introduction | null> {
  const { fileSystem, root } = options;
  try {
    if (!(await fileSystem.list(`${root}/${id}`)).includes(PEER_FILE)) return null;
    return await readDocumentOrNull(fileSystem, `${root}/${id}/${PEER_FILE}`, INTRODUCTION_SHAPE);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ESTALE') return null;
    if (errno === 'EACCES') throw unreadable(`${root}/${id}`);
    throw error;
  }
}

async function readPeer(options: MeetingOptions, chosen: Introduction): Promise<PeerDocument> {
  const path = `${options.root}/${chosen.id}/${PEER_FILE}`;
  const peer = await readDocumentOrNull(options.fileSystem, path, PEER_SHAPE);
  if (peer === null) throw peerGone(chosen, 'left as soon as it had come');
  return peer;
}

function assertSameVersion(mine: Introduction, other: Introduction): void {
  if (mine.version === other.version) return;
  throw new HoldfastError(
    'PEER_REFUSED',
    `The doctor on host ${other.host} is of version ${other.version} and this one of version ` +
      `${mine.version}: install the same version of holdfast on both hosts.`,
  );
}

function crowded(...others: readonly Introduction[]): HoldfastError {
  const names = others.map(({ host, pid }) => `process ${pid} on host ${host}`).join(' and ');
  return new HoldfastError(
    'PEER_REFUSED',
    `More than two doctors are at work in this directory (${names}): wait until they are done, ` +
      'or end all but two.',
  );
}

function unreadable(directory: string): HoldfastError {
  return new HoldfastError(
    'PEER_REFUSED',
    `This user may not read what the other doctor tells in ${directory}: run both as the same ` +
      'user, with the same number on both hosts, as the nodes will be.',
  );
}

function bothToBeCutOff(other: Introduction): HoldfastError {
  return new HoldfastError(
    'PEER_REFUSED',
    `--lease was given here and on host ${other.host}: give it only on the host to be cut off.`,
  );
}

function nobodyCame(root: string, waitMs: number): HoldfastError {
  return new HoldfastError(
    'PEER_MISSING',
    `No other doctor came to ${root} within ${waitMs / 1_000} s: while this one waits, run ` +
      '`holdfast doctor DIR --peer` on the other host, with DIR the same directory as mounted there.',
  );
}
