/**
 * A small STOMP 1.2 client for the command line, the tests and the load programs. It hides
 * nothing: a lost connection rejects what was not confirmed and is reported once; whoever uses it
 * decides whether to connect again and what to send again.
 */
import { HoldfastError } from '../platform/errors.js';
import type { Clock, HostPort, Network, Socket, Timer } from '../platform/ports.js';
import { Output } from '../protocols/shared/output.js';
import { NO_BYTES, utf8 } from '../protocols/stomp/bytes.js';
import { COMMAND, type Command } from '../protocols/stomp/commands.js';
import type { Frame } from '../protocols/stomp/frame.js';
import { FrameDecoder, type FrameLimits } from '../protocols/stomp/frame-decoder.js';
import { encodeFrame, type HeaderLine } from '../protocols/stomp/frame-encoder.js';
import { HEADER } from '../protocols/stomp/known-headers.js';
import { Liveness, VERDICT } from '../protocols/stomp/liveness.js';
import { agreeHeartBeats } from '../protocols/stomp/negotiation.js';
import { StompError } from '../protocols/stomp/stomp-error.js';
import { VERSION, versionOfText } from '../protocols/stomp/version.js';
import { ReceivedMessage } from './received-message.js';

const DEFAULT_LIMITS: FrameLimits = {
  maxHeaderBytes: 1024 * 1024,
  maxHeaders: 10_000,
  maxBodyBytes: 256 * 1024 * 1024,
};
const FRAME_TIMEOUT_MS = 60_000;

export interface StompClientOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** For opening the connection, and again for the answer to CONNECT. */
  readonly connectTimeoutMs: number;
  /** Offered in both directions; 0 for none. */
  readonly heartbeatMs: number;
  readonly login?: string;
  readonly passcode?: string;
  /** Needed for durable subscriptions. */
  readonly clientId?: string;
}

export type AckMode = 'auto' | 'client' | 'client-individual';

export interface SubscribeRequest {
  readonly destination: string;
  readonly ack: AckMode;
  /** Further headers, as `prefetch-count` or `durable-subscription-name`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly onMessage: (message: ReceivedMessage) => void;
}

export interface ClientSubscription {
  readonly id: string;
  readonly destination: string;
}

export interface SendRequest {
  readonly destination: string;
  readonly body: Uint8Array | string;
  /** To be known as text: sent without its length, unless that cannot be. */
  readonly isText?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly transaction?: string;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: HoldfastError) => void;
}

/** The broker answered with an ERROR frame: to send the same again would not help. */
export class BrokerRefusal extends HoldfastError {}

/** Connects to the first of `servers` that takes this client, in their order. Rejects with what each of them failed with. */
export async function connectStomp(
  servers: readonly HostPort[],
  options: StompClientOptions,
): Promise<StompClient> {
  const failures: HoldfastError[] = [];
  for (const server of servers) {
    try {
      const socket = await options.network.connect(server, options.connectTimeoutMs);
      return await StompClient.open(socket, server, options);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      failures.push(error);
    }
  }
  throw combined(failures);
}

/** What a broker said of this client counts more than that another one cannot be reached. */
function combined(failures: readonly HoldfastError[]): HoldfastError {
  const [first] = failures;
  if (first === undefined)
    return new HoldfastError('CLIENT_FAILED', 'No server address was given.');
  if (failures.length === 1) return first;
  const worst = failures.find(({ code }) => code !== 'CLIENT_FAILED') ?? first;
  const sentences = new Set(failures.map(({ message }) => message.replace(/[^.]$/, '$&.')));
  return new HoldfastError(worst.code, [...sentences].join(' '), { cause: worst });
}

export class StompClient {
  /** Resolves when the connection is over: with null after `disconnect`, else with the reason. */
  readonly closed: Promise<HoldfastError | null>;
  readonly server: HostPort;

  private readonly socket: Socket;
  private readonly options: StompClientOptions;
  private readonly decoder: FrameDecoder;
  private readonly output: Output;
  private readonly waiting = new Map<string, Waiting>();
  private readonly handlers = new Map<string, SubscribeRequest['onMessage']>();
  private resolveClosed!: (reason: HoldfastError | null) => void;
  private opened: Waiting | undefined;
  private timer: Timer;
  private liveness: Liveness | undefined;
  private lastReceipt = 0;
  private lastSubscription = 0;
  private flushIsDue = false;
  private disconnecting = false;
  private failure: HoldfastError | undefined;
  private isClosed = false;

  /** Speaks CONNECT over an open socket; resolves when the broker agreed. */
  static open(socket: Socket, server: HostPort, options: StompClientOptions): Promise<StompClient> {
    return new Promise((resolve, reject) => {
      const client: StompClient = new StompClient(socket, server, options, {
        resolve: () => resolve(client),
        reject,
      });
    });
  }

