/**
 * A STOMP session between a socket, a clock and a broker that the test holds in its hands. The
 * broker keeps what it was asked for and confirms only when told to.
 */
import type {
  BrokerEndpoint,
  BrokerSession,
  ConfirmationToken,
  DeliveryView,
  IncomingMessage,
  SessionEvents,
  SubscribeOptions,
  Subscriber,
} from '../../../../src/broker/api.js';
import { CONTENT_KIND } from '../../../../src/broker/api.js';
import type { Config } from '../../../../src/config/schema.js';
import { HoldfastError } from '../../../../src/platform/errors.js';
import type { Clock, Socket, SocketEvents, Timer } from '../../../../src/platform/ports.js';
import { StompSession, type StompSessionOptions } from '../../../../src/protocols/stomp/session.js';
import { bytesOf } from './decode-all.js';

export const STOMP_CONFIG: Config['stomp'] = {
  listen: '127.0.0.1:0',
  maxHeaderBytes: 4096,
  maxHeaders: 32,
  maxBodyBytes: 100_000,
  maxConnections: 10,
  connectTimeoutMs: 1_000,
  frameTimeoutMs: 2_000,
  heartbeatMs: 400,
  socketBufferMaxBytes: 65_536,
};

/** Time moves only by `advance`. */
export class ManualClock implements Clock {
  nowMs = 1_000;
  private timers: { atMs: number; callback: () => void }[] = [];
  private turnEnd: (() => void)[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((one) => one !== timer);
      },
    };
  }

  soon(callback: () => void): void {
    this.turnEnd.push(callback);
  }

  endTurn(): void {
    while (this.turnEnd.length > 0) {
      const callbacks = this.turnEnd;
      this.turnEnd = [];
      for (const callback of callbacks) callback();
    }
  }

  advance(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      this.endTurn();
      const next = this.timers.sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.timers.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = endMs;
  }

  get timerCount(): number {
    return this.timers.length;
  }
}

export class FakeSocket implements Socket {
  readonly remoteAddress = '10.0.0.5:51234';
  bufferedBytes = 0;
  writes = 0;
  ended = false;
  destroyed = false;
  paused = false;
  /** When false, what is written stays in the socket's buffer. */
  takesBytes = true;
  private readonly written: Uint8Array[] = [];
  private events: SocketEvents | undefined;

  write(bytes: Uint8Array): void {
    this.writes += 1;
    this.written.push(bytes);
    if (!this.takesBytes) this.bufferedBytes += bytes.length;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.events?.onClose();
  }

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    this.paused = false;
  }

  receive(events: SocketEvents): void {
    this.events = events;
  }

  push(bytes: Uint8Array): void {
    this.events?.onData(bytes);
  }

  drain(): void {
    this.bufferedBytes = 0;
    this.events?.onDrain();
  }

  /** Everything written since the last call. */
  takeBytes(): Uint8Array {
    return Buffer.concat(this.written.splice(0));
  }

  /** The same as text, with NUL shown as `^@`. */
  takeText(): string {
    return Buffer.from(this.takeBytes()).toString().replaceAll('\0', '^@');
  }
}

/** Each call is one readable line in `calls`; one that begins as a key of `refuses` gets that error. */
export class ScriptedBroker implements BrokerEndpoint, BrokerSession {
  readonly calls: string[] = [];
  readonly tokens: ConfirmationToken[] = [];
  readonly subscribers: { readonly context: unknown; readonly options: SubscribeOptions }[] = [];
  readonly sent: IncomingMessage[] = [];
  /** Confirms on the next turn of the event loop instead of on `confirmAll`. */
  confirmsByItself = false;
  readonly refuses = new Map<string, HoldfastError>();
  events: SessionEvents | undefined;
  describe = '';

  openSession(events: SessionEvents, describe: string): BrokerSession {
    this.events = events;
    this.describe = describe;
    return this;
  }

  send(message: IncomingMessage, token: ConfirmationToken, transaction: string | null): void {
    const { kind, name } = message.destination;
    this.sent.push({ ...message, headers: message.headers.slice(), body: message.body.slice() });
    this.note(`send ${kind} ${name} in ${transaction}`, token);
  }

  subscribe(options: SubscribeOptions, token: ConfirmationToken): Subscriber {
    const { destination, acknowledgement, prefetch, durable } = options;
    const kept = durable === null ? '' : ` durable ${durable.clientId}/${durable.name}`;
    this.note(
      `subscribe ${destination.kind} ${destination.name} ack ${acknowledgement} prefetch ${prefetch}${kept}`,
      token,
    );
    const subscriber = { context: options.context, options };
    this.subscribers.push(subscriber);
    return subscriber;
  }

