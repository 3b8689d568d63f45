/** Directories for tests that need a real file system. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { atEnd } from './at-end.js';

export interface TemporaryDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/** For several tests, or for a program; who makes it removes it. */
export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Its path. It is removed at the end of the test, after whatever the test began later has ended. */
export async function temporaryDirectoryOf(test: TestContext): Promise<string> {
  const directory = await makeTemporaryDirectory();
  atEnd(test, () => directory.remove());
  return directory.path;
}
