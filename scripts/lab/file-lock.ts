/** Keeps two commands of the lab from doing the same at the same time; ends with the process at the latest. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { flockSync } from 'fs-ext';

const POLL_INTERVAL_MS = 100;

export async function withFileLock<Result>(
  path: string,
  progress: (line: string) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  mkdirSync(dirname(path), { recursive: true });
  const descriptor = openSync(path, 'a');
  try {
    for (let isFirst = true; !tryLock(descriptor); isFirst = false) {
      if (isFirst) progress(`waiting for another command, which holds ${path}`);
      await delay(POLL_INTERVAL_MS);
    }
    return await work();
  } finally {
    closeSync(descriptor);
  }
}

function tryLock(descriptor: number): boolean {
  try {
    flockSync(descriptor, 'exnb');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}
