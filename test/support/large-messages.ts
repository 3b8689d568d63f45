/**
 * Clients for messages that nobody should hold whole: what they send is made, and what they receive is
 * compared, piece by piece. STOMP and AMQP over plain sockets, because client libraries gather bodies.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { parseTargetAddress } from '../../src/config/address.js';
import { encodedState } from '../../src/protocols/amqp/encoded-state.js';
import { PROTOCOL_ID, protocolHeader } from '../../src/protocols/amqp/frame-decoder.js';
import {
  ACCEPTED_STATE,
  ATTACH,
  BEGIN,
  DISPOSITION,
  FLOW,
  OPEN,
  ROLE,
  SOURCE,
  TARGET,
  TRANSFER,
} from '../../src/protocols/amqp/performatives.js';
import { errorOf, frameOf, type SentFrame, SentFrames } from './amqp-frames.js';
import { eventually } from './eventually.js';

/** A prime, so that bytes which are left out or come twice do not fit what comes behind them. */
const PATTERN_BYTES = 1_048_573;
/** Fits a frame of the default size. */
const CHUNK_BYTES = 64 * 1024;
const FRAME_BYTES = 128 * 1024;
const LARGE_WAIT_MS = 60_000;
/** `data`, with its length in the four bytes behind. */
const DATA_SECTION = Buffer.from([0x00, 0x53, 0x75, 0xb0]);
const UNLIMITED = 0x7fffffff;

/** A body of so many bytes, which any part of can be made and recognised. */
export class LargeBody {
  readonly sizeBytes: number;
  private readonly pattern = randomBytes(PATTERN_BYTES);

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  /** Up to `CHUNK_BYTES` from `at` on; as far as the pattern goes. */
  chunkAt(at: number, limit = CHUNK_BYTES): Buffer {
    const from = at % PATTERN_BYTES;
    const count = Math.min(limit, this.sizeBytes - at);
    return this.pattern.subarray(from, from + count);
  }

  /** Fails unless `bytes` are the part of it that begins at `at`. */
  check(bytes: Uint8Array, at: number): void {
    assert.ok(at + bytes.length <= this.sizeBytes, 'more came than was sent');
    for (let done = 0; done < bytes.length; ) {
      const expected = this.chunkAt(at + done, bytes.length - done);
      const part = bytes.subarray(done, done + expected.length);
      assert.equal(expected.compare(part), 0, `the body differs behind byte ${at + done}`);
      done += expected.length;
    }
  }
}

function open(address: string): net.Socket {
  const socket = net.connect(parseTargetAddress(address, 'the log'));
  socket.setNoDelay(true);
  // A node that is killed resets its connections.
  socket.on('error', () => undefined);
  return socket;
}

/** Resolves also when the connection is closed. */
async function drained(socket: net.Socket): Promise<void> {
  if (socket.destroyed) return;
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]);
  over.abort();
}

async function writeBody(
  socket: net.Socket,
  body: LargeBody,
  frame = (part: Buffer, _more: boolean): Uint8Array => part,
): Promise<void> {
  for (let at = 0; at < body.sizeBytes; ) {
    const part = body.chunkAt(at);
    at += part.length;
    if (socket.write(frame(part, at < body.sizeBytes))) continue;
    await drained(socket);
    assert.ok(!socket.destroyed, `the broker closed the connection behind byte ${at}`);
  }
}

/** Sends one durable message over STOMP; resolves when it is confirmed. */
export async function sendLargeOverStomp(
  address: string,
  destination: string,
  body: LargeBody,
): Promise<void> {
  const socket = open(address);
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
  });
  const length = `content-length:${body.sizeBytes}`;
  socket.write('CONNECT\naccept-version:1.2\nhost:test\n\n\0');
  socket.write(`SEND\ndestination:${destination}\npersistent:true\nreceipt:sent\n${length}\n\n`);
  await writeBody(socket, body);
  socket.write('\0');
  await eventually('the receipt comes', () => received.includes('receipt-id:sent'), LARGE_WAIT_MS);
  socket.destroy();
}

