import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checksumOf } from '../../../src/journal/checksum.js';
import {
  type CheckpointHeader,
  decodeCheckpointHeader,
  decodeSegmentHeader,
  encodeCheckpointHeader,
  encodeSegmentHeader,
  type SegmentHeader,
} from '../../../src/journal/file-header.js';
import type { Epoch, SegmentNumber, Sequence } from '../../../src/journal/format.js';
import { STORE_ID } from './journal-rig.js';

const SEGMENT: SegmentHeader = {
  storeId: STORE_ID,
  epoch: 0x1_0000_0002 as Epoch,
  firstSequence: 0x2_0000_0003 as Sequence,
  number: 4 as SegmentNumber,
  sizeBytes: 0xfffffe00,
  previousEnd: 5120,
  previousChecksum: 0x89abcdef,
  sealedEnd: 1536,
};

const CHECKPOINT: CheckpointHeader = {
  storeId: STORE_ID,
  epoch: 6 as Epoch,
  covers: {
    segment: 7 as SegmentNumber,
    offset: 2048,
    sequence: 0x3_0000_0001 as Sequence,
    checksum: 0x12345678,
    epoch: 5 as Epoch,
  },
  blockCount: 3,
  lastChecksum: 0xcafebabe,
};

test('a segment header has the bytes of the specification', () => {
  const bytes = Buffer.from(encodeSegmentHeader(SEGMENT));
  const fields = [
    '48465331', // magic
    '01000000', // format version
    STORE_ID,
    '0200000001000000', // epoch
    '0300000002000000', // first sequence
    '04000000', // number
    '00feffff', // size
    '00140000', // previous end
    'efcdab89', // previous checksum
    '00060000', // sealed end
  ].join('');
  assert.equal(bytes.toString('hex', 0, 60), fields);
  assert.ok(bytes.subarray(60, 508).every((byte) => byte === 0));
  assert.equal(bytes.readUInt32LE(508), checksumOf(bytes.subarray(0, 508), 0));
  assert.equal(bytes.byteLength, 512);
});

test('a checkpoint header has the bytes of the specification', () => {
  const bytes = Buffer.from(encodeCheckpointHeader(CHECKPOINT));
  const fields = [
    '48464331', // magic
    '01000000', // format version
    STORE_ID,
    '0600000000000000', // epoch of the writer
    '0100000003000000', // sequence of the last block covered
    '07000000', // its segment
    '00080000', // where it ends
    '78563412', // its checksum
    '03000000', // blocks in this file
    'bebafeca', // checksum of the last of them
    '0500000000000000', // epoch of the last block covered
  ].join('');
  assert.equal(bytes.toString('hex', 0, 68), fields);
  assert.ok(bytes.subarray(68, 508).every((byte) => byte === 0));
  assert.equal(bytes.readUInt32LE(508), checksumOf(bytes.subarray(0, 508), 0));
});

test('headers are read back as they were written', () => {
  assert.deepEqual(decodeSegmentHeader(encodeSegmentHeader(SEGMENT), 'x'), SEGMENT);
  assert.deepEqual(decodeCheckpointHeader(encodeCheckpointHeader(CHECKPOINT), 'x'), CHECKPOINT);
});

test('a header with any single flipped bit is unfinished, never another header', () => {
  const headers = [
    { bytes: encodeSegmentHeader(SEGMENT), decode: decodeSegmentHeader },
    { bytes: encodeCheckpointHeader(CHECKPOINT), decode: decodeCheckpointHeader },
  ];
  for (const { bytes, decode } of headers) {
    for (let bit = 0; bit < 512 * 8; bit += 1) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.equal(decode(flipped, 'x'), null, `bit ${bit}`);
    }
  }
});

test('zeros, a short sector and the other kind of header are unfinished', () => {
  assert.equal(decodeSegmentHeader(new Uint8Array(512), 'x'), null);
  assert.equal(decodeSegmentHeader(encodeSegmentHeader(SEGMENT).subarray(0, 511), 'x'), null);
  assert.equal(decodeSegmentHeader(encodeCheckpointHeader(CHECKPOINT), 'x'), null);
  assert.equal(decodeCheckpointHeader(encodeSegmentHeader(SEGMENT), 'x'), null);
});

test('a header of a newer format is refused by name, never taken for unfinished', () => {
  const bytes = Buffer.from(encodeSegmentHeader(SEGMENT));
  bytes.writeUInt32LE(2, 4);
  bytes.writeUInt32LE(checksumOf(bytes.subarray(0, 508), 0), 508);
  assert.throws(() => decodeSegmentHeader(bytes, '/store/journal/file'), {
    code: 'STORE_INCOMPATIBLE',
    message: /\/store\/journal\/file has journal format 2/,
  });
});
