/**
 * Writes blocks as the journal does, with pauses between them, until one fails. late-write.test.ts cuts
 * its host off. Tells each thing that happened in a line of its own.
 */
import { messageOf } from '../../src/platform/errors.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';

/** A block begins and ends amid a page wherever the one before has ended, and takes several WRITEs of 32 KiB. */
const BLOCK = new Uint8Array(300_032).fill(1);
const FIRST_POSITION = 512;
/** Long enough for a cut between two writes. */
const PAUSE_MS = 3_000;

const handle = await nodeFileSystem.open(process.argv[2] ?? '', 'write-durable');
if (!(await handle.tryLockExclusive())) throw new Error('somebody else has the lock');
try {
  for (let at = FIRST_POSITION; ; at += BLOCK.byteLength) {
    await handle.write(BLOCK, at);
    process.stdout.write('written\n');
    await new Promise<void>((resolve) => nodeClock.after(PAUSE_MS, resolve));
  }
} catch (error) {
  process.stdout.write(`failed: ${messageOf(error)}\n`);
}
