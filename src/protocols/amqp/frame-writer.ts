/** Writes frames into what a connection has to say next. */
import type { Output } from '../shared/output.js';
import { type CompositeType, type Given, writeComposite } from './composite.js';
import { FRAME_TYPE } from './frame-decoder.js';
import { ValueWriter } from './value-writer.js';

const FRAME_HEADER_BYTES = 8;
/** Frame header and performative of a transfer with a tag of four bytes. */
export const TRANSFER_BYTES = FRAME_HEADER_BYTES + 29;

export interface OutgoingTransfer {
  readonly handle: number;
  readonly deliveryId: number;
  readonly settled: boolean;
  /** Another frame of the same delivery comes next on its link. */
  readonly more: boolean;
}

export class FrameWriter {
  private readonly output: Output;
  private readonly flushSoon: () => void;
  private readonly values = new ValueWriter();

  constructor(output: Output, flushSoon: () => void) {
    this.output = output;
    this.flushSoon = flushSoon;
  }

  protocol(header: Uint8Array): void {
    this.output.frame(header);
    this.flushSoon();
  }

  /** Without a body: says that this side is there. */
  heartbeat(): void {
    this.header(FRAME_TYPE.amqp, 0, 0);
    this.flushSoon();
  }

  frame<Type extends CompositeType<object>>(channel: number, type: Type, given: Given<Type>): void {
    this.composite(FRAME_TYPE.amqp, channel, type, given);
  }

  sasl<Type extends CompositeType<object>>(type: Type, given: Given<Type>): void {
    this.composite(FRAME_TYPE.sasl, 0, type, given);
  }

  /** One frame that carries `payloadBytes` bytes, which the caller appends to `output` next. */
  transfer(
    channel: number,
    { handle, deliveryId, settled, more }: OutgoingTransfer,
    payloadBytes: number,
  ): Output {
    const { output } = this;
    this.header(FRAME_TYPE.amqp, channel, TRANSFER_BYTES - FRAME_HEADER_BYTES + payloadBytes);
    // transfer: list8 of handle, delivery-id, delivery-tag, message-format 0, settled, more.
    output.byte(0x00);
    output.byte(0x53);
    output.byte(0x14);
    output.byte(0xc0);
    output.byte(24);
    output.byte(6);
    uintField(output, handle);
    uintField(output, deliveryId);
    // Unique on its link, as the id is in its session.
    output.byte(0xa0);
    output.byte(4);
    uint32(output, deliveryId);
    uintField(output, 0);
    output.byte(settled ? 0x41 : 0x42);
    output.byte(more ? 0x41 : 0x42);
    this.flushSoon();
    return output;
  }

  private composite<Type extends CompositeType<object>>(
    frameType: number,
    channel: number,
    type: Type,
    given: Given<Type>,
  ): void {
    const { values } = this;
    values.clear();
    writeComposite(values, type, given as never);
    const { written } = values;
    this.header(frameType, channel, written.length);
    this.output.bytes(written);
    this.flushSoon();
  }

  private header(type: number, channel: number, bodyBytes: number): void {
    const { output } = this;
    output.reserve(FRAME_HEADER_BYTES + bodyBytes);
    uint32(output, FRAME_HEADER_BYTES + bodyBytes);
    output.byte(2);
    output.byte(type);
    output.byte(channel >> 8);
    output.byte(channel & 0xff);
  }
}

function uintField(output: Output, value: number): void {
  output.byte(0x70);
  uint32(output, value);
}

function uint32(output: Output, value: number): void {
  output.byte(value >>> 24);
  output.byte((value >>> 16) & 0xff);
  output.byte((value >>> 8) & 0xff);
  output.byte(value & 0xff);
}
