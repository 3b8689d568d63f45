/**
 * P7: what must stay small. A running backup that had caught up reads, from the lock to `live`, no
 * more than a few looks at the last segment: every look reads to the end of its file, and there is one
 * before and one after its lock, one at the end, one to copy it. What a follower sends to its main
 * thread and is not applied yet stays under the follower's own limit and one read.
 *
 * Not too strict: documents are read all the time, so time counts too. Not too weak: nothing here
 * grows with the number of segments but one sector for each.
 */
import { SECTOR_BYTES } from '../../../src/journal/format.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { OnBreach } from './breach.js';
import type { NodeView } from './node-view.js';

/** As in src/node/follower.ts, with one run of the reader and one large block. */
const MAX_UNAPPLIED_BYTES = 8 * 1024 * 1024 + 2 * 1024 * 1024;
const LOOKS_AT_TAIL = 8;
/** How often the header of every segment is looked at. */
const LOOKS_AT_HEADERS = 8;
/** `live`, `store.json`, the documents of the other nodes: a few small reads at every interval. */
const DOCUMENT_BYTES_PER_MS = 512;
const FIRST_LOOK_BYTES = 64 * 1024;

export interface BoundsOptions {
  readonly onBreach: OnBreach;
  readonly segmentBytes: number;
  readonly bytesReadBy: (process: SimulatedProcess) => number;
}

interface Beginning {
  readonly bytesRead: number;
  readonly atMs: number;
}

export class Bounds {
  readonly #options: BoundsOptions;
  readonly #takingOver = new Map<NodeView, Beginning>();

  constructor(options: BoundsOptions) {
    this.#options = options;
  }

  /** It starts again from a checkpoint, so it has to read as a cold node does. */
  startedAgain(view: NodeView): void {
    this.#takingOver.delete(view);
  }

  /** It had caught up when it got the lock. */
  warmTakeoverBegan(view: NodeView): void {
    const bytesRead = this.#options.bytesReadBy(view.process);
    this.#takingOver.set(view, { bytesRead, atMs: view.process.scheduler.nowMs });
  }

  tenureBegan(view: NodeView, tailBytes: number, segmentCount: number): void {
    const began = this.#takingOver.get(view);
    this.#takingOver.delete(view);
    if (began === undefined) return;
    const read = this.#options.bytesReadBy(view.process) - began.bytesRead;
    const tookMs = view.process.scheduler.nowMs - began.atMs;
    const looksBytes = LOOKS_AT_TAIL * Math.max(tailBytes, this.#options.segmentBytes);
    const allowed =
      looksBytes +
      FIRST_LOOK_BYTES +
      LOOKS_AT_HEADERS * segmentCount * SECTOR_BYTES +
      DOCUMENT_BYTES_PER_MS * tookMs;
    if (read <= allowed) return;
    this.#options.onBreach(
      'P7',
      `${view.name} had caught up and read ${read} bytes to take over; ${Math.round(allowed)} are allowed`,
    );
  }

  posted(view: NodeView, bytes: number): void {
    view.unappliedBytes += bytes;
    if (view.unappliedBytes <= MAX_UNAPPLIED_BYTES) return;
    this.#options.onBreach(
      'P7',
      `${view.unappliedBytes} bytes are on their way to the main thread of ${view.name}`,
    );
  }

  applied(view: NodeView, bytes: number): void {
    view.unappliedBytes -= bytes;
  }
}
