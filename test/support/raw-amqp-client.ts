/** A client that writes whatever AMQP frames a test wants, to a real node, and shows what came back. */

import type { HostPort } from '../../src/platform/ports.js';
import { PROTOCOL_ID, protocolHeader } from '../../src/protocols/amqp/frame-decoder.js';
import { BEGIN, OPEN } from '../../src/protocols/amqp/performatives.js';
import { frameOf, type SentFrame, SentFrames } from './amqp-frames.js';
import { eventually, within } from './eventually.js';
import { RawClient } from './raw-client.js';

const WIDE_WINDOW = 0x7fffffff;

export class RawAmqpClient {
  readonly raw: RawClient;
  readonly frames: SentFrame[] = [];

  private constructor(raw: RawClient) {
    this.raw = raw;
    const sent = new SentFrames((frame) => this.frames.push(frame));
    raw.socket.on('data', (bytes) => sent.push(bytes));
  }

  /** The connection is open and sessions have begun on this many channels. */
  static async begin(address: HostPort, containerId: string, sessions = 1): Promise<RawAmqpClient> {
    const client = new RawAmqpClient(await RawClient.open(address));
    client.write(protocolHeader(PROTOCOL_ID.amqp));
    client.write(frameOf(0, OPEN, { containerId, maxFrameSize: 65_536 }));
    for (let channel = 0; channel < sessions; channel += 1) client.beginSession(channel);
    await client.atLeast('begin', sessions);
    return client;
  }

  write(bytes: Uint8Array): void {
    this.raw.write(bytes);
  }

  beginSession(channel: number): void {
    const windows = { incomingWindow: WIDE_WINDOW, outgoingWindow: WIDE_WINDOW };
    this.write(frameOf(channel, BEGIN, { nextOutgoingId: 0, ...windows }));
  }

  /** The frames of this name, as soon as there are so many. */
  async atLeast(name: string, count: number, limitMs?: number): Promise<readonly SentFrame[]> {
    const found = (): readonly SentFrame[] => this.frames.filter((frame) => frame.name === name);
    await eventually(`${count} ${name} come`, () => found().length >= count, limitMs);
    return found();
  }

  /** The last frame, once the broker has closed the connection behind it. */
  async closed(): Promise<SentFrame | undefined> {
    await within('the broker closes the connection', this.raw.closed);
    return this.frames.at(-1);
  }
}
