/**
 * Writes a block as the journal does, and the next one for each line that it reads, until one fails.
 * late-write.test.ts cuts its host off. Tells each thing that happened in a line of its own.
 */
import { createInterface } from 'node:readline';
import { messageOf } from '../../src/platform/errors.js';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';

/** A block begins and ends amid a page wherever the one before has ended, and takes several WRITEs of 32 KiB. */
const BLOCK = new Uint8Array(300_032).fill(1);
const FIRST_POSITION = 512;

const handle = await nodeFileSystem.open(process.argv[2] ?? '', 'write-durable');
if (!(await handle.tryLockExclusive())) throw new Error('somebody else has the lock');
let at = FIRST_POSITION;
async function writeBlock(): Promise<void> {
  await handle.write(BLOCK, at);
  at += BLOCK.byteLength;
  process.stdout.write('written\n');
}

try {
  await writeBlock();
  for await (const _ of createInterface({ input: process.stdin })) await writeBlock();
} catch (error) {
  process.stdout.write(`failed: ${messageOf(error)}\n`);
}
process.stdin.destroy();