  unsubscribe(subscriber: Subscriber, token: ConfirmationToken): void {
    this.note(`unsubscribe ${this.numberOf(subscriber)}`, token);
  }

  removeDurableSubscription(clientId: string, name: string, token: ConfirmationToken): void {
    this.note(`remove ${clientId}/${name}`, token);
  }

  acknowledge(
    subscriber: Subscriber,
    entryId: number,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    this.note(`ack ${this.numberOf(subscriber)} ${entryId} in ${transaction}`, token);
  }

  reject(
    subscriber: Subscriber,
    entryId: number,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    this.note(`nack ${this.numberOf(subscriber)} ${entryId} in ${transaction}`, token);
  }

  begin(transaction: string): void {
    this.note(`begin ${transaction}`, null);
  }

  commit(transaction: string, token: ConfirmationToken): void {
    this.note(`commit ${transaction}`, token);
  }

  rollback(transaction: string, token: ConfirmationToken): void {
    this.note(`rollback ${transaction}`, token);
  }

  barrier(token: ConfirmationToken): void {
    this.note('barrier', token);
  }

  resumeDelivery(): void {
    this.calls.push('resumeDelivery');
  }

  close(): void {
    this.calls.push('close');
  }

  confirmAll(): void {
    for (const token of this.tokens.splice(0)) this.events?.confirmed(token);
  }

  takeCalls(): string[] {
    return this.calls.splice(0);
  }

  deliver(number: number, changes: Partial<DeliveryView> & { headers?: string; body?: string }) {
    const subscriber = this.subscribers[number];
    if (subscriber === undefined) throw new Error(`No subscriber ${number}.`);
    const headers = bytesOf(changes.headers ?? '');
    const body = bytesOf(changes.body ?? 'hello');
    // In the journal block there are other bytes around a message.
    const bytes = new Uint8Array(headers.length + body.length + 7).fill(0x21);
    bytes.set(headers, 3);
    bytes.set(body, 3 + headers.length);
    this.events?.deliver(subscriber, {
      entryId: 7,
      destination: subscriber.options.destination,
      contentKind: CONTENT_KIND.stomp,
      bytes,
      headersStart: 3,
      headersEnd: 3 + headers.length,
      bodyStart: 3 + headers.length,
      bodyEnd: 3 + headers.length + body.length,
      durable: true,
      priority: 4,
      expiresAtMs: 0,
      timestampMs: 1_700_000_000_000,
      redelivered: false,
      failedDeliveries: 0,
      ...changes,
    });
  }

  private numberOf(subscriber: Subscriber): number {
    return this.subscribers.findIndex(({ context }) => context === subscriber.context);
  }

  private note(call: string, token: ConfirmationToken): void {
    for (const [start, error] of this.refuses) if (call.startsWith(start)) throw error;
    this.calls.push(token === null ? call : `${call} (confirm)`);
    if (token === null) return;
    this.tokens.push(token);
    if (this.confirmsByItself) setImmediate(() => this.confirmAll());
  }
}

export class Connection {
  readonly clock = new ManualClock();
  readonly socket = new FakeSocket();
  readonly broker = new ScriptedBroker();
  closedCount = 0;
  readonly session: StompSession;

  constructor(changes: Partial<StompSessionOptions> = {}) {
    this.session = new StompSession({
      socket: this.socket,
      broker: this.broker,
      clock: this.clock,
      config: STOMP_CONFIG,
      serverName: 'holdfast/0.1.0',
      sessionId: 's-1',
      nodeName: 'a',
      onClosed: () => {
        this.closedCount += 1;
      },
      ...changes,
    });
  }

  /** Sends the text (`^@` stands for NUL) and gives back what the session answers in this turn. */
  exchange(text: string): string {
    this.socket.push(bytesOf(text.replaceAll('^@', '\0')));
    return this.answer();
  }

  answer(): string {
    this.clock.endTurn();
    return this.socket.takeText();
  }

  confirm(): string {
    this.broker.confirmAll();
    return this.answer();
  }
}

/** A connection on which CONNECT is done. */
export function connected(
  version: '1.0' | '1.1' | '1.2',
  headers = '',
  changes: Partial<StompSessionOptions> = {},
): Connection {
  const connection = new Connection(changes);
  const answer = connection.exchange(`CONNECT\naccept-version:${version}\nhost:h\n${headers}\n^@`);
  if (!answer.startsWith(`CONNECTED\nversion:${version}\n`)) throw new Error(answer);
  return connection;
}

export function refusal(message: string): HoldfastError {
  return new HoldfastError('CLIENT_FAILED', message);
}
