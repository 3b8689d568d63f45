/**
 * Visits every block of a journal, also those that a checkpoint covers already, and tells what is
 * wrong with it, changing nothing. A node may write meanwhile: an unfinished last block is then no
 * damage, and segments may be deleted or replaced while they are read.
 */

import { HoldfastError } from '../platform/errors.js';
import { newestCheckpoint } from './checkpoint.js';
import { isGone, type JournalDirectory } from './directory.js';
import type { SegmentHeader } from './file-header.js';
import {
  type Cursor,
  type Epoch,
  SEGMENT_HEADER_BYTES,
  type SegmentName,
  type Sequence,
} from './format.js';
import { explainWhole, inspectRemainder, type Remainder, wasFinished } from './journal-end.js';
import { type BlockRun, JournalGap, JournalReader, readBlocksAt } from './reader.js';

export interface WalkVisitor {
  /** Before the first block of a segment. */
  onSegment(name: SegmentName, header: SegmentHeader): void | Promise<void>;
  /** Some blocks come twice when a takeover replaces their file meanwhile. */
  onRun(run: BlockRun): void | Promise<void>;
  /** One sentence about something that is wrong. */
  onProblem(problem: string): void | Promise<void>;
}

/** `unfinished-block`: one is being written right now, or was torn when its node died. */
export type WalkEnd = 'clean-end' | 'unfinished-block';

/** More segments were deleted or replaced under the walk than a live node can do. */
const MAX_RESTARTS = 50;
/** A node that keeps writing moves the end on; after that often the end is taken as it is. */
const MAX_LOOKS_AT_END = 5;

interface Start {
  readonly name: SegmentName;
  readonly cursor: Cursor;
}

export function walkJournal(directory: JournalDirectory, visitor: WalkVisitor): Promise<WalkEnd> {
  return new Walk(directory, visitor).run();
}

class Walk {
  readonly #directory: JournalDirectory;
  readonly #visitor: WalkVisitor;
  /** Behind the last block read so far. */
  #last: Cursor | null = null;
  /** What comes next need not connect: why it does not was told, or a deletion explains it. */
  #isInterrupted = false;
  #end: WalkEnd = 'clean-end';
  #restarts = 0;
  #announced: string | null = null;
  readonly #problems = new Set<string>();
  /** Files whose header is finished and wrong. */
  readonly #refused = new Set<string>();

  constructor(directory: JournalDirectory, visitor: WalkVisitor) {
    this.#directory = directory;
    this.#visitor = visitor;
  }

  async run(): Promise<WalkEnd> {
    let start = await this.#findStart(1);
    while (start !== null) {
      await this.#checkGap(start);
      this.#isInterrupted = false;
      start = await this.#findStart(await this.#readFrom(start));
    }
    await this.#checkUnfinished();
    return this.#end;
  }

