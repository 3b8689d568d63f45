/** Files with secrets: nobody but their owner may read them, and they are replaced as a whole. */
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, HoldfastError, messageOf } from '../errors.js';

const OWNER_ONLY = 0o600;
const OTHERS_MASK = 0o077;
const OTHERS_THAN_GROUP_READING_MASK = 0o037;
const GROUP_MASK = 0o070;
const PERMISSIONS_MASK = 0o777;
const LARGEST_BYTES = 64 * 1024 * 1024;
/** For whoever else changes the file: a change takes milliseconds, or some calls to an NFS server. */
const WAIT_LIMIT_MS = 10_000;
const LOOK_INTERVAL_MS = 50;

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
    const found = await handle.stat();
    const { mode, size, uid } = found;
    if (!found.isFile()) throw refused(`${path} is no file; name the file itself.`);
    if (isOpenToOthers({ mode, uid })) {
      const written = (mode & PERMISSIONS_MASK).toString(8).padStart(4, '0');
      throw refused(
        `The file ${path} has the mode ${written}, so that others than its owner may use it; run: chmod 600 ${path}.`,
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
 * Whether more than its owner may use a file. The group may read one that belongs to root: whose group that is
 * has been decided by root, as for the files of a Secret in Kubernetes. Whoever asks is told the same, so that
 * root changes what nodes read.
 */
export function isOpenToOthers({ mode, uid }: { mode: number; uid: number }): boolean {
  return (mode & (uid === 0 ? OTHERS_THAN_GROUP_READING_MASK : OTHERS_MASK)) !== 0;
}

/**
 * Replaces the file by what `change` makes of its text, which is null when there is none, or makes it, with
 * mode 0600; its owner, group and mode of before stay. The new file is on stable storage when this resolves. It
 * stands beside the old one until then, under a name that one process at a time has, on NFS as well: others wait for
 * it for up to `waitLimitMs`. Throws CONFIG_INVALID when it is still there.
 */
export async function changePrivateFile(
  path: string,
  change: (text: string | null) => Promise<string>,
  waitLimitMs = WAIT_LIMIT_MS,
): Promise<void> {
  const target = (await unlessMissing(fs.realpath(path))) ?? path;
  const beside = `${target}.new`;
  const handle = await openBeside(beside, path, waitLimitMs);
  try {
    try {
      await handle.writeFile(await change(await readPrivateFile(path)));
      await keepOwnerAndMode(handle, target);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(beside, target);
  } catch (error) {
    await fs.rm(beside, { force: true });
    throw error;
  }
  // From the rename on a file beside it is that of somebody else.
  await syncDirectory(dirname(target));
}

/** Whoever makes the file has the right to change the other one: O_EXCL lets one through, on NFS too. */
async function openBeside(
  beside: string,
  path: string,
  waitLimitMs: number,
): Promise<fs.FileHandle> {
  const giveUpAtMs = performance.now() + waitLimitMs;
  for (;;) {
    try {
      return await fs.open(beside, 'wx', OWNER_ONLY);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') {
        throw refused(`The file ${path} cannot be written: ${messageOf(error)}.`, error);
      }
      if (performance.now() >= giveUpAtMs) {
        const sentence = `${beside} is there: somebody else changes ${path} now, or was interrupted; in that case remove it, and try again.`;
        throw refused(sentence, error);
      }
    }
    await sleep(LOOK_INTERVAL_MS);
  }
}

/** Changed by root it would be root's alone, and the nodes, which run as somebody else, could not read it any more. */
async function keepOwnerAndMode(handle: fs.FileHandle, target: string): Promise<void> {
  const before = await unlessMissing(fs.stat(target));
  if (before === null) return;
  const { uid, gid } = await handle.stat();
  if (before.uid !== uid || before.gid !== gid) {
    try {
      await handle.chown(before.uid, before.gid);
    } catch (error) {
      const isReadByGroup = (before.mode & GROUP_MASK) !== 0;
      // Another group is of no consequence where it has no rights.
      if (before.uid !== uid || isReadByGroup) throw notItsOwner(target, before.uid, error);
    }
  }
  await handle.chmod(before.mode & PERMISSIONS_MASK);
}

function notItsOwner(target: string, uid: number, cause: unknown): HoldfastError {
  return refused(
    `The file ${target} belongs to the user with the number ${uid}, who alone can change it so that it stays ` +
      'readable; run the command as that user.',
    cause,
  );
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
