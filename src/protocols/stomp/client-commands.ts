/** Translates the frames of a connected client to calls of the broker. */
import {
  ACKNOWLEDGEMENT,
  type AcknowledgementMode,
  type BrokerSession,
  CONTENT_KIND,
  type ConfirmationToken,
  type ContentKind,
  type Destination,
  REJECTION,
} from '../../broker/api.js';
import { HoldfastError } from '../../platform/errors.js';
import { decimalInRange, LastRange, NO_BYTES, utf8 } from './bytes.js';
import { COMMAND, commandName } from './commands.js';
import { DestinationReader } from './destination.js';
import type { Frame } from './frame.js';
import { HEADER, HEADER_NAME, type KnownHeader } from './known-headers.js';
import { StompError } from './stomp-error.js';
import { StoredHeaderWriter } from './stored-headers.js';
import { Subscription } from './subscription.js';
import { type StompVersion, VERSION } from './version.js';

const FALSE = utf8('false');
const DEFAULT_PRIORITY = 4;
const HIGHEST_PRIORITY = 9;
const HYPHEN = 0x2d;
/** A thousand years: with the time of today it stays a whole number. */
const LONGEST_DELAY_MS = 32_000_000_000_000;

/** What would change which messages come, so that ignoring it would be a lie. */
const NOT_OFFERED: readonly KnownHeader[] = [HEADER.activemqExclusive];

const ACKNOWLEDGEMENT_OF_TEXT = new Map<string, AcknowledgementMode>([
  ['auto', ACKNOWLEDGEMENT.auto],
  ['client', ACKNOWLEDGEMENT.cumulative],
  ['client-individual', ACKNOWLEDGEMENT.individual],
]);

export interface ClientCommandsOptions {
  readonly broker: BrokerSession;
  readonly version: StompVersion;
  readonly clientId: string | undefined;
  /** What the broker is to confirm so that the frame's receipt is given; null without a receipt. */
  readonly tokenFor: (frame: Frame) => ConfirmationToken;
  readonly wallMs: () => number;
  /** A browser has had everything. */
  readonly onBrowsed: (subscription: Subscription) => void;
}

interface Settlement {
  readonly transaction: string | null;
  readonly token: ConfirmationToken;
}

export class ClientCommands {
  private readonly broker: BrokerSession;
  private readonly version: StompVersion;
  private readonly clientId: string | undefined;
  private readonly tokenFor: (frame: Frame) => ConfirmationToken;
  private readonly wallMs: () => number;
  private readonly onBrowsed: (subscription: Subscription) => void;
  private readonly subscriptionOfKey = new Map<string, Subscription>();
  private readonly subscriptionOfNumber = new Map<number, Subscription>();
  private subscriptionsMade = 0;
  private readonly destinations = new DestinationReader();
  private readonly storedHeaders = new StoredHeaderWriter();
  private readonly lastTransaction = new LastRange<string>();
  private readonly lastSubscription = new LastRange<Subscription>();
  /** One object serves all SENDs: the broker copies what it keeps. */
  private readonly message = {
    destination: { kind: 'queue', name: '' } as Destination,
    contentKind: CONTENT_KIND.stomp as ContentKind,
    headers: NO_BYTES as Uint8Array,
    body: NO_BYTES as Uint8Array,
    durable: true,
    priority: DEFAULT_PRIORITY,
    expiresAtMs: 0,
    duplicateId: null as string | null,
    deliverAtMs: 0,
    groupId: null as string | null,
    closesGroup: false,
  };

  constructor(options: ClientCommandsOptions) {
    this.broker = options.broker;
    this.version = options.version;
    this.clientId = options.clientId;
    this.tokenFor = options.tokenFor;
    this.wallMs = options.wallMs;
    this.onBrowsed = options.onBrowsed;
  }

  /** Throws a HoldfastError for anything that the client or the broker cannot go on from. */
  handle(frame: Frame): void {
    switch (frame.command) {
      case COMMAND.send:
        this.send(frame);
        break;
      case COMMAND.ack:
        this.acknowledge(frame, true);
        break;
      case COMMAND.nack:
        this.acknowledge(frame, false);
        break;
      case COMMAND.subscribe:
        this.subscribe(frame);
        break;
      case COMMAND.unsubscribe:
        this.unsubscribe(frame);
        break;
      case COMMAND.begin:
        this.begin(frame);
        break;
      case COMMAND.commit:
        this.broker.commit(this.transactionNamed(frame), this.tokenFor(frame));
        break;
      case COMMAND.abort:
        this.broker.rollback(this.transactionNamed(frame), this.tokenFor(frame));
        break;
      default:
        throw new StompError(
          `${commandName(frame.command)} is not a command that a connected client may send`,
          'Send SEND, SUBSCRIBE, UNSUBSCRIBE, ACK, NACK, BEGIN, COMMIT, ABORT or DISCONNECT.',
        );
    }
  }

