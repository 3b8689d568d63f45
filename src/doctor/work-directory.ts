/** The doctor's own subdirectory: made, emptied and removed, also after a doctor that was killed. */
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
  const directory = `${root}/${PREFIX}${identity.host}-${identity.pid}`;
  await fileSystem.makeDirectory(directory);
  try {
    return await use(directory);
  } finally {
    await emptyDirectory(fileSystem, clock, directory);
    await fileSystem.removeDirectory(directory);
  }
}

/**
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
      await fileSystem.unlink(`${directory}/${name}`);
    }
    if (!names.some(isHiddenByNfs) || clock.monotonicMs() > deadline) return;
    await new Promise<void>((resolve) => clock.after(HIDDEN_FILE_STEP_MS, resolve));
  }
}

export function isHiddenByNfs(name: string): boolean {
  return name.startsWith('.nfs');
}

/** Of doctors that were killed on this host; one of another host may still be at work. */
async function removeLeftovers(options: WorkDirectoryOptions, root: string): Promise<void> {
  const { fileSystem, clock, identity } = options;
  const prefix = `${PREFIX}${identity.host}-`;
  for (const name of await fileSystem.list(root)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (!Number.isSafeInteger(pid)) continue;
    if (pid !== identity.pid && options.isProcessAlive(pid)) continue;
    await removeLeftover(fileSystem, clock, `${root}/${name}`);
  }
}

/** Another doctor may be removing the same one. */
async function removeLeftover(
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
