/**
 * One AMQP client: its connection from accept to close, between the socket and the broker (OASIS AMQP
 * 1.0, part 2, 2.2 to 2.4). Whose frames are which session's is connection-sessions.ts's.
 */
import {
  type BrokerEndpoint,
  type BrokerSession,
  CONTENT_KIND,
  type ConfirmationToken,
  type DeliveryView,
  type Destination,
  type SessionEvents,
  type Subscriber,
} from '../../broker/api.js';
import type { Config } from '../../config/schema.js';
import { HoldfastError } from '../../platform/errors.js';
import type { Clock, Socket, Timer } from '../../platform/ports.js';
import type { Authentication } from '../shared/authentication.js';
import { HeldBytes } from '../shared/held-bytes.js';
import { hasRoomForPart } from '../shared/large-delivery.js';
import { SocketOutput } from '../shared/socket-output.js';
import { Addresses } from './addresses.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import { type Read, readFields } from './composite.js';
import { Confirmations } from './confirmations.js';
import { ConnectionSessions } from './connection-sessions.js';
import { errorFields } from './error-fields.js';
import {
  FRAME_TYPE,
  FrameDecoder,
  type FrameSink,
  PROTOCOL_ID,
  protocolHeader,
  WrongProtocol,
} from './frame-decoder.js';
import { FrameWriter } from './frame-writer.js';
import { Liveness, VERDICT } from './liveness.js';
import { OpenTransactions } from './open-transactions.js';
import {
  checkOpen,
  ESTABLISHMENT_FAILED,
  type OpeningOptions,
  ownOpen,
  SMALLEST_FRAME_BYTES,
  wantsToBeAlone,
} from './opening.js';
import {
  ATTACH,
  BEGIN,
  CLOSE,
  DETACH,
  DISPOSITION,
  END,
  FLOW,
  OPEN,
  TRANSFER,
} from './performatives.js';
import { SaslServer, type SaslStep } from './sasl.js';
import type { SendingLink } from './sending-link.js';
import type { HostedSession, SessionHost } from './session-host.js';
import { temporaryDestination } from './terminus.js';
import { ValueReader } from './value-reader.js';

const NO_BYTES = new Uint8Array(0);

const STATE = {
  /** Protocol headers, SASL, and no `open` yet. */
  opening: 'opening',
  open: 'open',
  /** The last frame is written; only the socket's end is awaited. */
  closing: 'closing',
  closed: 'closed',
} as const;
type State = (typeof STATE)[keyof typeof STATE];

export interface AmqpConnectionOptions extends OpeningOptions {
  readonly socket: Socket;
  readonly broker: BrokerEndpoint;
  readonly clock: Clock;
  /** Different from that of every other connection, ever. */
  readonly connectionId: string;
  /** Makes an AMQP message of one that came by another protocol. */
  readonly convert: (message: DeliveryView) => DeliveryView;
  /** Without it everybody may connect. */
  readonly authentication?: Authentication;
  /** Called once, when the socket is gone. */
  readonly onClosed: () => void;
}

export class AmqpConnection implements SessionEvents, SessionHost, FrameSink {
  readonly config: Config['amqp'];
  readonly addresses: Addresses;
  readonly frames: FrameWriter;
  readonly transferToken: ConfirmationToken;
  readonly openTransactions = new OpenTransactions();
  readonly unfinished = { bytes: 0 };
  containerId = '';
  maxFrameBytes = SMALLEST_FRAME_BYTES;
  isHeld = false;
  private readonly options: AmqpConnectionOptions;
  private readonly socket: Socket;
  private readonly clock: Clock;
  private readonly decoder: FrameDecoder;
  private readonly output: SocketOutput;
  private readonly sasl: SaslServer;
  private readonly confirmations = new Confirmations();
  private readonly sessions: ConnectionSessions;
  /** How to go on with what is kept until the socket has room. */
  private readonly waitingForRoom = new Set<() => void>();
  private readonly reader = new ValueReader(NO_BYTES);
  private state: State = STATE.opening;
  private isLetIn: boolean;
  /** What came while it is found out who the client is. */
  private readonly held = new HeldBytes();
  private brokerSession: BrokerSession | undefined;
  private timer: Timer;
  private readonly liveness: Liveness;
  /** Payload that came since producers are held. */
  private heldBytes = 0;
  private isSocketPaused = false;
  private temporariesMade = 0;
  private isSaslDone = false;
  /** What frames are of since the last protocol header; null before the first. */
  private frameType: number | null = null;

