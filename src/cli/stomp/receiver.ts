/**
 * Receives messages and acknowledges or rejects each after whoever takes it is done with it. After a lost connection the
 * subscription is made again; what was not acknowledged by then comes again.
 */

import type { ReceivedMessage } from '../../client/received-message.js';
import type { AckMode, StompClient } from '../../client/stomp-client.js';
import { HoldfastError } from '../../platform/errors.js';
import type { ReconnectingClient } from './reconnecting-client.js';
import { watchLoss } from './sender.js';
import { Signal } from './signal.js';

const MAX_PREFETCH = 1_000;

export interface ReceiverOptions {
  readonly connection: ReconnectingClient;
  readonly destination: string;
  readonly ack: AckMode;
  /** Each message counts as failed instead of being acknowledged. */
  readonly rejects?: boolean;
  /** Ends after so many; infinite for a receiver that is stopped from outside. */
  readonly count: number;
  /** Gives up when nothing came for so long; infinite for never. */
  readonly timeoutMs: number;
  /** Calls `done` when the message may be acknowledged, or never: then it comes again. */
  readonly onMessage: (message: ReceivedMessage, done: () => void) => void;
}

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #changed = new Signal();
  readonly #stopped: Promise<null>;
  #endWaiting: () => void = () => undefined;
  #takenCount = 0;
  #doneCount = 0;
  #lastMessageAtMs = performance.now();
  #isStopped = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#stopped = new Promise((resolve) => {
      this.#endWaiting = () => resolve(null);
    });
  }

  /** Lets `receiveAll` acknowledge what it has, and return; at once while there is no connection. */
  stop(): void {
    this.#isStopped = true;
    this.#options.connection.giveUp();
    this.#endWaiting();
    this.#changed.raise();
  }

  /** Resolves with the count of messages. Throws CLIENT_FAILED when none came for too long. */
  async receiveAll(): Promise<number> {
    const { connection } = this.#options;
    while (!this.#isDone()) {
      const client = await Promise.race([connection.connect(), this.#stopped]);
      if (client === null) break;
      const loss = watchLoss(client, this.#changed);
      this.#subscribe(client);
      while (!loss.happened) {
        if (this.#isDone()) {
          await client.disconnect();
          return this.#doneCount;
        }
        await this.#waitForChange();
      }
      await connection.recover(await client.closed);
    }
    return this.#doneCount;
  }

  #isDone(): boolean {
    return !this.#wantsMore() && this.#doneCount === this.#takenCount;
  }

  #wantsMore(): boolean {
    return !this.#isStopped && this.#takenCount < this.#options.count;
  }

  #subscribe(client: StompClient): void {
    const { destination, ack, count } = this.#options;
    const prefetch = Math.min(MAX_PREFETCH, count);
    const onMessage = (message: ReceivedMessage): void => {
      if (this.#wantsMore()) {
        this.#take(client, message);
      }
    };
    // A rejection says that the connection is lost, which watchLoss notices.
    client
      .subscribe({ destination, ack, headers: { 'prefetch-count': String(prefetch) }, onMessage })
      .catch(() => this.#changed.raise());
  }

  #take(client: StompClient, message: ReceivedMessage): void {
    this.#takenCount += 1;
    this.#lastMessageAtMs = performance.now();
    const { ack, rejects } = this.#options;
    this.#options.onMessage(message, () => {
      // On a connection that was lost meanwhile nothing can be acknowledged: the message comes again.
      if (ack !== 'auto' && !client.isOver) {
        if (rejects) client.reject(message);
        else client.acknowledge(message);
      }
      this.#doneCount += 1;
      this.#changed.raise();
    });
  }

  async #waitForChange(): Promise<void> {
    const { timeoutMs, destination } = this.#options;
    if (timeoutMs === Number.POSITIVE_INFINITY) {
      await this.#changed.next();
      return;
    }
    const remainingMs = this.#lastMessageAtMs + timeoutMs - performance.now();
    if (remainingMs <= 0) {
      throw new HoldfastError(
        'CLIENT_FAILED',
        `No message came from ${destination} within ${timeoutMs / 1_000} s.`,
      );
    }
    const timer = setTimeout(() => this.#changed.raise(), remainingMs);
    await this.#changed.next();
    clearTimeout(timer);
  }
}
