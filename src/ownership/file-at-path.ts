/** Whether an open file is still the one that others find under its name. */
import { errnoOf } from '../platform/errors.js';
import type { FileHandle, FileSystem } from '../platform/ports.js';

/**
 * Asked by opening the name anew, for only an open asks the file server: NFS answers fstat and stat from what
 * it remembers, and of a file under constant writes for ever, since each answer to a write makes that young again.
 */
export async function isFileAtPath(
  fileSystem: FileSystem,
  file: Pick<FileHandle, 'stat'>,
  path: string,
): Promise<boolean> {
  const found = await openIfThere(fileSystem, path);
  if (found === null) return false;
  try {
    const theirs = await found.stat();
    const mine = await file.stat();
    return theirs.linkCount > 0 && theirs.inode === mine.inode && theirs.device === mine.device;
  } finally {
    await found.close();
  }
}

async function openIfThere(fileSystem: FileSystem, path: string): Promise<FileHandle | null> {
  try {
    return await fileSystem.open(path, 'read');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
