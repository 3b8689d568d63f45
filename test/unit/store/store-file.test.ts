import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type ErrorCode, HoldfastError } from '../../../src/platform/errors.js';
import { nodeClock, nodeRandom } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import { DocumentFile } from '../../../src/store/document-file.js';
import { type StoreLayout, storeLayout } from '../../../src/store/layout.js';
import {
  initialiseStore,
  inspectStore,
  requireWritableStore,
} from '../../../src/store/store-file.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import { makeStore, type TemporaryStore } from '../../support/store-samples.js';
import {
  makeTemporaryDirectory,
  type TemporaryDirectory,
} from '../../support/temporary-directory.js';

describe('opening a store', () => {
  let store: TemporaryStore;
  let empty: TemporaryDirectory;
  beforeEach(async () => {
    store = await makeStore();
    empty = await makeTemporaryDirectory();
  });
  afterEach(async () => {
    await store.remove();
    await empty.remove();
  });

  it('finds an initialised one ready, with its id', async () => {
    const state = await inspectStore(nodeFileSystem, store.layout);
    assert.equal(state.kind, 'ready');
    assert.equal(state.kind === 'ready' && state.store.storeId, store.storeId);
  });

  it('finds an empty directory uninitialised, and changes nothing in it', async () => {
    const layout = storeLayout(empty.path);
    assert.deepEqual(await inspectStore(nodeFileSystem, layout), {
      kind: 'uninitialised',
      isBegun: false,
    });
    assert.deepEqual(await nodeFileSystem.list(empty.path), []);
  });

  it('refuses a missing directory and a file in its place', async () => {
    const missing = storeLayout(join(empty.path, 'none'));
    await assert.rejects(
      inspectStore(nodeFileSystem, missing),
      refusal('STORE_MISSING', /does not exist/),
    );
    const file = storeLayout(join(empty.path, 'file'));
    await writeFile(file.root, '');
    await assert.rejects(
      inspectStore(nodeFileSystem, file),
      refusal('STORE_MISSING', /not a directory/),
    );
  });

  it('refuses a store of another version or another kind of lock', async () => {
    await rewriteStore(store.layout, { formatVersion: 2 });
    await assert.rejects(
      inspectStore(nodeFileSystem, store.layout),
      refusal('STORE_INCOMPATIBLE', /format version is 2/),
    );
    await rewriteStore(store.layout, { lockKind: 'fcntl' });
    await assert.rejects(
      inspectStore(nodeFileSystem, store.layout),
      refusal('STORE_INCOMPATIBLE', /lock with "fcntl"/),
    );
    const bytes = await readFile(store.layout.storeFile);
    bytes.write('9', 'holdfast-document '.length);
    await writeFile(store.layout.storeFile, bytes);
    await assert.rejects(
      inspectStore(nodeFileSystem, store.layout),
      refusal('STORE_INCOMPATIBLE', /document version is 9/),
    );
  });

  it('lets the next one finish what a killed initialiser began, at every cut', async () => {
    for (const length of [0, 1, 20, 60, 511, 4095]) {
      await truncate(store.layout.storeFile, length);
      assert.deepEqual(await inspectStore(nodeFileSystem, store.layout), {
        kind: 'uninitialised',
        isBegun: true,
      });
      await initialise(store.layout);
      assert.equal((await inspectStore(nodeFileSystem, store.layout)).kind, 'ready');
    }
  });

  it('can be initialised again after a crash between any two steps', async () => {
    for (let steps = 0; ; steps += 1) {
      const layout = storeLayout(join(empty.path, String(steps)));
      await mkdir(layout.root);
      const finished = await initialise(layout, crashAfter(steps)).then(
        () => true,
        () => false,
      );
      if (finished) {
        assert.ok(steps > 8, 'the crash points were passed');
        return;
      }
      assert.equal((await inspectStore(nodeFileSystem, layout)).kind, 'uninitialised');
      await initialise(layout);
      assert.equal((await inspectStore(nodeFileSystem, layout)).kind, 'ready');
    }
  });

  it('does not write over what another one begins at the same moment', async () => {
    const layout = storeLayout(empty.path);
    const atOnce = [initialise(layout), initialise(layout)];
    const results = await Promise.allSettled(atOnce);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await inspectStore(nodeFileSystem, layout)).kind, 'ready');
  });

  it('never makes a new store over a journal', async () => {
    await writeFile(join(store.layout.journalDirectory, 'segment'), 'x');
    await truncate(store.layout.storeFile, 100);
    await assert.rejects(
      inspectStore(nodeFileSystem, store.layout),
      refusal('STORE_DAMAGED', /cannot be read .*although the store has a journal of 1 files/),
    );
    await rm(store.layout.storeFile);
    await assert.rejects(
      inspectStore(nodeFileSystem, store.layout),
      refusal('STORE_DAMAGED', /is missing/),
    );
  });

  it('says so when the store cannot be written', async () => {
    await requireWritableStore(nodeFileSystem, store.layout);
    const readOnly = delegatingFileSystem(nodeFileSystem, {
      open: () => Promise.reject(Object.assign(new Error('EROFS: read-only'), { code: 'EROFS' })),
    });
    await assert.rejects(
      requireWritableStore(readOnly, store.layout),
      refusal('STORE_UNWRITABLE', /mount it read-write/),
    );
  });

  it('says so when the store was made by another user', async () => {
    const fileSystem = delegatingFileSystem(nodeFileSystem, {
      open: (path, mode) =>
        path === store.layout.storeFile
          ? Promise.reject(
              Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }),
            )
          : nodeFileSystem.open(path, mode),
    });
    await assert.rejects(inspectStore(fileSystem, store.layout), {
      code: 'STORE_UNWRITABLE',
      message: /store\.json may not be read by this user\. Use the user that the nodes run as/,
    });
  });

  it('says so when the directory is of another user', {
    skip: process.getuid?.() === 0,
  }, async () => {
    await chmod(empty.path, 0o500);
    await assert.rejects(
      requireWritableStore(nodeFileSystem, storeLayout(empty.path)),
      refusal('STORE_UNWRITABLE', /cannot be written/),
    );
  });
});

