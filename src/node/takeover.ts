/**
 * From the election lock to a journal that this node may write: the steps of
 * docs/journal-format.md, section 4. Storage thread. Until `claimNextEpoch` nothing is changed.
 */

import { isGone, type JournalDirectory } from '../journal/directory.js';
import type { Cursor, Epoch, SegmentName, Sequence } from '../journal/format.js';
import { type JournalEnd, judgeEnd } from '../journal/journal-end.js';
import { sealJournal } from '../journal/seal.js';
import { openLocked } from '../journal/segment-file.js';
import type { JournalWriter } from '../journal/writer.js';
import type { ElectionLock } from '../ownership/election.js';
import { claimNextEpoch, highestEpoch, releaseOf } from '../ownership/epoch.js';
import { mayGoLive } from '../ownership/witness.js';
import { HoldfastError } from '../platform/errors.js';
import type { FileHandle } from '../platform/ports.js';
import type { DocumentFile } from '../store/document-file.js';
import type { LiveDocument } from '../store/documents.js';
import { openLiveFile, readLiveDocument } from '../store/known-documents.js';
import type { Follower } from './follower.js';
import type { StorageSettings, StorageWorld } from './storage-world.js';

/** A dead node's locks go one after the other, all within moments of the first. */
const LOCK_TRAIL_LIMIT_MS = 15_000;
const LOCK_TRAIL_POLL_MS = 5;
/** A fresh open shows another host's rewrite this late at most (measured: 0.35 s). */
const SEEN_LATE_MS = 500;
/** How often a node that outwaits others shows that it runs. */
const BEAT_MS = 500;

export interface TakeoverContext {
  readonly world: StorageWorld;
  readonly settings: StorageSettings;
  readonly electionLock: ElectionLock;
  readonly follower: Follower;
  readonly directory: JournalDirectory;
}

export interface Takeover {
  readonly epoch: Epoch;
  readonly sinceMs: number;
  readonly writer: JournalWriter;
  readonly liveFile: DocumentFile<LiveDocument>;
}

/** Null when another node claimed the epoch at the same moment: step back. */
export async function takeOver(context: TakeoverContext): Promise<Takeover | null> {
  const { world, settings, electionLock, follower } = context;
  const { fileSystem, clock } = world;
  const { layout, identity } = settings;
  const read = await readLiveDocument(fileSystem, layout);
  const lastLive = read.kind === 'valid' ? read.document : null;
  const lockSeenContended = electionLock.seenContended;
  await mayGoLive({ fileSystem, clock, layout, identity, lockSeenContended, lastLive });
  const epoch = (await claimNextEpoch({
    fileSystem,
    epochsDirectory: layout.epochsDirectory,
    node: settings.name,
    identity,
    wallMs: clock.wallMs(),
    above: Math.max(lastLive?.epoch ?? 0, follower.cursor.epoch),
    predecessor: lastLive === null ? null : (releaseOf(lastLive) ?? 'lost'),
  })) as Epoch | null;
  if (epoch === null) return null;
  try {
    return await takeOverIn(epoch, context, lastLive);
  } catch (error) {
    // To a node that was deposed meanwhile its successor's work looks like damage, or like files that are missing.
    if (!(error instanceof HoldfastError || isGone(error))) throw error;
    // Where that cannot be asked, what was seen is all there is to tell.
    const newest = await highestEpoch(fileSystem, layout.epochsDirectory).catch(() => epoch);
    throw newest > epoch ? deposed(context, epoch, newest, error) : error;
  }
}

async function takeOverIn(
  epoch: Epoch,
  context: TakeoverContext,
  lastLive: LiveDocument | null,
): Promise<Takeover> {
  const { world, settings, follower, directory } = context;
  const { fileSystem, clock } = world;
  const { layout, identity } = settings;
  const sinceMs = Math.round(clock.wallMs());
  const liveFile = await openLiveFile(fileSystem, layout);
  await withinLockTrail(context, layout.liveFile, () => liveFile.tryLock());
  const publish = (beat: number): Promise<void> =>
    liveFile.write(takingOver(context, { epoch, sinceMs, beat, lastLive }));
  // From here on the ownership check of any older tenure fails.
  await publish(0);
  if (mayStillConfirm(context, epoch, lastLive)) await outwait(context, epoch, publish);
  const knownGood = (lastLive?.position.sequence ?? 0) as Sequence;
  const { locked, end } = await findEnd(context, epoch, knownGood);
  const writer = await sealJournal({
    directory,
    clock,
    epoch,
    segmentBytes: settings.segmentBytes,
    cursor: follower.cursor,
    oldFile: locked?.file ?? null,
    closeOldFile: async () => locked?.handle.close(),
    end,
    node: { name: settings.name, ...identity },
  });
  return { epoch, sinceMs, writer, liveFile };
}

/**
 * Whether an older tenure may still be confirming somewhere. A server that fences lost locks settles
 * it, but only when the lock is really shared: a lock that was never seen to be refused may have been
 * granted by this host alone, on a mount that keeps its locks to itself.
 */
