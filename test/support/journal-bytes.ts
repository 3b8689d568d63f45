/** The journal of a store as bytes on disk, for tests of what changes it and what does not. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../../src/platform/errors.js';
import { eventually } from './eventually.js';

const SETTLED_FOR_MS = 400;

/** Name, inode and hash of each file; equal when not a byte and not a name has changed. */
export async function hashJournal(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const { ino, mtimeMs } = await stat(path);
      const hash = createHash('sha256').update(await readFile(path));
      return `${name} inode ${ino} modified ${mtimeMs} ${hash.digest('hex')}`;
    }),
  );
}

/** The hashes once the live node has nothing left to tidy up. */
export function hashSettledJournal(directory: string): Promise<string[]> {
  return eventually('the journal comes to rest', async () => {
    const before = await hashUnlessChanging(directory);
    await delay(SETTLED_FOR_MS);
    const after = await hashUnlessChanging(directory);
    return before !== null && after !== null && before.join() === after.join() ? after : null;
  });
}

/** What the files of the journal take up together. */
export async function journalBytes(directory: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(directory)) {
    try {
      total += (await stat(join(directory, name))).size;
    } catch (error) {
      assert.equal(errnoOf(error), 'ENOENT');
    }
  }
  return total;
}

async function hashUnlessChanging(directory: string): Promise<string[] | null> {
  try {
    return await hashJournal(directory);
  } catch (error) {
    assert.equal(errnoOf(error), 'ENOENT');
    return null;
  }
}
