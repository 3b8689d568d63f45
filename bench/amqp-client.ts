/** AMQP 1.0 for a load, over amqp-wire.ts: one session with one link for each connection. */

import {
  AmqpScanner,
  attachReceiverFrame,
  attachSenderFrame,
  CREDIT_FRAME_BYTES,
  closeFrame,
  greeting,
  SETTLEMENT_FRAME_BYTES,
  TransferTemplate,
  writeCredit,
  writeSettlement,
} from './amqp-wire.js';
import type {
  Client,
  Receiver,
  ReceiverEvents,
  ReceiverOptions,
  Sender,
  SenderEvents,
  SenderOptions,
} from './client.js';
import { type Conversation, Link, type LinkOptions } from './link.js';

const CONTAINER_ID = 'bench';

interface AmqpEvents {
  /** What follows `open` and `begin` on a new connection. */
  attach(): Buffer;
  onCredit(limit: number): void;
  onMessage(deliveryId: number, bytes: Buffer, bodyStart: number, bodyEnd: number): void;
  onAccepted(first: number, last: number): void;
  onClose(): void;
  onTurnEnd(): void;
}

function openLink(options: LinkOptions, events: AmqpEvents): Link {
  let scanner: AmqpScanner;
  let node = '';
  const conversation: Conversation = {
    begin: () => {
      scanner = new AmqpScanner({
        onOpen: (containerId) => {
          node = containerId;
        },
        onCredit: (limit) => {
          link.opened(node);
          events.onCredit(limit);
        },
        onMessage: events.onMessage,
        onAccepted: events.onAccepted,
        onClose: events.onClose,
        onRefusal: (text) => link.refused(text),
      });
      return Buffer.concat([greeting(CONTAINER_ID), events.attach()]);
    },
    read: (chunk) => scanner.push(chunk),
    onTurnEnd: () => events.onTurnEnd(),
  };
  const link = new Link(options, conversation);
  return link;
}

/** Delivery ids are the numbers of messages, so that a disposition says which ones it is about. */
class AmqpSender implements Sender {
  readonly #template: TransferTemplate;
  readonly #link: Link;
  /** Of this connection. */
  #sent = 0;
  #limit = 0;

  constructor(options: SenderOptions, events: SenderEvents) {
    this.#template = new TransferTemplate(options);
    this.#link = openLink(options, {
      attach: () => {
        this.#sent = 0;
        this.#limit = 0;
        return attachSenderFrame(options.queue);
      },
      onCredit: (limit) => {
        const isFirst = this.#limit === 0;
        this.#limit = limit;
        if (isFirst) events.onOpen();
      },
      onMessage: () => options.fail(new Error('A producer was sent a message.')),
      onAccepted: (first, last) => events.onConfirmed(first, last),
      onClose: () => undefined,
      onTurnEnd: () => events.onTurnEnd(),
    });
  }

  get node(): string {
    return this.#link.node;
  }

  get room(): number {
    return this.#limit - this.#sent;
  }

  write(sequence: number): void {
    const offset = this.#link.reserve(this.#template.frameBytes);
    this.#template.write(this.#link.slab, offset, sequence);
    this.#sent += 1;
  }

  flush(): void {
    this.#link.flush();
  }

  close(): void {
    this.#link.close();
  }
}

const NO_DELIVERY = -1;

/** Settles by ranges, and gives new credit when half of it is used and settled. */
class AmqpReceiver implements Receiver {
  readonly #prefetch: number;
  readonly #link: Link;
  /** Of this connection, as all numbers here. */
  #received = 0;
  #acknowledged = 0;
  #acknowledgedAtCredit = 0;
  #deliveryId = NO_DELIVERY;
  /** Acknowledged, and not written yet. */
  #first = NO_DELIVERY;
  #last = NO_DELIVERY;
  #resolveFinished: () => void = () => undefined;

  constructor(options: ReceiverOptions, events: ReceiverEvents) {
    this.#prefetch = options.prefetch;
    this.#link = openLink(options, {
      attach: () => this.#attach(options.queue),
      onCredit: () => undefined,
      onMessage: (deliveryId, bytes, bodyStart, bodyEnd) => {
        this.#received += 1;
        this.#deliveryId = deliveryId;
        events.onMessage(bytes, bodyStart, bodyEnd);
      },
      onAccepted: () => undefined,
      onClose: () => this.#resolveFinished(),
      onTurnEnd: () => events.onTurnEnd(),
    });
  }

  acknowledge(): void {
    this.#acknowledged += 1;
    if (this.#first !== NO_DELIVERY && this.#deliveryId !== this.#last + 1) this.#settle();
    if (this.#first === NO_DELIVERY) this.#first = this.#deliveryId;
    this.#last = this.#deliveryId;
  }

  flush(): void {
    this.#settle();
    if (this.#acknowledged - this.#acknowledgedAtCredit >= this.#prefetch / 2) this.#giveCredit();
    this.#link.flush();
  }

  /** A `close` comes behind every settlement, and so does its answer. */
  async finish(): Promise<void> {
    const finished = new Promise<void>((resolve) => {
      this.#resolveFinished = resolve;
    });
    this.flush();
    this.#link.send(closeFrame());
    await finished;
  }

  close(): void {
    this.#link.close();
  }

  #attach(queue: string): Buffer {
    this.#received = 0;
    this.#acknowledged = 0;
    this.#acknowledgedAtCredit = 0;
    this.#first = NO_DELIVERY;
    const credit = Buffer.alloc(CREDIT_FRAME_BYTES);
    writeCredit(credit, 0, 0, this.#prefetch);
    return Buffer.concat([attachReceiverFrame(queue), credit]);
  }

  #settle(): void {
    if (this.#first === NO_DELIVERY) return;
    const offset = this.#link.reserve(SETTLEMENT_FRAME_BYTES);
    writeSettlement(this.#link.slab, offset, this.#first, this.#last);
    this.#first = NO_DELIVERY;
  }

  #giveCredit(): void {
    const offset = this.#link.reserve(CREDIT_FRAME_BYTES);
    const limit = this.#acknowledged + this.#prefetch;
    writeCredit(this.#link.slab, offset, this.#received, limit);
    this.#acknowledgedAtCredit = this.#acknowledged;
  }
}

export const amqpClient: Client = {
  protocol: 'amqp',
  send: (options, events) => new AmqpSender(options, events),
  receive: (options, events) => new AmqpReceiver(options, events),
};
