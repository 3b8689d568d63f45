/**
 * Reads the journal while another node writes it and hands the blocks to the main thread's broker.
 * It changes nothing in the store (P4). Storage thread.
 */

import { newestCheckpoint, readCheckpoint } from '../journal/checkpoint.js';
import { isGone, type JournalDirectory } from '../journal/directory.js';
import { BLOCK_TYPE, type Cursor, JOURNAL_START, type SegmentName } from '../journal/format.js';
import { type BlockRun, JournalGap, JournalReader } from '../journal/reader.js';
import { HoldfastError, messageOf } from '../platform/errors.js';
import type { Clock } from '../platform/ports.js';
import type { StorageEvent, TransferredBlock } from './storage-protocol.js';

/** What may be on its way to the main thread and not applied yet. */
const MAX_UNAPPLIED_BYTES = 8 * 1024 * 1024;

/** Fresh starts in a row that led no further, before it is called damage. */
const MAX_FRUITLESS_STARTS = 20;

export interface FollowerOptions {
  readonly directory: JournalDirectory;
  readonly clock: Clock;
  readonly pollIntervalMs: number;
  readonly post: (event: StorageEvent, transfer: readonly ArrayBuffer[]) => void;
}

export class Follower {
  readonly #options: FollowerOptions;
  #reader: JournalReader | null = null;
  #unappliedBytes = 0;
  #waiting: (() => void)[] = [];
  #endSleep: () => void = () => undefined;
  #stopRequested = false;
  #hasCaughtUp = false;
  #checkpointCovers: Cursor | null = null;
  #checkpointBytes = 0;
  #fruitlessStarts = 0;
  #furthestSequence = 0;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Goes on from a place up to which the main thread's broker is already. */
  resumeAt(cursor: Cursor): void {
    this.#reader = new JournalReader(this.#options.directory, cursor);
  }

  get cursor(): Cursor {
    return this.#reader?.cursor ?? JOURNAL_START;
  }

  get file(): SegmentName | null {
    return this.#reader?.file ?? null;
  }

  /** Since it last began at a checkpoint it has once read everything that was there. */
  get hasCaughtUp(): boolean {
    return this.#hasCaughtUp;
  }

  /** Of the checkpoint that this node started from. */
  get checkpoint(): { readonly covers: Cursor | null; readonly bytes: number } {
    return { covers: this.#checkpointCovers, bytes: this.#checkpointBytes };
  }

  /** The main thread has applied `bytes` of what it was sent. */
  applied(bytes: number): void {
    this.#unappliedBytes -= bytes;
    this.#wake();
  }

  /** Follows until `stop`. Rejects when the journal cannot be read. */
  async run(): Promise<void> {
    this.#stopRequested = false;
    while (!this.#stopRequested) {
      if (await this.#readOnce()) continue;
      this.#hasCaughtUp = true;
      await this.#sleep(this.#options.pollIntervalMs);
    }
  }

  stop(): void {
    this.#stopRequested = true;
    this.#wake();
  }

  /** Reads on to where nothing continues, and waits until the main thread has applied all of it. */
  async catchUp(): Promise<void> {
    while (await this.#readOnce());
    await this.#waitUntil(() => this.#unappliedBytes === 0);
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  async #readOnce(): Promise<boolean> {
    try {
      this.#reader ??= await this.#start();
      const run = await this.#reader.next();
      if (run === null) {
        await this.#reader.requireNoGapAhead();
        return false;
      }
      this.#noteProgress(this.#reader.cursor.sequence);
      await this.#send(run);
      return true;
    } catch (error) {
      if (!(error instanceof JournalGap) && !(this.#reader === null && isGone(error))) throw error;
      await this.#startAgain(error);
      return true;
    }
  }

  /** Reading the same blocks again is no progress. */
  #noteProgress(sequence: number): void {
    if (sequence <= this.#furthestSequence) return;
    this.#furthestSequence = sequence;
    this.#fruitlessStarts = 0;
  }

  /** The live node deletes segments and replaces checkpoints meanwhile; what it deletes has a successor. */
  async #startAgain(cause: unknown): Promise<void> {
    await this.#reader?.close();
    this.#reader = null;
    this.#hasCaughtUp = false;
    this.#fruitlessStarts += 1;
    if (this.#fruitlessStarts > MAX_FRUITLESS_STARTS) {
      throw new HoldfastError(
        'JOURNAL_CORRUPT',
        `${this.#options.directory.path} lacks a part that no checkpoint covers (${messageOf(cause)}). ` +
          'Run `holdfast journal verify`, and restore the store from a copy.',
        { cause },
      );
    }
    if (this.#fruitlessStarts === 1) return;
    // Waited for in a takeover as well, where `stop` has been called: the store needs the time to change.
    const { clock, pollIntervalMs } = this.#options;
    await new Promise<void>((resolve) => clock.after(pollIntervalMs, resolve));
  }

  async #start(): Promise<JournalReader> {
    const { directory, post } = this.#options;
    await this.#waitUntil(() => this.#unappliedBytes === 0);
    post({ kind: 'reset' }, []);
    const found = await newestCheckpoint(directory);
    this.#checkpointCovers = found?.header.covers ?? null;
    this.#checkpointBytes = 0;
    if (found === null) return new JournalReader(directory, JOURNAL_START);
    await readCheckpoint(directory, found, async ({ buffer }) => {
      this.#checkpointBytes += buffer.byteLength;
      this.#unappliedBytes += buffer.byteLength;
      post({ kind: 'restore', payload: buffer }, [buffer]);
      await this.#waitUntil(() => this.#unappliedBytes < MAX_UNAPPLIED_BYTES);
    });
    return new JournalReader(directory, found.header.covers);
  }

  async #send(run: BlockRun): Promise<void> {
    const { bytes } = run;
    const blocks = run.blocks.map(
      (block): TransferredBlock => ({
        start: block.payloadStart,
        length: block.payloadLength,
        recordCount: block.recordCount,
        hasRecords: block.type === BLOCK_TYPE.records,
        segment: block.segment,
        offset: block.offset,
      }),
    );
    const fileBytes = bytes.byteLength;
    this.#unappliedBytes += fileBytes;
    this.#options.post({ kind: 'blocks', bytes: bytes.buffer, blocks, fileBytes }, [bytes.buffer]);
    await this.#waitUntil(() => this.#unappliedBytes < MAX_UNAPPLIED_BYTES);
  }

  async #waitUntil(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #sleep(delayMs: number): Promise<void> {
    if (this.#stopRequested) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(delayMs, resolve);
      this.#endSleep = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
    this.#endSleep();
  }
}