  /** The first finished segment with a number of at least `from`; not what a deposed node left. */
  async #findStart(from: number): Promise<Start | null> {
    const { segments } = await this.#directory.list();
    const lowestEpoch = this.#last?.epoch ?? 0;
    const candidates = segments
      .filter(({ number, epoch }) => number >= from && epoch >= lowestEpoch)
      .sort((one, two) => one.number - two.number || two.epoch - one.epoch);
    for (const name of candidates) {
      const header = await this.#headerOf(name);
      const cursor = header === null ? null : await this.#cursorBefore(name, header);
      if (cursor !== null) return { name, cursor };
    }
    return null;
  }

  async #headerOf(name: SegmentName): Promise<SegmentHeader | null> {
    try {
      return await this.#directory.segmentHeader(name);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      this.#refused.add(name.name);
      await this.#problem(error.message);
      return null;
    }
  }

  /** The place before the first block; null when the file went away. */
  async #cursorBefore(name: SegmentName, header: SegmentHeader): Promise<Cursor | null> {
    const epoch = await this.#firstEpoch(name);
    if (epoch === null) return null;
    return {
      segment: name.number,
      offset: SEGMENT_HEADER_BYTES,
      sequence: (header.firstSequence - 1) as Sequence,
      checksum: header.previousChecksum,
      epoch,
    };
  }

  async #firstEpoch({ name, number, epoch }: SegmentName): Promise<Epoch | null> {
    return this.#directory.ifThere(name, async (handle) => {
      try {
        const { blocks } = await readBlocksAt(handle, number, SEGMENT_HEADER_BYTES, {
          mayBeEnd: true,
        });
        return blocks[0]?.epoch ?? epoch;
      } catch (error) {
        // There is no whole first block; what that means is told when it is read.
        if (isCorrupt(error)) return epoch;
        throw error;
      }
    });
  }

  /** Of what a checkpoint covers some segments are gone; behind it none may be. */
  async #checkGap({ name, cursor }: Start): Promise<void> {
    const last = this.#last;
    const expected = last === null ? 1 : last.segment + 1;
    if (name.number > expected) {
      const covered = await this.#coveredSegment();
      if (name.number > covered) {
        const first = Math.max(expected, covered);
        await this.#problem(`${this.#directory.path} lacks ${rangeText(first, name.number - 1)}`);
      }
    }
    if (last === null || name.number <= last.segment) return;
    const begins = `${name.name} begins with block ${cursor.sequence + 1} of epoch ${cursor.epoch}`;
    const ended = `block ${last.sequence} of epoch ${last.epoch} in segment ${last.segment}`;
    if (name.number === expected && !this.#isInterrupted) {
      await this.#problem(`${begins}, which does not connect to ${ended}`);
    } else if (cursor.sequence < last.sequence || cursor.epoch < last.epoch) {
      await this.#problem(`${begins}, which is not after ${ended}`);
    }
  }

  /** Where the newest checkpoint ends; 0 when there is none. */
  async #coveredSegment(): Promise<number> {
    try {
      return (await newestCheckpoint(this.#directory))?.header.covers.segment ?? 0;
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      await this.#problem(error.message);
      return 0;
    }
  }

  /** Reads on from segment to segment; returns the number of the segment to go on with. */
  async #readFrom(start: Start): Promise<number> {
    const reader = new JournalReader(this.#directory, start.cursor);
    try {
      await this.#announce(start.name);
      await this.#drain(reader);
      await this.#judge(reader);
      return reader.cursor.segment + 1;
    } catch (error) {
      this.#isInterrupted = true;
      if (isCorrupt(error)) {
        // A file that is not what its name says stands where the reader goes on.
        await this.#problem(error.message);
        this.#last = reader.cursor;
        return reader.cursor.segment + 1;
      }
      // Deleted or cut off while it was being read: what is there now is read afresh.
      if (!(error instanceof JournalGap) && !isGone(error)) throw error;
      this.#restarts += 1;
      if (this.#restarts > MAX_RESTARTS) throw error;
      return reader.cursor.segment;
    } finally {
      await reader.close();
    }
  }

  async #drain(reader: JournalReader): Promise<boolean> {
    let hasRead = false;
    for (let run = await reader.next(); run !== null; run = await reader.next()) {
      hasRead = true;
      if (reader.file !== null) await this.#announce(reader.file);
      await this.#visitor.onRun(run);
    }
    this.#last = reader.cursor;
    return hasRead;
  }

  async #announce(name: SegmentName): Promise<void> {
    if (this.#announced === name.name) return;
    const header = await this.#headerOf(name);
    if (header === null) return;
    this.#announced = name.name;
    await this.#visitor.onSegment(name, header);
  }

  /**
   * What lies where nothing continues. The reader is asked once more after the look: a block that
   * was half there, because it was being written, is whole by the time that one behind it is.
   */
  async #judge(reader: JournalReader): Promise<void> {
    for (let look = 0; look < MAX_LOOKS_AT_END && reader.file !== null; look += 1) {
      const remainder = await inspectRemainder(this.#directory, reader.cursor, reader.file);
      const hasNext = (await this.#findStart(reader.cursor.segment + 1)) !== null;
      if (remainder.kind === 'zeros' && !hasNext) return;
      if (await this.#drain(reader)) continue;
      await this.#conclude(reader.cursor, reader.file, remainder, hasNext);
      return;
    }
  }

  async #conclude(
    cursor: Cursor,
    file: SegmentName,
    remainder: Remainder,
    hasNext: boolean,
  ): Promise<void> {
    if (remainder.kind === 'zeros') return;
    if (remainder.kind === 'torn' && !hasNext) {
      this.#end = 'unfinished-block';
      return;
    }
    this.#isInterrupted = true;
    const path = this.#directory.pathOf(file.name);
    await this.#problem(
      remainder.kind === 'whole'
        ? explainWhole(path, cursor, remainder.offset)
        : `${path} is damaged at offset ${cursor.offset}, and a later segment follows`,
    );
  }

  /** A damaged header hides its segment. */
  async #checkUnfinished(): Promise<void> {
    const { segments } = await this.#directory.list();
    const unfinished: SegmentName[] = [];
    const finished = new Set<number>();
    for (const segment of segments) {
      if ((await this.#headerOf(segment)) !== null) finished.add(segment.number);
      else if (!this.#refused.has(segment.name)) unfinished.push(segment);
    }
    for (const segment of unfinished) {
      const isCopy = finished.has(segment.number);
      // Somebody may be writing: what goes away during the look is no damage.
      const hidesBlocks = await this.#directory.ifThere(segment.name, (handle) =>
        wasFinished(handle, segment, isCopy),
      );
      if (hidesBlocks !== true) continue;
      // When it was finished meanwhile nothing is wrong with it.
      if ((await this.#headerOf(segment)) !== null) continue;
      const path = this.#directory.pathOf(segment.name);
      await this.#problem(`the header of ${path} is damaged, though blocks follow it`);
    }
  }

  async #problem(problem: string): Promise<void> {
    if (this.#problems.has(problem)) return;
    this.#problems.add(problem);
    await this.#visitor.onProblem(problem);
  }
}

export function isCorrupt(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.code === 'JOURNAL_CORRUPT';
}

function rangeText(first: number, last: number): string {
  return first === last ? `segment ${first}` : `segments ${first} to ${last}`;
}
