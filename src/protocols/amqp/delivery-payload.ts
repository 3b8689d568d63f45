/**
 * What a delivery carries: the header section, which the broker writes anew (OASIS AMQP 1.0, part 3,
 * 3.2.1), the annotations, and the message as its sender wrote it. One object serves all deliveries of a
 * session; nothing is copied but into what goes out.
 */
import { type DeliveryView, type HeldBytes, inMemory } from '../../broker/api.js';
import type { Output } from '../shared/output.js';
import { CODE } from './format-codes.js';
import { SECTION } from './message-sections.js';

const LARGEST_UINT = 0xffffffff;
/** Descriptor, list of five fields of at most five bytes. */
const HEADER_SECTION_BYTES = 3 + 3 + 2 + 2 + 5 + 1 + 5;
const NO_BYTES = new Uint8Array(0);
const NOTHING_HELD = inMemory(NO_BYTES);

/** A delivery that cannot go out at once. */
export class KeptPayload {
  readonly size: number;
  private readonly head: Uint8Array;
  private readonly body: HeldBytes;
  /** Where the body begins in what is held. */
  private readonly bodyStart: number;

  constructor(head: Uint8Array, body: HeldBytes, bodyStart: number, bodyEnd: number) {
    this.head = head;
    this.body = body;
    this.bodyStart = bodyStart;
    this.size = head.length + (bodyEnd - bodyStart);
  }

  /** At least one of its bytes from `start` on, and at most `limit`. Null: `ready` is called when they are there. */
  part(start: number, limit: number, ready: () => void): Uint8Array | null {
    const inBody = start - this.head.length;
    if (inBody < 0) return this.head.subarray(start, start + limit);
    const bytes = this.body.from(this.bodyStart + inBody, ready);
    return bytes?.subarray(0, Math.min(limit, this.size - start)) ?? null;
  }

  /** Nobody sends on. */
  release(): void {
    this.body.release();
  }
}

export class DeliveryPayload {
  private readonly header = new Uint8Array(HEADER_SECTION_BYTES);
  private headerBytes = 0;
  private bytes: Uint8Array = NO_BYTES;
  private headersStart = 0;
  private headersEnd = 0;
  private bodyStart = 0;
  private bodyEnd = 0;

  constructor() {
    this.header.set([CODE.described, CODE.smallUlong, SECTION.header, CODE.list8, 0, 5]);
    this.header[7] = CODE.ubyte;
  }

  /** Of one message, whose bytes it borrows until `release`. */
  set(message: DeliveryView, wallMs: () => number): void {
    this.bytes = message.bytes;
    this.headersStart = message.headersStart;
    this.headersEnd = message.headersEnd;
    this.bodyStart = message.bodyStart;
    this.bodyEnd = message.bodyEnd;
    this.writeHeader(message, wallMs);
  }

  /** A session that waits for its next delivery must not keep the block of its last one in memory. */
  release(): void {
    this.bytes = NO_BYTES;
  }

  get size(): number {
    return this.headerBytes + (this.headersEnd - this.headersStart) + this.bodyBytes;
  }

  /** Room for `size` bytes is reserved already. */
  appendTo(output: Output): void {
    output.range(this.header, 0, this.headerBytes);
    output.range(this.bytes, this.headersStart, this.headersEnd);
    output.range(this.bytes, this.bodyStart, this.bodyEnd);
  }

  /** A copy of all of it. */
  keepCopy(): KeptPayload {
    const copy = new Uint8Array(this.size);
    const head = this.copyOfHead();
    copy.set(head);
    copy.set(this.bytes.subarray(this.bodyStart, this.bodyEnd), head.length);
    return new KeptPayload(copy, NOTHING_HELD, 0, 0);
  }

  /** A copy of what stands before the body, which is read back as it is sent. */
  hold(message: DeliveryView): KeptPayload {
    return new KeptPayload(this.copyOfHead(), message.hold(), this.bodyStart, this.bodyEnd);
  }

  private copyOfHead(): Uint8Array {
    const headers = this.bytes.subarray(this.headersStart, this.headersEnd);
    const head = new Uint8Array(this.headerBytes + headers.length);
    head.set(this.header.subarray(0, this.headerBytes));
    head.set(headers, this.headerBytes);
    return head;
  }

  private get bodyBytes(): number {
    return this.bodyEnd - this.bodyStart;
  }

  private writeHeader(message: DeliveryView, wallMs: () => number): void {
    const { header } = this;
    header[6] = message.durable ? CODE.true : CODE.false;
    header[8] = message.priority;
    let at = 9;
    if (message.expiresAtMs === 0) {
      header[at] = CODE.null;
      at += 1;
    } else {
      const leftMs = Math.max(1, Math.ceil(message.expiresAtMs - wallMs()));
      at = this.writeUint(at, Math.min(leftMs, LARGEST_UINT));
    }
    header[at] = message.redelivered ? CODE.false : CODE.true;
    const deliveryCount = message.redelivered ? Math.max(1, message.failedDeliveries) : 0;
    at = this.writeUint(at + 1, deliveryCount);
    header[4] = at - 5;
    this.headerBytes = at;
  }

  private writeUint(at: number, value: number): number {
    const { header } = this;
    header[at] = CODE.uint;
    header[at + 1] = value >>> 24;
    header[at + 2] = (value >>> 16) & 0xff;
    header[at + 3] = (value >>> 8) & 0xff;
    header[at + 4] = value & 0xff;
    return at + 5;
  }
}
