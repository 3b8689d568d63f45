/**
 * What this node knows of the live one, by reading the `live` file again and again, and tells the main thread:
 * who it is, for how long it has been silent, how far its journal goes. Storage thread.
 */

import type { Cursor } from '../journal/format.js';
import { LiveSilence } from '../ownership/live-silence.js';
import type { Clock, FileSystem } from '../platform/ports.js';
import type { LiveDocument } from '../store/documents.js';
import { readLiveDocument } from '../store/known-documents.js';
import type { StoreLayout } from '../store/layout.js';
import type { LockTurn } from './lock-turn.js';
import type { StorageEvent } from './storage-protocol.js';

export interface LiveWatchOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly layout: StoreLayout;
  readonly lockPollIntervalMs: number;
  readonly turn: LockTurn;
  readonly post: (event: StorageEvent) => void;
  /** The lock is free in a moment. */
  readonly onHandover: () => void;
}

export class LiveWatch {
  readonly #options: LiveWatchOptions;
  readonly #silence: LiveSilence;
  #last: LiveDocument | null = null;

  constructor(options: LiveWatchOptions) {
    this.#options = options;
    this.#silence = new LiveSilence(options.lockPollIntervalMs);
  }

  /** Of the tenure that it read of last; 0 when there was none. */
  get epoch(): number {
    return this.#last?.epoch ?? 0;
  }

  async read(): Promise<void> {
    const { fileSystem, layout, turn, onHandover, post } = this.#options;
    const read = await readLiveDocument(fileSystem, layout);
    // Half a rewrite tells nothing new.
    if (read.kind === 'unreadable') return;
    const document = read.kind === 'valid' ? read.document : null;
    const known = this.#last;
    this.#last = document;
    turn.seen(document);
    const isSame =
      known?.epoch === document?.epoch &&
      known?.state === document?.state &&
      JSON.stringify(known?.addresses) === JSON.stringify(document?.addresses);
    if (isSame) return;
    if (document?.state === 'handing-over') onHandover();
    post({ kind: 'live-elsewhere', document });
  }

  /** To be called by a backup after each `read`. */
  tellSilence(): void {
    const { clock, post } = this.#options;
    const document = this.#last;
    if (document === null) return;
    const silentMs = this.#silence.read(document, clock.monotonicMs());
    if (silentMs !== null) post({ kind: 'live-silent', document, silentMs });
  }

  /** What a backup that has read up to `own` has still to read, as the document said last. */
  lagBytes(own: Cursor, segmentBytes: number): number {
    const live = this.#last?.position;
    if (live === undefined || live.sequence <= own.sequence) return 0;
    const wholeSegments = (live.segment - own.segment) * segmentBytes;
    return Math.max(0, wholeSegments + live.offset - own.offset);
  }
}
