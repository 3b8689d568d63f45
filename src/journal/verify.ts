/**
 * Reads a whole journal and its checkpoint and tells whether everything is as it was written. It
 * changes nothing and works beside running nodes. It checks the journal's own bytes; what the
 * records in it mean is not known here.
 */

import { type FoundCheckpoint, newestCheckpoint, readCheckpoint } from './checkpoint.js';
import { isGone, type JournalDirectory } from './directory.js';
import type { Cursor, Epoch, Sequence } from './format.js';
import type { BlockRun, LocatedBlock } from './reader.js';
import { isCorrupt, type WalkEnd, walkJournal } from './walk.js';

export interface VerifyOptions {
  readonly directory: JournalDirectory;
  /** The highest sequence that a node recorded as good before the reading began, or 0. */
  readonly knownGood: Sequence;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

export interface VerifyReport {
  readonly segments: number;
  readonly blocks: number;
  readonly records: number;
  /** Of whole blocks, with their headers and padding. */
  readonly bytes: number;
  /** Both 0 when there is no block. */
  readonly firstSequence: Sequence;
  readonly lastSequence: Sequence;
  /** In the order in which they follow each other. */
  readonly epochs: readonly Epoch[];
  readonly end: WalkEnd;
  readonly checkpoint: FoundCheckpoint | null;
  /** One sentence each; empty when the journal is good. */
  readonly problems: readonly string[];
}

/** @throws only when something could not be read, or was written by another version. */
export async function verifyJournal(options: VerifyOptions): Promise<VerifyReport> {
  const { directory, onProgress } = options;
  const problems: string[] = [];
  const checkpoint = await verifyCheckpoint(directory, problems);
  const totalBytes = await sizeOfSegments(directory);
  const tally = new Tally(checkpoint?.header.covers ?? null, problems);
  const end = await walkJournal(directory, {
    onSegment: () => {
      tally.segments += 1;
    },
    onRun: (run) => {
      tally.count(run);
      onProgress(Math.min(tally.bytes, totalBytes), totalBytes);
    },
    onProblem: (problem) => {
      problems.push(problem);
    },
  });
  onProgress(totalBytes, totalBytes);
  if (checkpoint !== null && !tally.hasMetCovered && (await isNewest(directory, checkpoint))) {
    const { sequence, segment, offset } = checkpoint.header.covers;
    problems.push(
      `${checkpoint.name.name} covers the journal up to block ${sequence}, which does not end at ` +
        `offset ${offset} of segment ${segment}`,
    );
  }
  const { segments, blocks, records, bytes, firstSequence, lastSequence, epochs } = tally;
  if (lastSequence < options.knownGood) {
    problems.push(
      `${directory.path} ends after block ${lastSequence}, but block ${options.knownGood} was recorded as written`,
    );
  }
  const counts = { segments, blocks, records, bytes, firstSequence, lastSequence, epochs };
  return { ...counts, end, checkpoint, problems };
}

class Tally {
  segments = 0;
  blocks = 0;
  records = 0;
  bytes = 0;
  firstSequence = 0 as Sequence;
  lastSequence = 0 as Sequence;
  readonly epochs: Epoch[] = [];
  hasMetCovered = false;
  readonly #covered: Cursor | null;
  readonly #problems: string[];

  constructor(covered: Cursor | null, problems: string[]) {
    this.#covered = covered;
    this.#problems = problems;
  }

  count({ blocks }: BlockRun): void {
    for (const block of blocks) {
      if (block.sequence <= this.lastSequence) continue;
      this.blocks += 1;
      this.records += block.recordCount;
      this.bytes += block.lengthBytes;
      if (this.firstSequence === 0) this.firstSequence = block.sequence;
      this.lastSequence = block.sequence;
      if (this.epochs.at(-1) !== block.epoch) this.epochs.push(block.epoch);
      this.#compareCovered(block);
    }
  }

  #compareCovered(block: LocatedBlock): void {
    const covered = this.#covered;
    if (covered === null || block.sequence !== covered.sequence) return;
    const ends = block.offset + block.lengthBytes;
    this.hasMetCovered = block.segment === covered.segment && ends === covered.offset;
    if (block.checksum === covered.checksum && block.epoch === covered.epoch) return;
    this.#problems.push(
      `block ${block.sequence} is not the one that the checkpoint covers: its checksum or epoch differs`,
    );
  }
}

/** The newest checkpoint that a live node has not replaced while it was being read. */
async function verifyCheckpoint(
  directory: JournalDirectory,
  problems: string[],
): Promise<FoundCheckpoint | null> {
  for (;;) {
    try {
      const found = await newestCheckpoint(directory);
      if (found !== null) await verifyPayloads(directory, found, problems);
      return found;
    } catch (error) {
      if (isGone(error)) continue;
      if (!isCorrupt(error)) throw error;
      problems.push(error.message);
      return null;
    }
  }
}

async function verifyPayloads(
  directory: JournalDirectory,
  found: FoundCheckpoint,
  problems: string[],
): Promise<void> {
  try {
    await readCheckpoint(directory, found, async () => undefined);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    problems.push(error.message);
  }
}

async function isNewest(directory: JournalDirectory, found: FoundCheckpoint): Promise<boolean> {
  return (await newestCheckpoint(directory))?.name.name === found.name.name;
}

async function sizeOfSegments(directory: JournalDirectory): Promise<number> {
  let total = 0;
  for (const { name } of (await directory.list()).segments) {
    try {
      total += (await directory.fileSystem.stat(directory.pathOf(name))).sizeBytes;
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return total;
}
