/** P6, P7: a large block is read back part by part, and stays in the journal meanwhile. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, test } from 'node:test';
import type { HeldBytes } from '../../../src/broker/api.js';
import { checksumOf } from '../../../src/journal/checksum.js';
import { BLOCK_HEADER_BYTES } from '../../../src/journal/format.js';
import { HeldBlocks, type PartRequest } from '../../../src/node/held-blocks.js';
import { UsageMap } from '../broker/broker-rig.js';

const SEGMENT = 3;
const BLOCK_OFFSET = 1024;
const payload = new Uint8Array(randomBytes(600_000));

let usage: UsageMap;
let requests: PartRequest[];
let isCached: boolean;
let held: HeldBlocks;

beforeEach(() => {
  usage = new UsageMap();
  requests = [];
  isCached = false;
  let requestId = 0;
  held = new HeldBlocks({
    usage,
    requestPart: (request) => requests.push(request),
    cached: () => (isCached ? payload : undefined),
    newRequestId: () => {
      requestId += 1;
      return requestId;
    },
  });
});

function hold(): HeldBytes {
  return held.hold(SEGMENT, BLOCK_OFFSET, payload);
}

/** Answers the oldest request as the storage thread does. */
function answer(): void {
  const request = requests.shift();
  assert.ok(request);
  const start = request.offset - BLOCK_OFFSET - BLOCK_HEADER_BYTES;
  const bytes = payload.slice(start, start + request.length);
  assert.equal(request.segment, SEGMENT);
  assert.equal(request.checksum, checksumOf(bytes, 0));
  held.onPart(request.requestId, bytes.buffer);
}

/** Reads on from `position` as a session does. */
function read(bytes: HeldBytes, position: number): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = position; at < payload.length; at += parts.at(-1)?.length ?? 0) {
    let isReady = false;
    const ready = (): void => {
      isReady = true;
    };
    if (bytes.from(at, ready) === null) {
      answer();
      assert.ok(isReady);
    }
    parts.push(bytes.from(at, assert.fail) ?? assert.fail());
  }
  return Buffer.concat(parts);
}

test('all of it is read, from any place on', () => {
  for (const position of [0, 1, 262_143, 262_144, 599_999]) {
    assert.ok(read(hold(), position).equals(payload.subarray(position)));
  }
});

test('nothing is loaded while the whole block is in memory', () => {
  const bytes = hold();
  isCached = true;
  assert.deepEqual(bytes.from(7, assert.fail), payload.subarray(7));
  isCached = false;
  assert.equal(
    bytes.from(7, () => undefined),
    null,
  );
  assert.equal(requests.length, 1);
});

test('its segment is needed until the last one has let go, once and for good', () => {
  const [one, two] = [hold(), hold()];
  assert.deepEqual([...usage.bytes], [[SEGMENT, payload.length]]);
  one.release();
  one.release();
  assert.deepEqual([...usage.bytes], [[SEGMENT, payload.length]]);
  two.release();
  assert.deepEqual([...usage.bytes], []);
});

test('who lets go is not told of what was loaded for it', () => {
  const bytes = hold();
  bytes.from(0, assert.fail);
  bytes.release();
  answer();
});

test('what was deleted after the last one has let go is missed by nobody', () => {
  const bytes = hold();
  bytes.from(0, assert.fail);
  bytes.release();
  held.onMissed(requests[0]?.requestId as number);
});

test('P6: a segment that is kept and gone all the same was removed by somebody', () => {
  hold().from(0, assert.fail);
  assert.throws(() => held.onMissed(requests[0]?.requestId as number), { code: 'JOURNAL_CORRUPT' });
});

test('at the end of a tenure nothing is kept, and nobody reads on', () => {
  const [one, two] = [hold(), hold()];
  one.from(0, assert.fail);
  const request = requests[0] as PartRequest;
  held.letGo();
  assert.deepEqual([...usage.bytes], []);
  held.onMissed(request.requestId);
  isCached = true;
  assert.equal(two.from(0, assert.fail), null);
  one.release();
  assert.deepEqual([...usage.bytes], []);
});
