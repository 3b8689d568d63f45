/**
 * One STOMP client: its connection from accept to close, between the socket and the broker. The
 * frames of a connected client are translated by ClientCommands; here are the connection's
 * states, its receipts and what is sent.
 */
import {
  type BrokerEndpoint,
  type BrokerSession,
  CONTENT_KIND,
  type ConfirmationToken,
  type DeliveryView,
  type SessionEvents,
  type Subscriber,
} from '../../broker/api.js';
import type { Config } from '../../config/schema.js';
import { HoldfastError, messageOf } from '../../platform/errors.js';
import type { Clock, Socket, Timer } from '../../platform/ports.js';
import type { Admission, Authentication } from '../shared/authentication.js';
import { HeldBytes } from '../shared/held-bytes.js';
import { hasRoomForPart, isLarge } from '../shared/large-delivery.js';
import type { Output } from '../shared/output.js';
import { SocketOutput } from '../shared/socket-output.js';
import { LINE_FEED, utf8 } from './bytes.js';
import { ClientCommands } from './client-commands.js';
import { COMMAND, commandName } from './commands.js';
import { connectedFrame, errorFrame, type ServerDescription } from './connection-frames.js';
import type { Frame } from './frame.js';
import { FrameDecoder } from './frame-decoder.js';
import { HEADER } from './known-headers.js';
import { LargeBody } from './large-body.js';
import { Liveness, VERDICT } from './liveness.js';
import { askWho, refusalOf } from './login.js';
import { appendMessageFrame, appendMessageHead, endOfBrowsing } from './message-frame.js';
import { type Negotiated, negotiate } from './negotiation.js';
import { MAX_RECEIPT_BYTES, ReceiptQueue } from './receipt-queue.js';
import { limitExceeded, StompError } from './stomp-error.js';
import type { Subscription } from './subscription.js';

/** Kept of what a client sends while the broker holds it back; beyond, its socket is not read either. */
const HELD_MAX_BYTES = 16 * 1024;

const RECEIPT_HEAD = utf8('RECEIPT\nreceipt-id:');
const RECEIPT_TAIL = utf8('\n\n\0');
const HEART_BEAT = Uint8Array.of(LINE_FEED);

const STATE = {
  /** No CONNECT yet. */
  opening: 'opening',
  /** CONNECT came, and whether its user is known is being found out: nothing more is read. */
  loggingIn: 'loggingIn',
  connected: 'connected',
  /** DISCONNECT came; its receipt is still to be given. */
  disconnecting: 'disconnecting',
  /** The last frame is written; only the socket's end is awaited. */
  closing: 'closing',
  closed: 'closed',
} as const;
type State = (typeof STATE)[keyof typeof STATE];
const READING_STATES: ReadonlySet<State> = new Set([
  STATE.opening,
  STATE.loggingIn,
  STATE.connected,
]);

export interface StompSessionOptions extends ServerDescription {
  readonly socket: Socket;
  readonly broker: BrokerEndpoint;
  readonly clock: Clock;
  readonly config: Config['stomp'];
  /** Makes a STOMP message of one that came by another protocol. */
  readonly convert: (message: DeliveryView) => DeliveryView;
  /** Without it everybody may connect. */
  readonly authentication?: Authentication;
  /** Called once, when the socket is gone. */
  readonly onClosed: () => void;
}

export class StompSession implements SessionEvents {
  private readonly options: StompSessionOptions;
  private readonly socket: Socket;
  private readonly clock: Clock;
  private readonly decoder: FrameDecoder;
  private readonly socketOutput: SocketOutput;
  /** What it has gathered. */
  private readonly output: Output;
  private state: State = STATE.opening;
  private timer: Timer;
  private liveness: Liveness | undefined;
  private brokerSession: BrokerSession | undefined;
  private commands: ClientCommands | undefined;

  private readonly receipts = new ReceiptQueue();
  /** Tokens are the numbers of receipts; the broker confirms them in order. */
  private receiptsAsked = 0;
  private receiptsGiven = 0;
  private pausedByBroker = false;
  private pausedByReceipts = false;
  private pausedByLogin = false;
  private isGone = false;
  /** Came while nothing may be carried out. */
  private readonly held = new HeldBytes();
  /** What the socket was told last. */
  private socketPaused = false;
  private writtenBytesAtCheck = 0;
  /** The body that is being written; whatever else is said comes behind it. */
  private largeBody: LargeBody | null = null;
  /** This side has nothing more to say once that is written. */
  private finishesBehindBody = false;

