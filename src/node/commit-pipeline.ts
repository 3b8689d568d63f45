/**
 * From the broker's batch to stable storage and back: one batch is under way at a time, and what
 * arrives meanwhile gathers in the next. A batch is applied and confirmed once its block is durable
 * and ownership was verified by a check that began less than `freshMs` ago (P1, P3). No timers on
 * this path. Main thread.
 */

import type { Batch } from '../broker/host.js';
import { BLOCK_HEADER_BYTES } from '../journal/format.js';
import { Histogram, STORE_SECONDS } from '../platform/histogram.js';
import type { Clock } from '../platform/ports.js';
import type { BlockCache } from './block-cache.js';
import type { SlabPool } from './slab-pool.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';

/** What the pipeline needs of the broker. */
interface BatchSource {
  takeBatch(): Batch | null;
  committed(batch: Batch, position: { segment: number; blockOffset: number } | null): void;
}

type Appended = Extract<StorageEvent, { kind: 'appended' }>;

export interface PipelineOptions {
  readonly clock: Clock;
  readonly freshMs: number;
  readonly source: BatchSource;
  readonly cache: BlockCache;
  readonly slabs: SlabPool;
  readonly post: (command: StorageCommand, transfer: readonly ArrayBuffer[]) => void;
  /** After each batch that was applied. */
  readonly onCommitted: (appended: Appended | null) => void;
}

export class CommitPipeline {
  readonly #options: PipelineOptions;
  #isOpen = false;
  /** What comes after this is not part of the tenure any more. */
  #isEnding = false;
  #settled: () => void = () => undefined;
  #isScheduled = false;
  #inFlight: Batch | null = null;
  #takenAtMs = 0;
  /** The broker has something for the next batch since then; null when it has told of nothing. */
  #pendingSinceMs: number | null = null;
  #inFlightSinceMs = 0;
  /** From the first message of a batch to its confirmation; of a batch in a backlog, from when it was taken. */
  readonly confirmationTimes = new Histogram(STORE_SECONDS);
  /** What the synchronous write of each block took. */
  readonly writeTimes = new Histogram(STORE_SECONDS);
  /** Of blocks with their headers and padding. */
  appendedBytes = 0;
  /** The block is durable; only ownership may still have to be verified. */
  #appended: Appended | null = null;
  #isDurable = false;
  #verifiedBeganMs = Number.NEGATIVE_INFINITY;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Since the beginning of the last good ownership check. */
  get verifiedAgoMs(): number {
    return this.#options.clock.monotonicMs() - this.#verifiedBeganMs;
  }

  /** For how long the batch under way has not been confirmed; 0 when there is none. */
  get waitingMs(): number {
    return this.#inFlight === null ? 0 : this.#options.clock.monotonicMs() - this.#takenAtMs;
  }

  open(verifiedBeganMs: number): void {
    this.#isOpen = true;
    this.#pendingSinceMs = null;
    this.#isEnding = false;
    this.#verifiedBeganMs = verifiedBeganMs;
  }

  /** Nothing leaves any more, whatever comes back. */
  close(): void {
    this.#isOpen = false;
    this.#inFlight = null;
    this.#pendingSinceMs = null;
    this.#appended = null;
    this.#isDurable = false;
    this.#settled();
  }

  /** Takes no further batch; resolves when the one under way is applied. */
  finish(): Promise<void> {
    this.#isEnding = true;
    if (this.#inFlight === null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settled = resolve;
    });
  }

  /** The broker has something: goes out at the end of this turn, with all that the turn brings. */
  schedule(): void {
    this.#pendingSinceMs ??= this.#options.clock.monotonicMs();
    if (this.#isScheduled || this.#inFlight !== null || !this.#isOpen) return;
    this.#isScheduled = true;
    this.#options.clock.soon(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#inFlight !== null || !this.#isOpen) return;
    if (this.#isEnding) {
      this.#settled();
      return;
    }
    const batch = this.#options.source.takeBatch();
    const sinceMs = this.#pendingSinceMs;
    this.#pendingSinceMs = null;
    if (batch === null) return;
    this.#inFlight = batch;
    this.#takenAtMs = this.#options.clock.monotonicMs();
    this.#inFlightSinceMs = sinceMs ?? this.#takenAtMs;
    if (batch.end === BLOCK_HEADER_BYTES) {
      this.#isDurable = true;
      this.#release();
      return;
    }
    const slab = batch.slab.buffer as ArrayBuffer;
    const { end, recordCount } = batch;
    this.#options.post({ kind: 'append', slab, end, recordCount }, [slab]);
  }

  onAppended(appended: Appended): void {
    const batch = this.#inFlight;
    if (batch === null) return;
    batch.slab = new Uint8Array(appended.slab);
    this.#appended = appended;
    this.#isDurable = true;
    this.writeTimes.observeMs(appended.writeMs);
    this.appendedBytes += appended.cursor.offset - appended.offset;
    this.onVerified(appended.verifiedBeganMs);
  }

  onVerified(beganMs: number): void {
    this.#verifiedBeganMs = Math.max(this.#verifiedBeganMs, beganMs);
    this.#release();
  }

  /** No other node can be live: only now may anything be confirmed, or delivered. */
  get isFresh(): boolean {
    return this.verifiedAgoMs < this.#options.freshMs;
  }

  #release(): void {
    const batch = this.#inFlight;
    if (batch === null || !this.#isDurable || !this.isFresh) return;
    const appended = this.#appended;
    this.#inFlight = null;
    this.#appended = null;
    this.#isDurable = false;
    const { source, cache, slabs, onCommitted, clock } = this.#options;
    this.confirmationTimes.observeMs(clock.monotonicMs() - this.#inFlightSinceMs);
    if (appended === null) {
      source.committed(batch, null);
      onCommitted(null);
      if (this.#isEnding) this.#settled();
      else this.schedule();
      return;
    }
    const { segment, offset, slab } = appended;
    const payload = new Uint8Array(slab, BLOCK_HEADER_BYTES, batch.end - BLOCK_HEADER_BYTES);
    if (slabs.isReused(slab)) cache.keep(segment, offset, payload);
    else cache.adopt(segment, offset, payload);
    source.committed(batch, { segment, blockOffset: offset });
    slabs.giveBack(slab);
    onCommitted(appended);
    this.flush();
  }
}