function mayStillConfirm(
  { settings, electionLock }: TakeoverContext,
  epoch: Epoch,
  lastLive: LiveDocument | null,
): boolean {
  if (!settings.isFencedByServer) return true;
  if (!settings.isSharedByHosts || electionLock.seenContended || epoch === 1) return false;
  const isPredecessor = lastLive !== null && lastLive.epoch === epoch - 1;
  // One that was killed while it waited itself may have been about to depose somebody else.
  if (!isPredecessor || lastLive.state === 'taking-over') return true;
  return lastLive.state !== 'released' && lastLive.bootId !== settings.identity.bootId;
}

/** Lets every older tenure notice, and shows meanwhile that this node is here: a lock that is not shared keeps no one else away. */
async function outwait(
  context: TakeoverContext,
  epoch: Epoch,
  publish: (beat: number) => Promise<void>,
): Promise<void> {
  const { world, settings } = context;
  const { clock, fileSystem } = world;
  const until = clock.monotonicMs() + settings.freshMs + SEEN_LATE_MS;
  for (let beat = 1; clock.monotonicMs() < until; beat += 1) {
    const delayMs = Math.min(BEAT_MS, until - clock.monotonicMs());
    await new Promise<void>((resolve) => clock.after(delayMs, resolve));
    await publish(beat);
  }
  const newest = await highestEpoch(fileSystem, settings.layout.epochsDirectory);
  if (newest !== epoch) throw deposed(context, epoch, newest);
}

function deposed(
  { settings }: TakeoverContext,
  epoch: Epoch,
  newest: number,
  cause?: unknown,
): HoldfastError {
  return new HoldfastError(
    'OWNERSHIP_LOST',
    `Another node has claimed epoch ${newest} while node "${settings.name}" was taking over with epoch ${epoch}.`,
    { cause },
  );
}

function takingOver(
  { settings, follower }: TakeoverContext,
  facts: { epoch: Epoch; sinceMs: number; beat: number; lastLive: LiveDocument | null },
): LiveDocument {
  const { epoch, sinceMs, beat, lastLive } = facts;
  const { segment, offset, sequence } = follower.cursor;
  const isBehind = lastLive !== null && lastLive.position.sequence > sequence;
  return {
    epoch,
    node: settings.name,
    ...settings.identity,
    sinceMs,
    addresses: {},
    // A node that dies right here must not take back what is known to be good.
    position: isBehind ? lastLive.position : { segment, offset, sequence },
    beat,
    verifiedAtMs: 0,
    state: 'taking-over',
    successor: null,
  };
}

interface LockedTail {
  readonly file: SegmentName;
  readonly handle: FileHandle;
}

/**
 * Where nothing fences late writes, one of the node before may arrive after the reader's last look:
 * the reader is asked once more before whole blocks behind the end are taken for damage.
 */
async function findEnd(
  context: TakeoverContext,
  epoch: Epoch,
  knownGood: Sequence,
): Promise<{ locked: LockedTail | null; end: JournalEnd }> {
  const { directory, follower } = context;
  for (;;) {
    const locked = await lockTail(context, epoch);
    const { cursor } = follower;
    try {
      const end = await judgeEnd(directory, cursor, locked?.file ?? null, knownGood);
      return { locked, end };
    } catch (error) {
      await follower.catchUp();
      if (isSamePlace(follower.cursor, cursor)) throw error;
      await locked?.handle.close();
    }
  }
}

/** The next segment may have been begun without a block in it. */
function isSamePlace(one: Cursor, two: Cursor): boolean {
  return one.segment === two.segment && one.offset === two.offset && one.checksum === two.checksum;
}

/** Locks the file in which the journal ends; null when there is no journal yet. */
async function lockTail(context: TakeoverContext, epoch: Epoch): Promise<LockedTail | null> {
  const { directory, follower } = context;
  for (;;) {
    await readOn(context, epoch);
    const file = follower.file;
    if (file === null) return null;
    let handle: FileHandle | null = null;
    await withinLockTrail(context, directory.pathOf(file.name), async () => {
      handle = await tryOpenLocked(directory, file.name);
      return handle !== null;
    });
    await readOn(context, epoch);
    if (handle !== null && follower.file?.name === file.name) return { file, handle };
    await (handle as FileHandle | null)?.close();
  }
}

/** Others may have come and gone while this node could not reach the store: what they left is newer, and not to be replaced. */
async function readOn(context: TakeoverContext, epoch: Epoch): Promise<void> {
  const { follower } = context;
  await follower.catchUp();
  const newest = Math.max(follower.cursor.epoch, follower.file?.epoch ?? 0);
  if (newest >= epoch) throw deposed(context, epoch, newest);
}

async function tryOpenLocked(
  directory: JournalDirectory,
  name: string,
): Promise<FileHandle | null> {
  try {
    return await openLocked(directory, name);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'OWNERSHIP_LOST') return null;
    throw error;
  }
}

async function withinLockTrail(
  context: TakeoverContext,
  path: string,
  tryLock: () => Promise<boolean>,
): Promise<void> {
  const { clock } = context.world;
  const deadline = clock.monotonicMs() + LOCK_TRAIL_LIMIT_MS;
  while (!(await tryLock())) {
    if (clock.monotonicMs() > deadline) {
      throw new HoldfastError(
        'OWNERSHIP_LOST',
        `${path} stays locked by another process although this node holds the election lock. ` +
          'End the process that has it open (`lsof` names it), then start this node again.',
      );
    }
    await new Promise<void>((resolve) => clock.after(LOCK_TRAIL_POLL_MS, resolve));
  }
}
