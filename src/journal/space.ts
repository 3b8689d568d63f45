/**
 * How the journal's directory is kept small: which segments can go, when the index is written to
 * a checkpoint, and which sparse segment is emptied next. The ledger counts, `nextStep` decides;
 * both are pure. The bound is twice the needed bytes plus a slack. The next segment waits for the
 * room, and producers wait with it, so that the bound does not depend on who is faster.
 */

import type { Cursor, SegmentNumber } from './format.js';

interface Entry {
  readonly number: SegmentNumber;
  neededBytes: number;
  /** 0 until the file was seen. */
  sizeBytes: number;
}

/** Bytes that the index still needs of each segment, and the size of each file. */
export class SegmentLedger {
  readonly #entries = new Map<number, Entry>();
  #neededBytes = 0;
  #lastNumber = -1;
  #lastEntry: Entry | null = null;

  retain(segment: number, bytes: number): void {
    this.#entry(segment).neededBytes += bytes;
    this.#neededBytes += bytes;
  }

  release(segment: number, bytes: number): void {
    this.#entry(segment).neededBytes -= bytes;
    this.#neededBytes -= bytes;
  }

  setSize(segment: number, sizeBytes: number): void {
    this.#entry(segment).sizeBytes = sizeBytes;
  }

  remove(segment: number): void {
    this.#entries.delete(segment);
    this.#lastNumber = -1;
  }

  clear(): void {
    this.#entries.clear();
    this.#neededBytes = 0;
    this.#lastNumber = -1;
  }

  get neededBytes(): number {
    return this.#neededBytes;
  }

  neededOf(segment: number): number {
    return this.#entries.get(segment)?.neededBytes ?? 0;
  }

