/**
 * The few STOMP frames that the benchmark needs, as cheap as they get: SEND frames are copied from
 * a template with two numbers patched in, and what the broker sends is scanned by offsets. It is
 * not the product's codec on purpose, so that neither measures nor checks itself.
 */

import {
  firstBody,
  readDigits,
  SEQUENCE_DIGITS,
  writeDigits,
  writeSequence,
} from './message-body.js';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const LETTER = { a: 0x61, c: 0x63, l: 0x6c, r: 0x72, M: 0x4d, R: 0x52 } as const;
const COLON = 0x3a;

const RECEIPT_ID = 'receipt-id:';
const CONTENT_LENGTH = 'content-length:';

/** Who the load is where the broker requires users; elsewhere nobody asks. */
export const USER = { name: 'bench', password: 'bench-secret' } as const;

export function connectFrame(): Buffer {
  return Buffer.from(
    `CONNECT\naccept-version:1.2\nhost:bench\nheart-beat:0,0\nlogin:${USER.name}\npasscode:${USER.password}\n\n\0`,
  );
}

export function subscribeFrame(queue: string, prefetch: number): Buffer {
  return Buffer.from(
    `SUBSCRIBE\nid:0\ndestination:/queue/${queue}\nack:client-individual\nprefetch-count:${prefetch}\n\n\0`,
  );
}

export function disconnectFrame(receipt: number): Buffer {
  return Buffer.from(`DISCONNECT\nreceipt:${receipt}\n\n\0`);
}

const ACK_START = Buffer.from('ACK\nid:');
const ACK_END = Buffer.from('\n\n\0');
/** Of an ACK frame around the id. */
export const ACK_FRAME_BYTES = ACK_START.length + ACK_END.length;

/** Returns where the next frame goes. */
export function writeAckFrame(
  into: Buffer,
  at: number,
  source: Buffer,
  idStart: number,
  idEnd: number,
): number {
  let offset = at + ACK_START.copy(into, at);
  offset += source.copy(into, offset, idStart, idEnd);
  return offset + ACK_END.copy(into, offset);
}

/** A SEND frame of one producer: only the sequence number changes from message to message. */
export class SendTemplate {
  readonly #frame: Buffer;
  readonly #receiptOffset: number;
  readonly #bodyOffset: number;

  constructor(options: {
    readonly queue: string;
    readonly producer: number;
    readonly bodyBytes: number;
  }) {
    const { queue, producer, bodyBytes } = options;
    const zeros = '0'.repeat(SEQUENCE_DIGITS);
    const start = `SEND\ndestination:/queue/${queue}\ncontent-length:${bodyBytes}\nreceipt:`;
    const head = Buffer.from(`${start}${zeros}\n\n`);
    this.#frame = Buffer.concat([head, firstBody(producer, bodyBytes), Buffer.alloc(1)]);
    this.#receiptOffset = start.length;
    this.#bodyOffset = head.length;
  }

  get frameBytes(): number {
    return this.#frame.length;
  }

  write(into: Buffer, at: number, sequence: number): void {
    this.#frame.copy(into, at);
    writeDigits(into, at + this.#receiptOffset, sequence);
    writeSequence(into, at + this.#bodyOffset, sequence);
  }
}

/** Where the parts of a MESSAGE frame lie in the bytes that were scanned. */
export interface MessageRange {
  ackStart: number;
  ackEnd: number;
  bodyStart: number;
  bodyEnd: number;
}

export interface ScanEvents {
  onReceipt(receipt: number): void;
  /** `bytes` and `range` are only valid during the call. */
  onMessage(bytes: Buffer, range: MessageRange): void;
  /** CONNECTED, ERROR, or whatever else came. */
  onOther(text: string): void;
}

/** Cuts a stream into frames; a frame that is not whole yet waits for the next push. */
export class FrameScanner {
  readonly #events: ScanEvents;
  readonly #range: MessageRange = { ackStart: 0, ackEnd: 0, bodyStart: 0, bodyEnd: 0 };
  #carry: Buffer | null = null;

  constructor(events: ScanEvents) {
    this.#events = events;
  }

  push(chunk: Buffer): void {
    const bytes = this.#carry === null ? chunk : Buffer.concat([this.#carry, chunk]);
    let position = 0;
    for (;;) {
      while (bytes[position] === LINE_FEED || bytes[position] === CARRIAGE_RETURN) position += 1;
      const next = position < bytes.length ? this.#scanFrame(bytes, position) : -1;
      if (next === -1) break;
      position = next;
    }
    this.#carry = position === bytes.length ? null : bytes.subarray(position);
  }

  /** Returns where the next frame begins, or -1 when this one is not whole. */
  #scanFrame(bytes: Buffer, start: number): number {
    const range = this.#range;
    let contentLength = -1;
    let receipt = -1;
    let line = endOfLine(bytes, start) + 1;
    while (line < bytes.length && bytes[line] !== LINE_FEED) {
      const lineEnd = endOfLine(bytes, line);
      const first = bytes[line];
      if (first === LETTER.a && bytes[line + 1] === LETTER.c && bytes[line + 3] === COLON) {
        range.ackStart = line + 4;
        range.ackEnd = lineEnd;
      } else if (first === LETTER.c && bytes[line + 8] === LETTER.l) {
        contentLength = readDigits(bytes, line + CONTENT_LENGTH.length);
      } else if (first === LETTER.r && bytes[line + RECEIPT_ID.length - 1] === COLON) {
        receipt = readDigits(bytes, line + RECEIPT_ID.length);
      }
      line = lineEnd + 1;
    }
    range.bodyStart = line + 1;
    if (range.bodyStart > bytes.length) return -1;
    range.bodyEnd =
      contentLength === -1 ? bytes.indexOf(0, range.bodyStart) : range.bodyStart + contentLength;
    if (range.bodyEnd === -1 || range.bodyEnd >= bytes.length) return -1;
    if (bytes[range.bodyEnd] !== 0) {
      throw new Error(`A frame of the broker does not end where its content-length says.`);
    }
    this.#report(bytes, start, receipt);
    return range.bodyEnd + 1;
  }

  #report(bytes: Buffer, start: number, receipt: number): void {
    const range = this.#range;
    switch (bytes[start]) {
      case LETTER.M:
        this.#events.onMessage(bytes, range);
        return;
      case LETTER.R:
        this.#events.onReceipt(receipt);
        return;
      default:
        this.#events.onOther(bytes.toString('utf8', start, range.bodyEnd));
    }
  }
}

function endOfLine(bytes: Buffer, from: number): number {
  let index = from;
  while (index < bytes.length && bytes[index] !== LINE_FEED) index += 1;
  return index;
}
