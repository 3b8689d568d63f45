/** Whether producers are held back for want of room, and why. Main thread. */

import type { Logger } from '../platform/logger.js';

const DISK_FULL = 'the file system of the store is nearly full (journal.minFreeBytes)';
const JOURNAL_FULL = 'the journal makes room for its next segment';

export interface ProducerHoldOptions {
  readonly minFreeBytes: number;
  readonly logger: Logger;
  readonly broker: { holdProducers(reason: string): void; releaseProducers(): void };
}

export class ProducerHold {
  readonly #options: ProducerHoldOptions;
  #isDiskFull = false;
  #isShortOfRoom = false;

  constructor(options: ProducerHoldOptions) {
    this.#options = options;
  }

  /** For people; null when they are not held. */
  get reason(): string | null {
    if (this.#isDiskFull) return DISK_FULL;
    return this.#isShortOfRoom ? JOURNAL_FULL : null;
  }

  /** A tenure begins: what is known of the disk holds, what the journal of the one before lacked does not. */
  begin(): void {
    this.onRoom(false);
  }

  onRoom(isShort: boolean): void {
    this.#isShortOfRoom = isShort;
    this.#apply();
  }

  onFreeBytes(freeBytes: number): void {
    const { minFreeBytes, logger } = this.#options;
    const isFull = freeBytes < minFreeBytes;
    if (isFull === this.#isDiskFull) return;
    this.#isDiskFull = isFull;
    if (isFull) {
      logger.warn(
        'disk-full',
        { freeBytes, minFreeBytes },
        `Producers are held back: the store has ${freeBytes} bytes free, and journal.minFreeBytes is ${minFreeBytes}`,
      );
    } else {
      logger.info('disk-freed', { freeBytes }, 'Producers go on: the store has room again');
    }
    this.#apply();
  }

  #apply(): void {
    const { reason } = this;
    if (reason === null) this.#options.broker.releaseProducers();
    else this.#options.broker.holdProducers(reason);
  }
}
