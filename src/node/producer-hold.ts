/** Whether producers are held back for want of room, and why. Main thread. */

import type { NodeHold } from '../broker/flow-control.js';
import type { JournalRoom } from '../journal/space.js';
import type { Logger } from '../platform/logger.js';

const DISK_FULL: NodeHold = {
  reason: 'the file system of the store is nearly full (journal.minFreeBytes)',
  isBrief: false,
};
const JOURNAL_HOLDS: { readonly [room in JournalRoom]: NodeHold | null } = {
  enough: null,
  soon: { reason: 'the journal makes room for its next segment', isBrief: true },
  none: {
    reason: 'the file system of the store has no room for what the journal needs next',
    isBrief: false,
  },
};

export interface ProducerHoldOptions {
  readonly minFreeBytes: number;
  readonly logger: Logger;
  readonly broker: { holdProducers(hold: NodeHold): void; releaseProducers(): void };
}

export class ProducerHold {
  readonly #options: ProducerHoldOptions;
  #isDiskFull = false;
  #room: JournalRoom = 'enough';

  constructor(options: ProducerHoldOptions) {
    this.#options = options;
  }

  /** For people; null when they are not held. */
  get reason(): string | null {
    return this.#hold?.reason ?? null;
  }

  /** A tenure begins: what is known of the disk holds, what the journal of the one before lacked does not. */
  begin(): void {
    this.onRoom('enough');
  }

  onRoom(room: JournalRoom): void {
    this.#room = room;
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

  get #hold(): NodeHold | null {
    return this.#isDiskFull ? DISK_FULL : JOURNAL_HOLDS[this.#room];
  }

  #apply(): void {
    const hold = this.#hold;
    if (hold === null) this.#options.broker.releaseProducers();
    else this.#options.broker.holdProducers(hold);
  }
}
