/**
 * What the doctor tries out in a directory of its own, with a second process as the opponent. Each
 * trial ends in a result, also when the file system fails it: that is what the doctor is for.
 */
import { errnoOf, messageOf } from '../platform/errors.js';
import type { Clock, FileHandle, FileSystem, FileSystemProcess } from '../platform/ports.js';
import { emptyDirectory, isHiddenByNfs } from './work-directory.js';

export interface TrialResult {
  readonly name: string;
  readonly passed: boolean;
  /** What was seen, in a few words. */
  readonly detail: string;
}

export interface TrialOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly startProcess: () => Promise<FileSystemProcess>;
  /** Empty, and the doctor's own. */
  readonly directory: string;
}

interface Ring extends TrialOptions {
  readonly opponent: FileSystemProcess;
}

interface Trial {
  readonly name: string;
  /** Returns what was seen; throws what went wrong. */
  run(ring: Ring): Promise<string>;
}

const RELEASE_LIMIT_MS = 15_000;
const CREATE_ROUNDS = 20;
const SYNC_WRITES = 100;
const SYNC_WRITE_BYTES = 4096;

const TRIALS: readonly Trial[] = [
  { name: 'lock', run: tryLock },
  { name: 'contention', run: tryContention },
  { name: 'kill-release', run: tryKillRelease },
  { name: 'exclusive create', run: tryExclusiveCreate },
  { name: 'unlink while open', run: tryUnlinkWhileOpen },
  { name: 'rewrite seen by a fresh open', run: tryFreshOpen },
  { name: 'sync latency', run: trySyncLatency },
];

export async function runTrials(options: TrialOptions): Promise<TrialResult[]> {
  const results: TrialResult[] = [];
  for (const trial of TRIALS) results.push(await runTrial(trial, options));
  return results;
}

async function runTrial(trial: Trial, options: TrialOptions): Promise<TrialResult> {
  const opponent = await options.startProcess();
  try {
    const detail = await trial.run({ ...options, opponent });
    return { name: trial.name, passed: true, detail };
  } catch (error) {
    return { name: trial.name, passed: false, detail: messageOf(error) };
  } finally {
    await opponent.kill();
    await emptyDirectory(options.fileSystem, options.clock, options.directory);
  }
}

async function tryLock(ring: Ring): Promise<string> {
  return withFile(ring, 'lock', async (handle) => {
    expect(await handle.tryLockExclusive(), 'a file of its own could not be locked');
    return 'flock is granted';
  });
}

async function tryContention(ring: Ring): Promise<string> {
  return withFile(ring, 'contention', async (handle) => {
    expect(await handle.tryLockExclusive(), 'a file of its own could not be locked');
    const theirs = await ring.opponent.fileSystem.open(handle.path, 'update');
    expect(!(await theirs.tryLockExclusive()), 'two processes were given the same lock');
    await handle.close();
    expect(await theirs.tryLockExclusive(), 'a lock that was released could not be taken');
    return 'a second process is kept out until the first one releases';
  });
}

async function tryKillRelease(ring: Ring): Promise<string> {
  return withFile(ring, 'kill-release', async (handle) => {
    const theirs = await ring.opponent.fileSystem.open(handle.path, 'update');
    expect(await theirs.tryLockExclusive(), 'a second process could not take the lock');
    expect(!(await handle.tryLockExclusive()), 'two processes were given the same lock');
    const began = ring.clock.monotonicMs();
    await ring.opponent.kill();
    while (!(await handle.tryLockExclusive())) {
      const waitedMs = ring.clock.monotonicMs() - began;
      expect(waitedMs < RELEASE_LIMIT_MS, `not released ${RELEASE_LIMIT_MS} ms after a kill -9`);
      await new Promise<void>((resolve) => ring.clock.after(1, resolve));
    }
    return `released ${(ring.clock.monotonicMs() - began).toFixed(0)} ms after kill -9`;
  });
}

async function tryExclusiveCreate(ring: Ring): Promise<string> {
  for (let round = 1; round <= CREATE_ROUNDS; round += 1) {
    const path = `${ring.directory}/create-${round}`;
    const winners = await Promise.all([
      createsFirst(ring.fileSystem, path),
      createsFirst(ring.opponent.fileSystem, path),
    ]);
    const count = winners.filter(Boolean).length;
    expect(count === 1, `of two processes that created one name, ${count} succeeded`);
  }
  return `one of two processes wins, in ${CREATE_ROUNDS} of ${CREATE_ROUNDS} races`;
}

async function tryUnlinkWhileOpen(ring: Ring): Promise<string> {
  return withFile(ring, 'unlink', async (handle) => {
    const theirs = await ring.opponent.fileSystem.open(handle.path, 'update');
    await ring.fileSystem.unlink(handle.path);
    const successor = await ring.fileSystem.open(handle.path, 'create-new');
    try {
      const answer = await writeLate(theirs);
      const found = await successor.read(new Uint8Array(16), 0);
      expect(found === 0, 'a late write reached the file that has the name now');
      const isTold = answer !== 'ok' || (await theirs.stat()).linkCount === 0;
      const isHidden = (await ring.fileSystem.list(ring.directory)).some(isHiddenByNfs);
      expect(isTold || isHidden, 'a process with an unlinked file is not told by its link count');
      return `a late write ${answer === 'ok' ? 'goes nowhere' : `meets ${answer}`}`;
    } finally {
      await successor.close();
    }
  });
}

async function tryFreshOpen(ring: Ring): Promise<string> {
  return withFile(ring, 'rewrite', async (handle) => {
    const theirs = await ring.opponent.fileSystem.open(handle.path, 'update');
    for (const byte of [1, 2, 3]) {
      await theirs.write(new Uint8Array(SYNC_WRITE_BYTES).fill(byte), 0);
      await theirs.sync();
      const reader = await ring.fileSystem.open(handle.path, 'read');
      const bytes = new Uint8Array(SYNC_WRITE_BYTES);
      await reader.read(bytes, 0);
      await reader.close();
      const isSeen = bytes.every((found) => found === byte);
      expect(isSeen, 'a fresh open shows old contents after a synced rewrite');
    }
    return 'at once, on this host';
  });
}

async function trySyncLatency(ring: Ring): Promise<string> {
  const handle = await ring.fileSystem.open(`${ring.directory}/sync`, 'create-new-durable');
  try {
    const bytes = new Uint8Array(SYNC_WRITE_BYTES).fill(1);
    const latencies: number[] = [];
    for (let index = 0; index < SYNC_WRITES; index += 1) {
      const began = ring.clock.monotonicMs();
      await handle.write(bytes, index * SYNC_WRITE_BYTES);
      latencies.push(ring.clock.monotonicMs() - began);
    }
    latencies.sort((left, right) => left - right);
    const at = (share: number) => (latencies[Math.floor(SYNC_WRITES * share)] ?? 0).toFixed(2);
    return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms for ${SYNC_WRITES} synchronous writes of 4 KiB`;
  } finally {
    await handle.close();
  }
}

async function withFile(
  ring: Ring,
  name: string,
  use: (handle: FileHandle) => Promise<string>,
): Promise<string> {
  const handle = await ring.fileSystem.open(`${ring.directory}/${name}`, 'create-new');
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function createsFirst(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    const handle = await fileSystem.open(path, 'create-new');
    await handle.close();
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function writeLate(handle: FileHandle): Promise<string> {
  try {
    await handle.write(Buffer.from('late'), 0);
    await handle.sync();
    return 'ok';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ESTALE' || errno === 'EIO') return errno;
    throw error;
  }
}

function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}
