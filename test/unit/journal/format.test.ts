import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  alignToSector,
  checkpointName,
  type Epoch,
  parseCheckpointName,
  parseSegmentName,
  type SegmentNumber,
  type Sequence,
  segmentName,
} from '../../../src/journal/format.js';

test('names are read back as they were made', () => {
  const segment = segmentName(12 as SegmentNumber, 345 as Epoch);
  assert.equal(segment.name, '0000000012-0000000345.segment');
  assert.deepEqual(parseSegmentName(segment.name), segment);
  const checkpoint = checkpointName(7 as Epoch, 890 as Sequence);
  assert.equal(checkpoint.name, '0000000007-0000000000000890.checkpoint');
  assert.deepEqual(parseCheckpointName(checkpoint.name), checkpoint);
});

test('the largest numbers still sort by their names', () => {
  const last = segmentName(0xffff_ffff as SegmentNumber, 0xffff_ffff as Epoch);
  assert.deepEqual(parseSegmentName(last.name), last);
  const sequence = Number.MAX_SAFE_INTEGER as Sequence;
  assert.deepEqual(
    parseCheckpointName(checkpointName(1 as Epoch, sequence).name)?.sequence,
    sequence,
  );
});

test('names of anything else are not taken for segments or checkpoints', () => {
  for (const name of [
    '',
    '1-1.segment',
    '0000000001-0000000001.segment.tmp',
    ' 0000000001-0000000001.segment',
    '.nfs000000000001',
    '0000000001-0000000001.SEGMENT',
    '00000000001-0000000001.segment',
    '0000000001-0000000000000001.segment',
  ]) {
    assert.equal(parseSegmentName(name), null, name);
    assert.equal(parseCheckpointName(name), null, name);
  }
});

test('lengths are rounded up to whole sectors', () => {
  for (const [bytes, aligned] of [
    [0, 0],
    [1, 512],
    [512, 512],
    [513, 1024],
  ] as const) {
    assert.equal(alignToSector(bytes), aligned);
  }
});
