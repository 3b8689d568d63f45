/**
 * Producers and consumers over any client: their windows, what they keep in the ledger, and how long
 * confirmations took. Each read of a socket is answered by one write, so that one process of them
 * keeps a broker busy.
 */

import type { Client, Receiver, ReceiverOptions, Sender, SenderOptions } from './client.js';
import type { Ledger } from './ledger.js';
import { readIdentity } from './message-body.js';
import type { Samples } from './samples.js';

export interface ProducerOptions extends SenderOptions {
  readonly client: Client;
  /** Messages that may be unconfirmed at one time. */
  readonly window: number;
  readonly ledger: Ledger;
  /** Milliseconds from a message to its confirmation, when somebody wants them. */
  readonly latencies: Samples | null;
}

/** Sends as fast as its window allows; after a lost connection it sends what is unconfirmed again. */
export class Producer {
  readonly #options: ProducerOptions;
  readonly #sender: Sender;
  readonly #sentAtMs: Float64Array;
  #limit = 0;
  #sent = 0;
  #confirmed = 0;
  #resolveDone: () => void = () => undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#sentAtMs = new Float64Array(options.window);
    this.#sender = options.client.send(options, {
      onOpen: () => {
        this.#sent = this.#confirmed;
      },
      onConfirmed: (first, last) => this.#onConfirmed(first, last),
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
    this.#sender.close();
  }

  #onConfirmed(first: number, last: number): void {
    const { fail, latencies, ledger, producer, window } = this.#options;
    if (first !== this.#confirmed || last >= this.#sent) {
      fail(new Error(`${first} to ${last} were confirmed where ${this.#confirmed} was next.`));
      return;
    }
    if (latencies !== null) {
      const now = performance.now();
      for (let sequence = first; sequence <= last; sequence += 1) {
        latencies.add(now - (this.#sentAtMs[sequence % window] ?? Number.NaN));
      }
    }
    this.#confirmed = last + 1;
    ledger.confirmed(producer, this.#confirmed);
  }

  #onTurnEnd(): void {
    const { ledger, producer, window } = this.#options;
    const { node, room } = this.#sender;
    const until = Math.min(this.#limit, this.#confirmed + window, this.#sent + room);
    if (this.#sent < until && node !== '') {
      const now = performance.now();
      for (; this.#sent < until; this.#sent += 1) {
        this.#sender.write(this.#sent);
        this.#sentAtMs[this.#sent % window] = now;
      }
      ledger.sent(producer, this.#sent);
      this.#sender.flush();
    }
    if (this.#confirmed === this.#limit) this.#resolveDone();
  }
}

export interface ConsumerOptions extends ReceiverOptions {
  readonly client: Client;
  readonly bodyBytes: number;
  readonly ledger: Ledger;
  /** Asked for each message: whether this one is taken; others stay unacknowledged and uncounted. */
  readonly takes: () => boolean;
}

/** Acknowledges what it takes. */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #receiver: Receiver;
  #consumed = 0;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#receiver = options.client.receive(options, {
      onMessage: (bytes, bodyStart, bodyEnd) => this.#onMessage(bytes, bodyStart, bodyEnd),
      onTurnEnd: () => this.#receiver.flush(),
    });
  }

  get consumed(): number {
    return this.#consumed;
  }

  /** Resolves when the broker has every acknowledgement. */
  async close(): Promise<void> {
    await this.#receiver.finish();
    this.#receiver.close();
  }

  /** What is not acknowledged goes back to the queue. */
  abandon(): void {
    this.#receiver.close();
  }

  #onMessage(bytes: Buffer, bodyStart: number, bodyEnd: number): void {
    const { bodyBytes, fail, ledger, takes } = this.#options;
    if (bodyEnd - bodyStart !== bodyBytes) {
      fail(new Error(`A message came with ${bodyEnd - bodyStart} bytes.`));
      return;
    }
    if (!takes()) return;
    const { producer, sequence } = readIdentity(bytes, bodyStart);
    ledger.receive(producer, sequence);
    this.#consumed += 1;
    this.#receiver.acknowledge();
  }
}
