import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  FrameDecoder,
  PROTOCOL_ID,
  protocolHeader,
  WrongProtocol,
} from '../../../../src/protocols/amqp/frame-decoder.js';

const MAX = 512;

function frame(body: readonly number[], { type = 0, channel = 0, doff = 2 } = {}): number[] {
  const size = 8 + body.length;
  return [0, 0, size >> 8, size & 0xff, doff, type, channel >> 8, channel & 0xff, ...body];
}

/** What comes out of `bytes` when they arrive in these pieces. */
function decode(pieces: readonly Uint8Array[]): string[] {
  const found: string[] = [];
  const decoder = new FrameDecoder(
    {
      onProtocol: (id) => {
        found.push(`protocol ${id}`);
        if (id === PROTOCOL_ID.sasl) decoder.expectProtocol();
      },
      onFrame: (type, channel, bytes, start, end) => {
        found.push(`${type}/${channel}: ${bytes.subarray(start, end).join()}`);
      },
    },
    MAX,
  );
  for (const piece of pieces) decoder.push(piece);
  return found;
}

const STREAM = Uint8Array.from([
  ...protocolHeader(PROTOCOL_ID.sasl),
  ...protocolHeader(PROTOCOL_ID.amqp),
  ...frame([1, 2, 3]),
  ...frame([]),
  ...frame(
    Array.from({ length: 300 }, (_, index) => index % 256),
    { channel: 258, type: 1 },
  ),
  ...frame([9, 9, 9, 9, 7], { doff: 3 }),
]);

describe('FrameDecoder', () => {
  const whole = decode([STREAM]);

  it('finds protocol headers and frames', () => {
    assert.equal(whole.length, 6);
    assert.deepEqual(whole.slice(0, 4), ['protocol 3', 'protocol 0', '0/0: 1,2,3', '0/0: ']);
    assert.match(whole[4] ?? '', /^1\/258: 0,1,2,/);
    assert.equal(whole[5], '0/0: 7', 'an extended header is passed over');
  });

  it('finds the same however the bytes are split', () => {
    for (let at = 0; at <= STREAM.length; at += 1) {
      assert.deepEqual(decode([STREAM.slice(0, at), STREAM.slice(at)]), whole, `split at ${at}`);
    }
    assert.deepEqual(decode([...STREAM].map((byte) => Uint8Array.of(byte))), whole);
    const cuts = fc.array(fc.nat({ max: STREAM.length }), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, (places) => {
        const edges = [0, ...places.sort((one, two) => one - two), STREAM.length];
        const pieces = edges.slice(1).map((edge, index) => STREAM.slice(edges[index], edge));
        assert.deepEqual(decode(pieces), whole);
      }),
    );
  });

  const AMQP = [...protocolHeader(PROTOCOL_ID.amqp)];
  const REFUSED: readonly (readonly [string, readonly number[], RegExp])[] = [
    [
      'a frame above the limit, by its header alone',
      [0x80, 0, 0, 0, 2, 0, 0, 0],
      /2147483648 bytes; at most 512/,
    ],
    ['a frame shorter than its header', [0, 0, 0, 7, 2, 0, 0, 0], /has 7 bytes/],
    ['a data offset below two', [0, 0, 0, 8, 1, 0, 0, 0], /data offset of 1/],
    ['a data offset behind the frame', [0, 0, 0, 8, 3, 0, 0, 0], /data offset of 3/],
  ];
  for (const [what, bytes, expected] of REFUSED) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decode([Uint8Array.from([...AMQP, ...bytes])]), expected);
    });
  }

  it('refuses what is not AMQP 1.0', () => {
    for (const text of ['GET / HT', 'CONNECT\n', 'AMQP\0\0\x09\x01']) {
      assert.throws(() => decode([Buffer.from(text, 'latin1')]), WrongProtocol);
    }
  });

  it('reads nothing any more once it is stopped', () => {
    const found: number[] = [];
    const decoder = new FrameDecoder(
      {
        onProtocol: () => undefined,
        onFrame: (_type, channel) => {
          found.push(channel);
          decoder.stop();
        },
      },
      MAX,
    );
    decoder.push(Uint8Array.from([...AMQP, ...frame([1]), ...frame([2])]));
    decoder.push(Uint8Array.from(frame([3])));
    assert.equal(found.length, 1);
  });
});