  private constructor(
    socket: Socket,
    server: HostPort,
    options: StompClientOptions,
    opened: Waiting,
  ) {
    this.socket = socket;
    this.server = server;
    this.options = options;
    this.opened = opened;
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    this.decoder = new FrameDecoder(DEFAULT_LIMITS, (frame) => this.onFrame(frame));
    this.output = new Output((bytes) => socket.write(bytes));
    this.timer = options.clock.after(options.connectTimeoutMs, () =>
      this.giveUp(`did not answer CONNECT within ${options.connectTimeoutMs} ms`),
    );
    socket.receive({
      onData: (bytes) => this.onData(bytes),
      onDrain: () => undefined,
      onClose: () => this.onClose(),
    });
    this.sendConnect();
  }

  /** Nothing can be written any more; `closed` tells why. */
  get isOver(): boolean {
    return this.isClosed;
  }

  /** Resolves when the broker confirmed the message (or, in a transaction, that it has it). */
  send(request: SendRequest): Promise<void> {
    return this.withReceipt(COMMAND.send, sendHeaders(request), bodyOf(request), request.isText);
  }

  /** Sends without asking for a receipt: nobody learns whether the message arrived. */
  sendUnconfirmed(request: SendRequest): void {
    this.write(COMMAND.send, sendHeaders(request), bodyOf(request), request.isText);
  }

  /** Resolves when the broker confirmed the subscription; messages may come before. */
  async subscribe(request: SubscribeRequest): Promise<ClientSubscription> {
    this.lastSubscription += 1;
    const id = String(this.lastSubscription);
    this.handlers.set(id, request.onMessage);
    await this.withReceipt(COMMAND.subscribe, [
      ['id', id],
      ['destination', request.destination],
      ['ack', request.ack],
      ...Object.entries(request.headers ?? {}),
    ]);
    return { id, destination: request.destination };
  }

  async unsubscribe(
    subscription: ClientSubscription,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const lines: HeaderLine[] = [['id', subscription.id], ...Object.entries(headers)];
    await this.withReceipt(COMMAND.unsubscribe, lines);
    this.handlers.delete(subscription.id);
  }

  /** Without waiting for the broker; `acknowledgeConfirmed` waits. */
  acknowledge(message: ReceivedMessage, transaction?: string): void {
    this.write(COMMAND.ack, settleHeaders(message, transaction), NO_BYTES);
  }

  acknowledgeConfirmed(message: ReceivedMessage, transaction?: string): Promise<void> {
    return this.withReceipt(COMMAND.ack, settleHeaders(message, transaction));
  }

  /** The message was not processed: it is delivered again, or goes to its dead-letter queue. */
  reject(message: ReceivedMessage, transaction?: string): void {
    this.write(COMMAND.nack, settleHeaders(message, transaction), NO_BYTES);
  }

  begin(transaction: string): void {
    this.write(COMMAND.begin, [['transaction', transaction]], NO_BYTES);
  }

  /** Resolves when the broker confirmed the whole transaction. */
  commit(transaction: string): Promise<void> {
    return this.withReceipt(COMMAND.commit, [['transaction', transaction]]);
  }

  rollback(transaction: string): Promise<void> {
    return this.withReceipt(COMMAND.abort, [['transaction', transaction]]);
  }

  /** Resolves when the broker has processed everything that was sent before. */
  async disconnect(): Promise<void> {
    const receipt = this.withReceipt(COMMAND.disconnect, []);
    this.disconnecting = true;
    await receipt;
    this.socket.end();
    await this.closed;
  }

  /** Drops the connection as a crash would. */
  destroy(): void {
    this.socket.destroy();
  }

  private sendConnect(): void {
    const { login, passcode, clientId, heartbeatMs } = this.options;
    const headers: HeaderLine[] = [
      ['accept-version', '1.2'],
      ['host', this.server.host],
      ['heart-beat', `${heartbeatMs},${heartbeatMs}`],
    ];
    if (login !== undefined) headers.push(['login', login]);
    if (passcode !== undefined) headers.push(['passcode', passcode]);
    if (clientId !== undefined) headers.push(['client-id', clientId]);
    this.write(COMMAND.connect, headers, NO_BYTES);
  }

  private withReceipt(
    command: Command,
    headers: readonly HeaderLine[],
    body: Uint8Array = NO_BYTES,
    isText = false,
  ): Promise<void> {
    if (this.isClosed) return Promise.reject(this.reasonOfClose());
    this.lastReceipt += 1;
    const receipt = String(this.lastReceipt);
    return new Promise((resolve, reject) => {
      this.waiting.set(receipt, { resolve, reject });
      this.write(command, [...headers, ['receipt', receipt]], body, isText);
    });
  }

  private write(
    command: Command,
    headers: readonly HeaderLine[],
    body: Uint8Array,
    isText = false,
  ): void {
    if (this.isClosed) throw this.reasonOfClose();
    // Without a length a NUL ends the body.
    const frame = { command, headers, body, isText: isText && !body.includes(0) };
    const bytes = encodeFrame(frame, VERSION.v12);
    this.output.reserve(bytes.length);
    this.output.bytes(bytes);
    if (this.flushIsDue) return;
    this.flushIsDue = true;
    this.options.clock.soon(() => this.flush());
  }

