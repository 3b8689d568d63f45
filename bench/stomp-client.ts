/** STOMP for a load, over stomp-wire.ts. */

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
import {
  ACK_FRAME_BYTES,
  connectFrame,
  disconnectFrame,
  FrameScanner,
  type MessageRange,
  SendTemplate,
  subscribeFrame,
  writeAckFrame,
} from './stomp-wire.js';

const DISCONNECT_RECEIPT = 1;

interface StompEvents {
  onOpen(): void;
  onReceipt(receipt: number): void;
  onMessage(bytes: Buffer, range: MessageRange): void;
  onTurnEnd(): void;
}

function openLink(options: LinkOptions, events: StompEvents): Link {
  let scanner: FrameScanner;
  const onOther = (text: string): void => {
    if (!text.startsWith('CONNECTED\n')) {
      link.refused(text.replaceAll('\n', ' ').trim());
      return;
    }
    link.opened(/^server:\S+ (\S+)$/m.exec(text)?.[1] ?? '');
    events.onOpen();
  };
  const conversation: Conversation = {
    begin: () => {
      scanner = new FrameScanner({
        onReceipt: (receipt) => events.onReceipt(receipt),
        onMessage: (bytes, range) => events.onMessage(bytes, range),
        onOther,
      });
      return connectFrame();
    },
    read: (chunk) => scanner.push(chunk),
    onTurnEnd: () => events.onTurnEnd(),
  };
  const link = new Link(options, conversation);
  return link;
}

class StompSender implements Sender {
  readonly room = Number.POSITIVE_INFINITY;
  readonly #template: SendTemplate;
  readonly #link: Link;

  constructor(options: SenderOptions, events: SenderEvents) {
    this.#template = new SendTemplate(options);
    this.#link = openLink(options, {
      onOpen: () => events.onOpen(),
      onReceipt: (receipt) => events.onConfirmed(receipt, receipt),
      onMessage: () => options.fail(new Error('A producer was sent a message.')),
      onTurnEnd: () => events.onTurnEnd(),
    });
  }

  get node(): string {
    return this.#link.node;
  }

  write(sequence: number): void {
    const offset = this.#link.reserve(this.#template.frameBytes);
    this.#template.write(this.#link.slab, offset, sequence);
  }

  flush(): void {
    this.#link.flush();
  }

  close(): void {
    this.#link.close();
  }
}

class StompReceiver implements Receiver {
  readonly #link: Link;
  #bytes: Buffer = Buffer.alloc(0);
  #range: MessageRange = { ackStart: 0, ackEnd: 0, bodyStart: 0, bodyEnd: 0 };
  #resolveFinished: () => void = () => undefined;

  constructor(options: ReceiverOptions, events: ReceiverEvents) {
    this.#link = openLink(options, {
      onOpen: () => this.#link.send(subscribeFrame(options.queue, options.prefetch)),
      onReceipt: () => this.#resolveFinished(),
      onMessage: (bytes, range) => {
        this.#bytes = bytes;
        this.#range = range;
        events.onMessage(bytes, range.bodyStart, range.bodyEnd);
      },
      onTurnEnd: () => events.onTurnEnd(),
    });
  }

  acknowledge(): void {
    const { ackStart, ackEnd } = this.#range;
    const offset = this.#link.reserve(ACK_FRAME_BYTES + ackEnd - ackStart);
    writeAckFrame(this.#link.slab, offset, this.#bytes, ackStart, ackEnd);
  }

  flush(): void {
    this.#link.flush();
  }

  async finish(): Promise<void> {
    const finished = new Promise<void>((resolve) => {
      this.#resolveFinished = resolve;
    });
    this.#link.send(disconnectFrame(DISCONNECT_RECEIPT));
    await finished;
  }

  close(): void {
    this.#link.close();
  }
}

export const stompClient: Client = {
  protocol: 'stomp',
  send: (options, events) => new StompSender(options, events),
  receive: (options, events) => new StompReceiver(options, events),
};
