/** An AMQP connection whose client, clock and broker the test holds in its hands. */
import assert from 'node:assert/strict';
import { CONTENT_KIND, type DeliveryView } from '../../../../src/broker/api.js';
import type { Config } from '../../../../src/config/schema.js';
import type { CompositeType, Given } from '../../../../src/protocols/amqp/composite.js';
import {
  AmqpConnection,
  type AmqpConnectionOptions,
} from '../../../../src/protocols/amqp/connection.js';
import { encodedState } from '../../../../src/protocols/amqp/encoded-state.js';
import { PROTOCOL_ID, protocolHeader } from '../../../../src/protocols/amqp/frame-decoder.js';
import * as performatives from '../../../../src/protocols/amqp/performatives.js';
import { type DescribedValue, ValueReader } from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import { frameOf, type SentFrame, SentFrames } from '../../../support/amqp-frames.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { FakeSocket } from '../shared/fake-socket.js';
import { ScriptedBroker } from '../shared/scripted-broker.js';

const { ATTACH, BEGIN, FLOW, OPEN, ROLE, SOURCE, TARGET, TRANSFER } = performatives;

export const AMQP_CONFIG: Config['amqp'] = {
  listen: '127.0.0.1:0',
  clientCertificates: 'none',
  announceNodes: false,
  redirectToLive: false,
  queuePrefixes: 'queue://,/queue/',
  topicPrefixes: 'topic://,/topic/',
  maxFrameBytes: 4_096,
  maxMessageBytes: 10_000,
  maxConnections: 10,
  maxSessions: 4,
  maxLinksPerSession: 4,
  maxLinksPerConnection: 8,
  maxUnsettledPerLink: 100,
  linkCredit: 10,
  openTimeoutMs: 1_000,
  idleTimeoutMs: 1_000,
  socketBufferMaxBytes: 65_536,
};

export class Peer {
  readonly clock = new ManualClock();
  readonly socket = new FakeSocket();
  readonly broker = new ScriptedBroker();
  closedCount = 0;
  private frames: SentFrame[] = [];
  private readonly sent = new SentFrames((frame) => this.frames.push(frame));

  constructor(changes: Partial<AmqpConnectionOptions> = {}) {
    new AmqpConnection({
      socket: this.socket,
      broker: this.broker,
      clock: this.clock,
      config: AMQP_CONFIG,
      version: '0.1.0',
      nodeName: 'a',
      scheme: 'amqp',
      connectionId: 'c0ffee',
      otherNodes: () => [],
      convert: (message) => message,
      onClosed: () => {
        this.closedCount += 1;
      },
      ...changes,
    });
  }

  get protocols(): readonly number[] {
    return this.sent.protocols;
  }

  /** The body of the one frame behind the protocol header that the broker has sent. */
  openFrame(): Uint8Array {
    this.clock.endTurn();
    return this.socket.takeBytes().subarray(8 + 8);
  }

  /** What the broker sent since the last call. */
  answers(): SentFrame[] {
    this.clock.endTurn();
    this.sent.push(this.socket.takeBytes());
    return this.frames.splice(0);
  }

  /** The names of what the broker sent since the last call. */
  answerNames(): string[] {
    return this.answers().map(({ name }) => name);
  }

  push(bytes: Uint8Array): void {
    this.socket.push(bytes);
  }

  send<Type extends CompositeType<object>>(
    channel: number,
    type: Type,
    given: Given<Type>,
    payload?: Uint8Array,
    frameType?: number,
  ): void {
    this.push(frameOf(channel, type, given, payload, frameType));
  }

  protocol(id: number): void {
    this.push(protocolHeader(id));
  }
}

/** A peer whose connection is open and whose session has begun on channel 0. */
export function begun(changes: Partial<AmqpConnectionOptions> = {}): Peer {
  const peer = new Peer(changes);
  peer.protocol(PROTOCOL_ID.amqp);
  peer.send(0, OPEN, { containerId: 'me' });
  begin(peer, 0);
  assert.deepEqual(peer.answerNames(), ['open', 'begin']);
  return peer;
}

export function begin(peer: Peer, channel: number, incomingWindow = 1_000): void {
  peer.send(channel, BEGIN, { nextOutgoingId: 0, incomingWindow, outgoingWindow: 1_000 });
}

export function attachSender(
  peer: Peer,
  handle = 0,
  address = 'q',
  name = `to-${address}`,
  channel = 0,
): void {
  const target = encodedState(TARGET, { address });
  const source = encodedState(SOURCE, {});
  peer.send(channel, ATTACH, {
    name,
    handle,
    role: ROLE.sender,
    source,
    target,
    initialDeliveryCount: 0,
  });
}

export function attachReceiver(
  peer: Peer,
  handle = 0,
  source: Given<typeof SOURCE> = { address: 'q' },
  more: Partial<Given<typeof ATTACH>> = {},
  channel = 0,
): void {
  peer.send(channel, ATTACH, {
    name: `from-${source.address}`,
    handle,
    role: ROLE.receiver,
    source: encodedState(SOURCE, source),
    target: encodedState(TARGET, {}),
    ...more,
  });
}

export function grant(
  peer: Peer,
  handle: number,
  linkCredit: number,
  more: Partial<Given<typeof FLOW>> = {},
  channel = 0,
): void {
  peer.send(channel, FLOW, {
    nextIncomingId: 0,
    incomingWindow: 1_000,
    nextOutgoingId: 0,
    outgoingWindow: 1_000,
    handle,
    deliveryCount: 0,
    linkCredit,
    ...more,
  });
}

/** `amqp-value` of a short text. */
export function textMessage(text: string): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(0x77);
  writer.string(text);
  return writer.written.slice();
}

export function transfer(
  peer: Peer,
  deliveryId: number,
  payload: Uint8Array = textMessage(`message ${deliveryId}`),
  more: Partial<Given<typeof TRANSFER>> = {},
): void {
  const deliveryTag = Uint8Array.of(deliveryId);
  peer.send(0, TRANSFER, { handle: 0, deliveryId, deliveryTag, ...more }, payload);
}

/** The descriptor of a raw state, as `disposition` carries it. */
export function stateOf(frame: SentFrame | undefined): number {
  return (new ValueReader(frame?.fields.state as Uint8Array).value() as DescribedValue)
    .descriptor as number;
}

/** As the broker would deliver it, with other bytes around. */
export function delivery(
  entryId: number,
  body = textMessage(`entry ${entryId}`),
): Partial<DeliveryView> {
  const bytes = new Uint8Array(body.length + 10).fill(0x21);
  bytes.set(body, 5);
  return {
    entryId,
    contentKind: CONTENT_KIND.amqp,
    bytes,
    headersStart: 5,
    headersEnd: 5,
    bodyStart: 5,
    bodyEnd: 5 + body.length,
  };
}
