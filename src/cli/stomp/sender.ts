/**
 * Sends messages and waits until the broker has confirmed each. After a lost connection all that
 * was not confirmed is sent again, in order: a message may arrive twice, but never not at all.
 */

import type { SendRequest, StompClient } from '../../client/stomp-client.js';
import type { ReconnectingClient } from './reconnecting-client.js';
import { Signal } from './signal.js';

const WINDOW_MESSAGES = 1_000;
const WINDOW_BYTES = 16 * 1024 * 1024;

export class Sender {
  readonly #connection: ReconnectingClient;
  readonly #unconfirmed = new Set<SendRequest>();
  readonly #changed = new Signal();
  #unconfirmedBytes = 0;
  #confirmedCount = 0;
  #upcoming: Promise<IteratorResult<SendRequest>> | null = null;
  #isAtEnd = false;

  constructor(connection: ReconnectingClient) {
    this.#connection = connection;
  }

  /** So far. */
  get confirmedCount(): number {
    return this.#confirmedCount;
  }

  /** Resolves with the count of confirmed messages when `requests` is at its end. */
  async sendAll(requests: AsyncIterator<SendRequest>): Promise<number> {
    for (;;) {
      const client = await this.#connection.connect();
      const loss = watchLoss(client, this.#changed);
      for (const request of this.#unconfirmed) {
        this.#transmit(client, request);
      }
      while (!loss.happened) {
        if (this.#isAtEnd && this.#unconfirmed.size === 0) {
          // Everything is confirmed, so a connection that breaks now takes nothing with it.
          await Promise.race([client.disconnect(), client.closed]);
          return this.#confirmedCount;
        }
        if (this.#isAtEnd || this.#isWindowFull()) {
          await this.#changed.next();
        } else {
          await this.#takeNext(client, requests);
        }
      }
      await this.#connection.recover(await client.closed);
    }
  }

  /** One more message, or nothing when something else happened first. */
  async #takeNext(client: StompClient, requests: AsyncIterator<SendRequest>): Promise<void> {
    this.#upcoming ??= requests.next();
    const step = await Promise.race([this.#upcoming, this.#changed.next()]);
    if (step === undefined) {
      return;
    }
    this.#upcoming = null;
    if (step.done === true) {
      this.#isAtEnd = true;
    } else {
      this.#unconfirmed.add(step.value);
      this.#unconfirmedBytes += step.value.body.length;
      this.#transmit(client, step.value);
    }
  }

  #isWindowFull(): boolean {
    return this.#unconfirmed.size >= WINDOW_MESSAGES || this.#unconfirmedBytes >= WINDOW_BYTES;
  }

  #transmit(client: StompClient, request: SendRequest): void {
    const confirmed = (): void => {
      this.#unconfirmed.delete(request);
      this.#unconfirmedBytes -= request.body.length;
      this.#confirmedCount += 1;
      this.#changed.raise();
    };
    // A rejection says that the connection is lost, which watchLoss notices once for all of them.
    client.send(request).then(confirmed, () => this.#changed.raise());
  }
}

/** Tells that the connection is over, and wakes whoever waits for something on it. */
export function watchLoss(client: StompClient, changed: Signal): { readonly happened: boolean } {
  const loss = { happened: false };
  void client.closed.then(() => {
    loss.happened = true;
    changed.raise();
  });
  return loss;
}
