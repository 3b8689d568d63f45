/**
 * A client that knows both addresses and sends a message now and then; it tells when the first one
 * is confirmed by a certain node.
 */

import type { HostPort } from '../src/platform/ports.js';
import type { Ledger } from './ledger.js';
import { Link } from './link.js';
import { SendTemplate } from './stomp-wire.js';

const PAUSE_MS = 5;

export interface ProbeClientOptions {
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
  readonly #template: SendTemplate;
  readonly #link: Link;
  #confirmed = 0;
  #wait: Wait | null = null;

  constructor(options: ProbeClientOptions) {
    this.#options = options;
    this.#template = new SendTemplate(options);
    this.#link = new Link(
      { ...options, reconnects: true },
      {
        onOpen: () => this.#send(),
        onReceipt: (receipt) => this.#onReceipt(receipt),
        onMessage: () => options.fail(new Error('The probing client was sent a message.')),
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
    this.#link.close();
  }

  /** The oldest unconfirmed message, which may be stored already when the connection broke. */
  #send(): void {
    const { ledger, producer } = this.#options;
    ledger.sent(producer, this.#confirmed + 1);
    const offset = this.#link.reserve(this.#template.frameBytes);
    this.#template.write(this.#link.slab, offset, this.#confirmed);
    this.#link.flush();
  }

  #onReceipt(receipt: number): void {
    const { fail, ledger, producer } = this.#options;
    if (receipt !== this.#confirmed) {
      fail(new Error(`Receipt ${receipt} came where ${this.#confirmed} was next.`));
      return;
    }
    this.#confirmed += 1;
    ledger.confirmed(producer, this.#confirmed);
    const wait = this.#wait;
    if (wait !== null && wait.node === this.#link.node) {
      this.#wait = null;
      wait.resolve(performance.now());
    }
    setTimeout(() => {
      if (this.#link.isOpen) this.#send();
    }, PAUSE_MS);
  }
}
