/**
 * P1 and P3 at the moment of a confirmation. The main thread's commit pipeline is mirrored from its
 * messages: a batch is released when its block was reported as appended and the last good ownership
 * check began less than `freshMs` ago. What the pipeline does next (another batch, a position that it
 * calls confirmed) shows whether it kept to that, so an early release is seen even when no client was
 * told. Not too strict: the mirror decides in the same event and by the same clock.
 *
 * At the moment of release the block must be on stable storage, whole, in a file that has its name.
 */
import { join } from 'node:path/posix';
import { decodeBlock } from '../../../src/journal/block.js';
import {
  type Cursor,
  type Epoch,
  type SegmentNumber,
  segmentName,
} from '../../../src/journal/format.js';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import type { OnBreach } from './breach.js';
import type { Appended, NodeView } from './node-view.js';

export interface ConfirmationsOptions {
  readonly onBreach: OnBreach;
  readonly freshMs: number;
  readonly journalDirectory: string;
  /** See SharedStorage. */
  readonly stableBytes: (path: string, position: number, length: number) => Uint8Array | null;
  /** From now on everything up to `cursor` counts as confirmed; `path` is the file that it ends in. */
  readonly onConfirmed: (view: NodeView, cursor: Cursor, path: string) => void;
}

export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #serving = new Set<NodeView>();
  /** Nearly every block ends in the file that the one before it ended in. */
  #lastPath = { segment: 0, epoch: 0, path: '' };
  #segmentsRemovedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  /** The main thread is about to receive it. */
  arrived(view: NodeView, event: StorageEvent): void {
    switch (event.kind) {
      case 'live':
        view.beginTenure(event);
        this.#serving.add(view);
        this.#requireSole(view);
        return;
      case 'appended':
        if (!view.hasBatchUnderWay) return;
        view.appended = event;
        view.verified(event.verifiedBeganMs);
        this.#release(view);
        this.#requireSole(view);
        return;
      case 'verified':
        if (view.epoch === null) return;
        view.verified(event.beganMs);
        this.#release(view);
        this.#requireSole(view);
        return;
      case 'ended':
        this.ended(view);
        return;
    }
  }

  commanded(view: NodeView, command: StorageCommand): void {
    switch (command.kind) {
      case 'append':
        this.#requireReleased(view);
        view.hasBatchUnderWay = true;
        view.appended = null;
        return;
      case 'checkpoint':
        this.#requireConfirmed(view, command.covers, 'writes a checkpoint that covers');
        return;
      case 'confirmed':
        this.#requireConfirmed(view, command.cursor, 'calls confirmed');
        return;
      case 'quiesced':
        this.#requireConfirmed(view, command.cursor, 'ends its tenure with');
        this.ended(view);
        return;
    }
  }

  /** By somebody who is no node. Virtual time. */
  segmentsRemoved(atMs: number): void {
    this.#segmentsRemovedAtMs = atMs;
  }

  /** Nothing leaves this node any more. */
  ended(view: NodeView): void {
    view.endTenure();
    this.#serving.delete(view);
  }

  #release(view: NodeView): void {
    const { appended } = view;
    if (appended === null || !view.canConfirm(this.#options.freshMs)) return;
    view.hasBatchUnderWay = false;
    view.appended = null;
    view.confirmed = appended.cursor;
    const path = this.#stablePathOf(appended);
    if (path !== null) this.#options.onConfirmed(view, appended.cursor, path);
    else if (!this.#cannotKnow(view)) this.#unstable(view, appended);
  }

  /** Its last ownership check began before somebody deleted the segments; the next one must see that. */
  #cannotKnow(view: NodeView): boolean {
    const verifiedAgoMs = view.monotonicMs - view.verifiedBeganMs;
    return view.process.scheduler.nowMs - verifiedAgoMs <= this.#segmentsRemovedAtMs;
  }

  /** The file that holds the block on stable storage: of its own epoch, or of an older one that is written on. */
  #stablePathOf({ segment, offset, cursor }: Appended): string | null {
    const length = cursor.offset - offset;
    for (let epoch = cursor.epoch; epoch > 0; epoch = (epoch - 1) as Epoch) {
      const path = this.#pathOf(segment, epoch);
      const bytes = this.#options.stableBytes(path, offset, length);
      const block = bytes === null ? null : decodeBlock(bytes, 0);
      if (block?.checksum === cursor.checksum && block.sequence === cursor.sequence) return path;
    }
    return null;
  }

  #pathOf(segment: SegmentNumber, epoch: Epoch): string {
    const last = this.#lastPath;
    if (last.segment === segment && last.epoch === epoch) return last.path;
    const path = join(this.#options.journalDirectory, segmentName(segment, epoch).name);
    this.#lastPath = { segment, epoch, path };
    return path;
  }

  #unstable(view: NodeView, { segment, offset, cursor }: Appended): void {
    this.#options.onBreach(
      'P1',
      `${view.name} could confirm block ${cursor.sequence}, which is not on stable storage at offset ${offset} of segment ${segment}`,
    );
  }

  /** The pipeline has one batch under way at most: the next one tells that the last was released. */
  #requireReleased(view: NodeView): void {
    const { onBreach } = this.#options;
    if (view.epoch === null) {
      onBreach('P3', `${view.name} sends a batch though it serves no tenure`);
    } else if (view.hasBatchUnderWay && view.appended === null) {
      onBreach('P1', `${view.name} released a batch before its block was reported as written`);
    } else if (view.hasBatchUnderWay) {
      const agoMs = Math.round(view.monotonicMs - view.verifiedBeganMs);
      onBreach(
        'P3',
        `${view.name} released a batch though its last good ownership check began ${agoMs} ms ago`,
      );
    }
  }

  #requireConfirmed(view: NodeView, cursor: Cursor, does: string): void {
    const confirmed = view.confirmed?.sequence ?? 0;
    if (cursor.sequence <= confirmed) return;
    this.#options.onBreach(
      'P3',
      `${view.name} ${does} block ${cursor.sequence}, but could confirm only up to block ${confirmed}`,
    );
  }

  /** A paused node cannot confirm; when it goes on, its clock has gone on too, and it is asked again. */
  #requireSole(view: NodeView): void {
    const { freshMs, onBreach } = this.#options;
    if (this.#serving.size < 2 || !view.canConfirm(freshMs)) return;
    for (const other of this.#serving) {
      if (!other.process.isAlive) this.#serving.delete(other);
      if (other === view || !other.canConfirm(freshMs)) continue;
      onBreach(
        'P3',
        `${view.name} (epoch ${view.epoch}) and ${other.name} (epoch ${other.epoch}) could both confirm now`,
      );
    }
  }
}
