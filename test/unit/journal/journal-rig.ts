/**
 * A journal in a temporary directory, and nodes that take it over one after the other with the
 * same calls as src/node/takeover.ts makes: read, lock the tail, judge the end, seal.
 */
import assert from 'node:assert/strict';
import {
  type FoundCheckpoint,
  newestCheckpoint,
  readCheckpoint,
} from '../../../src/journal/checkpoint.js';
import { JournalDirectory } from '../../../src/journal/directory.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  BLOCK_TYPE,
  type Cursor,
  type Epoch,
  JOURNAL_START,
  type SegmentName,
  type Sequence,
} from '../../../src/journal/format.js';
import { type JournalEnd, judgeEnd } from '../../../src/journal/journal-end.js';
import { JournalReader, type LocatedBlock } from '../../../src/journal/reader.js';
import { sealJournal } from '../../../src/journal/seal.js';
import { openLocked } from '../../../src/journal/segment-file.js';
import type { AppendedBlock, JournalWriter } from '../../../src/journal/writer.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import type { Clock, FileHandle, FileSystem } from '../../../src/platform/ports.js';
import { makeTemporaryDirectory } from '../../support/temporary-directory.js';

export const STORE_ID = '000102030405060708090a0b0c0d0e0f';
export const SEGMENT_BYTES = 16 * 1024;

export interface Replayed {
  readonly cursor: Cursor;
  readonly file: SegmentName | null;
  /** Payloads of checkpoint blocks, then of record blocks, as text. */
  readonly restored: readonly string[];
  readonly texts: readonly string[];
  readonly blocks: readonly LocatedBlock[];
}

export interface TakenOver extends Replayed {
  readonly end: JournalEnd;
  readonly writer: JournalWriter;
}

export interface TakeoverOptions {
  readonly fileSystem?: FileSystem;
  readonly knownGood?: number;
  readonly segmentBytes?: number;
  readonly clock?: Clock;
}

export class JournalRig {
  readonly path: string;
  readonly remove: () => Promise<void>;
  #epoch = 0;

  private constructor(path: string, remove: () => Promise<void>) {
    this.path = path;
    this.remove = remove;
  }

  static async make(): Promise<JournalRig> {
    const { path, remove } = await makeTemporaryDirectory();
    return new JournalRig(path, remove);
  }

  directory(fileSystem: FileSystem = nodeFileSystem): JournalDirectory {
    return new JournalDirectory(fileSystem, this.path, STORE_ID);
  }

  /** A journal in a directory that is there; it stays. */
  static at(path: string): JournalRig {
    return new JournalRig(path, async () => undefined);
  }

  /** The next tenure, in an epoch of its own. */
  async takeOver(options: TakeoverOptions = {}): Promise<TakenOver> {
    const { knownGood = 0, segmentBytes = SEGMENT_BYTES, clock = nodeClock } = options;
    const directory = this.directory(options.fileSystem);
    this.#epoch += 1;
    const epoch = this.#epoch as Epoch;
    const replayed = await replay(directory);
    const { cursor, file } = replayed;
    let locked: FileHandle | null = null;
    try {
      if (file !== null) locked = await openLocked(directory, file.name);
      const end = await judgeEnd(directory, cursor, file, knownGood as Sequence);
      const writer = await sealJournal({
        directory,
        clock,
        epoch,
        segmentBytes,
        cursor,
        oldFile: file,
        closeOldFile: async () => locked?.close(),
        end,
        node: { name: `node-${epoch}`, host: 'alpha', pid: 4711 },
      });
      return { ...replayed, end, writer };
    } finally {
      await locked?.close();
    }
  }

  /** The names in the directory. */
  names(): Promise<string[]> {
    return nodeFileSystem.list(this.path);
  }

  pathOf(name: string): string {
    return this.directory().pathOf(name);
  }

  async read(name: string): Promise<Buffer> {
    const handle = await nodeFileSystem.open(this.pathOf(name), 'read');
    try {
      const bytes = Buffer.alloc((await handle.stat()).sizeBytes);
      await handle.read(bytes, 0);
      return bytes;
    } finally {
      await handle.close();
    }
  }

  async write(name: string, bytes: Uint8Array, at: number): Promise<void> {
    const handle = await nodeFileSystem.open(this.pathOf(name), 'create');
    try {
      await handle.write(bytes, at);
    } finally {
      await handle.close();
    }
  }

  async flipBit(name: string, at: number, bit = 0): Promise<void> {
    const bytes = await this.read(name);
    const byte = bytes[at];
    assert.ok(byte !== undefined, `${name} has no byte ${at}`);
    await this.write(name, Uint8Array.of(byte ^ (1 << bit)), at);
  }

  unlink(name: string): Promise<void> {
    return nodeFileSystem.unlink(this.pathOf(name));
  }

  /** Every byte of every file. */
  async everything(): Promise<Map<string, string>> {
    const all = new Map<string, string>();
    for (const name of await this.names()) all.set(name, (await this.read(name)).toString('hex'));
    return all;
  }
}

/** Reads from the newest checkpoint, or the start, to where nothing continues. */
export async function replay(directory: JournalDirectory): Promise<Replayed> {
  const found: FoundCheckpoint | null = await newestCheckpoint(directory);
  const restored: string[] = [];
  if (found !== null) {
    await readCheckpoint(directory, found, async (payload) => {
      restored.push(textOf(payload));
    });
  }
  const reader = new JournalReader(directory, found?.header.covers ?? JOURNAL_START);
  return { restored, ...(await drain(reader)), cursor: reader.cursor, file: reader.file };
}

/** Everything that the reader can read now. */
export async function drain(
  reader: JournalReader,
): Promise<{ texts: string[]; blocks: LocatedBlock[] }> {
  const texts: string[] = [];
  const blocks: LocatedBlock[] = [];
  try {
    for (let run = await reader.next(); run !== null; run = await reader.next()) {
      for (const block of run.blocks) {
        blocks.push(block);
        if (block.type !== BLOCK_TYPE.records) continue;
        const end = block.payloadStart + block.payloadLength;
        texts.push(textOf(run.bytes.subarray(block.payloadStart, end)));
      }
    }
    return { texts, blocks };
  } finally {
    await reader.close();
  }
}

/** Appends one block of records whose payload is `text`. */
export async function append(writer: JournalWriter, text: string): Promise<AppendedBlock> {
  const payload = new TextEncoder().encode(text);
  const end = BLOCK_HEADER_BYTES + payload.byteLength;
  const bytes = new Uint8Array(alignToSector(end));
  bytes.set(payload, BLOCK_HEADER_BYTES);
  return writer.append(BLOCK_TYPE.records, bytes, end, 1);
}

/** A text of `bytes` bytes that begins with `name`. */
export function longText(name: string, bytes: number): string {
  return name.padEnd(bytes, '.');
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
