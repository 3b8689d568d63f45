import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { SegmentNumber } from '../../../src/journal/format.js';
import { BlockCache } from '../../../src/node/block-cache.js';
import type { TransferredBlock } from '../../../src/node/storage-protocol.js';

const NO_PARTS = {
  usage: { retain: () => undefined, release: () => undefined },
  requestPart: () => undefined,
};

const MAX_BYTES = 2_000;

let requests: { requestId: number; segment: number; offset: number }[];
let cache: BlockCache;

beforeEach(() => {
  requests = [];
  cache = new BlockCache(
    MAX_BYTES,
    ({ requestId, segment, offset }) => {
      requests.push({ requestId, segment, offset });
    },
    NO_PARTS,
  );
});

function payload(length: number, fill = 0): Uint8Array {
  return new Uint8Array(length).fill(fill);
}

/** Blocks of one read, each with a payload of 400 bytes at its sector. */
function transferred(segment: number, offsets: readonly number[]): TransferredBlock[] {
  return offsets.map((offset, index) => ({
    start: index * 512 + 64,
    length: 400,
    recordCount: 1,
    hasRecords: true,
    segment: segment as SegmentNumber,
    offset,
  }));
}

function lastRequest(): number {
  return (requests.at(-1) as { requestId: number }).requestId;
}

test('what was put is found at its place and at no other', () => {
  const one = payload(10);
  const two = payload(10);
  cache.put(1, 512, one);
  cache.put(2, 512, two);
  for (let twice = 0; twice < 2; twice += 1) {
    assert.equal(cache.cached(1, 512), one);
    assert.equal(cache.cached(2, 512), two);
    assert.equal(cache.cached(1, 1024), undefined);
  }
});

test('places with large numbers do not meet', () => {
  const last = 2 ** 32 - 512;
  cache.put(1_000_000_000, last, payload(1));
  assert.equal(cache.cached(1_000_000_001, 0), undefined);
  assert.notEqual(cache.cached(1_000_000_000, last), undefined);
});

test('a payload put again replaces the one before, and counts once', () => {
  cache.put(1, 512, payload(10));
  assert.notEqual(cache.cached(1, 512), undefined);
  const newer = payload(30);
  cache.put(1, 512, newer);
  assert.equal(cache.cached(1, 512), newer);
  assert.equal(cache.bytes, 30);
});

test('the oldest goes first, until the limit holds', () => {
  for (const offset of [512, 1024, 1536, 2048]) cache.put(1, offset, payload(400));
  assert.notEqual(cache.cached(1, 512), undefined);
  cache.evict(1);
  assert.equal(cache.bytes, 800);
  assert.equal(cache.cached(1, 512), undefined);
  assert.equal(cache.cached(1, 1024), undefined);
  assert.notEqual(cache.cached(1, 1536), undefined);
});

test('what was put last stays, however large it is', () => {
  cache.put(1, 512, payload(400));
  cache.put(1, 1024, payload(5_000));
  cache.evict(1);
  assert.equal(cache.cached(1, 512), undefined);
  assert.notEqual(cache.cached(1, 1024), undefined);
});

test('several that want one block ask for it once, and each is called with it at hand', () => {
  const found: unknown[] = [];
  const ask = (): void => cache.load(3, 512, () => found.push(cache.cached(3, 512)?.byteLength));
  ask();
  ask();
  assert.equal(requests.length, 1);
  cache.onLoaded(lastRequest(), new ArrayBuffer(4096), transferred(3, [512, 1024, 1536, 2048]));
  assert.deepEqual(found, [400, 400]);
  ask();
  assert.equal(requests.length, 2);
});

test('blocks that came with the one that was asked for are kept too', () => {
  cache.load(3, 512, () => undefined);
  cache.onLoaded(lastRequest(), new ArrayBuffer(2048), transferred(3, [512, 1024]));
  assert.notEqual(cache.cached(3, 1024), undefined);
  assert.equal(cache.bytes, 800);
});

test('whoever wants a block of a deleted segment is told, and finds nothing', () => {
  let found: unknown = 'not called';
  cache.load(3, 512, () => {
    found = cache.cached(3, 512);
  });
  cache.onMissed(lastRequest());
  assert.equal(found, undefined);
  cache.load(3, 512, () => undefined);
  assert.equal(requests.length, 2);
});

test('a run for compaction has the blocks of one read and leaves nothing in the cache', async () => {
  const run = cache.loadRun(3 as SegmentNumber, 512);
  cache.onLoaded(lastRequest(), new ArrayBuffer(2048), transferred(3, [512, 1024]));
  const blocks = await run;
  assert.deepEqual(
    blocks.map(({ offset, lengthBytes }) => [offset, lengthBytes]),
    [
      [512, 512],
      [1024, 512],
    ],
  );
  assert.equal(cache.bytes, 0);
});

test('a run of a deleted segment is empty', async () => {
  const run = cache.loadRun(3 as SegmentNumber, 512);
  cache.onMissed(lastRequest());
  assert.deepEqual(await run, []);
});

test('after clear nothing is found, and an answer that comes late is ignored by nobody in wait', () => {
  let called = 0;
  cache.put(1, 512, payload(10));
  assert.notEqual(cache.cached(1, 512), undefined);
  cache.load(3, 512, () => {
    called += 1;
  });
  cache.clear();
  assert.equal(cache.cached(1, 512), undefined);
  assert.equal(cache.bytes, 0);
  cache.onLoaded(lastRequest(), new ArrayBuffer(1024), transferred(3, [512]));
  assert.equal(called, 0);
});

test('whoever waits for a run when the cache is cleared gets an empty one', async () => {
  const run = cache.loadRun(3 as SegmentNumber, 512);
  cache.clear();
  const late = new Promise<string>((resolve) => setImmediate(() => resolve('never answered')));
  assert.deepEqual(await Promise.race([run, late]), []);
});