/** Sends one durable message over AMQP in many transfers; resolves when it is accepted, rejects when the link is detached. */
export async function sendLargeOverAmqp(
  address: string,
  target: string,
  body: LargeBody,
): Promise<void> {
  const { socket, until } = openAmqp(address);
  const sends = {
    name: 'large',
    handle: 0,
    role: ROLE.sender,
    source: encodedState(SOURCE, {}),
    target: encodedState(TARGET, { address: target }),
    initialDeliveryCount: 0,
  };
  socket.write(frameOf(0, ATTACH, sends));
  await until('there is credit', (frame) => frame.name === 'flow');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.sizeBytes);
  const durable = Buffer.from([0x00, 0x53, 0x70, 0xc0, 0x02, 0x01, 0x41]);
  const head = Buffer.concat([durable, DATA_SECTION, length]);
  const first = { handle: 0, deliveryId: 0, deliveryTag: Buffer.from('1'), messageFormat: 0 };
  socket.write(frameOf(0, TRANSFER, { ...first, more: true }, head));
  const frame = (part: Buffer, more: boolean) => frameOf(0, TRANSFER, { handle: 0, more }, part);
  await writeBody(socket, body, frame);
  const isAnswer = ({ name }: SentFrame): boolean => name === 'disposition' || name === 'detach';
  const answer = await until('the message is settled', isAnswer);
  socket.destroy();
  const error = errorOf(answer);
  if (error !== undefined) throw new Error(`${error.condition}: ${error.description}`);
}

function openAmqp(address: string) {
  const socket = open(address);
  const frames: SentFrame[] = [];
  const sent = new SentFrames((frame) => frames.push(frame));
  socket.on('data', (bytes) => sent.push(bytes));
  socket.write(protocolHeader(PROTOCOL_ID.amqp));
  socket.write(
    frameOf(0, OPEN, { containerId: `large ${Math.random()}`, maxFrameSize: FRAME_BYTES }),
  );
  const windows = { incomingWindow: UNLIMITED, outgoingWindow: UNLIMITED };
  socket.write(frameOf(0, BEGIN, { nextOutgoingId: 0, ...windows }));
  const until = (what: string, condition: (frame: SentFrame) => boolean): Promise<SentFrame> =>
    eventually(what, () => frames.find(condition), LARGE_WAIT_MS);
  return { socket, frames, until };
}

/** Takes one message; reads nothing of it before `read` is called. */
export interface LargeReceiver {
  /** Bytes of the body so far, all of them as they were sent. */
  readonly bodyBytes: number;
  /** Resolves when the first of it came. */
  begun(): Promise<void>;
  /** Reads on. Resolves when all of it came. */
  read(): Promise<void>;
  /** Resolves when the broker has heard that it is done with the message. */
  acknowledge(): Promise<void>;
  close(): void;
}

/** Compares a body as it comes. */
class BodyCheck {
  bodyBytes = 0;
  private readonly body: LargeBody;

  constructor(body: LargeBody) {
    this.body = body;
  }

  get isWhole(): boolean {
    return this.bodyBytes === this.body.sizeBytes;
  }

  add(bytes: Uint8Array): void {
    this.body.check(bytes, this.bodyBytes);
    this.bodyBytes += bytes.length;
  }
}