  constructor(options: StompSessionOptions) {
    const { socket, clock, config } = options;
    this.options = options;
    this.socket = socket;
    this.clock = clock;
    this.decoder = new FrameDecoder(config, (frame) => this.onFrame(frame));
    this.socketOutput = new SocketOutput({
      socket,
      clock,
      maxWaitingBytes: config.socketBufferMaxBytes,
      beforeFlush: () => undefined,
      afterFlush: () => this.afterFlush(),
      isWritable: () => this.writable,
      onWritable: () => this.brokerSession?.resumeDelivery(),
    });
    this.output = this.socketOutput.gathered;
    this.timer = clock.after(config.connectTimeoutMs, () => this.onConnectTimeout());
    socket.receive({
      onData: (bytes) => this.onData(bytes),
      onDrain: () => this.onDrain(),
      onClose: () => this.onClose(),
    });
  }

  // What the broker calls.

  get writable(): boolean {
    if (this.state !== STATE.connected) return false;
    if (this.largeBody === null) return this.socketOutput.takesMore();
    this.socketOutput.refuses();
    return false;
  }

  confirmed(token: ConfirmationToken): void {
    if (this.state !== STATE.connected && this.state !== STATE.disconnecting) return;
    this.receiptsGiven += 1;
    if (token !== this.receiptsGiven) {
      // To go on would confirm something that the broker did not (P1).
      throw new Error(`Receipt ${token} was confirmed where ${this.receiptsGiven} was next.`);
    }
    this.receipts.shift((bytes, start, end) => {
      this.output.reserve(RECEIPT_HEAD.length + (end - start) + RECEIPT_TAIL.length);
      this.output.bytes(RECEIPT_HEAD);
      this.output.range(bytes, start, end);
      this.output.bytes(RECEIPT_TAIL);
    });
    this.socketOutput.flushSoon();
    if (this.pausedByReceipts) this.balanceReading();
    if (this.state === STATE.disconnecting && this.receiptsGiven === this.receiptsAsked) {
      this.finish();
    }
  }

  deliver(subscriber: Subscriber, message: DeliveryView): void {
    if (this.state !== STATE.connected) return;
    const own = message.contentKind === CONTENT_KIND.amqp ? this.options.convert(message) : message;
    const subscription = subscriber.context as Subscription;
    const { socketBufferMaxBytes } = this.options.config;
    if (isLarge(own.bodyEnd - own.bodyStart, socketBufferMaxBytes)) {
      appendMessageHead(this.output, subscription, own, 0);
      this.largeBody = new LargeBody(this.output, own, this.writeBody);
    } else {
      appendMessageFrame(this.output, subscription, own);
    }
    this.socketOutput.flushSoon();
  }

  /**
   * Nothing more is carried out, but a little is still read: of a socket that is not read nobody would learn
   * that the client is gone, and those who come again and again would take all connections.
   */
  pauseReading(_reason: string): void {
    this.pausedByBroker = true;
    // What a client said before it went away is taken, as it was when the limit was met.
    if (!this.isGone) this.decoder.isPaused = true;
    this.balanceReading();
  }

  /** Not at once: the broker is the caller. */
  resumeReading(): void {
    this.pausedByBroker = false;
    this.clock.soon(this.readHeld);
  }

  abort(reason: string): void {
    this.fail(
      new StompError(reason, 'The broker closed this connection; connect again.'),
      undefined,
    );
  }

  // What the socket and the clock call.

  private onData(bytes: Uint8Array): void {
    if (!READING_STATES.has(this.state)) {
      // It says nothing more, but may beat until the end of a large body and its last receipt have come.
      this.liveness?.received(this.clock.monotonicMs(), this.decoder);
      return;
    }
    try {
      const taken = this.decoder.push(bytes);
      if (taken < bytes.length && this.decoder.isPaused) this.hold(bytes.subarray(taken));
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.fail(error, this.decoder.frame);
      return;
    }
    this.liveness?.received(this.clock.monotonicMs(), this.decoder);
  }

  private hold(bytes: Uint8Array): void {
    this.held.hold(bytes);
    this.balanceReading();
  }

