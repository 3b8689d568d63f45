/** AMQP frames as a test writes and reads them. */
import assert from 'node:assert/strict';
import {
  type CompositeType,
  type Given,
  readFields,
  writeComposite,
} from '../../src/protocols/amqp/composite.js';
import { FrameDecoder, PROTOCOL_ID } from '../../src/protocols/amqp/frame-decoder.js';
import * as performatives from '../../src/protocols/amqp/performatives.js';
import { ValueReader } from '../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../src/protocols/amqp/value-writer.js';

const NO_BYTES = new Uint8Array(0);
const LARGEST_FRAME_BYTES = 1_000_000;

/** A frame that the broker sent: the name of its performative, its fields, and what follows them. */
export interface SentFrame {
  readonly channel: number;
  readonly name: string;
  readonly fields: { readonly [name: string]: unknown };
  readonly payload: Uint8Array;
}

const TYPES = new Map(
  Object.values(performatives)
    .filter(
      (each): each is CompositeType<object> & typeof performatives.OPEN =>
        'fields' in (each as object),
    )
    .map((type) => [type.code, type]),
);

/** What the broker sends, frame by frame. */
export class SentFrames {
  readonly protocols: number[] = [];
  private readonly decoder: FrameDecoder;
  private expectsSasl = false;

  constructor(onFrame: (frame: SentFrame) => void) {
    this.decoder = new FrameDecoder(
      {
        onProtocol: (id) => {
          this.protocols.push(id);
          if (id === PROTOCOL_ID.sasl) this.expectsSasl = true;
        },
        onFrame: (_type, channel, bytes, start, end) => {
          const frame = readFrame(channel, bytes, start, end);
          onFrame(frame);
          if (frame.name === 'sasl-outcome' && this.expectsSasl) this.decoder.expectProtocol();
        },
      },
      LARGEST_FRAME_BYTES,
    );
  }

  push(bytes: Uint8Array): void {
    this.decoder.push(bytes);
  }
}

/** The frame whose body lies in `bytes` from `start` to `end`; it stays valid when those change. */
export function readFrame(
  channel: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): SentFrame {
  if (start === end) return { channel, name: 'heartbeat', fields: {}, payload: NO_BYTES };
  const reader = new ValueReader(bytes, start, end);
  const type = TYPES.get(reader.descriptor() as number);
  assert.ok(type, 'the broker sends what is in the tables');
  const fields = readFields(reader, type) as unknown as SentFrame['fields'];
  return { channel, name: type.name, fields, payload: bytes.slice(reader.at, end) };
}

export function frameOf<Type extends CompositeType<object>>(
  channel: number,
  type: Type,
  given: Given<Type>,
  payload: Uint8Array = NO_BYTES,
  frameType = 0,
): Uint8Array {
  const writer = new ValueWriter();
  writeComposite(writer, type, given as never);
  writer.raw(payload);
  return frameBytes(channel, writer.written, frameType);
}

export function frameBytes(channel: number, body: Uint8Array, type = 0): Uint8Array {
  const bytes = Buffer.alloc(8 + body.length);
  bytes.writeUInt32BE(bytes.length);
  bytes.set([2, type, channel >> 8, channel & 0xff], 4);
  bytes.set(body, 8);
  return bytes;
}

/** The error that a frame of the broker tells of. */
export function errorOf(
  frame: SentFrame | undefined,
): { readonly condition: string; readonly description: string } | undefined {
  return frame?.fields.error as { condition: string; description: string } | undefined;
}
