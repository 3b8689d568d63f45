/**
 * A small AMQP 1.0 client on the frames of the product's own codec: protocol headers, SASL, `open`, idle
 * times and the end of a connection. It holds the broker to what was agreed on: what breaks that is a
 * defect, and no loss of a connection.
 */
import { BrokerRefusal } from '../../../../src/client/stomp-client.js';
import { HoldfastError } from '../../../../src/platform/errors.js';
import type { Clock, Socket, Timer } from '../../../../src/platform/ports.js';
import { CONDITION } from '../../../../src/protocols/amqp/amqp-error.js';
import type { CompositeType, Given } from '../../../../src/protocols/amqp/composite.js';
import {
  FrameDecoder,
  type FrameSink,
  PROTOCOL_ID,
  protocolHeader,
} from '../../../../src/protocols/amqp/frame-decoder.js';
import { FrameWriter, type OutgoingTransfer } from '../../../../src/protocols/amqp/frame-writer.js';
import { CLOSE, OPEN, SASL_INIT } from '../../../../src/protocols/amqp/performatives.js';
import { Output } from '../../../../src/protocols/shared/output.js';
import { frameOf, readFrame, type SentFrame } from '../../../support/amqp-frames.js';
import type { AmqpHabits } from './habits.js';

export interface AmqpClientOptions {
  readonly clock: Clock;
  readonly containerId: string;
  readonly habits: AmqpHabits;
  readonly openTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** The broker has answered: it calls itself so. */
  readonly onOpen: (containerId: string) => void;
  /** Anything of a session. */
  readonly onFrame: (frame: SentFrame) => void;
  readonly onClosed: (reason: HoldfastError) => void;
}

export class AmqpClient implements FrameSink {
  /** Largest frame that the broker takes; the smallest there is until it has said so. */
  maxFrameBytes = 512;
  failure: HoldfastError | null = null;
  readonly #socket: Socket;
  readonly #options: AmqpClientOptions;
  readonly #decoder: FrameDecoder;
  readonly #output: Output;
  readonly #frames: FrameWriter;
  #timer: Timer;
  #expectedProtocol: number;
  #flushIsDue = false;
  #lastReceivedMs: number;
  #writtenBytesAtCheck = 0;
  #hasSaidFarewell = false;
  #isStalled = false;
  #isClosed = false;

