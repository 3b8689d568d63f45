import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type BlockHeader,
  claimedLength,
  decodeBlock,
  encodeBlock,
} from '../../../src/journal/block.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  BLOCK_TYPE,
  type Epoch,
  SECTOR_BYTES,
  type SegmentNumber,
  type Sequence,
} from '../../../src/journal/format.js';

const HEADER: BlockHeader = {
  type: BLOCK_TYPE.records,
  payloadLength: 5,
  recordCount: 2,
  epoch: 0x1_0000_0003 as Epoch,
  sequence: 0x1_0000_0007 as Sequence,
  previousChecksum: 0xdeadbeef,
  segment: 9 as SegmentNumber,
  offset: 1024,
};

function encode(header: BlockHeader, payload: Uint8Array): { bytes: Uint8Array; checksum: number } {
  // Rubbish wherever the encoder has to write zeros.
  const length = alignToSector(BLOCK_HEADER_BYTES + payload.byteLength);
  const bytes = new Uint8Array(length).fill(0xff);
  bytes.set(payload, BLOCK_HEADER_BYTES);
  return { bytes, checksum: encodeBlock(bytes, header) };
}

const { bytes: SAMPLE, checksum: SAMPLE_CHECKSUM } = encode(HEADER, Buffer.from('hello'));

test('a block has the bytes of the specification', () => {
  const header = [
    '48464231', // magic
    '01000000', // type, zero
    '05000000', // payload length
    '02000000', // record count
    '0300000001000000', // epoch
    '0700000001000000', // sequence
    'efbeadde', // previous checksum
    '09000000', // segment
    '00040000', // offset
    '00000000000000000000000000000000',
    '5f16068d', // checksum
  ].join('');
  assert.equal(Buffer.from(SAMPLE).toString('hex', 0, BLOCK_HEADER_BYTES), header);
  assert.equal(Buffer.from(SAMPLE).toString('latin1', 64, 69), 'hello');
  assert.ok(SAMPLE.subarray(69).every((byte) => byte === 0));
  assert.equal(SAMPLE.byteLength, SECTOR_BYTES);
});

test('a block is read back as it was written, wherever it lies', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2000 }),
      fc.nat(3),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      (payload, sectorsBefore, sequence) => {
        const header = { ...HEADER, sequence: sequence as Sequence, payloadLength: payload.length };
        const { bytes, checksum } = encode(header, payload);
        const at = sectorsBefore * SECTOR_BYTES;
        const file = new Uint8Array(at + bytes.byteLength + SECTOR_BYTES);
        file.set(bytes, at);
        assert.deepEqual(decodeBlock(file, at), {
          ...header,
          checksum,
          lengthBytes: bytes.byteLength,
        });
      },
    ),
  );
});

test('every single flipped bit of a block is noticed', () => {
  const bytes = SAMPLE.slice();
  for (let bit = 0; bit < bytes.byteLength * 8; bit += 1) {
    const at = bit >> 3;
    const before = bytes[at] as number;
    bytes[at] = before ^ (1 << (bit & 7));
    assert.equal(decodeBlock(bytes, 0), null, `bit ${bit}`);
    bytes[at] = before;
  }
  assert.equal(decodeBlock(bytes, 0)?.checksum, SAMPLE_CHECKSUM);
});

test('a block that was cut short anywhere is no block', () => {
  for (let length = 0; length < SAMPLE.byteLength; length += 1) {
    assert.equal(decodeBlock(SAMPLE.subarray(0, length), 0), null, `${length} bytes`);
  }
});

test('a type that does not exist is no block, though its checksum is right', () => {
  for (const type of [0, 4, 255]) {
    const { bytes } = encode(
      { ...HEADER, type: type as BlockHeader['type'] },
      Buffer.from('hello'),
    );
    assert.equal(decodeBlock(bytes, 0), null, `type ${type}`);
  }
});

test('zeros claim no length, and a block claims its padded one', () => {
  assert.equal(claimedLength(new Uint8Array(1024), 0), 0);
  assert.equal(claimedLength(SAMPLE, 0), SECTOR_BYTES);
  assert.equal(claimedLength(SAMPLE, SECTOR_BYTES), 0);
});
