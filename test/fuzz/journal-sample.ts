/**
 * Small journals that hold something of everything: several segments, tenures, blocks of several
 * sizes, a checkpoint, a spare, and what crashed takeovers leave behind. Made by the real writer
 * in memory, so that the bytes follow the format as it is; and one that was made long ago, of bytes that stay.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeBlock } from '../../src/journal/block.js';
import { newestCheckpoint, readCheckpoint, writeCheckpoint } from '../../src/journal/checkpoint.js';
import {
  BLOCK_TYPE,
  type Cursor,
  type Epoch,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  type SegmentName,
} from '../../src/journal/format.js';
import type { JournalWriter } from '../../src/journal/writer.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import type { Clock } from '../../src/platform/ports.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { repositoryRoot } from '../support/repository-root.js';
import { append, JournalRig, longText, textOf } from '../unit/journal/journal-rig.js';

export const JOURNAL_PATH = '/journal';
/** A header and three sectors: a few short blocks fill it. */
const SEGMENT_BYTES = 2048;
const TINY_SEGMENT_BYTES = 1536;
/** The same bytes in every run. */
const FIXED_CLOCK: Clock = { ...nodeClock, wallMs: () => 1_700_000_000_000 };

export type JournalFiles = ReadonlyMap<string, Uint8Array>;

/** A block where a reader finds it. */
export interface WrittenBlock {
  readonly sequence: number;
  readonly isTenure: boolean;
  readonly epoch: number;
  readonly file: SegmentName;
  readonly offset: number;
  /** Header, payload and padding. */
  readonly bytes: Uint8Array;
}

export interface JournalSample {
  readonly name: string;
  readonly files: JournalFiles;
  /** Those that still lie in a segment, by sequence. */
  readonly blocks: readonly WrittenBlock[];
  /** Where its checkpoint ends; null when it has none. */
  readonly covers: Cursor | null;
  readonly checkpointTexts: readonly string[];
}

interface Scene {
  readonly fileSystem: MemoryFileSystem;
  readonly rig: JournalRig;
  covers: Cursor | null;
}

const CHECKPOINT_TEXTS = ['the index', longText('more of it', 500)];

/** Two tenures over four segments, all of them there, and a spare at the end. */
const wholeJournal = (): Promise<JournalSample> =>
  sample('whole', async (scene) => {
    await firstTenure(scene);
    await secondTenure(scene);
  });

/** The same with a checkpoint, and without the segment that only it needs. */
const checkpointedJournal = (): Promise<JournalSample> =>
  sample('checkpointed', async (scene) => {
    const { cursor } = await firstTenure(scene);
    await checkpoint(scene, cursor);
    await secondTenure(scene);
    await scene.fileSystem.unlink(`${JOURNAL_PATH}/0000000001-0000000001.segment`);
  });

/** A node died in its takeover after the new file was finished and before the old one was gone. */
const halfTakenOverJournal = (): Promise<JournalSample> =>
  sample('half-taken-over', async (scene) => {
    const { cursor } = await firstTenure(scene);
    await checkpoint(scene, cursor);
    const before = scene.fileSystem.contents();
    const { writer } = await takeOver(scene);
    await writer.close();
    for (const [path, bytes] of before) scene.fileSystem.put(path, bytes);
  });

/** A journal that people have: its bytes never change, whatever the writer writes. */
async function goldenJournal(): Promise<JournalSample> {
  const folder = join(repositoryRoot(), 'test', 'golden', 'store-v1', 'journal');
  const files = new Map<string, Uint8Array>();
  for (const name of readdirSync(folder)) {
    files.set(name, Uint8Array.from(readFileSync(join(folder, name))));
  }
  const directory = JournalRig.at(JOURNAL_PATH).directory(mounted(files));
  const found = await newestCheckpoint(directory);
  if (found === null) throw new Error(`${folder} has no checkpoint`);
  const checkpointTexts: string[] = [];
  await readCheckpoint(directory, found, async (payload) => {
    checkpointTexts.push(textOf(payload));
  });
  const { covers } = found.header;
  return { name: 'golden', files, blocks: blocksOf(files), covers, checkpointTexts };
}

/** Kept inputs name them by number: new ones come last. */
export async function makeSamples(): Promise<readonly JournalSample[]> {
  return [
    await wholeJournal(),
    await checkpointedJournal(),
    await halfTakenOverJournal(),
    await goldenJournal(),
  ];
}