  private send(frame: Frame): void {
    const { message } = this;
    message.destination = this.destinations.read(frame);
    message.headers = this.storedHeaders.write(frame);
    message.body = frame.body();
    message.contentKind = frame.has(HEADER.contentLength)
      ? CONTENT_KIND.stompBytes
      : CONTENT_KIND.stomp;
    message.durable = !frame.valueIs(HEADER.persistent, FALSE);
    message.priority = numberOf(frame, HEADER.priority, DEFAULT_PRIORITY, HIGHEST_PRIORITY);
    message.expiresAtMs = numberOf(frame, HEADER.expires, 0, Number.MAX_SAFE_INTEGER);
    message.duplicateId =
      frame.text(HEADER.amqDuplicateId) ?? frame.text(HEADER.duplicateId) ?? null;
    message.deliverAtMs = this.deliveryTimeOf(frame);
    message.groupId = frame.text(HEADER.groupId) ?? null;
    message.closesGroup = closesGroup(frame);
    const transaction = this.transactionOf(frame);
    this.broker.send(message, this.tokenFor(frame), transaction);
  }

  /** Artemis' header says when, ActiveMQ's how long from now. */
  private deliveryTimeOf(frame: Frame): number {
    const timeMs = numberOf(frame, HEADER.amqDeliveryTime, 0, Number.MAX_SAFE_INTEGER);
    if (timeMs > 0) return timeMs;
    const delayMs = numberOf(frame, HEADER.scheduledDelay, 0, LONGEST_DELAY_MS);
    return delayMs === 0 ? 0 : Math.floor(this.wallMs()) + delayMs;
  }

  private subscribe(frame: Frame): void {
    const destination = this.destinations.readSubscribed(frame);
    const id = frame.text(HEADER.id);
    if (id === undefined && this.version !== VERSION.v10) throw missing(frame, HEADER.id);
    const key = this.keyOf(frame, id);
    if (this.subscriptionOfKey.has(key)) {
      throw new StompError(
        `The ${key} is subscribed to already`,
        'Give each subscription of a connection an id of its own, or send UNSUBSCRIBE first.',
      );
    }
    for (const header of NOT_OFFERED) {
      if (isSet(frame, header)) {
        throw new StompError(
          `SUBSCRIBE asks for ${HEADER_NAME[header]}, which this broker does not offer`,
          'Leave the header out.',
        );
      }
    }
    const browses = isSet(frame, HEADER.browser);
    const acknowledgement = acknowledgementOf(frame);
    const subscription = new Subscription({
      number: this.subscriptionsMade,
      id,
      destination,
      // A copy has nothing to be acknowledged.
      acknowledgement: browses ? ACKNOWLEDGEMENT.auto : acknowledgement,
      durable: this.durableOf(frame, destination),
      version: this.version,
    });
    this.subscriptionsMade += 1;
    const prefetchHeader = frame.has(HEADER.prefetchCount)
      ? HEADER.prefetchCount
      : HEADER.activemqPrefetchSize;
    subscription.subscriber = this.broker.subscribe(
      {
        destination,
        acknowledgement: subscription.acknowledgement,
        prefetch: numberOf(frame, prefetchHeader, 0, Number.MAX_SAFE_INTEGER),
        durable: subscription.durable,
        selector: frame.text(HEADER.selector)?.trim() ?? null,
        noLocal: isSet(frame, HEADER.noLocal) || isSet(frame, HEADER.activemqNoLocal),
        browses,
        context: subscription,
      },
      this.tokenFor(frame),
    );
    this.subscriptionOfKey.set(key, subscription);
    this.subscriptionOfNumber.set(subscription.number, subscription);
    if (browses) this.tellEndOf(subscription);
  }

  /** A browser sees what is there when it comes, and is told when that was all. */
  private tellEndOf(subscription: Subscription): void {
    const { broker, onBrowsed } = this;
    broker.drain(subscription.subscriber, () => {
      broker.setCredit(subscription.subscriber, 0);
      onBrowsed(subscription);
    });
  }

