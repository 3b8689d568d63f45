/** A link on which the client sends: its transfers become messages of the broker (part 2, 2.6). */
import { CONTENT_KIND, type Destination, type IncomingMessage } from '../../broker/api.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import { readDeliveryState, type TransactionReference } from './delivery-state.js';
import { GroupProperties } from './group-properties.js';
import { MessageAddresses } from './message-addresses.js';
import { DELIVERY_DELAY, DELIVERY_TIME, MessageSections } from './message-sections.js';
import { SenderProperties, timeOf } from './sender-properties.js';
import { next } from './serial-number.js';
import type { SessionHost } from './session-host.js';
import type { TransferFields } from './transfer-reader.js';
import { ValueReader } from './value-reader.js';

const NO_BYTES = new Uint8Array(0);
/** What all unfinished messages of one connection may have together: so many of the largest. */
const UNFINISHED_MESSAGES = 2;
const NOWHERE: Destination = { kind: 'queue', name: '' };

/** Its first transfer says what it is; more may follow with the rest of its bytes. */
export interface ReceivedDelivery {
  readonly deliveryId: number;
  settled: boolean;
  readonly transaction: TransactionReference | null;
  /** Whole with the last transfer. */
  readonly message: IncomingMessage;
  /** Why the message, which can be read, cannot be taken. */
  refusal: AmqpError | null;
}

export class ReceivingLink {
  readonly name: string;
  readonly handle: number;
  /** Null: each message says where it goes, in its property `to`. */
  readonly destination: Destination | null;
  /** The destination was made for this link, and goes with it. */
  readonly isTemporary: boolean;
  credit = 0;
  /** Deliveries that the client has sent, as it counts them. */
  deliveryCount: number;
  private readonly host: SessionHost;
  private incoming: ReceivedDelivery | null = null;
  /** What came of it so far, with room for more. */
  private parts = NO_BYTES;
  private partBytes = 0;
  /** The last message came in several frames, whose bytes are this link's. */
  private isPutTogether = false;
  private readonly reader = new ValueReader(NO_BYTES);
  private readonly sections = new MessageSections();
  private addresses: MessageAddresses;
  private senderProperties = new SenderProperties();
  private groupProperties = new GroupProperties();
  private refusal: AmqpError | null = null;
  /** One object serves all messages: the broker copies what it keeps. */
  private readonly message: { -readonly [Key in keyof IncomingMessage]: IncomingMessage[Key] };

  constructor(
    host: SessionHost,
    attach: {
      readonly name: string;
      readonly handle: number;
      readonly initialDeliveryCount: number | null;
    },
    destination: Destination | null,
    isTemporary = false,
  ) {
    this.isTemporary = isTemporary;
    this.host = host;
    this.addresses = new MessageAddresses(host.addresses);
    this.name = attach.name;
    this.handle = attach.handle;
    this.deliveryCount = attach.initialDeliveryCount ?? 0;
    this.destination = destination;
    this.message = {
      destination: destination ?? NOWHERE,
      contentKind: CONTENT_KIND.amqp,
      headers: NO_BYTES,
      body: NO_BYTES,
      durable: false,
      priority: 4,
      expiresAtMs: 0,
      duplicateId: null,
      groupId: null,
      closesGroup: false,
    };
  }

  /** Whether it is time to give new credit, which is then given. */
  replenish(): boolean {
    const { linkCredit } = this.host.config;
    if (this.host.isHeld || this.credit > linkCredit / 2) return false;
    this.credit = linkCredit;
    return true;
  }

  /** Takes a transfer, whose payload lies in `bytes`; returns the delivery when that was its last. The message is valid until the next call. */
  take(
    transfer: TransferFields,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): ReceivedDelivery | null {
    const incoming = this.incoming ?? this.begin(transfer);
    if (transfer.deliveryId !== null && transfer.deliveryId !== incoming.deliveryId) {
      throw new AmqpError(
        'session',
        CONDITION.notAllowed,
        `Delivery ${transfer.deliveryId} began on link "${this.name}" in the middle of delivery ${incoming.deliveryId}`,
      );
    }
    if (transfer.settled === true) incoming.settled = true;
    if (transfer.aborted) {
      this.reset();
      return null;
    }
    const { maxMessageBytes } = this.host.config;
    if (this.partBytes + (end - start) > maxMessageBytes) {
      throw new AmqpError(
        'link',
        CONDITION.messageSizeExceeded,
        `A message for ${this.destination?.name ?? 'several destinations'} has more than ${maxMessageBytes} bytes (amqp.maxMessageBytes)`,
      );
    }
    if (transfer.more || this.partBytes > 0) this.append(bytes, start, end);
    if (transfer.more) {
      this.incoming = incoming;
      return null;
    }
    this.isPutTogether = this.partBytes > 0;
    if (this.isPutTogether) this.read(this.parts, 0, this.partBytes);
    else this.read(bytes, start, end);
    this.reset();
    incoming.refusal = this.refusal;
    if (this.destination === null) incoming.refusal ??= this.address(this.message);
    return incoming;
  }

  /** The transaction that a transfer on this link belongs to; later ones of a delivery do not say. */
  transactionOf(transfer: TransferFields): TransactionReference | null {
    return this.incoming?.transaction ?? readDeliveryState(transfer.state).transaction;
  }

