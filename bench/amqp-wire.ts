/**
 * The few AMQP 1.0 frames that the benchmark needs, as cheap as they get: transfers are copied from a
 * template with two numbers patched in, and what the broker sends is scanned by offsets. It is not the
 * product's codec on purpose, so that neither measures nor checks itself.
 */

import { firstBody, writeSequence } from './message-body.js';

const HEADER_BYTES = 8;
const DESCRIPTOR_BYTES = 3;
const PERFORMATIVE = {
  open: 0x10,
  begin: 0x11,
  attach: 0x12,
  flow: 0x13,
  transfer: 0x14,
  disposition: 0x15,
  close: 0x18,
} as const;
const SECTION = { header: 0x70, data: 0x75 } as const;
const TERMINUS = { source: 0x28, target: 0x29 } as const;
const CODE = {
  null: 0x40,
  true: 0x41,
  false: 0x42,
  uint0: 0x43,
  list0: 0x45,
  smallUint: 0x52,
  smallUlong: 0x53,
  uint: 0x70,
  binary8: 0xa0,
  string8: 0xa1,
  binary32: 0xb0,
  list8: 0xc0,
  list32: 0xd0,
} as const;
const LARGEST_FRAME_BYTES = 128 * 1024;
const WIDE_WINDOW = 0x7fffffff;

const NOTHING = Buffer.of(CODE.null);
const YES = Buffer.of(CODE.true);
const NO = Buffer.of(CODE.false);
const ACCEPTED = Buffer.of(0, CODE.smallUlong, 0x24, CODE.list0);

function uint(value: number): Buffer {
  const bytes = Buffer.of(CODE.uint, 0, 0, 0, 0);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(CODE.string8, Buffer.byteLength(value)), Buffer.from(value)]);
}

function described(code: number, ...fields: readonly Buffer[]): Buffer {
  const head = Buffer.of(0, CODE.smallUlong, code, CODE.list32, 0, 0, 0, 0, 0, 0, 0, fields.length);
  const body = Buffer.concat(fields);
  head.writeUInt32BE(body.length + 4, DESCRIPTOR_BYTES + 1);
  return Buffer.concat([head, body]);
}

function frame(performative: Buffer, payload = Buffer.alloc(0)): Buffer {
  const header = Buffer.of(0, 0, 0, 0, 2, 0, 0, 0);
  header.writeUInt32BE(HEADER_BYTES + performative.length + payload.length);
  return Buffer.concat([header, performative, payload]);
}

/** Protocol header, `open` and `begin`: without waiting for answers. */
export function greeting(containerId: string): Buffer {
  const windows = [uint(0), uint(WIDE_WINDOW), uint(WIDE_WINDOW)];
  return Buffer.concat([
    Buffer.from('AMQP\x00\x01\x00\x00'),
    frame(
      described(PERFORMATIVE.open, text(containerId), text('bench'), uint(LARGEST_FRAME_BYTES)),
    ),
    frame(described(PERFORMATIVE.begin, NOTHING, ...windows)),
  ]);
}

/** Modes are left to the broker: what is not settled is settled by the first disposition. */
function attach(queue: string, isReceiver: boolean): Buffer {
  const modes = [NOTHING, NOTHING];
  const name = text(`bench-${queue}`);
  const node = text(`queue://${queue}`);
  const source = described(TERMINUS.source, isReceiver ? node : NOTHING);
  const target = described(TERMINUS.target, isReceiver ? NOTHING : node);
  const rest = isReceiver ? [] : [NOTHING, NO, uint(0)];
  const role = isReceiver ? YES : NO;
  return frame(
    described(PERFORMATIVE.attach, name, uint(0), role, ...modes, source, target, ...rest),
  );
}

export function attachSenderFrame(queue: string): Buffer {
  return attach(queue, false);
}

export function attachReceiverFrame(queue: string): Buffer {
  return attach(queue, true);
}

export function closeFrame(): Buffer {
  return frame(described(PERFORMATIVE.close));
}

/** A frame whose numbers are written anew each time, at the same places. */
class Template {
  readonly bytes: Buffer;
  readonly #offsets: readonly number[];

  /** `fields` that are numbers are those that change. */
  constructor(performative: number, fields: readonly (Buffer | 'number')[]) {
    const encoded = fields.map((field) => (field === 'number' ? uint(0) : field));
    this.bytes = frame(described(performative, ...encoded));
    const offsets: number[] = [];
    let at = this.bytes.length - encoded.reduce((sum, { length }) => sum + length, 0);
    for (const [index, { length }] of encoded.entries()) {
      if (fields[index] === 'number') offsets.push(at + 1);
      at += length;
    }
    this.#offsets = offsets;
  }