  private unsubscribe(frame: Frame): void {
    const durableName = durableNameOf(frame);
    const subscription = this.subscriptionOfKey.get(this.keyOf(frame, frame.text(HEADER.id)));
    if (subscription === undefined && durableName === undefined) {
      throw new StompError(
        'UNSUBSCRIBE names no subscription of this connection',
        'Give the id of its SUBSCRIBE; in STOMP 1.0 its destination serves when it had no id.',
      );
    }
    const removes = durableName !== undefined;
    const token = this.tokenFor(frame);
    if (subscription !== undefined) this.dropSubscription(subscription, removes ? null : token);
    if (removes) {
      this.broker.removeDurableSubscription(this.neededClientId(), durableName, token);
    }
  }

  private dropSubscription(subscription: Subscription, token: ConfirmationToken): void {
    for (const [key, value] of this.subscriptionOfKey) {
      if (value === subscription) this.subscriptionOfKey.delete(key);
    }
    this.subscriptionOfNumber.delete(subscription.number);
    this.lastSubscription.forget();
    this.broker.unsubscribe(subscription.subscriber, token);
  }

  private begin(frame: Frame): void {
    this.broker.begin(this.transactionNamed(frame));
    const token = this.tokenFor(frame);
    if (token !== null) this.broker.barrier(token);
  }

  private acknowledge(frame: Frame, accepted: boolean): void {
    if (!accepted && this.version === VERSION.v10) {
      throw new StompError('NACK does not exist in STOMP 1.0', 'Offer accept-version:1.1 or 1.2.');
    }
    if (this.version === VERSION.v12) this.acknowledgeById(frame, accepted);
    else this.acknowledgeByMessage(frame, accepted);
  }

  /** STOMP 1.1, "ACK": by message-id and subscription; 1.0 may leave the subscription out. */
  private acknowledgeByMessage(frame: Frame, accepted: boolean): void {
    const index = frame.indexOf(HEADER.messageId);
    if (index === -1) throw missing(frame, HEADER.messageId);
    const entryId = decimalInRange(frame.bytes, frame.valueStart(index), frame.valueEnd(index));
    if (entryId < 0) throw unknownMessage(frame, HEADER.messageId);
    if (frame.has(HEADER.subscription)) {
      const subscription = this.subscriptionNamed(frame);
      this.settle(subscription, entryId, accepted, this.settlementOf(frame));
    } else if (this.version === VERSION.v10) {
      this.acknowledgeAnywhere(frame, entryId);
    } else {
      throw missing(frame, HEADER.subscription);
    }
  }

  /** STOMP 1.2, "ACK": `id` is the `ack` header of the MESSAGE, here NUMBER-ENTRY. */
  private acknowledgeById(frame: Frame, accepted: boolean): void {
    const index = frame.indexOf(HEADER.id);
    if (index === -1) throw missing(frame, HEADER.id);
    const { bytes } = frame;
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    let hyphenAt = start;
    while (hyphenAt < end && bytes[hyphenAt] !== HYPHEN) hyphenAt += 1;
    const number = decimalInRange(bytes, start, hyphenAt);
    const entryId = decimalInRange(bytes, hyphenAt + 1, end);
    const subscription = this.subscriptionOfNumber.get(number);
    if (subscription === undefined || entryId < 0) throw unknownMessage(frame, HEADER.id);
    this.settle(subscription, entryId, accepted, this.settlementOf(frame));
  }

