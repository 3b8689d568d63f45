/**
 * Reads a journal as a node does that starts cold and takes over: newest checkpoint, blocks from
 * there on, lock, judgement, sealing. Every call of the file system is watched: how large a buffer
 * it wants filled, and that the calls come to an end.
 */
import assert from 'node:assert/strict';
import { newestCheckpoint, readCheckpoint } from '../../src/journal/checkpoint.js';
import { JournalDirectory } from '../../src/journal/directory.js';
import {
  BLOCK_HEADER_BYTES,
  type Cursor,
  type Epoch,
  JOURNAL_START,
  type SegmentName,
  type Sequence,
} from '../../src/journal/format.js';
import { type JournalEnd, judgeEnd } from '../../src/journal/journal-end.js';
import { type BlockRun, JournalGap, JournalReader } from '../../src/journal/reader.js';
import { removeLeftovers, sealJournal } from '../../src/journal/seal.js';
import { openLocked } from '../../src/journal/segment-file.js';
import { errnoOf, HoldfastError } from '../../src/platform/errors.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import type { MemoryFileSystem } from '../support/memory-file-system.js';
import { type FileSystemCall, systemError } from '../support/memory-file-system.js';
import { STORE_ID, textOf } from '../unit/journal/journal-rig.js';
import { JOURNAL_PATH } from './journal-sample.js';

/** What the reader fills at a time whatever the size of a file. */
const LARGEST_PLAIN_READ_BYTES = 1024 * 1024;
/** A whole small journal takes some dozens. */
const MAX_CALLS = 3000;

/** One of the calls that only read fails. */
export interface InjectedFault {
  readonly atCall: number;
  readonly errno: string;
}

/** To be given to a MemoryFileSystem. */
export class CallWatch {
  calls = 0;
  hasFailed = false;
  readonly #fault: InjectedFault | null;

  constructor(fault: InjectedFault | null = null) {
    this.#fault = fault;
  }

  readonly beforeCall = ({ name, path, askedBytes, fileBytes }: FileSystemCall): void => {
    this.calls += 1;
    assert.ok(this.calls < MAX_CALLS, `${this.calls} calls, and still ${name} ${path}`);
    const mostBytes = Math.max(LARGEST_PLAIN_READ_BYTES, fileBytes);
    assert.ok(
      askedBytes <= mostBytes,
      `a read of ${askedBytes} bytes from ${path}, which has ${fileBytes}`,
    );
    if (this.#fault === null || this.calls !== this.#fault.atCall) return;
    this.hasFailed = true;
    throw systemError(this.#fault.errno, `${name} ${path}`);
  };
}

export interface ReadBlock {
  readonly sequence: number;
  /** Header, payload and padding. */
  readonly bytes: Uint8Array;
}

export interface Reading {
  /** The four ends of style and specification. */
  readonly end: JournalEnd | 'corrupt' | 'io-failed';
  /** Where it began: the checkpoint's place, or 0. */
  readonly from: number;
  readonly restored: readonly string[];
  readonly blocks: readonly ReadBlock[];
  readonly cursor: Cursor;
  readonly file: SegmentName | null;
  /** Of a corrupt journal. */
  readonly reason: string;
}

export function directoryOn(fileSystem: MemoryFileSystem): JournalDirectory {
  return new JournalDirectory(fileSystem, JOURNAL_PATH, STORE_ID);
}

/** Everything but a HoldfastError of the journal or a system error is thrown on. */
export async function readToEnd(directory: JournalDirectory, knownGood: number): Promise<Reading> {
  const blocks: ReadBlock[] = [];
  const restored: string[] = [];
  let from = 0;
  let reader = new JournalReader(directory, JOURNAL_START);
  const result = (end: Reading['end'], reason = ''): Reading => {
    const { cursor, file } = reader;
    return { end, from, restored, blocks, cursor, file, reason };
  };
  try {
    const found = await newestCheckpoint(directory);
    if (found !== null) {
      await readCheckpoint(directory, found, async (payload) => {
        restored.push(textOf(payload));
      });
      from = found.header.covers.sequence;
      reader = new JournalReader(directory, found.header.covers);
    }
    for (let run = await reader.next(); run !== null; run = await reader.next()) {
      blocks.push(...blocksOfRun(run));
    }
    await reader.requireNoGapAhead();
    return result(await judgeEnd(directory, reader.cursor, reader.file, knownGood as Sequence));
  } catch (error) {
    const end = endOf(error);
    return result(end, (error as Error).message);
  } finally {
    await reader.close();
  }
}

export function endOf(error: unknown): 'corrupt' | 'io-failed' {
  // A follower begins again from the checkpoint, and calls it damage when that leads no further.
  if (error instanceof JournalGap) return 'corrupt';
  if (error instanceof HoldfastError && error.code === 'JOURNAL_CORRUPT') return 'corrupt';
  if (errnoOf(error) !== undefined) return 'io-failed';
  throw error;
}

export function blocksOfRun({ bytes, blocks }: BlockRun): ReadBlock[] {
  return blocks.map(({ sequence, payloadStart, lengthBytes }) => {
    const start = payloadStart - BLOCK_HEADER_BYTES;
    return { sequence, bytes: bytes.subarray(start, start + lengthBytes) };
  });
}

/** Takes the journal over as the next node, and removes what is left behind. */
export async function seal(
  directory: JournalDirectory,
  { cursor, file, end }: Reading,
): Promise<void> {
  assert.ok(end === 'clean-end' || end === 'torn-tail');
  const names = await directory.fileSystem.list(JOURNAL_PATH);
  const epochs = names.map((name) => Number(/-(\d+)\.segment$/.exec(name)?.[1] ?? 0));
  const epoch = (Math.max(cursor.epoch, ...epochs) + 1) as Epoch;
  const locked = file === null ? null : await openLocked(directory, file.name);
  try {
    const writer = await sealJournal({
      directory,
      clock: nodeClock,
      epoch,
      segmentBytes: 2048,
      cursor,
      oldFile: file,
      closeOldFile: async () => locked?.close(),
      end,
      node: { name: 'next', host: 'host', pid: 1 },
    });
    await writer.close();
    await removeLeftovers(directory, epoch, writer.tail.number);
  } finally {
    await locked?.close();
  }
}
