/** Reads the headers of blocks out of buffers that hold whole, checked blocks. */
import { viewOf } from '../../../src/journal/block.js';
import { BLOCK_HEADER_BYTES, BLOCK_MAGIC } from '../../../src/journal/format.js';
import type { TransferredBlock } from '../../../src/node/storage-protocol.js';

const TWO_TO_32 = 0x1_0000_0000;

/** What identifies a block: equal checksums at one sequence mean equal journals up to there. */
export interface BlockIdentity {
  sequence: number;
  checksum: number;
  previousChecksum: number;
  epoch: number;
}

/**
 * Calls `visit` for each block of what a follower or a load posted, where the header lies right
 * before the payload. One object is reused for all calls.
 */
export function visitHeaders(
  buffer: ArrayBuffer,
  blocks: readonly TransferredBlock[],
  visit: (block: BlockIdentity) => void,
): void {
  const view = viewOf(new Uint8Array(buffer));
  const identity = { sequence: 0, checksum: 0, previousChecksum: 0, epoch: 0 };
  for (const { start } of blocks) {
    const at = start - BLOCK_HEADER_BYTES;
    if (at < 0 || view.getUint32(at, true) !== BLOCK_MAGIC) {
      throw new Error('a block was posted without its header: the checks cannot see it');
    }
    identity.epoch = view.getUint32(at + 16, true) + TWO_TO_32 * view.getUint32(at + 20, true);
    identity.sequence = view.getUint32(at + 24, true) + TWO_TO_32 * view.getUint32(at + 28, true);
    identity.previousChecksum = view.getUint32(at + 32, true);
    identity.checksum = view.getUint32(at + 60, true);
    visit(identity);
  }
}