  /** Segments with at least one needed byte of which no file was seen. */
  missing(): number[] {
    return [...this.#entries]
      .filter(([, entry]) => entry.neededBytes > 0 && entry.sizeBytes === 0)
      .map(([number]) => number);
  }

  segments(): Readonly<Entry>[] {
    return [...this.#entries.values()].filter(({ sizeBytes }) => sizeBytes > 0);
  }

  #entry(segment: number): Entry {
    if (segment === this.#lastNumber && this.#lastEntry !== null) return this.#lastEntry;
    let entry = this.#entries.get(segment);
    if (entry === undefined) {
      entry = { number: segment as SegmentNumber, neededBytes: 0, sizeBytes: 0 };
      this.#entries.set(segment, entry);
    }
    this.#lastNumber = segment;
    this.#lastEntry = entry;
    return entry;
  }
}

export interface SpaceFacts {
  readonly ledger: SegmentLedger;
  readonly segmentBytes: number;
  /** By how much the directory may exceed twice the needed bytes: two segments or more. */
  readonly slackBytes: number;
  /** Of one block, unless one transaction is larger. */
  readonly maxBatchBytes: number;
  readonly tail: SegmentNumber;
  /** Bytes written to the tail, and its size. */
  readonly tailUsedBytes: number;
  readonly tailSizeBytes: number;
  readonly spareBytes: number;
  readonly checkpointBytes: number;
  /** Up to where the newest checkpoint goes that is known to be on stable storage, or null. */
  readonly checkpointCovers: Cursor | null;
  /** Up to where the checkpoint went that this tenure found, or null. */
  readonly foundCovers: Cursor | null;
  readonly bytesSinceCheckpoint: number;
  /** What a checkpoint would take now. */
  readonly snapshotBytes: number;
  /** The next segment, or a checkpoint, could not be made for want of room. */
  readonly lacksRoom: boolean;
  /** Segments that could not be emptied just now: what they hold is on its way out already. */
  readonly notNow: ReadonlySet<number>;
}

export type SpaceStep =
  | { readonly kind: 'delete'; readonly segments: readonly SegmentNumber[] }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'compact'; readonly segment: SegmentNumber }
  | { readonly kind: 'prepare-segment'; readonly after: SegmentNumber };

/** Messages of the segment before are given this part of the tail to be consumed by themselves. */
const SETTLING_PART = 0.1;
/** Of what is written when producers are held: from here on the next segment is made ready beyond the bound, when nothing can make room for it soon. */
const PREPARE_AT_LATEST_PART = 0.8;
/** From here on at the latest the rest of the tail is left to compaction and acknowledgements. */
const HOLD_PRODUCERS_PART = 0.75;
/** One that is being written and one that gathers meanwhile still come when producers are held. */
const BLOCKS_AFTER_HOLD = 2;
/** A checkpoint costs at most this part of what was written since the last one. */
const CHECKPOINT_COST_PART = 0.25;
const SPARSE_PART = 0.5;

/** What to do next for the directory's size, or null when nothing is. */
export function nextStep(facts: SpaceFacts): SpaceStep | null {
  const closed = facts.ledger.segments().filter(({ number }) => number < facts.tail);
  const dead = closed.filter(({ neededBytes }) => neededBytes === 0);
  const covered = facts.checkpointCovers?.segment ?? 0;
  const deletable = dead.filter(({ number }) => number < covered);
  if (deletable.length > 0) {
    return { kind: 'delete', segments: deletable.map(({ number }) => number) };
  }
  // Where there is no room for anything else, this may be all that makes some.
  const isFreeing = facts.lacksRoom && covered < facts.tail && bytesOf(dead) > facts.snapshotBytes;
  if (isFreeing) return { kind: 'checkpoint' };
  const present = bytesOf(closed) + facts.tailSizeBytes + facts.spareBytes + facts.checkpointBytes;
  const allowed = 2 * facts.ledger.neededBytes + facts.slackBytes;
  const isSpareMissing = facts.spareBytes === 0;
  const excess = present + (isSpareMissing ? facts.segmentBytes : 0) - allowed;
  const isLate = facts.tailUsedBytes >= holdProducersFrom(facts) * PREPARE_AT_LATEST_PART;
  if (isSpareMissing && (excess <= 0 || (isLate && !makesRoomSoon(facts, excess)))) {
    return { kind: 'prepare-segment', after: facts.tail };
  }
  const settled = facts.tailUsedBytes >= facts.tailSizeBytes * SETTLING_PART;
  if (wantsCheckpoint(facts, dead, settled, excess)) return { kind: 'checkpoint' };
  if (settled && excess > 0) {
    const emptied = sparsest(closed.filter(({ number }) => !facts.notNow.has(number)));
    if (emptied !== null) return emptied;
  }
  return isSpareMissing && isLate ? { kind: 'prepare-segment', after: facts.tail } : null;
}

/**
 * For what producers send, who wait unless there is enough. Else the tail is nearly full, and the next segment
 * waits for room: in the journal's bound, which is made `soon`, or on the disk.
 */
export type JournalRoom = 'enough' | 'soon' | 'none';

export function roomForProducers(facts: SpaceFacts): JournalRoom {
  if (facts.spareBytes > 0 || facts.tailUsedBytes < holdProducersFrom(facts)) return 'enough';
  if (facts.lacksRoom) return 'none';
  const step = nextStep(facts);
  return step === null || step.kind === 'prepare-segment' ? 'enough' : 'soon';
}

/** Room for the blocks that still come; never more than three quarters of the tail, where blocks are large beside it. */
function holdProducersFrom({ tailSizeBytes, maxBatchBytes }: SpaceFacts): number {
  const roomBytes = Math.min(
    BLOCKS_AFTER_HOLD * maxBatchBytes,
    tailSizeBytes * HOLD_PRODUCERS_PART,
  );
  return Math.min(tailSizeBytes * HOLD_PRODUCERS_PART, tailSizeBytes - roomBytes);
}

/** What is further beyond the bound was left by a burst: many segments have to be emptied first. */
function makesRoomSoon(facts: SpaceFacts, excess: number): boolean {
  return excess <= facts.slackBytes && facts.snapshotBytes <= facts.slackBytes / 2;
}

function wantsCheckpoint(
  facts: SpaceFacts,
  dead: readonly { number: SegmentNumber; sizeBytes: number }[],
  settled: boolean,
  excess: number,
): boolean {
  const covered = facts.checkpointCovers?.segment ?? 0;
  if (covered >= facts.tail) return false;
  // What the one that was found covers waits only for another one to say so, even if nobody writes any more.
  const foundCovers = facts.checkpointCovers === null ? (facts.foundCovers?.segment ?? 0) : 0;
  const overdue = dead.filter(({ number }) => number < foundCovers);
  const isWorthwhile = bytesOf(dead) >= facts.slackBytes / 2 || (dead.length > 0 && excess > 0);
  // What a burst left waits for nobody, even if nobody writes any more.
  const isBurst = dead.length > 0 && excess > facts.slackBytes / 2;
  const freesSomething = overdue.length > 0 || isBurst || (settled && isWorthwhile);
  const overdueBytes = bytesOf(overdue);
  const worthBytes = facts.bytesSinceCheckpoint + overdueBytes;
  const isCheap = facts.snapshotBytes <= worthBytes * CHECKPOINT_COST_PART;
  const boundsReplay = facts.bytesSinceCheckpoint >= 2 * facts.slackBytes;
  return isCheap && (freesSomething || boundsReplay);
}

function bytesOf(segments: readonly { readonly sizeBytes: number }[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function sparsest(
  closed: readonly { number: SegmentNumber; neededBytes: number; sizeBytes: number }[],
): SpaceStep | null {
  const sparse = closed
    .filter(
      ({ neededBytes, sizeBytes }) => neededBytes > 0 && neededBytes < sizeBytes * SPARSE_PART,
    )
    .sort((a, b) => a.neededBytes / a.sizeBytes - b.neededBytes / b.sizeBytes);
  const first = sparse[0];
  return first === undefined ? null : { kind: 'compact', segment: first.number };
}
