import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  AmqpScanner,
  CREDIT_FRAME_BYTES,
  SETTLEMENT_FRAME_BYTES,
  TransferTemplate,
  writeCredit,
  writeSettlement,
} from '../../../bench/amqp-wire.js';
import { readIdentity } from '../../../bench/message-body.js';
import { type CompositeType, readFields } from '../../../src/protocols/amqp/composite.js';
import { protocolHeader } from '../../../src/protocols/amqp/frame-decoder.js';
import { FrameWriter } from '../../../src/protocols/amqp/frame-writer.js';
import {
  ACCEPTED_STATE,
  ATTACH,
  BEGIN,
  CLOSE,
  DISPOSITION,
  FLOW,
  OPEN,
  TRANSFER,
} from '../../../src/protocols/amqp/performatives.js';
import { ValueReader } from '../../../src/protocols/amqp/value-reader.js';
import { Output } from '../../../src/protocols/shared/output.js';

const BODY = '0003:0000012345:xx';
const FRAME_HEADER_BYTES = 8;

/** What a broker writes: the product's own writer. */
function brokerStream(): Buffer {
  const chunks: Uint8Array[] = [];
  const output = new Output((bytes) => chunks.push(bytes));
  const frames = new FrameWriter(output, () => undefined);
  const windows = { incomingWindow: 1, outgoingWindow: 1, nextOutgoingId: 0 };
  frames.protocol(protocolHeader(0));
  frames.frame(0, OPEN, { containerId: 'a' });
  frames.frame(0, BEGIN, windows);
  frames.frame(0, ATTACH, { name: 'x', handle: 0, role: true });
  frames.frame(0, FLOW, { ...windows, handle: 0, deliveryCount: 300, linkCredit: 1_000 });
  const accepted = { role: true, settled: true, state: ACCEPTED_STATE };
  frames.frame(0, DISPOSITION, { ...accepted, first: 7, last: 300 });
  frames.frame(0, DISPOSITION, { ...accepted, first: 301 });
  const sections = Buffer.concat([
    Buffer.from([0, 0x53, 0x70, 0xc0, 2, 1, 0x41, 0, 0x53, 0x75, 0xa0, BODY.length]),
    Buffer.from(BODY),
  ]);
  const transfer = { handle: 0, deliveryId: 70_000, settled: false, more: false };
  frames.transfer(0, transfer, sections.length).bytes(sections);
  frames.frame(0, CLOSE, { error: { condition: 'amqp:internal-error', description: 'no' } });
  output.flush();
  return Buffer.concat(chunks);
}

function scan(chunks: readonly Buffer[]): string[] {
  const reports: string[] = [];
  const scanner = new AmqpScanner({
    onOpen: (name) => reports.push(`open ${name}`),
    onCredit: (limit) => reports.push(`credit ${limit}`),
    onAccepted: (first, last) => reports.push(`accepted ${first} to ${last}`),
    onMessage: (deliveryId, bytes, bodyStart, bodyEnd) => {
      const { producer, sequence } = readIdentity(bytes, bodyStart);
      reports.push(`message ${deliveryId}: ${producer}, ${sequence}, ${bodyEnd - bodyStart} bytes`);
    },
    onClose: () => reports.push('close'),
    onRefusal: (text) => reports.push(`refusal ${/amqp:internal-error.*no/.test(text)}`),
  });
  for (const chunk of chunks) scanner.push(chunk);
  return reports;
}

const REPORTS = [
  'open a',
  'credit 1300',
  'accepted 7 to 300',
  'accepted 301 to 301',
  'message 70000: 3, 12345, 18 bytes',
  'refusal true',
  'close',
];

/** The product's reading of a frame that the benchmark writes. */
function read<Table>(frame: Buffer, type: CompositeType<Table>) {
  assert.equal(frame.readUInt32BE(0), frame.length);
  const reader = new ValueReader(frame, FRAME_HEADER_BYTES);
  assert.equal(reader.descriptor(), type.code);
  return { fields: readFields(reader, type), payload: frame.subarray(reader.at) };
}

describe('the AMQP of the benchmark', () => {
  it('scans the frames of a broker, wherever the stream is cut', () => {
    const stream = brokerStream();
    for (let cut = 0; cut <= stream.length; cut += 1) {
      assert.deepEqual(scan([stream.subarray(0, cut), stream.subarray(cut)]), REPORTS);
    }
  });

  it('writes transfers that carry the number of their message', () => {
    const template = new TransferTemplate({ producer: 3, bodyBytes: 20 });
    const frame = Buffer.alloc(template.frameBytes);
    template.write(frame, 0, 12_345);
    const { fields, payload } = read(frame, TRANSFER);
    assert.equal(fields.handle, 0);
    assert.equal(fields.deliveryId, 12_345);
    assert.equal(fields.settled, false);
    assert.deepEqual(fields.deliveryTag, Buffer.of(0, 0, 0x30, 0x39));
    assert.deepEqual(readIdentity(payload, payload.length - 20), { producer: 3, sequence: 12_345 });
  });

  it('gives credit and settles', () => {
    const credit = Buffer.alloc(CREDIT_FRAME_BYTES);
    writeCredit(credit, 0, 600, 1_500);
    const { fields: flow } = read(credit, FLOW);
    assert.equal(flow.nextIncomingId, 600);
    assert.equal(flow.deliveryCount, 0);
    assert.equal(flow.linkCredit, 1_500);
    const settlement = Buffer.alloc(SETTLEMENT_FRAME_BYTES);
    writeSettlement(settlement, 0, 5, 9);
    const { fields } = read(settlement, DISPOSITION);
    assert.deepEqual(
      { ...fields, state: Buffer.from(fields.state ?? []) },
      {
        ...{ role: true, first: 5, last: 9, settled: true, batchable: false },
        state: Buffer.from(ACCEPTED_STATE),
      },
    );
  });
});
