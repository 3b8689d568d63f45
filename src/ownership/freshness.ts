/**
 * The fourth fence: confirmations and messages leave only while the last good ownership check *began*
 * recently enough. What counts is when it began, because a check may hang in the file system for as long
 * as another node needs to take over.
 */
import { errnoOf, HoldfastError, messageOf } from '../platform/errors.js';
import type { Clock, FileSystem } from '../platform/ports.js';
import { readLiveDocument } from '../store/known-documents.js';
import type { StoreLayout } from '../store/layout.js';
import type { ElectionLock } from './election.js';
import { highestEpoch } from './epoch.js';

export interface OwnershipCheckOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly layout: StoreLayout;
  readonly electionLock: Pick<ElectionLock, 'stillMine'>;
  readonly node: string;
  readonly epoch: number;
}

export interface TailSegment {
  readonly name: string;
  /** Whether what is written to is what others find under that name. */
  isInPlace(): Promise<boolean>;
}

/**
 * - `owned`: everything still names this node; `lastGoodBeganMs` moved forward.
 * - `rewrite-live-file`: the lock and the journal are this node's, but `live` is torn or names an
 *   older tenure. The caller rewrites it and checks again; until then nothing gets fresher.
 */
export type OwnershipVerdict = 'owned' | 'rewrite-live-file';

export class OwnershipCheck {
  readonly #options: OwnershipCheckOptions;
  #lastGoodBeganMs = Number.NEGATIVE_INFINITY;

  constructor(options: OwnershipCheckOptions) {
    this.#options = options;
  }

  /** Monotonic milliseconds; minus infinity before the first good check. */
  get lastGoodBeganMs(): number {
    return this.#lastGoodBeganMs;
  }

  isFresh(freshMs: number): boolean {
    return this.#options.clock.monotonicMs() - this.#lastGoodBeganMs < freshMs;
  }

  /**
   * `tail` is the segment that is written to. Throws OWNERSHIP_LOST when another node took over,
   * JOURNAL_IO_FAILED when the check itself failed: both end the tenure.
   */
  async run(tail: TailSegment): Promise<OwnershipVerdict> {
    const beganMs = this.#options.clock.monotonicMs();
    try {
      await this.#requireElectionLock();
      await this.#requireTail(tail);
      await this.#requireNewestEpoch();
      const verdict = await this.#compareLiveFile();
      if (verdict === 'owned') this.#lastGoodBeganMs = beganMs;
      return verdict;
    } catch (error) {
      throw this.#asTenureEnd(error);
    }
  }

  async #requireElectionLock(): Promise<void> {
    if (await this.#options.electionLock.stillMine()) return;
    throw this.#lost(`the lock file ${this.#options.layout.lockFile} was removed or replaced`);
  }

  async #requireTail(tail: TailSegment): Promise<void> {
    if (await tail.isInPlace()) return;
    throw this.#lost(`the journal segment ${tail.name} was removed or replaced`);
  }

  /**
   * Where nothing fences its late writes, a deposed node may write its `live` over its successor's and
   * then read its own name. The file of a claimed epoch is never overwritten.
   */
  async #requireNewestEpoch(): Promise<void> {
    const { fileSystem, layout, epoch } = this.#options;
    const newest = await highestEpoch(fileSystem, layout.epochsDirectory);
    if (newest > epoch) throw this.#lost(`another node has claimed epoch ${newest}`);
  }

  async #compareLiveFile(): Promise<OwnershipVerdict> {
    const { fileSystem, layout, epoch, node } = this.#options;
    const read = await readLiveDocument(fileSystem, layout);
    if (read.kind !== 'valid' || read.document.epoch < epoch) return 'rewrite-live-file';
    const other = read.document;
    if (other.epoch === epoch && other.node === node) return 'owned';
    throw this.#lost(
      `node "${other.node}" on host ${other.host} is live with epoch ${other.epoch}`,
    );
  }

  #lost(why: string, cause?: unknown): HoldfastError {
    const { node, epoch } = this.#options;
    const message = `Node "${node}" is no longer live (its epoch was ${epoch}): ${why}.`;
    return new HoldfastError('OWNERSHIP_LOST', message, { cause });
  }

  #asTenureEnd(error: unknown): unknown {
    if (error instanceof HoldfastError) return error;
    if (errnoOf(error) === 'ESTALE') {
      return this.#lost('the file server knows a file of this tenure no more', error);
    }
    return new HoldfastError(
      'JOURNAL_IO_FAILED',
      `The ownership check failed (${messageOf(error)}): ` +
        'see what the file system reports; the node must be started anew.',
      { cause: error },
    );
  }
}
