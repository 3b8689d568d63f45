import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readIdentity } from '../../../bench/message-body.js';
import {
  ACK_FRAME_BYTES,
  FrameScanner,
  SendTemplate,
  writeAckFrame,
} from '../../../bench/stomp-wire.js';

const STREAM = Buffer.from(
  'CONNECTED\nversion:1.2\nserver:holdfast/1 a\n\n\0\n' +
    'RECEIPT\nreceipt-id:0000000041\n\n\0' +
    'MESSAGE\nsubscription:0\ncontent-type:text/plain\nack:1-77\ncontent-length:18\n\n' +
    '0003:0000012345:\0x\0\n\n' +
    'ERROR\nmessage:no\n\nbecause\0',
);

const REPORTS = [
  'CONNECTED\nversion:1.2\nserver:holdfast/1 a\n\n',
  'receipt 41',
  'message 1-77 of producer 3, sequence 12345, 18 bytes',
  'ERROR\nmessage:no\n\nbecause',
];

function scan(chunks: readonly Buffer[]): string[] {
  const reports: string[] = [];
  const scanner = new FrameScanner({
    onReceipt: (receipt) => reports.push(`receipt ${receipt}`),
    onMessage: (bytes, { ackStart, ackEnd, bodyStart, bodyEnd }) => {
      const { producer, sequence } = readIdentity(bytes, bodyStart);
      const ack = bytes.toString('utf8', ackStart, ackEnd);
      reports.push(
        `message ${ack} of producer ${producer}, sequence ${sequence}, ${bodyEnd - bodyStart} bytes`,
      );
    },
    onOther: (text) => reports.push(text),
  });
  for (const chunk of chunks) scanner.push(chunk);
  return reports;
}

describe('the scanner of the benchmark', () => {
  it('finds every frame of a stream', () => {
    assert.deepEqual(scan([STREAM]), REPORTS);
  });

  it('finds the same frames wherever the stream is cut', () => {
    for (let cut = 1; cut < STREAM.length; cut += 1) {
      assert.deepEqual(scan([STREAM.subarray(0, cut), STREAM.subarray(cut)]), REPORTS, `at ${cut}`);
    }
  });

  it('finds the same frames when bytes come one by one', () => {
    assert.deepEqual(scan([...STREAM].map((byte) => Buffer.from([byte]))), REPORTS);
  });

  it('refuses a body that is longer than its content-length', () => {
    const wrong = Buffer.from('MESSAGE\nack:1\ncontent-length:1\n\nab\0');
    assert.throws(() => scan([wrong]), /content-length/);
  });
});

describe('the frames that the benchmark sends', () => {
  it('carry the sequence number in receipt and body', () => {
    const template = new SendTemplate({ queue: 'q', producer: 7, bodyBytes: 20 });
    const frame = Buffer.alloc(template.frameBytes);
    template.write(frame, 0, 90_210);
    assert.equal(
      frame.toString(),
      'SEND\ndestination:/queue/q\ncontent-length:20\nreceipt:0000090210\n\n0007:0000090210:xxxx\0',
    );
  });

  it('acknowledge by the id as it came', () => {
    const source = Buffer.from('..4-123..');
    const frame = Buffer.alloc(ACK_FRAME_BYTES + 5);
    assert.equal(writeAckFrame(frame, 0, source, 2, 7), frame.length);
    assert.equal(frame.toString(), 'ACK\nid:4-123\n\n\0');
  });
});
