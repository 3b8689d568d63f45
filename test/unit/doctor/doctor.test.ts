import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type DoctorOptions, examineDirectory } from '../../../src/doctor/doctor.js';
import { reportLines } from '../../../src/doctor/report.js';
import { workDirectoryName } from '../../../src/doctor/work-directory.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { startFileSystemProcess } from '../../../src/platform/node/file-system-process.js';
import { isProcessAlive, readHostIdentity } from '../../../src/platform/node/host-identity.js';
import { readMounts } from '../../../src/platform/node/mounts.js';
import type { FileHandle, FileSystem, TrialProcess } from '../../../src/platform/ports.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import {
  makeTemporaryDirectory,
  type TemporaryDirectory,
} from '../../support/temporary-directory.js';

const HERE = readHostIdentity();

describe('the doctor', () => {
  let directory: TemporaryDirectory;
  beforeEach(async () => {
    directory = await makeTemporaryDirectory();
  });
  afterEach(() => directory.remove());

  function examine(change: Partial<DoctorOptions> = {}) {
    return examineDirectory({
      directory: directory.path,
      fileSystem: nodeFileSystem,
      clock: nodeClock,
      identity: HERE,
      isProcessAlive,
      readMounts,
      startProcess: startFileSystemProcess,
      peer: null,
      ...change,
    });
  }

  /** The names of the trials that a file system fails when its handles are spoilt in one way. */
  async function failedTrials(spoil: (handle: FileHandle) => void): Promise<string[]> {
    const startProcess = async (): Promise<TrialProcess> => {
      const other = await startFileSystemProcess();
      return { ...other, fileSystem: spoilt(other.fileSystem, spoil), kill: () => other.kill() };
    };
    const report = await examine({ fileSystem: spoilt(nodeFileSystem, spoil), startProcess });
    assert.equal(report.verdict, 'refuse');
    return report.trials.filter((trial) => trial.outcome !== 'passed').map((trial) => trial.name);
  }

  it('finds every trial passed here, and leaves nothing behind', async () => {
    await writeFile(join(directory.path, 'lock'), 'of a store');
    const report = await examine();
    assert.deepEqual(
      report.trials.filter((trial) => trial.outcome !== 'passed'),
      [],
    );
    assert.equal(report.trials.length, 7);
    assert.notEqual(report.verdict, 'refuse');
    assert.deepEqual(await nodeFileSystem.list(directory.path), ['lock']);
  });

  it('catches a lock that everybody gets', async () => {
    const failed = await failedTrials((handle) => {
      handle.tryLockExclusive = async () => true;
    });
    assert.deepEqual(failed, ['contention', 'kill-release']);
  });

  it('catches a lock that nobody gets', async () => {
    const failed = await failedTrials((handle) => {
      handle.tryLockExclusive = async () => false;
    });
    assert.deepEqual(failed, ['lock', 'contention', 'kill-release']);
  });

  it('catches a cache that shows old contents', async () => {
    const failed = await failedTrials((handle) => {
      handle.read = async (into) => into.fill(0).byteLength;
    });
    assert.ok(failed.includes('rewrite seen by a fresh open'));
  });

  it('catches a link count that never falls', async () => {
    const failed = await failedTrials((handle) => {
      const stat = handle.stat.bind(handle);
      handle.stat = async () => ({ ...(await stat()), linkCount: 1 });
    });
    assert.deepEqual(failed, ['unlink while open']);
  });

  it('removes what a killed doctor of this host left, and not that of another host', async () => {
    const dead = await startFileSystemProcess();
    await dead.kill();
    const leftover = join(directory.path, workDirectoryName({ ...HERE, pid: dead.pid }));
    await mkdir(join(leftover, 'caches', 'first'), { recursive: true });
    await writeFile(join(leftover, 'caches', 'first', 'x'), 'x');
    const others = [
      { ...HERE, host: 'elsewhere', pid: dead.pid },
      { ...HERE, bootId: 'of a clone with the same name', pid: dead.pid },
    ].map(workDirectoryName);
    for (const other of others) await mkdir(join(directory.path, other));
    await examine();
    assert.deepEqual(await nodeFileSystem.list(directory.path), others.sort());
  });

  it('says so when nothing can be written', async () => {
    const fileSystem = delegatingFileSystem(nodeFileSystem, {
      makeDirectory: () => Promise.reject(new Error('EROFS: read-only file system')),
    });
    const report = await examine({ fileSystem });
    assert.equal(report.verdict, 'refuse');
    assert.deepEqual(report.trials, []);
    assert.match(report.findings.at(-1)?.what ?? '', /nothing could be tried out \(EROFS/);
  });

  it('says so when it is given a file', async () => {
    const file = join(directory.path, 'file');
    await writeFile(file, '');
    const report = await examine({ directory: file });
    assert.equal(report.verdict, 'refuse');
    assert.equal(report.findings.at(-1)?.mend, 'name a directory');
    await rm(file);
  });

  it('refuses a directory that does not exist', async () => {
    await assert.rejects(examine({ directory: join(directory.path, 'none') }), {
      code: 'STORE_MISSING',
    });
  });

  it('tells it all in plain lines', async () => {
    const text = reportLines(await examine()).join('\n');
    for (const wanted of [
      /^directory {4}\//m,
      /^file system {2}/m,
      /^ {2}1 \S+ +the lock is on the bytes being written: .*\n {12}not shown \(two doctors/m,
      /^ {2}2 \S+ +an epoch is claimed by one node only: .*\n {12}shown on one host only \(exclusive create/m,
      /^ {2}ok {5}kill-release: released \d+ ms after kill -9$/m,
      /^ {2}ok {5}synchronous writes: p50 [\d.]+ ms, p99 [\d.]+ ms for 300 writes of 4 KiB, \d+ MB\/s in a row$/m,
      /^verdict {6}(ok|warnings): this directory can hold a store/m,
    ]) {
      assert.match(text, wanted);
    }
  });
});

function spoilt(fileSystem: FileSystem, spoil: (handle: FileHandle) => void): FileSystem {
  return delegatingFileSystem(fileSystem, {
    async open(path, mode) {
      const handle = await fileSystem.open(path, mode);
      spoil(handle);
      return handle;
    },
  });
}
