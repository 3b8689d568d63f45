/**
 * How long the live node has been silent, as far as a backup can know: its document says nothing new
 * although this node reads it all the time. While this node's own reads are held up it knows nothing,
 * and counts anew afterwards: a backup that is cut off itself must not take the live node for dead.
 */
import type { LiveDocument } from '../store/documents.js';

/** Between two reads of a node whose store answers; they come ten times a second by default. */
const READS_ARE_HELD_UP_MS = 1_000;
const SERVING: ReadonlySet<LiveDocument['state']> = new Set(['live', 'handing-over']);
const TOLD_EVERY_MS = 1_000;

export class LiveSilence {
  readonly #intervalMs: number;
  #sign = '';
  #sinceMs = 0;
  #readAtMs = 0;
  #toldSteps = 0;

  /** `intervalMs`: how often `read` is called while the store answers. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /**
   * The document was read at `nowMs`, of a monotonic clock. Returns for how many milliseconds its writer has
   * been silent, once for each second of silence, and 0 once when it is heard again; null: nothing to tell.
   */
  read(document: LiveDocument, nowMs: number): number | null {
    const silentMs = this.#silenceOf(document, nowMs);
    const steps = Math.floor(silentMs / TOLD_EVERY_MS);
    if (steps === this.#toldSteps) return null;
    this.#toldSteps = steps;
    return steps === 0 ? 0 : silentMs;
  }

  #silenceOf({ epoch, beat, state }: LiveDocument, nowMs: number): number {
    const gapMs = nowMs - this.#readAtMs;
    this.#readAtMs = nowMs;
    const sign = `${epoch} ${beat} ${state}`;
    const isHeldUp = gapMs > this.#intervalMs + READS_ARE_HELD_UP_MS;
    if (sign !== this.#sign || isHeldUp || !SERVING.has(state)) {
      this.#sign = sign;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs;
  }
}