  private readonly readHeld = (): void => {
    if (this.pausedByBroker) return;
    this.decoder.isPaused = false;
    for (const bytes of this.held.release()) this.onData(bytes);
    this.balanceReading();
  };

  private onDrain(): void {
    this.writeBody();
    this.socketOutput.offerDelivery();
  }

  private onClose(): void {
    this.isGone = true;
    if (this.state === STATE.connected && this.decoder.isPaused) {
      this.pausedByBroker = false;
      this.readHeld();
    }
    this.state = STATE.closed;
    this.socketOutput.stop();
    this.dropBody();
    this.timer.cancel();
    this.decoder.stop();
    this.brokerSession?.close();
    this.options.onClosed();
  }

  private onConnectTimeout(): void {
    const { connectTimeoutMs } = this.options.config;
    const [summary, mend] =
      this.state === STATE.loggingIn
        ? [`The login was not looked at within ${connectTimeoutMs} ms`, 'Connect again later']
        : [
            `No whole CONNECT frame within ${connectTimeoutMs} ms`,
            'Send CONNECT as soon as the connection is open',
          ];
    const detail = `${mend}; the limit is set by stomp.connectTimeoutMs.`;
    this.fail(new StompError(summary, detail, 'LIMIT_EXCEEDED'), undefined);
  }

  private onCheck(liveness: Liveness): void {
    const verdict = liveness.check(this.clock.monotonicMs(), {
      decoder: this.decoder,
      readingPaused: this.readingPaused,
      writtenBytes: this.output.writtenBytes,
      bufferedBytes: this.socket.bufferedBytes,
    });
    if (verdict === VERDICT.stuck) {
      this.socket.destroy();
      return;
    }
    if (verdict instanceof StompError) {
      this.fail(verdict, undefined);
      return;
    }
    if (verdict === VERDICT.beat) {
      this.output.reserve(HEART_BEAT.length);
      this.output.bytes(HEART_BEAT);
      this.socketOutput.flushSoon();
    } else if (this.output.writtenBytes === this.writtenBytesAtCheck) {
      this.output.releaseWhenEmpty();
    }
    this.writtenBytesAtCheck = this.output.writtenBytes;
    this.scheduleCheck(liveness);
  }

  private scheduleCheck(liveness: Liveness): void {
    this.timer = this.clock.after(liveness.checkIntervalMs, () => this.onCheck(liveness));
  }

  // Frames.

  private onFrame(frame: Frame): void {
    if (frame.command === COMMAND.connect || frame.command === COMMAND.stomp) {
      this.connect(frame);
    } else if (this.commands === undefined) {
      throw new StompError(
        `${commandName(frame.command)} came before CONNECT`,
        'The first frame of a connection must be CONNECT or STOMP.',
      );
    } else if (frame.command === COMMAND.disconnect) {
      this.disconnect(frame);
    } else {
      this.commands.handle(frame);
    }
  }

  private connect(frame: Frame): void {
    if (this.state !== STATE.opening) {
      throw new StompError(
        'This connection is connected already',
        'Send CONNECT once; open another connection for another session.',
      );
    }
    const { config, authentication, broker } = this.options;
    const negotiated = negotiate(frame, config.heartbeatMs);
    if (authentication === undefined) this.admit(negotiated, broker);
    else this.logIn(negotiated, authentication);
  }

  private logIn(negotiated: Negotiated, authentication: Authentication): void {
    const asked = askWho(negotiated, authentication);
    this.state = STATE.loggingIn;
    this.decoder.isPaused = true;
    this.pausedByLogin = true;
    this.balanceReading();
    const onAnswer = (admission: Admission | null): void => this.onLogin(negotiated, admission);
    const onFailed = (error: unknown): void => {
      const summary = 'The login could not be looked at';
      this.fail(new StompError(summary, messageOf(error)), undefined);
    };
    asked.then(onAnswer, onFailed);
  }

  private onLogin(negotiated: Negotiated, admission: Admission | null): void {
    if (this.state !== STATE.loggingIn) return;
    try {
      if (admission === null) throw refusalOf(negotiated, this.options.authentication);
      this.admit(negotiated, admission.broker);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.fail(error, undefined);
      return;
    }
    this.pausedByLogin = false;
    this.readHeld();
  }

