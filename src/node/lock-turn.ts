/**
 * Whose turn it is to take the election lock, and how often to try. It only makes handovers quick and
 * lets the named successor go first; who gets the lock is still decided by the file server alone.
 */

import type { Clock } from '../platform/ports.js';
import type { LiveDocument } from '../store/documents.js';

/** While a handover is under way a backup tries the lock this often. */
const EAGER_POLL_MS = 5;
const EAGER_FOR_MS = 3_000;

export interface LockTurnOptions {
  readonly clock: Clock;
  readonly node: string;
  readonly lockPollIntervalMs: number;
  /** How long a successor is waited for. */
  readonly handoverTimeoutMs: number;
}

export class LockTurn {
  readonly #options: LockTurnOptions;
  #live: LiveDocument | null = null;
  #eagerUntilMs = 0;
  /** A handover to another node was seen to happen: until then it goes first. */
  #yieldUntilMs = 0;
  #handedOverEpoch = 0;

  constructor(options: LockTurnOptions) {
    this.#options = options;
  }

  /** What the `live` file says now. */
  seen(document: LiveDocument | null): void {
    const before = this.#live;
    this.#live = document;
    if (document === null || before === null) return;
    if (before.epoch === document.epoch && before.state === document.state) return;
    if (document.state === 'handing-over') this.handoverAsked();
    if (document.state === 'released') this.#yieldForAWhile();
  }

  /** Somebody asks for a handover: be quick. */
  handoverAsked(): void {
    this.#eagerUntilMs = this.#options.clock.monotonicMs() + EAGER_FOR_MS;
  }

  /** This node has just ended its tenure for another one. */
  handedOver(epoch: number): void {
    this.#handedOverEpoch = epoch;
    this.#yieldForAWhile();
  }

  /** False while a successor that is not this node has the first try. */
  isMine(): boolean {
    if (this.#options.clock.monotonicMs() >= this.#yieldUntilMs) return true;
    const live = this.#live;
    if ((live?.epoch ?? 0) < this.#handedOverEpoch) return false;
    if (live?.state !== 'released' || live.successor === null) return true;
    return live.successor === this.#options.node;
  }

  get pollIntervalMs(): number {
    const { clock, lockPollIntervalMs } = this.#options;
    return clock.monotonicMs() < this.#eagerUntilMs ? EAGER_POLL_MS : lockPollIntervalMs;
  }

  #yieldForAWhile(): void {
    const { clock, handoverTimeoutMs } = this.#options;
    this.#yieldUntilMs = clock.monotonicMs() + handoverTimeoutMs;
  }
}
