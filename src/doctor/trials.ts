/**
 * What the doctor tries out in a directory of its own, with a second process as the opponent. Each
 * trial ends in a result, also when the file system fails it: that is what the doctor is for.
 */
import { messageOf } from '../platform/errors.js';
import type { Clock, FileHandle, FileSystem, TrialProcess } from '../platform/ports.js';
import { createsFirst, expect, writeLate } from './attempts.js';
import { measureSpeed, speedResult } from './speed.js';
import { type Figure, failed, passed, type TrialResult } from './trial-result.js';
import { emptyDirectory, isHiddenByNfs } from './work-directory.js';

export interface TrialOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly startProcess: () => Promise<TrialProcess>;
  /** Empty, and the doctor's own. */
  readonly directory: string;
}

interface Ring extends TrialOptions {
  readonly opponent: TrialProcess;
}

interface Seen {
  readonly detail: string;
  readonly figures?: readonly Figure[];
}

interface Trial {
  readonly name: string;
  readonly fence: TrialResult['fence'];
  /** Returns what was seen; throws what went wrong. */
  run(ring: Ring): Promise<Seen>;
}

const RELEASE_LIMIT_MS = 15_000;
const CREATE_ROUNDS = 20;
const REWRITE_BYTES = 4096;

const TRIALS: readonly Trial[] = [
  { name: 'lock', fence: null, run: tryLock },
  { name: 'contention', fence: null, run: tryContention },
  { name: 'kill-release', fence: null, run: tryKillRelease },
  { name: 'exclusive create', fence: 2, run: tryExclusiveCreate },
  { name: 'unlink while open', fence: 3, run: tryUnlinkWhileOpen },
  { name: 'rewrite seen by a fresh open', fence: 4, run: tryFreshOpen },
];

export async function runTrials(options: TrialOptions): Promise<TrialResult[]> {
  const results: TrialResult[] = [];
  for (const trial of TRIALS) results.push(await runTrial(trial, options));
  return results;
}

/** Apart from the others, because two doctors take turns at it. */
export async function runSpeedTrial(options: TrialOptions): Promise<TrialResult> {
  const opponent = await options.startProcess();
  try {
    return speedResult([{ host: null, speed: await measureSpeed(options, opponent) }]);
  } finally {
    await opponent.kill();
    await emptyDirectory(options.fileSystem, options.clock, options.directory);
  }
}

async function runTrial(trial: Trial, options: TrialOptions): Promise<TrialResult> {
  const { name, fence } = trial;
  const opponent = await options.startProcess();
  try {
    const { detail, figures = [] } = await trial.run({ ...options, opponent });
    return passed(name, detail, { figures, fence });
  } catch (error) {
    return failed(name, messageOf(error), { fence });
  } finally {
    await opponent.kill();
    await emptyDirectory(options.fileSystem, options.clock, options.directory);
  }
}

async function tryLock(ring: Ring): Promise<Seen> {
  return withFile(ring, 'lock', async (handle) => {
    expect(await handle.tryLockExclusive(), 'a file of its own could not be locked');
    return { detail: 'flock is granted' };
  });
}

async function tryContention(ring: Ring): Promise<Seen> {
  return withFile(ring, 'contention', async (handle) => {
    expect(await handle.tryLockExclusive(), 'a file of its own could not be locked');
    const theirs = await ring.opponent.fileSystem.open(handle.path, 'update');
    expect(!(await theirs.tryLockExclusive()), 'two processes were given the same lock');
    await handle.close();
    expect(await theirs.tryLockExclusive(), 'a lock that was released could not be taken');
    return { detail: 'a second process is kept out until the first one releases' };
  });
}

async function tryKillRelease(ring: Ring): Promise<Seen> {
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
    const releasedMs = Math.round(ring.clock.monotonicMs() - began);
    const figures = [{ what: 'releasedMs', host: null, value: releasedMs }];
    return { detail: `released ${releasedMs} ms after kill -9`, figures };
  });
}

async function tryExclusiveCreate(ring: Ring): Promise<Seen> {
  for (let round = 1; round <= CREATE_ROUNDS; round += 1) {
    const path = `${ring.directory}/create-${round}`;
    const winners = await Promise.all([
      createsFirst(ring.fileSystem, path),
      createsFirst(ring.opponent.fileSystem, path),
    ]);
    const count = winners.filter(Boolean).length;
    expect(count === 1, `of two processes that created one name, ${count} succeeded`);
  }
  return { detail: `one of two processes wins, in ${CREATE_ROUNDS} of ${CREATE_ROUNDS} races` };
}

async function tryUnlinkWhileOpen(ring: Ring): Promise<Seen> {
  return withFile(ring, 'unlink', async (handle) => {
    const theirs = await ring.opponent.fileSystem.open(handle.path, 'update');
    await ring.fileSystem.unlink(handle.path);
    const successor = await ring.fileSystem.open(handle.path, 'create-new');
    try {
      const answer = await writeLate(theirs, Buffer.from('late'), 0);
      const found = await successor.read(new Uint8Array(16), 0);
      expect(found === 0, 'a late write reached the file that has the name now');
      const isTold = answer !== 'ok' || (await theirs.stat()).linkCount === 0;
      const isHidden = (await ring.fileSystem.list(ring.directory)).some(isHiddenByNfs);
      expect(isTold || isHidden, 'a process with an unlinked file is not told by its link count');
      return { detail: `a late write ${answer === 'ok' ? 'goes nowhere' : `meets ${answer}`}` };
    } finally {
      await successor.close();
    }
  });
}

async function tryFreshOpen(ring: Ring): Promise<Seen> {
  return withFile(ring, 'rewrite', async (handle) => {
    const theirs = await ring.opponent.fileSystem.open(handle.path, 'update');
    for (const byte of [1, 2, 3]) {
      await theirs.write(new Uint8Array(REWRITE_BYTES).fill(byte), 0);
      await theirs.sync();
      const reader = await ring.fileSystem.open(handle.path, 'read');
      const bytes = new Uint8Array(REWRITE_BYTES);
      await reader.read(bytes, 0);
      await reader.close();
      const isSeen = bytes.every((found) => found === byte);
      expect(isSeen, 'a fresh open shows old contents after a synced rewrite');
    }
    return { detail: 'at once, on this host' };
  });
}

async function withFile(
  ring: Ring,
  name: string,
  use: (handle: FileHandle) => Promise<Seen>,
): Promise<Seen> {
  const handle = await ring.fileSystem.open(`${ring.directory}/${name}`, 'create-new');
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}