  constructor(options: AmqpConnectionOptions) {
    const { socket, clock, config } = options;
    this.options = options;
    this.socket = socket;
    this.clock = clock;
    this.config = config;
    this.addresses = new Addresses(config);
    this.transferToken = this.confirmations.transferToken;
    this.isLetIn = options.authentication === undefined;
    this.output = new SocketOutput({
      socket,
      clock,
      maxWaitingBytes: config.socketBufferMaxBytes,
      beforeFlush: () => this.sessions.flush(),
      afterFlush: () => this.afterFlush(),
      isWritable: () => this.writable,
      onWritable: () => this.brokerSession?.resumeDelivery(),
    });
    this.frames = new FrameWriter(this.output.gathered, () => this.output.flushSoon());
    this.decoder = new FrameDecoder(this, config.maxFrameBytes);
    this.sessions = new ConnectionSessions({
      host: this,
      reader: this.reader,
      onHeldPayload: (bytes) => this.holdPayload(bytes),
    });
    this.sasl = new SaslServer(this.frames, options.authentication);
    this.liveness = new Liveness(config.idleTimeoutMs, clock.monotonicMs());
    this.timer = clock.after(config.openTimeoutMs, () => this.onOpenTimeout());
    socket.receive({
      onData: (bytes) => this.onData(bytes),
      onDrain: () => this.onDrain(),
      onClose: () => this.onClose(),
    });
  }

  // What sessions ask for.

  get broker(): BrokerSession {
    if (this.brokerSession === undefined) throw new Error('A session without an open connection.');
    return this.brokerSession;
  }

  get linkCount(): number {
    return this.sessions.linkCount;
  }

  readonly wallMs = (): number => this.clock.wallMs();

  awaits(session: HostedSession, deliveryId: number): void {
    this.confirmations.awaits(session, deliveryId);
  }

  newTemporary(capabilities: readonly string[]): Destination {
    this.temporariesMade += 1;
    return temporaryDestination(capabilities, this.options.connectionId, this.temporariesMade);
  }

  tokenFor(confirmed: () => void): ConfirmationToken {
    return confirmed;
  }

  get hasRoomForPart(): boolean {
    return hasRoomForPart(this.output.waitingBytes, this.config.socketBufferMaxBytes);
  }

  waitsForRoom(goOn: () => void): void {
    this.waitingForRoom.add(goOn);
    this.output.flushSoon();
  }

  touched(session: HostedSession): void {
    this.sessions.touch(session);
    this.output.flushSoon();
  }

  // What the broker calls.

  get writable(): boolean {
    return this.state === STATE.open && this.output.takesMore();
  }

  confirmed(token: ConfirmationToken): void {
    if (this.state === STATE.open) this.confirmations.confirmed(token);
  }

  deliver(subscriber: Subscriber, message: DeliveryView): void {
    const link = subscriber.context as SendingLink;
    if (this.state !== STATE.open) return;
    const own = message.contentKind === CONTENT_KIND.amqp ? message : this.options.convert(message);
    link.session.deliver(link, own);
  }

  pauseReading(_reason: string): void {
    this.isHeld = true;
  }

  resumeReading(): void {
    this.isHeld = false;
    this.heldBytes = 0;
    this.balanceReading();
    this.sessions.resume();
  }

  subscriptionEnded(subscriber: Subscriber, reason: string): void {
    const link = subscriber.context as SendingLink;
    if (this.state === STATE.open) link.session.sourceIsGone(link, reason);
  }

  abort(reason: string): void {
    this.fail(new AmqpError('connection', CONDITION.resourceLimitExceeded, reason));
  }

  // What the socket and the clock call.

  private onData(bytes: Uint8Array): void {
    if (this.state !== STATE.opening && this.state !== STATE.open) return;
    this.liveness.received(this.clock.monotonicMs());
    try {
      // Parts of a plain array are made in less time than those of a Node buffer, as a socket brings.
      const taken = this.decoder.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
      if (this.decoder.isPaused && taken < bytes.length) this.held.hold(bytes.subarray(taken));
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.fail(error);
      return;
    }
  }

