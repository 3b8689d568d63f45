/** Where a directory really is, and what is mounted there, in the kernel's own words. */
import { readFile, realpath } from 'node:fs/promises';
import { errnoOf, HoldfastError } from '../errors.js';
import type { MountFacts } from '../ports.js';

export async function readMounts(directory: string): Promise<MountFacts> {
  try {
    return {
      realPath: await realpath(directory),
      mountInfo: await readFile('/proc/self/mountinfo', 'utf8'),
    };
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
    throw new HoldfastError(
      'STORE_MISSING',
      `The directory ${directory} does not exist: create it, or mount it.`,
      { cause: error },
    );
  }
}