  private flush(): void {
    this.flushIsDue = false;
    if (this.isClosed) return;
    this.output.flush();
    this.liveness?.sent(this.options.clock.monotonicMs());
  }

  private onData(bytes: Uint8Array): void {
    try {
      this.decoder.push(bytes);
    } catch (error) {
      if (!(error instanceof StompError)) throw error;
      this.giveUp(`sent something that is not STOMP 1.2: ${error.message}`);
      return;
    }
    this.liveness?.received(this.options.clock.monotonicMs(), this.decoder);
  }

  private onFrame(frame: Frame): void {
    if (frame.command === COMMAND.message) {
      const handler = this.handlers.get(frame.text(HEADER.subscription) ?? '');
      handler?.(new ReceivedMessage(frame));
    } else if (frame.command === COMMAND.receipt) {
      const receipt = frame.text(HEADER.receiptId) ?? '';
      const waiting = this.waiting.get(receipt);
      this.waiting.delete(receipt);
      waiting?.resolve();
    } else if (frame.command === COMMAND.connected) {
      this.onConnected(frame);
    } else if (frame.command === COMMAND.error) {
      const body = new TextDecoder().decode(frame.body()).trim();
      const text = body === '' ? (frame.text(HEADER.message) ?? 'no reason') : body;
      const { host, port } = this.server;
      this.failure ??= new BrokerRefusal(
        frame.text(HEADER.errorCode) === 'ACCESS_DENIED' ? 'ACCESS_DENIED' : 'CLIENT_FAILED',
        `The broker at ${host}:${port} answered with an error: ${text.replaceAll('\n', ' ')}`,
      );
      this.giveUp('answered with an error');
    } else {
      this.giveUp('sent a frame that only clients send');
    }
  }

  private onConnected(frame: Frame): void {
    const version = frame.text(HEADER.version) ?? '1.0';
    if (versionOfText(version) !== VERSION.v12) {
      this.giveUp(`speaks only STOMP ${version}; 1.2 is needed`);
      return;
    }
    const { heartbeatMs, clock } = this.options;
    this.decoder.version = VERSION.v12;
    const heartBeats = agreeHeartBeats(heartbeatMs, frame.text(HEADER.heartBeat));
    this.liveness = new Liveness(heartBeats, FRAME_TIMEOUT_MS, clock.monotonicMs());
    this.timer.cancel();
    this.scheduleCheck(this.liveness);
    this.opened?.resolve();
    this.opened = undefined;
  }

  private scheduleCheck(liveness: Liveness): void {
    this.timer = this.options.clock.after(liveness.checkIntervalMs, () => {
      const verdict = liveness.check(this.options.clock.monotonicMs(), {
        decoder: this.decoder,
        readingPaused: false,
        writtenBytes: this.output.writtenBytes,
        bufferedBytes: this.socket.bufferedBytes,
      });
      if (verdict instanceof StompError) return this.giveUp(`went silent. ${verdict.summary}`);
      if (verdict === VERDICT.stuck) return this.giveUp('takes no more bytes');
      if (verdict === VERDICT.beat) {
        this.output.reserve(1);
        this.output.byte(0x0a);
        this.flush();
      }
      this.scheduleCheck(liveness);
    });
  }

  private giveUp(reason: string): void {
    const { host, port } = this.server;
    this.failure ??= new HoldfastError('CLIENT_FAILED', `The broker at ${host}:${port} ${reason}`);
    this.decoder.stop();
    this.socket.destroy();
  }

  private onClose(): void {
    this.isClosed = true;
    this.timer.cancel();
    const reason = this.reasonOfClose();
    this.opened?.reject(reason);
    for (const { reject } of this.waiting.values()) reject(reason);
    const wasClean = this.disconnecting && this.failure === undefined && this.waiting.size === 0;
    this.waiting.clear();
    this.resolveClosed(wasClean ? null : reason);
  }

  private reasonOfClose(): HoldfastError {
    const { host, port } = this.server;
    return (
      this.failure ??
      new HoldfastError('CLIENT_FAILED', `The connection to ${host}:${port} is closed.`)
    );
  }
}

function sendHeaders(request: SendRequest): HeaderLine[] {
  const headers: HeaderLine[] = [['destination', request.destination]];
  if (request.transaction !== undefined) headers.push(['transaction', request.transaction]);
  headers.push(...Object.entries(request.headers ?? {}));
  return headers;
}

function bodyOf(request: SendRequest): Uint8Array {
  return typeof request.body === 'string' ? utf8(request.body) : request.body;
}

function settleHeaders(message: ReceivedMessage, transaction: string | undefined): HeaderLine[] {
  const id = message.acknowledgementId;
  if (id === undefined) {
    throw new HoldfastError(
      'CLIENT_FAILED',
      'This message needs no acknowledgement: its subscription has ack:auto.',
    );
  }
  const headers: HeaderLine[] = [['id', id]];
  if (transaction !== undefined) headers.push(['transaction', transaction]);
  return headers;
}
