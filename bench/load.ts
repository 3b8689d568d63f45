/**
 * Producers and consumers, cheap enough that one process of them keeps a broker busy: frames are
 * never parsed into objects, and each read of a socket is answered by one write.
 */

import type { Ledger } from './ledger.js';
import { Link, type LinkOptions } from './link.js';
import type { Samples } from './samples.js';
import {
  ACK_FRAME_BYTES,
  disconnectFrame,
  type MessageRange,
  readIdentity,
  SendTemplate,
  subscribeFrame,
  writeAckFrame,
} from './stomp-wire.js';

export interface ProducerOptions extends LinkOptions {
  /** Different for every producer of a ledger. */
  readonly producer: number;
  readonly queue: string;
  readonly bodyBytes: number;
  /** Messages that may be unconfirmed at one time. */
  readonly window: number;
  readonly ledger: Ledger;
  /** Milliseconds from SEND to RECEIPT, when somebody wants them. */
  readonly latencies: Samples | null;
}

/** Sends as fast as its window allows; after a lost connection it sends what is unconfirmed again. */
export class Producer {
  readonly #options: ProducerOptions;
  readonly #template: SendTemplate;
  readonly #link: Link;
  readonly #sentAtMs: Float64Array;
  #limit = 0;
  #sent = 0;
  #confirmed = 0;
  #resolveDone: () => void = () => undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#template = new SendTemplate(options);
    this.#sentAtMs = new Float64Array(options.window);
    this.#link = new Link(options, {
      onOpen: () => {
        this.#sent = this.#confirmed;
      },
      onReceipt: (receipt) => this.#onReceipt(receipt),
      onMessage: () => options.fail(new Error('A producer was sent a message.')),
      onTurnEnd: () => this.#onTurnEnd(),
    });
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  /** Sends up to `limit` messages in all; resolves when as many are confirmed. */
  async sendUntil(limit: number): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#resolveDone = resolve;
    });
    this.#limit = limit;
    this.#onTurnEnd();
    await done;
  }

  /** Sends nothing new; resolves when all that was sent is confirmed. */
  async stop(): Promise<void> {
    await this.sendUntil(this.#sent);
  }

  close(): void {
    this.#link.close();
  }

  #onReceipt(receipt: number): void {
    const { fail, latencies, ledger, producer, window } = this.#options;
    if (receipt !== this.#confirmed || receipt >= this.#sent) {
      fail(new Error(`Receipt ${receipt} came where ${this.#confirmed} was next.`));
      return;
    }
    const sentAtMs = this.#sentAtMs[receipt % window] ?? Number.NaN;
    latencies?.add(performance.now() - sentAtMs);
    this.#confirmed += 1;
    ledger.confirmed(producer, this.#confirmed);
  }

  #onTurnEnd(): void {
    const { ledger, producer, window } = this.#options;
    const until = Math.min(this.#limit, this.#confirmed + window);
    if (this.#sent < until && this.#link.isOpen) {
      const now = performance.now();
      for (; this.#sent < until; this.#sent += 1) {
        const offset = this.#link.reserve(this.#template.frameBytes);
        this.#template.write(this.#link.slab, offset, this.#sent);
        this.#sentAtMs[this.#sent % window] = now;
      }
      ledger.sent(producer, this.#sent);
      this.#link.flush();
    }
    if (this.#confirmed === this.#limit) this.#resolveDone();
  }
}

export interface ConsumerOptions extends LinkOptions {
  readonly queue: string;
  readonly prefetch: number;
  readonly bodyBytes: number;
  readonly ledger: Ledger;
  /** Asked for each message: whether this one is taken; others stay unacknowledged and uncounted. */
  readonly takes: () => boolean;
}

const DISCONNECT_RECEIPT = 1;

/** Acknowledges what it takes, one message at a time. */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #link: Link;
  #consumed = 0;
  #resolveClosed: () => void = () => undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#link = new Link(options, {
      onOpen: () => this.#link.send(subscribeFrame(options.queue, options.prefetch)),
      onReceipt: () => this.#resolveClosed(),
      onMessage: (bytes, range) => this.#onMessage(bytes, range),
      onTurnEnd: () => this.#link.flush(),
    });
  }

  get consumed(): number {
    return this.#consumed;
  }

  /** Resolves when every acknowledgement is on stable storage. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#link.send(disconnectFrame(DISCONNECT_RECEIPT));
    await closed;
    this.#link.close();
  }

  /** What is not acknowledged goes back to the queue. */
  abandon(): void {
    this.#link.close();
  }

  #onMessage(bytes: Buffer, range: MessageRange): void {
    const { bodyBytes, fail, ledger, takes } = this.#options;
    if (range.bodyEnd - range.bodyStart !== bodyBytes) {
      fail(new Error(`A message came with ${range.bodyEnd - range.bodyStart} bytes.`));
      return;
    }
    if (!takes()) return;
    const { producer, sequence } = readIdentity(bytes, range.bodyStart);
    ledger.receive(producer, sequence);
    this.#consumed += 1;
    const idBytes = range.ackEnd - range.ackStart;
    const offset = this.#link.reserve(ACK_FRAME_BYTES + idBytes);
    writeAckFrame(this.#link.slab, offset, bytes, range.ackStart, range.ackEnd);
  }
}