async function initialise(layout: StoreLayout, fileSystem = nodeFileSystem): Promise<unknown> {
  const state = await inspectStore(nodeFileSystem, layout);
  const isBegun = state.kind === 'uninitialised' && state.isBegun;
  const ports = { fileSystem, clock: nodeClock, random: nodeRandom };
  return initialiseStore({ ...ports, layout, createdBy: 'test', isBegun });
}

async function rewriteStore(layout: StoreLayout, change: object): Promise<void> {
  const file = await DocumentFile.open<object>(nodeFileSystem, layout.storeFile, 'update');
  const whole = {
    formatVersion: 1,
    storeId: 'ab'.repeat(16),
    lockKind: 'flock',
    createdAtMs: 1,
    createdBy: '',
  };
  await file.write({ ...whole, ...change });
  await file.close();
}

function refusal(code: ErrorCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

/** A file system whose process is dead after so many calls that change something. */
function crashAfter(steps: number): FileSystem {
  let left = steps;
  const step = () => {
    if (left === 0) throw new Error('killed here');
    left -= 1;
  };
  return delegatingFileSystem(nodeFileSystem, {
    async open(path, mode) {
      step();
      const handle = await nodeFileSystem.open(path, mode);
      const write = handle.write.bind(handle);
      handle.write = async (bytes, position) => {
        step();
        await write(bytes, position);
      };
      return handle;
    },
    async makeDirectory(path) {
      step();
      await nodeFileSystem.makeDirectory(path);
    },
    async syncDirectory(path) {
      step();
      await nodeFileSystem.syncDirectory(path);
    },
  });
}