  /** The client is connected from now on. */
  private admit(negotiated: Negotiated, endpoint: BrokerEndpoint): void {
    const { options, clock } = this;
    const { version, clientId } = negotiated;
    const description = `stomp ${this.socket.remoteAddress}`;
    const broker = endpoint.openSession(this, description, { clientId: clientId ?? null });
    this.brokerSession = broker;
    this.decoder.version = version;
    this.state = STATE.connected;
    this.commands = new ClientCommands({
      broker,
      version,
      clientId,
      tokenFor: (asking) => this.tokenFor(asking),
      wallMs: () => clock.wallMs(),
      onBrowsed: (subscription) => this.writeFrame(endOfBrowsing(subscription)),
    });
    this.writeFrame(connectedFrame(negotiated, options));
    this.timer.cancel();
    this.liveness = new Liveness(negotiated, options.config.frameTimeoutMs, clock.monotonicMs());
    this.scheduleCheck(this.liveness);
  }

  /** The receipt is the last frame sent, and says that everything before it was processed. */
  private disconnect(frame: Frame): void {
    this.decoder.stop();
    const token = this.tokenFor(frame);
    if (token === null) {
      this.finish();
    } else {
      this.state = STATE.disconnecting;
      this.brokerSession?.barrier(token);
    }
  }

  private tokenFor(frame: Frame): ConfirmationToken {
    const index = frame.indexOf(HEADER.receipt);
    if (index === -1) return null;
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    if (end - start > MAX_RECEIPT_BYTES) {
      throw limitExceeded('Bytes of a receipt header', MAX_RECEIPT_BYTES, 'the broker itself');
    }
    this.receipts.push(frame.bytes, start, end);
    if (this.receipts.heldBytes > this.options.config.socketBufferMaxBytes) this.balanceReading();
    this.receiptsAsked += 1;
    return this.receiptsAsked;
  }

  // Output and the end.

  private writeFrame(bytes: Uint8Array): void {
    this.output.reserve(bytes.length);
    this.output.bytes(bytes);
    this.socketOutput.flushSoon();
  }

  private afterFlush(): void {
    this.liveness?.sent(this.clock.monotonicMs());
    this.writeBody();
  }

  /** Goes on with a large body as far as the socket takes it. */
  private readonly writeBody = (): void => {
    if (this.largeBody === null) return;
    const { socketBufferMaxBytes } = this.options.config;
    const hasRoom = (): boolean => hasRoomForPart(this.socket.bufferedBytes, socketBufferMaxBytes);
    if (!this.largeBody.write(hasRoom)) return;
    this.largeBody = null;
    if (this.finishesBehindBody) this.finish();
    else this.socketOutput.flushSoon();
  };

  private dropBody(): void {
    this.largeBody?.drop();
    this.largeBody = null;
  }

  private get readingPaused(): boolean {
    return this.pausedByBroker || this.pausedByReceipts || this.pausedByLogin;
  }

  /** Reads on only when neither the broker, and enough is held, nor too many receipts that wait for it hold the client back. */
  private balanceReading(): void {
    const limit = this.options.config.socketBufferMaxBytes;
    this.pausedByReceipts = this.receipts.heldBytes > (this.pausedByReceipts ? limit / 2 : limit);
    const hasHeldEnough = this.pausedByBroker && this.held.count > HELD_MAX_BYTES;
    const shallPause = hasHeldEnough || this.pausedByReceipts || this.pausedByLogin;
    if (shallPause === this.socketPaused) return;
    this.socketPaused = shallPause;
    if (this.socketPaused) this.socket.pauseReading();
    else this.socket.resumeReading();
  }

  private fail(error: HoldfastError, frame: Frame | undefined): void {
    if (this.state === STATE.closing || this.state === STATE.closed) return;
    if (this.largeBody !== null) {
      // Inside of a body there is no way to say why.
      this.dropBody();
      this.finish();
      return;
    }
    this.writeFrame(errorFrame(error, frame, this.decoder.version));
    this.finish();
  }

  /** Sends what is gathered, gives the client some time to read it, and lets the broker go. */
  private finish(): void {
    this.decoder.stop();
    if (this.largeBody !== null) {
      this.finishesBehindBody = true;
      return;
    }
    this.state = STATE.closing;
    this.timer.cancel();
    this.timer = this.socketOutput.end();
    // Not at once: the broker may be the caller.
    this.clock.soon(() => this.brokerSession?.close());
  }
}
