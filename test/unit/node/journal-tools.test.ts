import assert from 'node:assert/strict';
import { join } from 'node:path/posix';
import { afterEach, beforeEach, test } from 'node:test';
import { duplicateKeyOf } from '../../../src/broker/duplicate-key.js';
import { duplicateAddress } from '../../../src/broker/duplicate-windows.js';
import {
  encodeCounters,
  encodeDuplicateIds,
  encodeDuplicateLimits,
  encodeEntryIdsReserved,
  encodeQueueCreated,
  encodeQueueRemoved,
  writeDelivered,
  writeFailed,
  writeMessage,
  writeRemoved,
} from '../../../src/broker/record-writer.js';
import { QUEUE_KIND, REMOVAL_REASON } from '../../../src/broker/records.js';
import {
  describeRecords,
  dumpStoreJournal,
  verifyStoreJournal,
} from '../../../src/node/journal-tools.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { openLiveFile } from '../../../src/store/known-documents.js';
import { storeLayout } from '../../../src/store/layout.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';
import { systemError } from '../../support/intercepted-file-system.js';
import { LIVE_SAMPLE, makeStore, type TemporaryStore } from '../../support/store-samples.js';
import { makeTemporaryDirectory } from '../../support/temporary-directory.js';

const QUEUE = { id: 1, name: 'orders', topic: '', clientId: '', subscriptionName: '' };
const SUBSCRIPTION = { id: 2, name: '', topic: 'prices', clientId: 'c', subscriptionName: 's' };

let store: TemporaryStore;

beforeEach(async () => {
  store = await makeStore();
});

afterEach(() => store.remove());

function described(write: (slab: Uint8Array, view: DataView) => number): string[] {
  const slab = new Uint8Array(4096);
  const end = write(slab, new DataView(slab.buffer));
  return describeRecords(slab.subarray(0, end));
}

test('records are described with what they hold', () => {
  const message = {
    contentKind: 1,
    headers: new Uint8Array(7),
    body: new Uint8Array(5),
    priority: 4,
    expiresAtMs: 0,
  } as const;
  const lines = [
    ...describeRecords(encodeQueueCreated({ ...QUEUE, kind: QUEUE_KIND.queue })),
    ...describeRecords(
      encodeQueueCreated({ ...SUBSCRIPTION, kind: QUEUE_KIND.durableSubscription }),
    ),
    ...described((slab, view) => writeMessage({ slab, view }, 0, message, 0, 8, [1, 2])),
    ...described((slab, view) =>
      writeMessage({ slab, view }, 0, { ...message, group: 7 | 0x8000 }, 0, 10, [1]),
    ),
    ...described((slab, view) => writeRemoved({ slab, view }, 0, REMOVAL_REASON.expired, [8, 9])),
    ...described((slab, view) => writeDelivered({ slab, view }, 0, [8], 1)),
    ...described((slab, view) => writeFailed({ slab, view }, 0, 8, 2)),
    ...describeRecords(encodeQueueRemoved(2)),
    ...describeRecords(encodeEntryIdsReserved(100)),
    ...describeRecords(
      encodeCounters({ highestEntryId: 9, reservedEntryIds: 100, nextQueueId: 3 }),
    ),
    ...describeRecords(
      encodeDuplicateIds({
        address: duplicateAddress({ kind: 'topic', name: 'prices' }),
        keys: [duplicateKeyOf('a "b"'), duplicateKeyOf(-7), duplicateKeyOf(Uint8Array.of(0, 255))],
        ownIds: null,
      }),
    ),
    ...describeRecords(encodeDuplicateLimits({ idsPerAddress: 3, maxBytes: 500 })),
  ];
  assert.deepEqual(lines, [
    '0: queue-created 1 "orders"',
    '0: queue-created 2 for the durable subscription "s" of client "c" to topic "prices"',
    '0: message 8 in queue 1, 9 in queue 2: 7 bytes of headers, 5 of body, priority 4, ' +
      'taken 1970-01-01T00:00:00.000Z',
    '0: message 10 in queue 1: 7 bytes of headers, 5 of body, priority 4, last of group 7, ' +
      'taken 1970-01-01T00:00:00.000Z',
    '0: removed (expired) 8, 9',
    '0: delivered 8',
    '0: failed 8 for the 2. time',
    '0: queue-removed 2',
    '0: entry-ids-reserved below 100',
    '0: counters: highest entry 9, reserved below 100, next queue 3',
    '0: duplicate-ids of topic/prices: "a \\"b\\"", -7, 00ff',
    '0: duplicate-limits: 3 of each address, 500 bytes',
  ]);
});

test('a record that cannot be read is told with its place, after those before it', () => {
  const good = encodeQueueRemoved(2);
  const lines = describeRecords(Uint8Array.of(...good, 12, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0));
  assert.equal(lines.length, 2);
  assert.match(lines[1] as string, /^12: DAMAGED .*no record type 99/);
});

test('a long list of entries is cut short, with its count', () => {
  const ids = Array.from({ length: 50 }, (_, index) => index + 1);
  const [line] = described((slab, view) => writeDelivered({ slab, view }, 0, ids, ids.length));
  assert.match(line as string, / 20 and 30 more$/);
});

test('a new store without blocks is good', async () => {
  const report = await verifyStoreJournal(nodeFileSystem, store.layout, () => undefined);
  assert.deepEqual([report.problems, report.blocks], [[], 0]);
  const lines: string[] = [];
  const isGood = await dumpStoreJournal(nodeFileSystem, store.layout, (line) => {
    lines.push(line);
  });
  assert.deepEqual([isGood, lines], [true, ['no checkpoint', 'clean-end']]);
});

test('a journal that lacks what the live file recorded is damaged', async () => {
  const file = await openLiveFile(nodeFileSystem, store.layout);
  await file.write(LIVE_SAMPLE);
  await file.close();
  const { problems } = await verifyStoreJournal(nodeFileSystem, store.layout, () => undefined);
  assert.match(problems.join(), /ends after block 0, but block 3 was recorded/);
});

test('a directory that no node ever ran on is refused with a sentence', async () => {
  const { path, remove } = await makeTemporaryDirectory();
  const verifying = verifyStoreJournal(nodeFileSystem, storeLayout(path), () => undefined);
  await assert.rejects(verifying, { code: 'STORE_MISSING', message: /no node has ever run there/ });
  await remove();
});

test('a failed read is told as such, never as damage', async () => {
  const name = join(store.layout.journalDirectory, '0000000001-0000000001.segment');
  const handle = await nodeFileSystem.open(name, 'create-new');
  await handle.close();
  const fileSystem = delegatingFileSystem(nodeFileSystem, {
    open: (path, mode) =>
      path === name ? Promise.reject(systemError('EIO', 'open')) : nodeFileSystem.open(path, mode),
  });
  const verifying = verifyStoreJournal(fileSystem, store.layout, () => undefined);
  await assert.rejects(verifying, { code: 'JOURNAL_IO_FAILED', message: /EIO/ });
});