  private begin(transfer: TransferFields): ReceivedDelivery {
    if (transfer.deliveryId === null) {
      throw new AmqpError(
        'session',
        CONDITION.invalidField,
        `The first transfer of a delivery on link "${this.name}" has no delivery-id`,
      );
    }
    if (transfer.resume) {
      // 2.6.13: the attach said so already, for it named no delivery as unsettled.
      throw new AmqpError(
        'link',
        CONDITION.notImplemented,
        'Deliveries are not resumed by this broker; send again what was not settled, as new deliveries',
      );
    }
    if (this.credit === 0) {
      throw new AmqpError(
        'link',
        CONDITION.transferLimitExceeded,
        `Link "${this.name}" has no credit left; wait for a flow before the next transfer`,
      );
    }
    this.credit -= 1;
    this.deliveryCount = next(this.deliveryCount);
    const { transaction } = readDeliveryState(transfer.state);
    const { deliveryId } = transfer;
    return { deliveryId, settled: false, transaction, message: this.message, refusal: null };
  }

  /** Gives the message the destination that it names; returns what is wrong with that, if anything. */
  private address(message: IncomingMessage): AmqpError | null {
    try {
      this.message.destination = this.addresses.of(message);
      return null;
    } catch (error) {
      if (error instanceof AmqpError) return error;
      throw error;
    }
  }

  private append(bytes: Uint8Array, start: number, end: number): void {
    const { unfinished, config } = this.host;
    const limit = UNFINISHED_MESSAGES * config.maxMessageBytes;
    if (unfinished.bytes + (end - start) > limit) {
      throw new AmqpError(
        'link',
        CONDITION.resourceLimitExceeded,
        `The unfinished messages of this connection have more than ${limit} bytes together ` +
          `(${UNFINISHED_MESSAGES} times amqp.maxMessageBytes); end one before the next is begun, or send on several connections`,
      );
    }
    unfinished.bytes += end - start;
    const needed = this.partBytes + (end - start);
    if (needed > this.parts.length) {
      const larger = new Uint8Array(
        Math.max(needed, Math.min(2 * this.parts.length, config.maxMessageBytes)),
      );
      larger.set(this.parts.subarray(0, this.partBytes));
      this.parts = larger;
    }
    this.parts.set(bytes.subarray(start, end), this.partBytes);
    this.partBytes = needed;
  }

  /** The message that `take` gave is done with: a large one must not stay in memory until the next. */
  release(): void {
    if (!this.isPutTogether) return;
    this.isPutTogether = false;
    this.message.headers = NO_BYTES;
    this.message.body = NO_BYTES;
    this.reader.open(NO_BYTES, 0, 0);
    this.senderProperties = new SenderProperties();
    this.groupProperties = new GroupProperties();
    this.addresses = new MessageAddresses(this.host.addresses);
  }

  /** What came of an unfinished message is let go. */
  reset(): void {
    this.incoming = null;
    this.host.unfinished.bytes -= this.partBytes;
    this.parts = NO_BYTES;
    this.partBytes = 0;
  }

  private read(bytes: Uint8Array, start: number, end: number): void {
    const { reader, sections, message } = this;
    reader.open(bytes, start, end);
    sections.read(reader);
    const { annotationsStart, annotationsEnd } = sections;
    message.headers =
      annotationsStart === annotationsEnd
        ? NO_BYTES
        : bytes.subarray(annotationsStart, annotationsEnd);
    message.body = bytes.subarray(sections.bareStart, sections.bareEnd);
    message.durable = sections.durable;
    message.priority = sections.priority;
    message.expiresAtMs = sections.ttl === null ? 0 : Math.floor(this.host.wallMs()) + sections.ttl;
    this.readWishes(bytes);
  }

  /** What the sender asks of the broker for this message. */
  private readWishes(bytes: Uint8Array): void {
    const { message, sections } = this;
    const { applicationPropertiesStart: start, applicationPropertiesEnd: end } = sections;
    message.duplicateId = null;
    message.deliverAtMs = 0;
    message.groupId = null;
    message.closesGroup = false;
    this.refusal = null;
    const isGrouped = sections.groupPropertiesStart !== -1;
    if (start === end && !sections.hasDeliveryWish && !isGrouped) return;
    try {
      if (start !== end) {
        this.senderProperties.read(bytes, start, end);
        message.duplicateId = this.senderProperties.duplicateId;
        message.deliverAtMs = this.senderProperties.deliverAtMs;
      }
      if (sections.hasDeliveryWish) message.deliverAtMs = this.annotatedTime();
      if (isGrouped) this.readGroup(bytes);
    } catch (error) {
      if (!(error instanceof AmqpError) || error.scope !== 'link') throw error;
      this.refusal = error;
    }
  }

  private readGroup(bytes: Uint8Array): void {
    const { message, sections, groupProperties } = this;
    groupProperties.read(bytes, sections.groupPropertiesStart, sections.groupPropertiesEnd);
    message.groupId = groupProperties.groupId;
    message.closesGroup = groupProperties.closesGroup;
  }

  /** Artemis' annotations: a time, or else how long from now. */
  private annotatedTime(): number {
    const { deliveryTime, deliveryDelay } = this.sections;
    const timeMs = timeOf(DELIVERY_TIME, deliveryTime);
    if (timeMs > 0) return timeMs;
    const delayMs = timeOf(DELIVERY_DELAY, deliveryDelay);
    return delayMs === 0 ? 0 : Math.floor(this.host.wallMs()) + delayMs;
  }
}
