/** The doctor's own subdirectory: made, emptied and removed, also after a doctor that was killed. */
import { crc32 } from 'node:zlib';
import { errnoOf } from '../platform/errors.js';
import type { Clock, FileSystem, HostIdentity } from '../platform/ports.js';

const PREFIX = '.doctor-';
const HIDDEN_FILE_LIMIT_MS = 5_000;
const HIDDEN_FILE_STEP_MS = 20;

export interface WorkDirectoryOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly identity: HostIdentity;
  readonly isProcessAlive: (pid: number) => boolean;
}

/** Runs `use` with an empty directory under `root`, and removes it whatever happens. */
export async function withWorkDirectory<Result>(
  options: WorkDirectoryOptions,
  root: string,
  use: (directory: string) => Promise<Result>,
): Promise<Result> {
  const { fileSystem, clock, identity } = options;
  await removeLeftovers(options, root);
  const directory = `${root}/${workDirectoryName(identity)}`;
  await fileSystem.makeDirectory(directory);
  try {
    return await use(directory);
  } finally {
    await emptyDirectory(fileSystem, clock, directory);
    await fileSystem.removeDirectory(directory);
  }
}

export function workDirectoryName(identity: HostIdentity): string {
  return `${PREFIX}${identity.host}-${bootTag(identity)}-${identity.pid}`;
}

export function isWorkDirectoryName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Two hosts may have one name, as clones do, and the same pid. */
function bootTag({ bootId }: HostIdentity): string {
  return crc32(bootId).toString(16).padStart(8, '0');
}

/**
 * Also removes the directories in it.
 *
 * An NFS client keeps a file that is unlinked while open under a hidden name, and removes that one
 * itself soon after the last close: it is waited for.
 */
export async function emptyDirectory(
  fileSystem: FileSystem,
  clock: Clock,
  directory: string,
): Promise<void> {
  const deadline = clock.monotonicMs() + HIDDEN_FILE_LIMIT_MS;
  for (;;) {
    const names = await fileSystem.list(directory);
    for (const name of names.filter((candidate) => !isHiddenByNfs(candidate))) {
      await removeEntry(fileSystem, clock, `${directory}/${name}`);
    }
    if (!names.some(isHiddenByNfs) || clock.monotonicMs() > deadline) return;
    await new Promise<void>((resolve) => clock.after(HIDDEN_FILE_STEP_MS, resolve));
  }
}

async function removeEntry(fileSystem: FileSystem, clock: Clock, path: string): Promise<void> {
  try {
    await fileSystem.unlink(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (errnoOf(error) !== 'EISDIR') throw error;
    await emptyDirectory(fileSystem, clock, path);
    await fileSystem.removeDirectory(path);
  }
}

export function isHiddenByNfs(name: string): boolean {
  return name.startsWith('.nfs');
}

/** Of doctors that were killed since this host booted; one of another host may still be at work. */
async function removeLeftovers(options: WorkDirectoryOptions, root: string): Promise<void> {
  const { fileSystem, clock, identity } = options;
  const prefix = `${PREFIX}${identity.host}-${bootTag(identity)}-`;
  for (const name of await fileSystem.list(root)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (!Number.isSafeInteger(pid)) continue;
    if (pid !== identity.pid && options.isProcessAlive(pid)) continue;
    await removeWorkDirectory(fileSystem, clock, `${root}/${name}`);
  }
}

/** Of a doctor that runs no more. Another one may be removing it as well. */
export async function removeWorkDirectory(
  fileSystem: FileSystem,
  clock: Clock,
  directory: string,
): Promise<void> {
  try {
    await emptyDirectory(fileSystem, clock, directory);
    await fileSystem.removeDirectory(directory);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
