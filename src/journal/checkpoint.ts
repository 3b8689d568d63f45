/** The broker's index on disk, so that a start reads it instead of the whole journal. See docs/journal-format.md, section 1.4. */

import { HoldfastError } from '../platform/errors.js';
import type { Clock, FileHandle } from '../platform/ports.js';
import { type Block, claimedLength, decodeBlock, encodeBlock } from './block.js';
import type { JournalDirectory } from './directory.js';
import { type CheckpointHeader, encodeCheckpointHeader } from './file-header.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  BLOCK_TYPE,
  type CheckpointName,
  type Cursor,
  checkpointName,
  type Epoch,
  SECTOR_BYTES,
  type SegmentNumber,
  type Sequence,
} from './format.js';
import { SLICE_BYTES } from './segment-file.js';

/**
 * Writes a checkpoint, and when it is durable deletes the ones before it. The payloads are those
 * of the broker right after the block at `covers`, which must be confirmed.
 *
 * @returns the bytes written.
 */
export async function writeCheckpoint(
  directory: JournalDirectory,
  clock: Clock,
  epoch: Epoch,
  covers: Cursor,
  payloads: readonly Uint8Array[],
): Promise<number> {
  const own = checkpointName(epoch, covers.sequence);
  const handle = await directory.fileSystem.open(directory.pathOf(own.name), 'create-new');
  let body: CheckpointBody;
  try {
    body = await writeBody(handle, clock, epoch, payloads);
    await handle.syncInBackground();
    const header = { storeId: directory.storeId, epoch, covers, ...body };
    await handle.write(encodeCheckpointHeader(header), 0);
    await handle.syncInBackground();
    await directory.sync();
  } catch (error) {
    await directory.unlink(own.name);
    throw error;
  } finally {
    await handle.close();
  }
  // From here on a failure must leave it: those before it may be gone.
  await deleteOlder(directory, own);
  return body.endOffset;
}

interface CheckpointBody {
  readonly blockCount: number;
  readonly lastChecksum: number;
  readonly endOffset: number;
}

async function writeBody(
  handle: FileHandle,
  clock: Clock,
  epoch: Epoch,
  payloads: readonly Uint8Array[],
): Promise<CheckpointBody> {
  let offset = SECTOR_BYTES;
  let unsyncedBytes = 0;
  let checksum = 0;
  for (const [index, payload] of payloads.entries()) {
    const bytes = new Uint8Array(alignToSector(BLOCK_HEADER_BYTES + payload.byteLength));
    bytes.set(payload, BLOCK_HEADER_BYTES);
    checksum = encodeBlock(bytes, {
      type: BLOCK_TYPE.checkpoint,
      payloadLength: payload.byteLength,
      recordCount: 0,
      epoch,
      sequence: (index + 1) as Sequence,
      previousChecksum: checksum,
      segment: 0 as SegmentNumber,
      offset,
    });
    await handle.write(bytes, offset);
    offset += bytes.byteLength;
    unsyncedBytes += bytes.byteLength;
    if (unsyncedBytes >= SLICE_BYTES) {
      await handle.syncInBackground();
      unsyncedBytes = 0;
    }
    await new Promise<void>((resolve) => clock.soon(resolve));
  }
  return { blockCount: payloads.length, lastChecksum: checksum, endOffset: offset };
}

/** Those of a later tenure stay: a deposed node may come here late. */
async function deleteOlder(directory: JournalDirectory, own: CheckpointName): Promise<void> {
  const { checkpoints } = await directory.list();
  for (const checkpoint of checkpoints) {
    const isOlder = checkpoint.epoch <= own.epoch && checkpoint.sequence <= own.sequence;
    if (isOlder && checkpoint.name !== own.name) await directory.unlink(checkpoint.name);
  }
}

export interface FoundCheckpoint {
  readonly name: CheckpointName;
  readonly header: CheckpointHeader;
}

/** The newest finished checkpoint, or null when there is none. */
export async function newestCheckpoint(
  directory: JournalDirectory,
): Promise<FoundCheckpoint | null> {
  let { checkpoints } = await directory.list();
  for (;;) {
    const newestFirst = checkpoints.toSorted(
      (a, b) => b.sequence - a.sequence || b.epoch - a.epoch,
    );
    for (const name of newestFirst) {
      const header = await directory.checkpointHeader(name);
      if (header !== null) return { name, header };
    }
    // A live node may have replaced the one that was listed before it could be opened.
    const listed = checkpoints;
    ({ checkpoints } = await directory.list());
    if (checkpoints.every(({ name }) => listed.some((before) => before.name === name))) return null;
  }
}

/**
 * Hands the payloads of a checkpoint to `onPayload`, each in a buffer of its own, one after the other.
 *
 * @throws JOURNAL_CORRUPT when any of it is damaged; ENOENT or ESTALE when a newer one replaced it.
 */
export async function readCheckpoint(
  directory: JournalDirectory,
  found: FoundCheckpoint,
  onPayload: (payload: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  const { header, name } = found;
  const handle = await directory.fileSystem.open(directory.pathOf(name.name), 'read');
  try {
    let offset = SECTOR_BYTES;
    let checksum = 0;
    for (let sequence = 1; sequence <= header.blockCount; sequence += 1) {
      const { block, payload } = await readCheckpointBlock(handle, offset);
      if (block.sequence !== sequence || block.previousChecksum !== checksum) {
        throw damaged(handle.path, offset);
      }
      checksum = block.checksum;
      offset += block.lengthBytes;
      await onPayload(payload);
    }
    if (checksum !== header.lastChecksum) throw damaged(handle.path, offset);
  } finally {
    await handle.close();
  }
}

async function readCheckpointBlock(
  handle: FileHandle,
  offset: number,
): Promise<{ block: Block; payload: Uint8Array<ArrayBuffer> }> {
  const head = new Uint8Array(BLOCK_HEADER_BYTES);
  await handle.read(head, offset);
  const claimed = claimedLength(head, 0);
  const { sizeBytes } = await handle.stat();
  if (claimed === 0 || offset + claimed > sizeBytes) throw damaged(handle.path, offset);
  const bytes = new Uint8Array(claimed);
  await handle.read(bytes, offset);
  const block = decodeBlock(bytes, 0);
  if (block === null || block.type !== BLOCK_TYPE.checkpoint || block.offset !== offset) {
    throw damaged(handle.path, offset);
  }
  const payload = bytes.slice(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + block.payloadLength);
  return { block, payload };
}

function damaged(path: string, offset: number): HoldfastError {
  return new HoldfastError(
    'JOURNAL_CORRUPT',
    `${path} is damaged at offset ${offset}. Nothing was changed. Restore the store from a copy.`,
  );
}
