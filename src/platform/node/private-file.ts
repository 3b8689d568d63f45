/** Files with secrets: nobody but their owner may read them, and they are replaced as a whole. */
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../errors.js';

const OWNER_ONLY = 0o600;
const OTHERS_MASK = 0o077;
const OTHERS_THAN_GROUP_READING_MASK = 0o037;
const LARGEST_BYTES = 64 * 1024 * 1024;

/** Null when there is none. Throws CONFIG_INVALID for one that others may read or write, or that cannot be read. */
export async function readPrivateFile(path: string): Promise<string | null> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw refused(`The file ${path} cannot be read: ${messageOf(error)}.`, error);
  }
  try {
    const { mode, size, uid } = await handle.stat();
    if (isOpenToOthers({ mode, uid }, process.getuid?.() ?? uid)) {
      const found = (mode & 0o777).toString(8).padStart(4, '0');
      throw refused(
        `The file ${path} has the mode ${found}, so that others than its owner may use it; run: chmod 600 ${path}.`,
      );
    }
    if (size > LARGEST_BYTES) throw refused(`The file ${path} is too large to be read.`);
    return await handle.readFile('utf8');
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw refused(`The file ${path} cannot be read: ${messageOf(error)}.`, error);
  } finally {
    await handle.close();
  }
}

/**
 * Whether more than its owner may use a file. The group may read one that belongs to root, if this process is
 * not root: whose group that is has been decided by root, as for the files of a Secret in Kubernetes.
 */
export function isOpenToOthers(file: { mode: number; uid: number }, ownUid: number): boolean {
  const isGivenByRoot = file.uid === 0 && ownUid !== 0;
  return (file.mode & (isGivenByRoot ? OTHERS_THAN_GROUP_READING_MASK : OTHERS_MASK)) !== 0;
}

/**
 * Replaces the file by what `change` makes of its text, which is null when there is none, or makes it, with
 * mode 0600, its owner of before and on stable storage. The new file stands beside it until then, under a name that
 * keeps others from changing it at the same time.
 */
export async function changePrivateFile(
  path: string,
  change: (text: string | null) => Promise<string>,
): Promise<void> {
  const target = (await unlessMissing(fs.realpath(path))) ?? path;
  const beside = `${target}.new`;
  const handle = await openBeside(beside, path);
  try {
    try {
      await handle.writeFile(await change(await readPrivateFile(path)));
      await keepOwner(handle, target);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(beside, target);
    await syncDirectory(dirname(target));
  } catch (error) {
    await fs.rm(beside, { force: true });
    throw error;
  }
}

async function openBeside(beside: string, path: string): Promise<fs.FileHandle> {
  try {
    return await fs.open(beside, 'wx', OWNER_ONLY);
  } catch (error) {
    const isThere = errnoOf(error) === 'EEXIST';
    const sentence = isThere
      ? `${beside} is there: somebody else changes ${path} now, or was interrupted; in that case remove it, and try again.`
      : `The file ${path} cannot be written: ${messageOf(error)}.`;
    throw refused(sentence, error);
  }
}

/** Changed by root it would be root's, and the nodes, which run as somebody else, could not read it any more. */
async function keepOwner(handle: fs.FileHandle, target: string): Promise<void> {
  const before = await unlessMissing(fs.stat(target));
  const { uid, gid } = await handle.stat();
  if (before === null || (before.uid === uid && before.gid === gid)) return;
  try {
    await handle.chown(before.uid, before.gid);
  } catch (error) {
    // Another group is of no consequence: it has no rights.
    if (before.uid === uid) return;
    throw refused(
      `The file ${target} belongs to the user with the number ${before.uid}, who alone can change it so that it stays ` +
        'readable; run the command as that user.',
      error,
    );
  }
}

async function unlessMissing<Result>(asked: Promise<Result>): Promise<Result | null> {
  try {
    return await asked;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Else the file of before, with who was removed since, may be there again after a loss of power. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function refused(sentence: string, cause?: unknown): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', sentence, { cause });
}
