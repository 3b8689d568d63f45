/**
 * A client that knows both addresses and sends a message now and then; it tells when the first one
 * is confirmed by a certain node.
 */

import type { HostPort } from '../src/platform/ports.js';
import type { Client, Sender } from './client.js';
import type { Ledger } from './ledger.js';

const PAUSE_MS = 5;

export interface ProbeClientOptions {
  readonly client: Client;
  readonly addresses: readonly HostPort[];
  readonly queue: string;
  readonly bodyBytes: number;
  /** Different from the producers of the same ledger. */
  readonly producer: number;
  readonly ledger: Ledger;
  readonly fail: (error: Error) => void;
}

interface Wait {
  readonly node: string;
  readonly resolve: (atMs: number) => void;
}

export class ProbeClient {
  readonly #options: ProbeClientOptions;
  readonly #sender: Sender;
  #confirmed = 0;
  #wait: Wait | null = null;

  constructor(options: ProbeClientOptions) {
    this.#options = options;
    this.#sender = options.client.send(
      { ...options, reconnects: true },
      {
        onOpen: () => this.#send(),
        onConfirmed: (first, last) => this.#onConfirmed(first, last),
        onTurnEnd: () => undefined,
      },
    );
  }

  /** When the next confirmation by `node` arrives, by `performance.now()`. */
  nextConfirmationBy(node: string): Promise<number> {
    return new Promise((resolve) => {
      this.#wait = { node, resolve };
    });
  }

  close(): void {
    this.#sender.close();
  }

  /** The oldest unconfirmed message, which may be stored already when the connection broke. */
  #send(): void {
    const { ledger, producer } = this.#options;
    ledger.sent(producer, this.#confirmed + 1);
    this.#sender.write(this.#confirmed);
    this.#sender.flush();
  }

  #onConfirmed(first: number, last: number): void {
    const { fail, ledger, producer } = this.#options;
    if (first !== this.#confirmed || last !== first) {
      fail(new Error(`${first} to ${last} were confirmed where ${this.#confirmed} was next.`));
      return;
    }
    this.#confirmed += 1;
    ledger.confirmed(producer, this.#confirmed);
    const wait = this.#wait;
    if (wait !== null && wait.node === this.#sender.node) {
      this.#wait = null;
      wait.resolve(performance.now());
    }
    setTimeout(() => {
      if (this.#sender.node !== '') this.#send();
    }, PAUSE_MS);
  }
}