  /**
   * Credit that was given before may still be used. Beyond a large message of it nothing more is read,
   * acknowledgements neither, though they might make room: a client that sends so much gets no further.
   */
  private holdPayload(payloadBytes: number): void {
    this.heldBytes += payloadBytes;
    this.balanceReading();
  }

  /** Reads on unless too much came while producers are held, or the client does not take its answers. */
  private balanceReading(): void {
    const isFlooded = this.isHeld && this.heldBytes > this.config.maxMessageBytes;
    const isDeaf = this.socket.bufferedBytes > 2 * this.config.socketBufferMaxBytes;
    const shallPause = isFlooded || isDeaf || this.decoder.isPaused;
    if (shallPause === this.isSocketPaused) return;
    this.isSocketPaused = shallPause;
    if (shallPause) {
      this.socket.pauseReading();
    } else {
      this.socket.resumeReading();
      // What the client sent meanwhile was not read: its silence was this side's.
      this.liveness.received(this.clock.monotonicMs());
    }
  }

  private onDrain(): void {
    this.balanceReading();
    this.goOn();
    this.output.offerDelivery();
  }

  private onClose(): void {
    this.state = STATE.closed;
    this.output.stop();
    this.dropHeld();
    this.timer.cancel();
    this.decoder.stop();
    this.brokerSession?.close();
    this.options.onClosed();
  }

  private onOpenTimeout(): void {
    const { openTimeoutMs } = this.config;
    this.fail(
      new AmqpError(
        'connection',
        CONDITION.resourceLimitExceeded,
        `No whole open frame came within ${openTimeoutMs} ms (amqp.openTimeoutMs)`,
      ),
    );
  }

  // Frames.

  onProtocol(protocolId: number): void {
    if (protocolId === PROTOCOL_ID.sasl && !this.isSaslDone) {
      this.isSaslDone = true;
      this.frameType = FRAME_TYPE.sasl;
      this.frames.protocol(protocolHeader(PROTOCOL_ID.sasl));
      this.sasl.offer();
    } else if (protocolId === PROTOCOL_ID.amqp && this.isLetIn) {
      this.frameType = FRAME_TYPE.amqp;
      this.frames.protocol(protocolHeader(PROTOCOL_ID.amqp));
    } else {
      throw new WrongProtocol(
        protocolId === PROTOCOL_ID.tls ? 'a wish for TLS' : 'AMQP without SASL before it',
      );
    }
  }

  onFrame(type: number, channel: number, bytes: Uint8Array, start: number, end: number): void {
    const { reader } = this;
    if (start === end) return;
    reader.open(bytes, start, end);
    if (type !== this.frameType) {
      throw new AmqpError(
        'connection',
        CONDITION.framingError,
        `A frame of type ${type} came where only type ${this.frameType} is possible: AMQP has 0, SASL has 1`,
      );
    }
    if (type === FRAME_TYPE.sasl) this.onSasl();
    else this.dispatch(channel, reader.descriptor());
  }

  private onSasl(): void {
    const step = this.sasl.onFrame(this.reader);
    if (!(step instanceof Promise)) {
      this.onSaslStep(step);
      return;
    }
    this.decoder.isPaused = true;
    this.balanceReading();
    void step.then((done) => {
      if (this.state !== STATE.opening) return;
      this.onSaslStep(done);
      this.decoder.isPaused = false;
      this.balanceReading();
      for (const bytes of this.held.release()) this.onData(bytes);
    });
  }

  private onSaslStep(step: SaslStep): void {
    if (step === 'let-in') {
      this.isLetIn = true;
      this.decoder.expectProtocol();
    } else if (step === 'over') {
      this.finish();
    }
  }

  private dispatch(channel: number, descriptor: number | string): void {
    const { reader } = this;
    const code = typeof descriptor === 'number' ? descriptor : CODE_OF_NAME.get(descriptor);
    if (code === OPEN.code) {
      this.open(readFields(reader, OPEN));
      return;
    }
    if (this.state !== STATE.open) {
      throw new AmqpError(
        'connection',
        CONDITION.notAllowed,
        `Performative ${descriptor} came before open`,
      );
    }
    if (code === CLOSE.code) {
      this.close(null);
    } else if (code === BEGIN.code) {
      this.sessions.begin(channel, readFields(reader, BEGIN));
    } else if (code === undefined || !ConnectionSessions.takes(code)) {
      throw new AmqpError(
        'connection',
        CONDITION.notImplemented,
        `There is no performative ${descriptor}`,
      );
    } else {
      this.sessions.take(channel, code);
    }
  }