  write(into: Buffer, at: number, one: number, other: number): void {
    this.bytes.copy(into, at);
    into.writeUInt32BE(one >>> 0, at + (this.#offsets[0] as number));
    into.writeUInt32BE(other >>> 0, at + (this.#offsets[1] as number));
  }
}

const CREDIT = new Template(PERFORMATIVE.flow, [
  ...['number' as const, uint(WIDE_WINDOW), uint(0), uint(WIDE_WINDOW), uint(0)],
  ...[uint(0), 'number' as const],
]);
const SETTLEMENT = new Template(PERFORMATIVE.disposition, [
  ...[YES, 'number' as const, 'number' as const, YES, ACCEPTED],
]);
export const CREDIT_FRAME_BYTES = CREDIT.bytes.length;
export const SETTLEMENT_FRAME_BYTES = SETTLEMENT.bytes.length;

/**
 * `received`: transfers so far. The delivery count stays at zero, and `limit` is how many deliveries
 * there may be in all.
 */
export function writeCredit(into: Buffer, at: number, received: number, limit: number): void {
  CREDIT.write(into, at, received, limit);
}

/** The deliveries from `first` to `last` are accepted and settled. */
export function writeSettlement(into: Buffer, at: number, first: number, last: number): void {
  SETTLEMENT.write(into, at, first, last);
}

/** A durable message of one producer: only its number changes, which is its delivery's id and tag too. */
export class TransferTemplate {
  readonly #frame: Buffer;
  readonly #idOffset: number;
  readonly #tagOffset: number;
  readonly #bodyOffset: number;

  constructor(options: { readonly producer: number; readonly bodyBytes: number }) {
    const { producer, bodyBytes } = options;
    const bodySize = Buffer.alloc(4);
    bodySize.writeUInt32BE(bodyBytes);
    // Lists as short as they get, as a client's library writes them: handle, delivery-id, delivery-tag,
    // message-format, settled; then durable.
    const performative = Buffer.of(
      ...[0, CODE.smallUlong, PERFORMATIVE.transfer, CODE.list8, 15, 5, CODE.uint0],
      ...[CODE.uint, 0, 0, 0, 0, CODE.binary8, 4, 0, 0, 0, 0, CODE.uint0, CODE.false],
    );
    const payload = Buffer.concat([
      Buffer.of(0, CODE.smallUlong, SECTION.header, CODE.list8, 2, 1, CODE.true),
      Buffer.of(0, CODE.smallUlong, SECTION.data, CODE.binary32),
      bodySize,
      firstBody(producer, bodyBytes),
    ]);
    this.#frame = frame(performative, payload);
    this.#idOffset = HEADER_BYTES + 8;
    this.#tagOffset = this.#idOffset + 6;
    this.#bodyOffset = this.#frame.length - bodyBytes;
  }

  get frameBytes(): number {
    return this.#frame.length;
  }

  write(into: Buffer, at: number, sequence: number): void {
    this.#frame.copy(into, at);
    into.writeUInt32BE(sequence >>> 0, at + this.#idOffset);
    into.writeUInt32BE(sequence >>> 0, at + this.#tagOffset);
    writeSequence(into, at + this.#bodyOffset, sequence);
  }
}

export interface AmqpScanEvents {
  onOpen(containerId: string): void;
  /** How many messages the broker takes on the link in all. */
  onCredit(limit: number): void;
  /** `bytes` are only valid during the call. */
  onMessage(deliveryId: number, bytes: Buffer, bodyStart: number, bodyEnd: number): void;
  onAccepted(first: number, last: number): void;
  onClose(): void;
  /** What tells of an error; as text, as far as it is readable. */
  onRefusal(text: string): void;
}

/** Cuts a stream into frames; a frame that is not whole yet waits for the next push. */
export class AmqpScanner {
  readonly #events: AmqpScanEvents;
  #carry: Buffer | null = null;
  #hasHeader = false;

  constructor(events: AmqpScanEvents) {
    this.#events = events;
  }

  push(chunk: Buffer): void {
    const bytes = this.#carry === null ? chunk : Buffer.concat([this.#carry, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const size = this.#hasHeader ? bytes.readUInt32BE(at) : HEADER_BYTES;
      if (size > bytes.length - at) break;
      if (this.#hasHeader && size > HEADER_BYTES) this.#scanFrame(bytes, at, at + size);
      this.#hasHeader = true;
      at += size;
    }
    this.#carry = at === bytes.length ? null : bytes.subarray(at);
  }

  #scanFrame(bytes: Buffer, start: number, end: number): void {
    const list = start + HEADER_BYTES + DESCRIPTOR_BYTES;
    switch (bytes[list - 1]) {
      case PERFORMATIVE.transfer:
        this.#scanTransfer(bytes, list, end);
        return;
      case PERFORMATIVE.disposition:
        this.#scanDisposition(bytes, list, end);
        return;
      case PERFORMATIVE.flow: {
        const deliveryCount = fieldAt(bytes, list, 5);
        const credit = fieldAt(bytes, list, 6);
        if (credit !== -1)
          this.#events.onCredit(uintAt(bytes, deliveryCount) + uintAt(bytes, credit));
        return;
      }
      case PERFORMATIVE.open: {
        const name = fieldAt(bytes, list, 0) + 2;
        this.#events.onOpen(bytes.toString('utf8', name, name + (bytes[name - 1] ?? 0)));
        return;
      }
      case PERFORMATIVE.begin:
      case PERFORMATIVE.attach:
        return;
      default:
        this.#events.onRefusal(readable(bytes, list, end));
        if (bytes[list - 1] === PERFORMATIVE.close) this.#events.onClose();
    }
  }

  #scanTransfer(bytes: Buffer, list: number, end: number): void {
    if (bytes[fieldAt(bytes, list, 5)] === CODE.true) {
      throw new Error('A message of the broker does not fit into one frame.');
    }
    const deliveryId = uintAt(bytes, fieldAt(bytes, list, 1));
    let section = endOfValue(bytes, list);
    while (bytes[section + 2] !== SECTION.data) {
      if (section >= end) throw new Error('A message of the broker has no data.');
      section = endOfValue(bytes, section + DESCRIPTOR_BYTES);
    }
    const data = section + DESCRIPTOR_BYTES;
    const bodyStart = data + (bytes[data] === CODE.binary8 ? 2 : 5);
    this.#events.onMessage(deliveryId, bytes, bodyStart, end);
  }

  #scanDisposition(bytes: Buffer, list: number, end: number): void {
    const state = fieldAt(bytes, list, 4);
    if (state === -1 || bytes[state + 2] !== ACCEPTED[2]) {
      this.#events.onRefusal(readable(bytes, list, end));
      return;
    }
    const first = uintAt(bytes, fieldAt(bytes, list, 1));
    const last = fieldAt(bytes, list, 2);
    this.#events.onAccepted(first, bytes[last] === CODE.null ? first : uintAt(bytes, last));
  }
}

/** Where field `index` of the list at `list` begins, or -1 when the list is shorter. */
function fieldAt(bytes: Buffer, list: number, index: number): number {
  const isSmall = bytes[list] === CODE.list8;
  const count = isSmall ? bytes[list + 2] : bytes[list + 8];
  if (bytes[list] === CODE.list0 || index >= (count ?? 0)) return -1;
  let at = list + (isSmall ? 3 : 9);
  for (let field = 0; field < index; field += 1) at = endOfValue(bytes, at);
  return at;
}

/** By the upper half of a constructor (OASIS AMQP 1.0, part 1, 1.2). */
function endOfValue(bytes: Buffer, at: number): number {
  const code = bytes[at] ?? 0;
  if (code === 0) return endOfValue(bytes, endOfValue(bytes, at + 1));
  const width = code >> 4;
  if (width < 0xa) return at + 1 + ((1 << (width - 4)) >> 1);
  return width % 2 === 0 ? at + 2 + (bytes[at + 1] ?? 0) : at + 5 + bytes.readUInt32BE(at + 1);
}

function uintAt(bytes: Buffer, at: number): number {
  switch (bytes[at]) {
    case CODE.uint:
      return bytes.readUInt32BE(at + 1);
    case CODE.smallUint:
      return bytes[at + 1] ?? 0;
    case CODE.uint0:
      return 0;
    default:
      throw new Error('A number was expected in a frame of the broker.');
  }
}

function readable(bytes: Buffer, start: number, end: number): string {
  return bytes
    .toString('latin1', start, end)
    .replaceAll(/[^ -~]+/g, ' ')
    .trim();
}
