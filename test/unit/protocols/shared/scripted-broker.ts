/** A broker that keeps what it was asked for and confirms only when told to. */
import {
  type BrokerEndpoint,
  type BrokerSession,
  type ClientIdentity,
  CONTENT_KIND,
  type ConfirmationToken,
  type DeliveryView,
  type Destination,
  type IncomingMessage,
  inMemory,
  REJECTION,
  type Rejection,
  type SessionEvents,
  type SubscribeOptions,
  type Subscriber,
} from '../../../../src/broker/api.js';
import { HoldfastError } from '../../../../src/platform/errors.js';
import { bytesOf } from '../stomp/decode-all.js';

const WORD_OF_REJECTION = {
  [REJECTION.failed]: 'nack',
  [REJECTION.released]: 'release',
  [REJECTION.poison]: 'poison',
} as const;

/** Each call is one readable line in `calls`; one that begins as a key of `refuses` gets that error. */
export class ScriptedBroker implements BrokerEndpoint, BrokerSession {
  readonly calls: string[] = [];
  readonly tokens: ConfirmationToken[] = [];
  readonly subscribers: { readonly context: unknown; readonly options: SubscribeOptions }[] = [];
  /** What a message brings about at once. */
  onSend: () => void = () => undefined;
  /** What a rejection brings about at once. */
  onReject: () => void = () => undefined;
  readonly durable = new Map<string, Destination>();
  readonly sent: IncomingMessage[] = [];
  /** To be called when there is nothing more for a subscriber that drains. */
  readonly drains: (() => void)[] = [];
  /** Confirms on the next turn of the event loop instead of on `confirmAll`. */
  confirmsByItself = false;
  readonly refuses = new Map<string, HoldfastError>();
  events: SessionEvents | undefined;
  describe = '';
  identity: ClientIdentity = {};

  openSession(
    events: SessionEvents,
    describe: string,
    identity: ClientIdentity = {},
  ): BrokerSession {
    const refused = this.refuses.get('open');
    if (refused !== undefined) throw refused;
    this.identity = identity;
    this.events = events;
    this.describe = describe;
    return this;
  }

  requireSend(): void {
    const refused = this.refuses.get('requireSend');
    if (refused !== undefined) throw refused;
  }

  send(message: IncomingMessage, token: ConfirmationToken, transaction: string | null): void {
    const { kind, name } = message.destination;
    this.sent.push({ ...message, headers: message.headers.slice(), body: message.body.slice() });
    this.note(`send ${kind} ${name} in ${transaction}`, token);
    this.onSend();
  }

  subscribe(options: SubscribeOptions, token: ConfirmationToken): Subscriber {
    const { destination, acknowledgement, prefetch, durable } = options;
    const kept = durable === null ? '' : ` durable ${durable.clientId}/${durable.name}`;
    const { shared } = options;
    const wishes = [
      durable?.isShared === true ? 'shared' : '',
      durable?.replaces === true ? 'replacing' : '',
      shared === undefined ? '' : `shared ${shared.clientId}/${shared.name}`,
      options.selector == null ? '' : `where ${options.selector}`,
      options.noLocal === true ? 'noLocal' : '',
      options.browses === true ? 'browses' : '',
    ];
    const wished = wishes.filter((wish) => wish !== '').map((wish) => ` ${wish}`);
    this.note(
      `subscribe ${destination.kind} ${destination.name} ack ${acknowledgement} prefetch ${prefetch}${kept}${wished.join('')}`,
      token,
    );
    const subscriber = { context: options.context, options };
    this.subscribers.push(subscriber);
    return subscriber;
  }

  unsubscribe(subscriber: Subscriber, token: ConfirmationToken): void {
    this.note(`unsubscribe ${this.numberOf(subscriber)}`, token);
  }

  setCredit(subscriber: Subscriber, credit: number): void {
    this.note(`credit ${this.numberOf(subscriber)} ${credit}`, null);
  }

  drain(subscriber: Subscriber, drained: () => void): void {
    this.note(`drain ${this.numberOf(subscriber)}`, null);
    this.drains.push(drained);
  }

  createTemporary({ kind, name }: Destination): void {
    this.note(`create ${kind} ${name}`, null);
  }

  removeTemporary({ kind, name }: Destination): void {
    this.note(`remove ${kind} ${name}`, null);
  }

  durableSubscription(clientId: string, name: string): Destination | null {
    return this.durable.get(`${clientId}/${name}`) ?? null;
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
    rejection: Rejection,
    token: ConfirmationToken,
    transaction: string | null,
  ): void {
    const word = WORD_OF_REJECTION[rejection];
    this.note(`${word} ${this.numberOf(subscriber)} ${entryId} in ${transaction}`, token);
    this.onReject();
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
      hold: () => inMemory(changes.bytes ?? bytes),
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

export function refusal(message: string): HoldfastError {
  return new HoldfastError('CLIENT_FAILED', message);
}