  constructor(socket: Socket, options: AmqpClientOptions) {
    const { clock, habits, openTimeoutMs } = options;
    this.#socket = socket;
    this.#options = options;
    this.#decoder = new FrameDecoder(this, habits.maxFrameBytes);
    this.#output = new Output((bytes) => socket.write(bytes));
    this.#frames = new FrameWriter(this.#output, () => this.#flushSoon());
    this.#lastReceivedMs = clock.monotonicMs();
    this.#timer = clock.after(openTimeoutMs, () =>
      this.giveUp(`did not answer the greeting within ${Math.round(openTimeoutMs)} ms`),
    );
    this.#expectedProtocol = habits.usesSasl ? PROTOCOL_ID.sasl : PROTOCOL_ID.amqp;
    socket.receive({
      onData: (bytes) => this.#onData(bytes),
      onDrain: () => undefined,
      onClose: () => this.#onClose(),
    });
    this.#frames.protocol(protocolHeader(this.#expectedProtocol));
    if (habits.usesSasl) this.#frames.sasl(SASL_INIT, { mechanism: 'ANONYMOUS' });
    else this.#open();
  }

  send<Type extends CompositeType<object>>(
    channel: number,
    type: Type,
    given: Given<Type>,
    payload?: Uint8Array,
  ): void {
    if (this.failure !== null || this.#hasSaidFarewell) return;
    if (payload === undefined) this.#frames.frame(channel, type, given);
    else this.#output.frame(frameOf(channel, type, given, payload));
    this.#flushSoon();
  }

  /** The shortest there is, as libraries write it. */
  transfer(channel: number, transfer: OutgoingTransfer, payload: Uint8Array): void {
    if (this.failure !== null || this.#hasSaidFarewell) return;
    this.#frames.transfer(channel, transfer, payload.length).bytes(payload);
  }

  /** Says that it has nothing more to say; the broker says so too, and that ends the connection. */
  sayFarewell(): void {
    this.send(0, CLOSE, {});
    this.#hasSaidFarewell = true;
  }

  /** The connection is of no use any more. */
  giveUp(reason: string): void {
    this.#fail(new HoldfastError('CLIENT_FAILED', `The broker ${reason}`));
  }

  /** The broker has said why it does not do what it is asked for. */
  refuse(reason: string): void {
    this.#fail(new BrokerRefusal('CLIENT_FAILED', `The broker answered with an error: ${reason}`));
  }

  onProtocol(protocolId: number): void {
    // A node that is not live answers without asking for SASL.
    if (protocolId !== this.#expectedProtocol) this.giveUp('wants to speak something else');
  }

  onFrame(_type: number, channel: number, bytes: Uint8Array, start: number, end: number): void {
    const frame = readFrame(channel, bytes, start, end);
    switch (frame.name) {
      case 'heartbeat':
      case 'sasl-mechanisms':
        return;
      case 'sasl-outcome':
        this.#expectedProtocol = PROTOCOL_ID.amqp;
        this.#decoder.expectProtocol();
        this.#frames.protocol(protocolHeader(PROTOCOL_ID.amqp));
        this.#open();
        return;
      case 'open':
        this.#onOpen(frame.fields);
        return;
      case 'close':
        this.#onCloseFrame(frame);
        return;
      default:
        this.#options.onFrame(frame);
    }
  }

  #onCloseFrame(frame: SentFrame): void {
    const error = frame.fields.error as { readonly condition: string } | null;
    if (error === null) this.giveUp('said farewell');
    // As everybody who is lost: the next one of the list may be the live node.
    else if (error.condition === CONDITION.connectionRedirect) this.giveUp('knows who is live');
    else this.refuse(descriptionOf(frame));
  }

  #open(): void {
    const { containerId, habits, idleTimeoutMs } = this.#options;
    const { maxFrameBytes: maxFrameSize } = habits;
    this.#frames.frame(0, OPEN, { containerId, maxFrameSize, idleTimeOut: idleTimeoutMs });
  }

  #onOpen({ containerId, maxFrameSize, idleTimeOut }: SentFrame['fields']): void {
    this.maxFrameBytes = maxFrameSize as number;
    this.#timer.cancel();
    const { idleTimeoutMs, habits, onOpen } = this.#options;
    const mayBeSilentMs = habits.isSilent
      ? idleTimeoutMs
      : ((idleTimeOut as number) ?? idleTimeoutMs);
    this.#checkEvery(Math.floor(Math.min(mayBeSilentMs, idleTimeoutMs) / 3));
    if (habits.stallMs > 0) this.#stallLater(habits.stallMs);
    onOpen(containerId as string);
  }

  /** A program that is busy with something else reads nothing; its timers still run. */
  #stallLater(forMs: number): void {
    const { clock } = this.#options;
    clock.after(forMs, () => {
      this.#isStalled = true;
      this.#socket.pauseReading();
      clock.after(forMs, () => {
        this.#isStalled = false;
        this.#lastReceivedMs = clock.monotonicMs();
        this.#socket.resumeReading();
      });
    });
  }

  #checkEvery(intervalMs: number): void {
    const { clock, idleTimeoutMs, habits } = this.#options;
    this.#timer = clock.after(intervalMs, () => {
      const silentMs = clock.monotonicMs() - this.#lastReceivedMs;
      if (silentMs > idleTimeoutMs && !this.#isStalled)
        return this.giveUp(`said nothing for ${Math.round(silentMs)} ms`);
      const isMute = habits.isSilent || this.#hasSaidFarewell;
      if (this.#output.writtenBytes === this.#writtenBytesAtCheck && !isMute) {
        this.#frames.heartbeat();
      }
      this.#writtenBytesAtCheck = this.#output.writtenBytes;
      this.#checkEvery(intervalMs);
    });
  }

  #onData(bytes: Uint8Array): void {
    this.#lastReceivedMs = this.#options.clock.monotonicMs();
    this.#decoder.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
  }

  #flushSoon(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    this.#options.clock.soon(() => {
      this.#flushIsDue = false;
      if (!this.#isClosed) this.#output.flush();
    });
  }

  #fail(failure: HoldfastError): void {
    this.failure ??= failure;
    this.#decoder.stop();
    this.#socket.destroy();
  }

  #onClose(): void {
    this.#isClosed = true;
    this.#decoder.stop();
    this.#timer.cancel();
    this.failure ??= new HoldfastError('CLIENT_FAILED', 'The connection is closed.');
    this.#options.onClosed(this.failure);
  }
}

/** Why a frame that ends something does so. */
export function descriptionOf({ fields }: SentFrame): string {
  const error = fields.error as { condition: string; description: string | null } | null;
  return error?.description ?? error?.condition ?? 'no reason';
}
