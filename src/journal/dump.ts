/** A journal as text for people: a line for each file, block and record, and for what is wrong. */

import { newestCheckpoint, readCheckpoint } from './checkpoint.js';
import { isGone, type JournalDirectory } from './directory.js';
import type { SegmentHeader } from './file-header.js';
import { BLOCK_TYPE, type BlockType, type SegmentName } from './format.js';
import type { BlockRun, LocatedBlock } from './reader.js';
import { isCorrupt, walkJournal } from './walk.js';

export interface DumpOptions {
  readonly directory: JournalDirectory;
  /** A line for each record of a payload; the journal itself does not know what they mean. */
  readonly describeRecords: (payload: Uint8Array) => readonly string[];
  /** The next line is made when this one was taken. */
  readonly onLine: (line: string) => void | Promise<void>;
}

const TYPE_NAME: { readonly [type in BlockType]: string } = {
  [BLOCK_TYPE.records]: 'records',
  [BLOCK_TYPE.tenure]: 'tenure',
  [BLOCK_TYPE.checkpoint]: 'checkpoint',
};

/** Reads beside running nodes and changes nothing. Resolves with whether nothing was wrong. */
export async function dumpJournal(options: DumpOptions): Promise<boolean> {
  const { directory, onLine } = options;
  let isGood = await dumpCheckpoint(options);
  const end = await walkJournal(directory, {
    onSegment: (name, header) => onLine(segmentLine(name, header)),
    onRun: (run) => dumpRun(options, run),
    onProblem: async (problem) => {
      isGood = false;
      await onLine(`DAMAGED ${problem}`);
    },
  });
  await onLine(end);
  return isGood;
}

async function dumpCheckpoint({
  directory,
  describeRecords,
  onLine,
}: DumpOptions): Promise<boolean> {
  try {
    const found = await newestCheckpoint(directory);
    if (found === null) {
      await onLine('no checkpoint');
      return true;
    }
    const { covers, epoch, blockCount } = found.header;
    await onLine(
      `checkpoint ${found.name.name} epoch ${epoch} covers block ${covers.sequence} ` +
        `up to offset ${covers.offset} of segment ${covers.segment}, ${blockCount} blocks`,
    );
    await readCheckpoint(directory, found, async (payload) => {
      for (const line of describeRecords(payload)) await onLine(`    ${line}`);
    });
    return true;
  } catch (error) {
    if (isGone(error)) {
      await onLine('  replaced by a newer one while it was being read');
      return true;
    }
    if (!isCorrupt(error)) throw error;
    await onLine(`DAMAGED ${error.message}`);
    return false;
  }
}

async function dumpRun({ describeRecords, onLine }: DumpOptions, run: BlockRun): Promise<void> {
  for (const block of run.blocks) {
    await onLine(blockLine(block));
    const end = block.payloadStart + block.payloadLength;
    const payload = run.bytes.subarray(block.payloadStart, end);
    if (block.type === BLOCK_TYPE.tenure) await onLine(`    ${new TextDecoder().decode(payload)}`);
    else for (const line of describeRecords(payload)) await onLine(`    ${line}`);
  }
}

function segmentLine(name: SegmentName, header: SegmentHeader): string {
  const sealed = header.sealedEnd > 0 ? `, copied up to offset ${header.sealedEnd}` : '';
  return (
    `segment ${name.number} ${name.name} epoch ${header.epoch} ` +
    `from block ${header.firstSequence}, ${header.sizeBytes} bytes${sealed}`
  );
}

function blockLine(block: LocatedBlock): string {
  const checksum = block.checksum.toString(16).padStart(8, '0');
  return (
    `  block ${block.sequence} ${TYPE_NAME[block.type]} epoch ${block.epoch} at offset ${block.offset}, ` +
    `${block.recordCount} records in ${block.payloadLength} bytes, checksum ${checksum}`
  );
}
