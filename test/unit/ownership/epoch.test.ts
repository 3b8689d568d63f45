import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  claimNextEpoch,
  EPOCHS_KEPT,
  highestEpoch,
  pruneEpochs,
  readTenures,
} from '../../../src/ownership/epoch.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { startFileSystemProcess } from '../../../src/platform/node/file-system-process.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import {
  makeTemporaryDirectory,
  type TemporaryDirectory,
} from '../../support/temporary-directory.js';

describe('epochs', () => {
  let directory: TemporaryDirectory;
  beforeEach(async () => {
    directory = await makeTemporaryDirectory();
  });
  afterEach(() => directory.remove());

  function claim(fileSystem: FileSystem = nodeFileSystem, node = 'a', above = 0) {
    return claimNextEpoch({
      fileSystem,
      epochsDirectory: directory.path,
      node,
      identity: { host: 'alpha', pid: 17, bootId: 'boot' },
      wallMs: 1_000,
      above,
    });
  }

  it('begin at one and rise by one', async () => {
    assert.equal(await highestEpoch(nodeFileSystem, directory.path), 0);
    assert.deepEqual([await claim(), await claim(), await claim()], [1, 2, 3]);
    assert.equal(await highestEpoch(nodeFileSystem, directory.path), 3);
    assert.deepEqual(await nodeFileSystem.list(directory.path), [
      '0000000001',
      '0000000002',
      '0000000003',
    ]);
  });

  it('are higher than one known from elsewhere', async () => {
    assert.equal(await claim(nodeFileSystem, 'a', 41), 42);
    assert.equal(await claim(nodeFileSystem, 'a', 7), 43);
  });

  it('go to exactly one of two nodes that claim at the same moment', async () => {
    const other = await startFileSystemProcess();
    try {
      for (let round = 1; round <= 20; round += 1) {
        const before = await highestEpoch(nodeFileSystem, directory.path);
        const claims = [await claim(frozenList(nodeFileSystem, before), 'a'), null];
        claims[1] = await claim(frozenList(other.fileSystem, before), 'b');
        assert.deepEqual(claims, [before + 1, null]);
      }
      const raced = await Promise.all([claim(nodeFileSystem, 'a'), claim(other.fileSystem, 'b')]);
      const won = raced.filter((epoch) => epoch !== null);
      assert.equal(new Set(won).size, won.length);
      assert.ok(won.length >= 1);
    } finally {
      await other.kill();
    }
  });

  it('ignore names that are none', async () => {
    for (const name of ['.nfs0001', 'x', '12', '00000000099']) {
      await writeFile(join(directory.path, name), '');
    }
    assert.equal(await claim(), 1);
  });

  it('tell who had which tenure, also when a claimer was killed at once', async () => {
    await claim();
    await writeFile(join(directory.path, '0000000002'), '');
    await claim(nodeFileSystem, 'b');
    const known = { host: 'alpha', pid: 17, claimedAtMs: 1_000 };
    assert.deepEqual(await readTenures(nodeFileSystem, directory.path, 10), [
      { epoch: 1, claim: { node: 'a', ...known } },
      { epoch: 2, claim: null },
      { epoch: 3, claim: { node: 'b', ...known } },
    ]);
    const latest = await readTenures(nodeFileSystem, directory.path, 1);
    assert.deepEqual(
      latest.map((tenure) => tenure.epoch),
      [3],
    );
  });

  it('are forgotten beyond the latest thousand, never the highest', async () => {
    const total = EPOCHS_KEPT + 5;
    for (let epoch = 1; epoch <= total; epoch += 1) {
      await writeFile(join(directory.path, String(epoch).padStart(10, '0')), '');
    }
    await pruneEpochs(nodeFileSystem, directory.path);
    const names = await nodeFileSystem.list(directory.path);
    assert.equal(names.length, EPOCHS_KEPT);
    assert.equal(names[0], '0000000006');
    assert.equal(await claim(), total + 1);
    await pruneEpochs(nodeFileSystem, directory.path);
    assert.equal(await highestEpoch(nodeFileSystem, directory.path), total + 1);
  });
});

/** A node that listed the directory before the other one claimed. */
function frozenList(fileSystem: FileSystem, highest: number): FileSystem {
  return delegatingFileSystem(fileSystem, {
    list: async () => (highest === 0 ? [] : [String(highest).padStart(10, '0')]),
  });
}