/** Resolves when subscribed, with the socket paused as soon as the message begins. */
export async function receiveLargeOverStomp(
  address: string,
  destination: string,
  body: LargeBody,
  durableAs?: string,
): Promise<LargeReceiver> {
  const socket = open(address);
  const check = new BodyCheck(body);
  let head = '';
  let isInBody = false;
  let mayRead = false;
  let ack = '';
  const onBytes = (bytes: Buffer): void => {
    if (isInBody) {
      const left = body.sizeBytes - check.bodyBytes;
      check.add(bytes.subarray(0, left));
      if (bytes.length <= left) return;
      isInBody = false;
      head = bytes.toString('latin1', left);
      return;
    }
    const before = head.length;
    head += bytes.toString('latin1');
    const start = head.indexOf('MESSAGE\n');
    const bodyStart = start === -1 ? -1 : head.indexOf('\n\n', start) + 2;
    if (bodyStart < 2) return;
    if (!mayRead) socket.pause();
    ack = /\nack:(.*)\n/.exec(head)?.[1] ?? '';
    isInBody = true;
    head = '';
    onBytes(bytes.subarray(bodyStart - before));
  };
  socket.on('data', onBytes);
  const names =
    durableAs === undefined
      ? ['', '']
      : [`client-id:${durableAs}\n`, `durable-subscription-name:${durableAs}\n`];
  socket.write(`CONNECT\naccept-version:1.2\nhost:test\n${names[0]}\n\0`);
  socket.write(
    `SUBSCRIBE\nid:0\ndestination:${destination}\nack:client-individual\nprefetch-count:1\n${names[1]}receipt:there\n\n\0`,
  );
  const isThere = () => head.includes('receipt-id:there') || isInBody;
  await eventually('the subscription is confirmed', isThere, LARGE_WAIT_MS);
  return {
    get bodyBytes() {
      return check.bodyBytes;
    },
    async begun() {
      await eventually('the message begins', () => ack !== '', LARGE_WAIT_MS);
    },
    async read() {
      mayRead = true;
      socket.resume();
      await eventually('all of the message comes', () => check.isWhole, LARGE_WAIT_MS);
    },
    async acknowledge() {
      socket.write(`ACK\nid:${ack}\nreceipt:done\n\n\0`);
      const isDone = () => head.includes('receipt-id:done');
      await eventually('the acknowledgement is confirmed', isDone, LARGE_WAIT_MS);
      socket.destroy();
    },
    close: () => socket.destroy(),
  };
}

/** The same over AMQP. */
export async function receiveLargeOverAmqp(
  address: string,
  source: string,
  body: LargeBody,
): Promise<LargeReceiver> {
  const socket = open(address);
  const check = new BodyCheck(body);
  let deliveryId = -1;
  let isDone = false;
  let head = Buffer.alloc(0);
  let isAttached = false;
  let mayRead = false;
  const onFrame = ({ name, fields, payload }: SentFrame): void => {
    if (name === 'attach') isAttached = true;
    if (name === 'disposition') isDone = true;
    if (name !== 'transfer') return;
    if (deliveryId === -1) {
      if (!mayRead) socket.pause();
      deliveryId = fields.deliveryId as number;
    }
    if (check.bodyBytes > 0) {
      check.add(payload);
      return;
    }
    head = Buffer.concat([head, payload]);
    const at = head.indexOf(DATA_SECTION);
    if (at !== -1) check.add(head.subarray(at + DATA_SECTION.length + 4));
  };
  const sent = new SentFrames(onFrame);
  socket.on('data', (bytes) => sent.push(bytes));
  socket.write(protocolHeader(PROTOCOL_ID.amqp));
  socket.write(
    frameOf(0, OPEN, { containerId: `large ${Math.random()}`, maxFrameSize: FRAME_BYTES }),
  );
  const windows = { incomingWindow: UNLIMITED, outgoingWindow: UNLIMITED };
  socket.write(frameOf(0, BEGIN, { nextOutgoingId: 0, ...windows }));
  socket.write(
    frameOf(0, ATTACH, {
      name: 'large',
      handle: 0,
      role: ROLE.receiver,
      source: encodedState(SOURCE, { address: source }),
      target: encodedState(TARGET, {}),
    }),
  );
  const session = { nextIncomingId: 0, nextOutgoingId: 0, ...windows };
  socket.write(frameOf(0, FLOW, { ...session, handle: 0, deliveryCount: 0, linkCredit: 1 }));
  await eventually('the link is attached', () => isAttached, LARGE_WAIT_MS);
  return {
    get bodyBytes() {
      return check.bodyBytes;
    },
    async begun() {
      await eventually('the message begins', () => deliveryId !== -1, LARGE_WAIT_MS);
    },
    async read() {
      mayRead = true;
      socket.resume();
      await eventually('all of the message comes', () => check.isWhole, LARGE_WAIT_MS);
    },
    async acknowledge() {
      const done = {
        role: ROLE.receiver,
        first: deliveryId,
        settled: false,
        state: ACCEPTED_STATE,
      };
      socket.write(frameOf(0, DISPOSITION, done));
      await eventually('the broker settles', () => isDone, LARGE_WAIT_MS);
      socket.destroy();
    },
    close: () => socket.destroy(),
  };
}
