import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { HoldfastError } from '../../../src/platform/errors.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { startFileSystemProcess } from '../../../src/platform/node/file-system-process.js';
import { DocumentFile } from '../../../src/store/document-file.js';
import {
  claimNodeFile,
  openLiveFile,
  readHandoverRequest,
  readLiveDocument,
  readNodeDocuments,
  writeHandoverRequest,
} from '../../../src/store/known-documents.js';
import {
  LIVE_SAMPLE,
  makeStore,
  NODE_SAMPLE,
  type TemporaryStore,
} from '../../support/store-samples.js';

describe('the documents of a store', () => {
  let store: TemporaryStore;
  beforeEach(async () => {
    store = await makeStore();
  });
  afterEach(() => store.remove());

  it('are empty in a new store', async () => {
    assert.deepEqual(await readLiveDocument(nodeFileSystem, store.layout), { kind: 'empty' });
    assert.equal(await readHandoverRequest(nodeFileSystem, store.layout), null);
    assert.deepEqual(await readNodeDocuments(nodeFileSystem, store.layout), []);
  });

  it('are rewritten in place: the same file, never larger than one block', async () => {
    const live = await openLiveFile(nodeFileSystem, store.layout);
    const before = await stat(store.layout.liveFile);
    for (let beat = 1; beat <= 3; beat += 1) await live.write({ ...LIVE_SAMPLE, beat });
    const after = await stat(store.layout.liveFile);
    assert.equal(after.ino, before.ino);
    assert.equal(after.size, 4096);
    assert.deepEqual(await readLiveDocument(nodeFileSystem, store.layout), {
      kind: 'valid',
      document: { ...LIVE_SAMPLE, beat: 3 },
    });
    await live.close();
  });

  it('name the first field that is wrong', async () => {
    const file = await DocumentFile.open<object>(nodeFileSystem, store.layout.liveFile, 'update');
    for (const [field, value] of [
      ['epoch', 0],
      ['pid', '17'],
      ['addresses', { stomp: 1 }],
      ['position', { segment: 1, offset: -1, sequence: 1 }],
      ['state', 'master'],
      ['successor', ''],
    ] as const) {
      await file.write({ ...LIVE_SAMPLE, [field]: value });
      assert.deepEqual(await readLiveDocument(nodeFileSystem, store.layout), {
        kind: 'unreadable',
        why: `its field "${field}" is missing or wrong`,
      });
    }
    await file.close();
  });

  it('carry a handover request to the live node and its outcome back', async () => {
    const request = {
      requestId: 'r1',
      to: null,
      requestedAtMs: 1,
      requestedBy: 'somebody',
      outcome: null,
    };
    await writeHandoverRequest(nodeFileSystem, store.layout, request);
    assert.deepEqual(await readHandoverRequest(nodeFileSystem, store.layout), request);
    const answered = { ...request, outcome: { accepted: false, reason: 'no backup is ready' } };
    await writeHandoverRequest(nodeFileSystem, store.layout, answered);
    assert.deepEqual(await readHandoverRequest(nodeFileSystem, store.layout), answered);
  });

  it('give a node its name alone: a second one is told who has it', async () => {
    const mine = await claimNodeFile(nodeFileSystem, store.layout, 'b');
    await mine.write(NODE_SAMPLE);
    await assert.rejects(claimNodeFile(nodeFileSystem, store.layout, 'b'), (error) => {
      assert.ok(error instanceof HoldfastError);
      assert.equal(error.code, 'NAME_IN_USE');
      assert.match(error.message, /Process 4712 on host beta already runs as node "b"/);
      return true;
    });
    assert.deepEqual(await readNodeDocuments(nodeFileSystem, store.layout), [NODE_SAMPLE]);
    await mine.close();
    await (await claimNodeFile(nodeFileSystem, store.layout, 'b')).close();
  });

  it('free a name when its node is killed', async () => {
    const other = await startFileSystemProcess();
    try {
      await claimNodeFile(other.fileSystem, store.layout, 'b');
      await assert.rejects(claimNodeFile(nodeFileSystem, store.layout, 'b'));
    } finally {
      await other.kill();
    }
    await (await claimNodeFile(nodeFileSystem, store.layout, 'b')).close();
  });
});
