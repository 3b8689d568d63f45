/**
 * A STOMP connection that is made again, through a list of brokers, whenever it is lost. What was
 * on its way is the business of sender.ts and receiver.ts.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  BrokerRefusal,
  connectStomp,
  type StompClient,
  type StompClientOptions,
} from '../../client/stomp-client.js';
import { HoldfastError } from '../../platform/errors.js';
import type { HostPort } from '../../platform/ports.js';

export interface ReconnectingClientOptions {
  readonly servers: readonly HostPort[];
  readonly client: StompClientOptions;
  /** How long to go on trying to connect, counted anew for each lost connection. */
  readonly retryMs: number;
  /** For people: that a connection failed and is tried again. Once per lost connection. */
  readonly onTrouble: (sentence: string) => void;
}

const PAUSE_BETWEEN_ROUNDS_MS = 100;

export class ReconnectingClient {
  readonly #options: ReconnectingClientOptions;

  #isGivenUp = false;

  constructor(options: ReconnectingClientOptions) {
    this.#options = options;
  }

  /** Throws CLIENT_FAILED when no broker took this client in time. */
  async connect(): Promise<StompClient> {
    const { servers, client, retryMs, onTrouble } = this.#options;
    const deadlineMs = performance.now() + retryMs;
    for (let round = 1; ; round += 1) {
      try {
        return await connectStomp(servers, client);
      } catch (error) {
        // Also a refusal can pass here: a node that nobody is live behind refuses every client.
        const isOver = this.#isGivenUp || performance.now() >= deadlineMs;
        if (!isConnectionError(error) || isOver) {
          throw error;
        }
        if (round === 1) {
          onTrouble(`${error.message} Trying for ${retryMs / 1_000} s.`);
        }
      }
      await sleep(PAUSE_BETWEEN_ROUNDS_MS);
    }
  }

  /** `connect` tries no more. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** Resolves when it is time to connect again, and throws `reason` when that cannot help. */
  async recover(reason: HoldfastError | null): Promise<void> {
    if (reason !== null && (!isConnectionError(reason) || reason instanceof BrokerRefusal)) {
      throw reason;
    }
    this.#options.onTrouble(`${reason?.message ?? 'The connection is closed.'} Connecting again.`);
    await sleep(PAUSE_BETWEEN_ROUNDS_MS);
  }
}

function isConnectionError(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.code === 'CLIENT_FAILED';
}