  private open(open: Read<typeof OPEN>): void {
    if (this.state !== STATE.opening) {
      throw new AmqpError('connection', CONDITION.illegalState, 'This connection is open already');
    }
    checkOpen(open, this.options);
    const clientId = open.containerId;
    const isExclusive = wantsToBeAlone(open);
    const broker = this.sasl.admission?.broker ?? this.options.broker;
    this.brokerSession = broker.openSession(this, `amqp ${this.socket.remoteAddress}`, {
      clientId,
      isExclusive,
    });
    this.containerId = clientId;
    this.maxFrameBytes = Math.min(open.maxFrameSize, this.config.maxFrameBytes);
    this.liveness.opened(open.idleTimeOut ?? 0);
    this.state = STATE.open;
    this.frames.frame(0, OPEN, ownOpen(this.options, this.maxFrameBytes));
    this.timer.cancel();
    this.scheduleCheck();
  }

  private scheduleCheck(): void {
    const { checkIntervalMs } = this.liveness;
    if (checkIntervalMs === null) return;
    this.timer = this.clock.after(checkIntervalMs, () => this.check());
  }

  private check(): void {
    const { gathered } = this.output;
    const verdict = this.liveness.check(this.clock.monotonicMs(), {
      isPaused: this.isSocketPaused,
      isHeld: this.isHeld,
      writtenBytes: gathered.writtenBytes,
      bufferedBytes: this.socket.bufferedBytes,
    });
    if (verdict === VERDICT.stuck) {
      this.socket.destroy();
      return;
    }
    if (verdict instanceof AmqpError) {
      this.fail(verdict);
      return;
    }
    if (verdict === VERDICT.beat) this.frames.heartbeat();
    else if (verdict === VERDICT.quiet) gathered.releaseWhenEmpty();
    this.liveness.said(gathered.writtenBytes);
    this.scheduleCheck();
  }

  // Output and the end.

  private afterFlush(): void {
    this.balanceReading();
    if (this.waitingForRoom.size > 0) this.goOn();
  }

  private goOn(): void {
    // Who has used up the room is behind the others the next time.
    for (const goOn of this.waitingForRoom) {
      if (this.state !== STATE.open || !this.hasRoomForPart) return;
      this.waitingForRoom.delete(goOn);
      goOn();
    }
  }

  private dropHeld(): void {
    this.waitingForRoom.clear();
    this.sessions.dropHeld();
  }

  private fail(error: HoldfastError): void {
    if (this.state === STATE.closing || this.state === STATE.closed) return;
    if (error instanceof WrongProtocol) {
      // 2.2: the answer to a header that is not spoken is one that is.
      this.frames.protocol(protocolHeader(this.isLetIn ? PROTOCOL_ID.amqp : PROTOCOL_ID.sasl));
      this.finish();
    } else {
      this.close(error);
    }
  }

  private close(error: HoldfastError | null): void {
    this.sessions.flush();
    // Before the protocol is agreed there is no way to say why.
    if (this.frameType !== FRAME_TYPE.amqp) {
      this.finish();
      return;
    }
    if (this.state === STATE.opening) {
      this.frames.frame(0, OPEN, ownOpen(this.options, this.maxFrameBytes, ESTABLISHMENT_FAILED));
    }
    this.frames.frame(0, CLOSE, error === null ? {} : { error: errorFields(error) });
    this.finish();
  }

  /** Sends what is gathered, gives the client some time to read it, and lets the broker go. */
  private finish(): void {
    this.decoder.stop();
    this.dropHeld();
    this.state = STATE.closing;
    this.timer.cancel();
    this.timer = this.output.end();
    // Not at once: the broker may be the caller.
    this.clock.soon(() => this.brokerSession?.close());
  }
}

const ALL = [OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE];
const CODE_OF_NAME = new Map(ALL.map(({ name, code }) => [`amqp:${name}:list`, code]));
