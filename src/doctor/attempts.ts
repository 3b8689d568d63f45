/** Calls whose failure is an answer, for the trials of one host and of two. */
import { errnoOf } from '../platform/errors.js';
import type { FileHandle, FileSystem } from '../platform/ports.js';

export async function createsFirst(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    const handle = await fileSystem.open(path, 'create-new');
    await handle.close();
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** What a client meets that lost its lock or its file; the last one where it is mounted with softerr. */
const REFUSALS = ['ESTALE', 'EIO', 'ETIMEDOUT'];

/** `ok`, or the error that kept a deposed holder's bytes out. */
export async function writeLate(
  handle: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<string> {
  try {
    await handle.write(bytes, position);
    await handle.sync();
    return 'ok';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== undefined && REFUSALS.includes(errno)) return errno;
    throw error;
  }
}

export function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}