/** As few bytes as can hold two tenures, two segments, and perhaps a checkpoint. */
export function tinyJournal(hasCheckpoint: boolean): Promise<JournalSample> {
  return sample(hasCheckpoint ? 'tiny-checkpointed' : 'tiny', async (scene) => {
    const first = await takeOver(scene);
    const { cursor } = await append(first.writer, 'first');
    await first.writer.close();
    if (hasCheckpoint) await checkpoint(scene, cursor);
    const { writer } = await takeOver(scene, TINY_SEGMENT_BYTES);
    await writer.prepareNext();
    await append(writer, 'last');
    await writer.close();
  });
}

async function sample(
  name: string,
  write: (scene: Scene) => Promise<void>,
): Promise<JournalSample> {
  const scene: Scene = {
    fileSystem: new MemoryFileSystem(),
    rig: JournalRig.at(JOURNAL_PATH),
    covers: null,
  };
  await scene.fileSystem.makeDirectory(JOURNAL_PATH);
  await write(scene);
  const files = namedFiles(scene.fileSystem);
  const { covers } = scene;
  const checkpointTexts = covers === null ? [] : CHECKPOINT_TEXTS;
  return { name, files, blocks: blocksOf(files), covers, checkpointTexts };
}

async function takeOver(
  { rig, fileSystem }: Scene,
  segmentBytes = SEGMENT_BYTES,
): Promise<{ writer: JournalWriter }> {
  return rig.takeOver({ fileSystem, segmentBytes, clock: FIXED_CLOCK });
}

async function firstTenure(scene: Scene): Promise<JournalWriter> {
  const { writer } = await takeOver(scene);
  await append(writer, 'first');
  await writer.prepareNext();
  await append(writer, 'second');
  await append(writer, longText('third', 600));
  await writer.prepareNext();
  await append(writer, '');
  await append(writer, 'fifth');
  await writer.prepareNext();
  await writer.close();
  return writer;
}

async function secondTenure(scene: Scene): Promise<void> {
  const { writer } = await takeOver(scene);
  await append(writer, 'sixth');
  // The spare of the first tenure stays behind: it has this number and a lower epoch.
  await writer.prepareNext();
  await append(writer, longText('seventh', 700));
  await append(writer, 'last');
  await writer.prepareNext();
  await writer.close();
}

async function checkpoint(scene: Scene, covers: Cursor): Promise<void> {
  const payloads = CHECKPOINT_TEXTS.map((text) => new TextEncoder().encode(text));
  const directory = scene.rig.directory(scene.fileSystem);
  await writeCheckpoint(directory, FIXED_CLOCK, covers.epoch as Epoch, covers, payloads);
  scene.covers = covers;
}

/** By name instead of path. */
export function namedFiles(fileSystem: MemoryFileSystem): JournalFiles {
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of fileSystem.contents()) {
    files.set(path.slice(JOURNAL_PATH.length + 1), bytes);
  }
  return files;
}

export function mounted(
  files: JournalFiles,
  beforeCall?: ConstructorParameters<typeof MemoryFileSystem>[0],
): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem(beforeCall);
  // It is there as well when every file was removed.
  fileSystem.putDirectory(JOURNAL_PATH);
  for (const [name, bytes] of files) fileSystem.put(`${JOURNAL_PATH}/${name}`, bytes);
  return fileSystem;
}

/** The blocks of an undamaged journal: of each segment those in its file of the highest epoch. */
function blocksOf(files: JournalFiles): WrittenBlock[] {
  const fileOfNumber = new Map<number, SegmentName>();
  for (const [name, bytes] of [...files].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const segment = parseSegmentName(name);
    if (segment !== null && bytes[0] !== 0) fileOfNumber.set(segment.number, segment);
  }
  return [...fileOfNumber.values()].flatMap((file) => blocksIn(file, files.get(file.name)));
}

function blocksIn(file: SegmentName, bytes: Uint8Array = new Uint8Array(0)): WrittenBlock[] {
  const blocks: WrittenBlock[] = [];
  for (let offset = SEGMENT_HEADER_BYTES; offset < bytes.byteLength; ) {
    const block = decodeBlock(bytes, offset);
    if (block === null) break;
    const { sequence, epoch, lengthBytes, type } = block;
    const own = bytes.slice(offset, offset + lengthBytes);
    blocks.push({
      sequence,
      isTenure: type === BLOCK_TYPE.tenure,
      epoch,
      file,
      offset,
      bytes: own,
    });
    offset += lengthBytes;
  }
  return blocks;
}
