/**
 * What a live node does by the clock and not because somebody asks for it, in a session of its own with the broker:
 * what is due, room in the journal, and an end when ownership cannot be verified any more. Main thread.
 */

import type { BrokerSession, SessionEvents } from '../broker/api.js';
import type { Broker } from '../broker/broker.js';
import type { Clock } from '../platform/ports.js';
import type { CommitPipeline } from './commit-pipeline.js';
import type { SpaceKeeper } from './space-keeper.js';

const INTERVAL_MS = 50;

export interface HousekeepingOptions {
  readonly clock: Clock;
  readonly broker: Pick<Broker, 'openSession' | 'sweep'>;
  readonly pipeline: Pick<CommitPipeline, 'flush'>;
  readonly space: Pick<SpaceKeeper, 'consider'>;
  readonly storeStallLimitMs: number;
  /** The storage thread makes no progress at this moment. */
  readonly isStorageSilent: () => boolean;
  /** The node has ended. */
  readonly isOver: () => boolean;
  /** Ownership could not be verified for longer than the limit. */
  readonly onStall: (silentMs: number) => void;
  readonly onFailure: (error: unknown) => void;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  /** Of the tenure that this node serves; null without one. */
  #session: BrokerSession | null = null;
  #staleMs = 0;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** A tenure begins, and the broker serves. */
  start(): void {
    this.#staleMs = 0;
    this.#session = this.#options.broker.openSession(EVENTS, 'housekeeping', { isOfNode: true });
    this.#goOn(this.#session);
  }

  /** Before the broker ends its sessions. */
  stop(): void {
    this.#session = null;
  }

  /** A check was good, and fresh when it was known. */
  verified(): void {
    this.#staleMs = 0;
  }

  /** Everything that the broker was asked for so far is committed; at once without a tenure. */
  drained(): Promise<void> {
    const session = this.#session;
    if (session === null) return Promise.resolve();
    return new Promise((resolve) => session.barrier(resolve));
  }

  /** As long as this session's tenure is not being ended. */
  #goOn(session: BrokerSession): void {
    const { clock, isOver, onFailure } = this.#options;
    clock.after(INTERVAL_MS, () => {
      if (isOver() || this.#session !== session) return;
      try {
        this.#sweep();
      } catch (error) {
        onFailure(error);
      }
      this.#goOn(session);
    });
  }

  #sweep(): void {
    const { broker, pipeline, space, storeStallLimitMs, isStorageSilent, onStall } = this.#options;
    broker.sweep();
    pipeline.flush();
    space.consider();
    // Counted in steps, so that a pause of the whole process is no stall.
    this.#staleMs += INTERVAL_MS;
    if (this.#staleMs <= storeStallLimitMs) return;
    // With a thread that hangs this process could not end by itself: the watchdog kills it.
    if (!isStorageSilent()) onStall(this.#staleMs);
  }
}

/** Its tokens are callbacks. */
const EVENTS: SessionEvents = {
  confirmed: (token) => (token as () => void)(),
  writable: false,
  deliver: () => undefined,
  pauseReading: () => undefined,
  resumeReading: () => undefined,
  abort: () => undefined,
};
