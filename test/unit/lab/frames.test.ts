import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrame, FrameDecoder } from '../../../scripts/lab/frames.js';

const SENT = [
  ['request', '{"command":"true"}'],
  ['end-of-input', ''],
  ['output', 'x'.repeat(70_000)],
  ['ended', '{"code":0,"signal":null}'],
] as const;

function decodeInPieces(bytes: Buffer, size: number): readonly (readonly [string, string])[] {
  const frames: [string, string][] = [];
  const decoder = new FrameDecoder((kind, payload) => frames.push([kind, payload.toString()]));
  for (let at = 0; at < bytes.length; at += size) decoder.push(bytes.subarray(at, at + size));
  return frames;
}

for (const size of [1, 4, 5, 6, 1_000, 1_000_000]) {
  test(`frames are the same in pieces of ${size}`, () => {
    const bytes = Buffer.concat(SENT.map(([kind, payload]) => encodeFrame(kind, payload)));
    assert.deepEqual(decodeInPieces(bytes, size), SENT);
  });
}

test('what begins with no kind is no frame', () => {
  assert.throws(() => decodeInPieces(Buffer.alloc(5), 5), /no frame begins with 0/);
});
