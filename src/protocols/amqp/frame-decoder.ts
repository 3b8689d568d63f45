/**
 * Cuts a connection's bytes into protocol headers and frames (OASIS AMQP 1.0, part 2, 2.2 and 2.3).
 * A frame that is larger than agreed is refused by its first four bytes, before anything of it is kept.
 */
import { AmqpError, CONDITION } from './amqp-error.js';

export const FRAME_TYPE = { amqp: 0, sasl: 1 } as const;
export const PROTOCOL_ID = { amqp: 0, tls: 2, sasl: 3 } as const;

const HEADER_BYTES = 8;
const SMALLEST_DATA_OFFSET = 2;
const WORD_BYTES = 4;
const NO_BYTES = new Uint8Array(0);
/** `AMQP` */
const PROTOCOL_NAME = 0x414d5150;
/** Version 1.0.0 */
const VERSION = 0x010000;

export interface FrameSink {
  /** A protocol header came, of the version that is spoken here. */
  onProtocol(protocolId: number): void;
  /** Extended header and body are `bytes` from `start` to `end`; valid during the call. A frame without a body is a heartbeat. */
  onFrame(type: number, channel: number, bytes: Uint8Array, start: number, end: number): void;
}

/** The peer does not speak AMQP 1.0 at all: it gets our header and no frame. */
export class WrongProtocol extends AmqpError {
  constructor(found: string) {
    super(
      'connection',
      CONDITION.notImplemented,
      `The connection begins with ${found}, not with AMQP 1.0; check the protocol and the port`,
    );
  }
}

export class FrameDecoder {
  /** Largest frame that is accepted, with its header. */
  maxFrameBytes: number;
  /** Set while a frame is handed out: nothing behind it is taken until it is false again. */
  isPaused = false;
  private readonly sink: FrameSink;
  private expectsProtocol = true;
  private stopped = false;
  /** The beginning of a frame whose end has not come yet; at first only as large as its header. */
  private partial: Uint8Array = NO_BYTES;
  private filled = 0;
  private readonly partialHeader = new Uint8Array(HEADER_BYTES);

  constructor(sink: FrameSink, maxFrameBytes: number) {
    this.sink = sink;
    this.maxFrameBytes = maxFrameBytes;
  }

  /** After SASL the protocol header comes once more. */
  expectProtocol(): void {
    this.expectsProtocol = true;
  }

  /** Whatever comes from now on is dropped. */
  stop(): void {
    this.stopped = true;
  }

  /** Returns how much of `chunk` was taken: less than all of it only after `isPaused` was set. */
  push(chunk: Uint8Array): number {
    let at = 0;
    while (!this.stopped && !this.isPaused) {
      if (this.filled > 0) {
        at = this.complete(chunk, at);
        if (this.filled > 0) return chunk.length;
        continue;
      }
      const left = chunk.length - at;
      const size = left < HEADER_BYTES ? HEADER_BYTES : this.sizeAt(chunk, at);
      if (left < size || left === 0) {
        this.keep(chunk, at);
        return chunk.length;
      }
      this.take(chunk, at, at + size);
      at += size;
    }
    return this.stopped ? chunk.length : at;
  }

  /** Adds to the partial frame from `chunk`, and hands it over when it is whole. */
  private complete(chunk: Uint8Array, from: number): number {
    let at = this.fill(chunk, from);
    if (this.filled < this.partial.length) return at;
    const size = this.sizeAt(this.partial, 0);
    if (size > this.partial.length) {
      const whole = new Uint8Array(size);
      whole.set(this.partial);
      this.partial = whole;
      at = this.fill(chunk, at);
      if (this.filled < size) return at;
    }
    const frame = this.partial;
    this.filled = 0;
    this.partial = NO_BYTES;
    this.take(frame, 0, size);
    return at;
  }

  private fill(chunk: Uint8Array, from: number): number {
    const count = Math.min(this.partial.length - this.filled, chunk.length - from);
    this.partial.set(chunk.subarray(from, from + count), this.filled);
    this.filled += count;
    return from + count;
  }

  private keep(chunk: Uint8Array, at: number): void {
    const left = chunk.length - at;
    if (left === 0) return;
    this.partial =
      left < HEADER_BYTES ? this.partialHeader : new Uint8Array(this.sizeAt(chunk, at));
    this.partial.set(chunk.subarray(at));
    this.filled = left;
  }

  /** Of a frame; a protocol header is as long as a frame's header. */
  private sizeAt(bytes: Uint8Array, at: number): number {
    if (this.expectsProtocol) return HEADER_BYTES;
    const size = uint32At(bytes, at);
    if (size < HEADER_BYTES) {
      throw framingError(
        `A frame says that it has ${size} bytes; the smallest has ${HEADER_BYTES}`,
      );
    }
    if (size > this.maxFrameBytes) {
      throw framingError(
        `A frame says that it has ${size} bytes; at most ${this.maxFrameBytes} were agreed (amqp.maxFrameBytes)`,
      );
    }
    return size;
  }

  private take(bytes: Uint8Array, start: number, end: number): void {
    if (this.expectsProtocol) {
      this.expectsProtocol = false;
      this.sink.onProtocol(protocolAt(bytes, start));
      return;
    }
    const dataOffset = bytes[start + 4] as number;
    const bodyStart = start + dataOffset * WORD_BYTES;
    if (dataOffset < SMALLEST_DATA_OFFSET || bodyStart > end) {
      throw framingError(
        `A frame of ${end - start} bytes has a data offset of ${dataOffset} words`,
      );
    }
    const type = bytes[start + 5] as number;
    const channel = ((bytes[start + 6] as number) << 8) | (bytes[start + 7] as number);
    this.sink.onFrame(type, channel, bytes, bodyStart, end);
  }
}

function protocolAt(bytes: Uint8Array, at: number): number {
  const name = uint32At(bytes, at);
  const rest = uint32At(bytes, at + 4);
  const protocolId = rest >>> 24;
  const isKnown = Object.values(PROTOCOL_ID).some((known) => known === protocolId);
  if (name !== PROTOCOL_NAME || (rest & 0xffffff) !== VERSION || !isKnown) {
    throw new WrongProtocol(`"${printable(bytes.subarray(at, at + HEADER_BYTES))}"`);
  }
  return protocolId;
}

/** `AMQP`, the protocol's id, and version 1.0.0. */
export function protocolHeader(protocolId: number): Uint8Array {
  return Uint8Array.of(0x41, 0x4d, 0x51, 0x50, protocolId, 1, 0, 0);
}

function printable(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

function framingError(description: string): AmqpError {
  return new AmqpError('connection', CONDITION.framingError, description);
}