  /** 1.0 lets a client leave the subscription out; then the one that has the message is looked for. */
  private acknowledgeAnywhere(frame: Frame, entryId: number): void {
    let refusal: unknown = unknownMessage(frame, HEADER.messageId);
    const settlement = this.settlementOf(frame);
    for (const subscription of this.subscriptionOfNumber.values()) {
      try {
        this.settle(subscription, entryId, true, settlement);
        return;
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code !== 'CLIENT_FAILED') throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  private settlementOf(frame: Frame): Settlement {
    return { transaction: this.transactionOf(frame), token: this.tokenFor(frame) };
  }

  private settle(
    subscription: Subscription,
    entryId: number,
    accepted: boolean,
    { token, transaction }: Settlement,
  ): void {
    const { subscriber } = subscription;
    if (accepted) this.broker.acknowledge(subscriber, entryId, token, transaction);
    else this.broker.reject(subscriber, entryId, REJECTION.failed, token, transaction);
  }

  private subscriptionNamed(frame: Frame): Subscription {
    const index = frame.indexOf(HEADER.subscription);
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    const known = this.lastSubscription.get(frame.bytes, start, end);
    if (known !== undefined) return known;
    const subscription = this.subscriptionOfKey.get(`id ${frame.valueText(index)}`);
    if (subscription === undefined) throw unknownMessage(frame, HEADER.subscription);
    return this.lastSubscription.remember(frame.bytes, start, end, subscription);
  }

  /** Ids and the destinations that stand in for them in 1.0 must not be mixed up. */
  private keyOf(frame: Frame, id: string | undefined): string {
    return id === undefined ? `destination ${frame.text(HEADER.destination)}` : `id ${id}`;
  }

  private transactionNamed(frame: Frame): string {
    const transaction = this.transactionOf(frame);
    if (transaction === null) throw missing(frame, HEADER.transaction);
    return transaction;
  }

  private transactionOf(frame: Frame): string | null {
    const index = frame.indexOf(HEADER.transaction);
    if (index === -1) return null;
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    const known = this.lastTransaction.get(frame.bytes, start, end);
    if (known !== undefined) return known;
    return this.lastTransaction.remember(frame.bytes, start, end, frame.valueText(index));
  }

  private durableOf(frame: Frame, destination: Destination) {
    const name = durableNameOf(frame);
    if (name === undefined) return null;
    if (destination.kind !== 'topic') {
      throw new StompError(
        'A durable subscription is only possible on a topic',
        'Subscribe to /topic/NAME, or leave the name out: a queue keeps its messages anyway.',
      );
    }
    return { clientId: this.neededClientId(), name };
  }

  private neededClientId(): string {
    if (this.clientId !== undefined && this.clientId !== '') return this.clientId;
    throw new StompError(
      'A durable subscription needs a client-id',
      'Send the header client-id in CONNECT; it and the name together identify the subscription.',
    );
  }
}

/** As ActiveMQ has it: a negative number ends the group. */
function closesGroup(frame: Frame): boolean {
  const sequence = frame.text(HEADER.groupSequence);
  if (sequence === undefined || !frame.has(HEADER.groupId)) return false;
  if (/^-?\d{1,10}$/.test(sequence)) return sequence.startsWith('-');
  throw new StompError(
    `${commandName(frame.command)} has "${sequence}" as ${HEADER_NAME[HEADER.groupSequence]}`,
    'Give a whole number, -1 in the last message of a group, or leave the header out.',
  );
}

function isSet(frame: Frame, header: KnownHeader): boolean {
  return frame.has(header) && !frame.valueIs(header, FALSE);
}

function durableNameOf(frame: Frame): string | undefined {
  return frame.text(HEADER.durableSubscriptionName) ?? frame.text(HEADER.activemqSubscriptionName);
}

function acknowledgementOf(frame: Frame): AcknowledgementMode {
  const text = frame.text(HEADER.ack) ?? 'auto';
  const mode = ACKNOWLEDGEMENT_OF_TEXT.get(text);
  if (mode !== undefined) return mode;
  throw new StompError(
    `Unknown ack mode "${text}"`,
    `SUBSCRIBE knows ack:${[...ACKNOWLEDGEMENT_OF_TEXT.keys()].join(', ack:')}.`,
  );
}

function numberOf(frame: Frame, header: KnownHeader, whenMissing: number, highest: number): number {
  const value = frame.decimal(header);
  if (value === undefined) return whenMissing;
  if (value >= 0 && value <= highest) return value;
  const range = highest === Number.MAX_SAFE_INTEGER ? 'from 0 on' : `from 0 to ${highest}`;
  throw new StompError(
    `${commandName(frame.command)} has "${frame.text(header)}" as ${HEADER_NAME[header]}`,
    `Give a whole number ${range} in decimal digits, or leave the header out.`,
  );
}

function missing(frame: Frame, header: KnownHeader): StompError {
  return new StompError(
    `${commandName(frame.command)} has no ${HEADER_NAME[header]} header`,
    `Add it; ${commandName(frame.command)} cannot be understood without.`,
  );
}

function unknownMessage(frame: Frame, header: KnownHeader): StompError {
  return new StompError(
    `The ${HEADER_NAME[header]} of ${commandName(frame.command)} belongs to no MESSAGE of this connection`,
    'Copy it from the MESSAGE: in 1.2 its ack header as id; before, its message-id and subscription. Messages are only acknowledged on the connection that got them.',
  );
}
