import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Output } from '../../../../src/protocols/shared/output.js';
import { textOf } from '../../../../src/protocols/stomp/bytes.js';
import { COMMAND } from '../../../../src/protocols/stomp/commands.js';
import { deadLetterHeaders } from '../../../../src/protocols/stomp/dead-letter.js';
import { FrameDecoder } from '../../../../src/protocols/stomp/frame-decoder.js';
import { encodeFrame } from '../../../../src/protocols/stomp/frame-encoder.js';
import {
  appendStoredHeaders,
  StoredHeaderWriter,
} from '../../../../src/protocols/stomp/stored-headers.js';
import { type StompVersion, VERSION } from '../../../../src/protocols/stomp/version.js';
import { bytesOf, LIMITS } from './decode-all.js';

const { v10, v11, v12 } = VERSION;

function text(bytes: Uint8Array): string {
  return textOf(bytes, 0, bytes.length);
}

/** What is stored of a SEND with these header lines. */
function stored(version: StompVersion, headerLines: string): string {
  const writer = new StoredHeaderWriter();
  let result = '';
  const decoder = new FrameDecoder({ ...LIMITS, maxHeaders: 100 }, (frame) => {
    result = text(writer.write(frame));
  });
  decoder.version = version;
  decoder.push(bytesOf(`SEND\n${headerLines}\n\0`));
  return result;
}

/** Stored headers as a client of `version` gets them. */
function delivered(version: StompVersion, storedHeaders: string): string {
  let result = '';
  const output = new Output((bytes) => {
    result += text(bytes);
  });
  const bytes = bytesOf(`##${storedHeaders}##`);
  output.reserve(bytes.length);
  appendStoredHeaders(output, bytes, 2, bytes.length - 2, version);
  output.flush();
  return result;
}

describe('Stored headers', () => {
  for (const [promise, version, lines, expected] of [
    ['keep user headers in their order', v12, 'a:1\nb:2\n', 'a:1\nb:2\n'],
    ['keep repeated headers', v12, 'a:1\na:2\n', 'a:1\na:2\n'],
    ['are empty without user headers', v12, 'destination:/queue/a\nreceipt:1\n', ''],
    ['leave out a header at the beginning', v12, 'destination:/queue/a\na:1\n', 'a:1\n'],
    ['leave out a header in the middle', v12, 'a:1\nreceipt:2\nb:3\n', 'a:1\nb:3\n'],
    ['leave out a header at the end', v12, 'a:1\ncontent-length:0\n', 'a:1\n'],
    [
      'leave out what the broker writes itself',
      v12,
      'message-id:1\nsubscription:2\nack:3\nredelivered:true\ntimestamp:4\ndelivery-count:5\n' +
        'priority:6\nexpires:7\npersistent:true\ntransaction:8\nx:9\n',
      'x:9\n',
    ],
    [
      'keep content-type, reply-to and correlation-id',
      v12,
      'content-type:a/b\nreply-to:/queue/r\ncorrelation-id:1\n',
      'content-type:a/b\nreply-to:/queue/r\ncorrelation-id:1\n',
    ],
    ['end lines in LF only', v12, 'a:1\r\nb:2\r\n', 'a:1\nb:2\n'],
    ['keep the escapes of 1.2', v12, 'a:\\n\\r\\c\\\\\n', 'a:\\n\\r\\c\\\\\n'],
    ['escape a colon that the sender did not', v12, 'a:b:c\n', 'a:b\\cc\n'],
    [
      'keep the escapes of 1.1 and escape its carriage returns',
      v11,
      'a:\\n\\c\r\n',
      'a:\\n\\c\\r\n',
    ],
    [
      'escape what 1.0 wrote plainly, without padding',
      v10,
      'a: b:c\\n\rd \n',
      'a:b\\cc\\\\n\\rd\n',
    ],
  ] as const) {
    it(promise, () => assert.equal(stored(version, lines), expected));
  }

  for (const [promise, version, headers, expected] of [
    ['1.2 gets them unchanged', v12, 'a:\\n\\r\\c\\\\\n', 'a:\\n\\r\\c\\\\\n'],
    ['1.1 gets a plain carriage return', v11, 'a:\\n\\r\\c\\\\r\n', 'a:\\n\r\\c\\\\r\n'],
    [
      '1.0 gets plain values, with spaces for line breaks',
      v10,
      'a\\cb:\\n\\r\\c\\\\\nc:d\n',
      'a\\cb:  :\\\nc:d\n',
    ],
  ] as const) {
    it(promise, () => assert.equal(delivered(version, headers), expected));
  }

  it('bring any 1.2 header to any 1.2 client as it was', () => {
    const word = fc
      .string({ unit: 'grapheme', maxLength: 10 })
      .map((any) => any.replaceAll('\0', ''));
    const header = fc.tuple(
      word.map((name) => `x${name}`),
      word,
    );
    const property = fc.property(fc.array(header, { maxLength: 10 }), (headers) => {
      const all = headers.flatMap((one) => [one, ['receipt', '1'] as const]);
      const frame = encodeFrame({ command: COMMAND.send, headers: all, body: bytesOf('') }, v12);
      const lines = text(frame).slice('SEND\n'.length, -2);
      let received: string[][] = [];
      const decoder = new FrameDecoder({ ...LIMITS, maxHeaders: 100 }, (message) => {
        received = Array.from({ length: message.headerCount }, (_, index) => [
          message.nameText(index),
          message.valueText(index),
        ]);
      });
      decoder.version = v12;
      decoder.push(bytesOf(`MESSAGE\n${delivered(v12, stored(v12, lines))}\n\0`));
      assert.deepEqual(
        received,
        headers.map((pair) => [...pair]),
      );
    });
    fc.assert(property, { numRuns: 200 });
  });
});

describe('deadLetterHeaders', () => {
  const cause = {
    reason: 'Failed 10 times: no\nluck',
    originalDestination: { kind: 'queue', name: 'or:ders' },
    deliveries: 10,
    expiredAtMs: 0,
  } as const;
  const lines =
    'dlqDeliveryFailureCause:Failed 10 times\\c no\\nluck\n' +
    'original-destination:/queue/or\\cders\noriginal-delivery-count:10\n';

  it('adds the reason, the queue it was in, and how often it failed', () => {
    assert.equal(text(deadLetterHeaders(1, bytesOf('a:1\n'), cause)), `a:1\n${lines}`);
    assert.equal(text(deadLetterHeaders(1, bytesOf(''), cause)), lines);
  });

  it('adds when a message expired, until it moves for another reason', () => {
    const expired = deadLetterHeaders(1, bytesOf(''), { ...cause, expiredAtMs: 5e12 });
    assert.equal(text(expired), `${lines}original-expires:5000000000000\n`);
    assert.equal(text(deadLetterHeaders(1, expired, cause)), lines);
  });

  it('replaces what an earlier dead-lettering said', () => {
    const once = deadLetterHeaders(1, bytesOf('a:1\n'), { ...cause, deliveries: 3 });
    const sentAgain = bytesOf(`${text(once)}b:2\n`);
    assert.equal(text(deadLetterHeaders(1, sentAgain, cause)), `a:1\nb:2\n${lines}`);
  });
});
