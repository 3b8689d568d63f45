/**
 * Keeps the journal's directory small while this node is live: asks `nextStep` what to do and has
 * it done, one step at a time. Main thread.
 */

import { segmentsMissing } from '../broker/segments-missing.js';
import type { Cursor, SegmentNumber } from '../journal/format.js';
import { SEGMENT_HEADER_BYTES } from '../journal/format.js';
import {
  type JournalRoom,
  nextStep,
  roomForProducers,
  type SegmentLedger,
  type SpaceFacts,
  type SpaceStep,
} from '../journal/space.js';
import type { JournalFigures } from './node-figures.js';
import type { StorageCommand, StorageEvent, TailFacts } from './storage-protocol.js';

/** It looks again when this part of a segment was written: the timer alone would come too late. */
const LOOK_PART = 1 / 16;

/** What it needs of the broker. */
interface Compactable {
  snapshot(): Uint8Array[];
  /** What `snapshot` would take now, roughly. */
  snapshotBytes(): number;
  relocate(payload: Uint8Array, position: { segment: number; blockOffset: number }): number;
}

/** A block as it was loaded, for compaction. */
export interface LoadedBlock {
  readonly offset: number;
  /** With header and padding: the next block begins that much further on. */
  readonly lengthBytes: number;
  readonly hasRecords: boolean;
  readonly payload: Uint8Array;
}

export interface SpaceKeeperOptions {
  readonly ledger: SegmentLedger;
  readonly segmentBytes: number;
  /** See SpaceFacts. */
  readonly slackBytes: number;
  readonly maxBatchBytes: number;
  readonly broker: Compactable;
  readonly post: (command: StorageCommand, transfer: readonly ArrayBuffer[]) => void;
  /** The whole blocks of one read at `offset`; empty at the end, and when the segment is gone. */
  readonly loadBlocks: (segment: SegmentNumber, offset: number) => Promise<LoadedBlock[]>;
  /** Resolves when everything that the broker was asked for so far is committed. */
  readonly drained: () => Promise<void>;
  /** The last block that was applied. */
  readonly applied: () => Cursor;
  /** Producers wait while the tail is nearly full and the next segment does not fit. */
  readonly onRoom: (room: JournalRoom) => void;
  readonly onFailure: (error: unknown) => void;
}

export class SpaceKeeper {
  readonly #options: SpaceKeeperOptions;
  #tail: TailFacts | null = null;
  /** In which this tenure began. */
  #firstSegment = 0;
  /** Of the newest checkpoint of this tenure, on which alone segments are deleted. */
  #checkpointCovers: Cursor | null = null;
  #foundCovers: Cursor | null = null;
  #checkpointBytes = 0;
  #bytesSinceCheckpoint = 0;
  /** As many as there were when the snapshot for the checkpoint under way was taken. */
  #bytesInSnapshot = 0;
  #bytesSinceLook = 0;
  #room: JournalRoom = 'enough';
  #lacksRoom = false;
  /** Until the tail is full they are left alone. */
  readonly #notNow = new Set<number>();
  #isBusy = false;
  readonly #counts = {
    checkpoints: 0,
    deletedSegments: 0,
    compactedSegments: 0,
    relocatedBytes: 0,
  };
  /** Counts tenures: a step that was begun in an earlier one says nothing any more. */
  #tenure = 0;
  #stopped: () => void = () => undefined;
  #untilStopped: Promise<undefined> = Promise.resolve(undefined);
  #done: () => void = () => undefined;

  constructor(options: SpaceKeeperOptions) {
    this.#options = options;
  }

  start(live: Extract<StorageEvent, { kind: 'live' }>): void {
    this.#tenure += 1;
    this.#isBusy = false;
    this.#lacksRoom = false;
    this.#notNow.clear();
    this.#untilStopped = new Promise((resolve) => {
      this.#stopped = () => resolve(undefined);
    });
    this.#tail = live.tail;
    this.#firstSegment = live.tail.segment;
    // The one that was found may have been left by a node that died before it was on stable storage.
    this.#checkpointCovers = null;
    this.#foundCovers = live.checkpointCovers;
    this.#checkpointBytes = live.checkpointBytes;
    const covered = live.checkpointCovers?.segment ?? 0;
    this.#bytesSinceCheckpoint = (live.tail.segment - covered) * this.#options.segmentBytes;
    this.#options.ledger.setSize(live.tail.segment, live.tail.sizeBytes);
    this.consider();
  }

  stop(): void {
    this.#tail = null;
    this.#room = 'enough';
    this.#stopped();
    this.#done();
  }

  onAppended(bytes: number, tail: TailFacts): void {
    // Also of a tenure that ends: what it begins now is in no listing yet, and not to be missed.
    if (tail.segment !== this.#tail?.segment) {
      this.#options.ledger.setSize(tail.segment, tail.sizeBytes);
    }
    if (this.#tail === null) return;
    this.#bytesSinceCheckpoint += bytes;
    this.#bytesSinceLook += bytes;
    if (tail.segment !== this.#tail.segment) {
      this.#notNow.clear();
      this.#lacksRoom = false;
    }
    this.#tail = tail;
    if (this.#bytesSinceLook >= this.#options.segmentBytes * LOOK_PART) this.consider();
  }

  onEvent(event: StorageEvent): void {
    switch (event.kind) {
      case 'checkpoint-written':
        this.#lacksRoom = event.bytes < 0;
        if (event.bytes >= 0) {
          this.#counts.checkpoints += 1;
          this.#checkpointCovers = event.covers;
          this.#checkpointBytes = event.bytes;
          // What was appended while it was being written is in none yet.
          this.#bytesSinceCheckpoint -= this.#bytesInSnapshot;
        }
        break;
      case 'segments-deleted':
        this.#counts.deletedSegments += event.segments.length;
        for (const segment of event.segments) this.#options.ledger.remove(segment);
        break;
      case 'segment-prepared':
        if (event.tail.segment !== this.#tail?.segment) break;
        this.#tail = event.tail;
        this.#lacksRoom = event.lacksRoom;
        break;
      case 'segments':
        this.#onSizes(event.sizes);
        return;
      default:
        return;
    }
    this.#done();
  }

  figures(): JournalFigures {
    const segments = this.#options.ledger.segments();
    const spareBytes = this.#tail?.spareBytes ?? 0;
    const bytes = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return {
      segments: segments.length + (spareBytes > 0 ? 1 : 0),
      bytes: bytes + spareBytes + this.#checkpointBytes,
      neededBytes: this.#options.ledger.neededBytes,
      checkpointBytes: this.#checkpointBytes,
      bytesSinceCheckpoint: this.#bytesSinceCheckpoint,
      ...this.#counts,
    };
  }

  /** Cheap; called when something was written, after each step, and from a timer. */
  consider(): void {
    if (this.#tail === null) return;
    this.#bytesSinceLook = 0;
    const facts = this.#facts(this.#tail);
    this.#tellRoom(roomForProducers(facts));
    if (this.#isBusy) return;
    const step = nextStep(facts);
    if (step === null) return;
    this.#isBusy = true;
    const tenure = this.#tenure;
    this.#carryOut(step).then((hasProgressed) => {
      if (tenure !== this.#tenure) return;
      this.#isBusy = false;
      if (hasProgressed) this.consider();
    }, this.#options.onFailure);
  }

  #tellRoom(room: JournalRoom): void {
    if (room === this.#room) return;
    this.#room = room;
    this.#options.onRoom(room);
  }

  #facts(tail: TailFacts): SpaceFacts {
    return {
      ledger: this.#options.ledger,
      segmentBytes: this.#options.segmentBytes,
      slackBytes: this.#options.slackBytes,
      maxBatchBytes: this.#options.maxBatchBytes,
      tail: tail.segment,
      tailUsedBytes: tail.usedBytes,
      tailSizeBytes: tail.sizeBytes,
      spareBytes: tail.spareBytes,
      checkpointBytes: this.#checkpointBytes,
      checkpointCovers: this.#checkpointCovers,
      foundCovers: this.#foundCovers,
      bytesSinceCheckpoint: this.#bytesSinceCheckpoint,
      snapshotBytes: this.#options.broker.snapshotBytes(),
      lacksRoom: this.#lacksRoom,
      notNow: this.#notNow,
    };
  }

  /** False when the step came to nothing, as on a full disk: then the timer tries again. */
  async #carryOut(step: SpaceStep): Promise<boolean> {
    switch (step.kind) {
      case 'delete':
        await this.#ask({ kind: 'delete-segments', segments: step.segments });
        return true;
      case 'prepare-segment':
        await this.#ask(step);
        return (this.#tail?.spareBytes ?? 0) > 0;
      case 'checkpoint': {
        const before = this.#checkpointCovers;
        await this.#checkpoint();
        return this.#checkpointCovers !== before;
      }
      case 'compact':
        await this.#compact(step.segment);
        if (this.#options.ledger.neededOf(step.segment) > 0) return false;
        this.#counts.compactedSegments += 1;
        return true;
    }
  }

  #checkpoint(): Promise<void> {
    const payloads = this.#options.broker.snapshot().map((bytes) => exactBuffer(bytes));
    const covers = this.#options.applied();
    this.#bytesInSnapshot = this.#bytesSinceCheckpoint;
    return this.#ask({ kind: 'checkpoint', covers, payloads }, payloads);
  }

  /** Appends again what is still needed of a segment, block by block. */
  async #compact(segment: SegmentNumber): Promise<void> {
    const { loadBlocks, broker, drained, ledger } = this.#options;
    let offset = SEGMENT_HEADER_BYTES;
    while (this.#tail !== null && ledger.neededOf(segment) > 0) {
      const blocks = await Promise.race([loadBlocks(segment, offset), this.#untilStopped]);
      const last = blocks?.at(-1);
      if (blocks === undefined || last === undefined || this.#hasStopped()) break;
      for (const block of blocks) {
        if (!block.hasRecords) continue;
        const position = { segment, blockOffset: block.offset };
        this.#counts.relocatedBytes += broker.relocate(block.payload, position);
      }
      offset = last.offset + last.lengthBytes;
      await Promise.race([drained(), this.#untilStopped]);
    }
    if (ledger.neededOf(segment) > 0) this.#notNow.add(segment);
  }

  #hasStopped(): boolean {
    return this.#tail === null;
  }

  async #ask(command: StorageCommand, transfer: readonly ArrayBuffer[] = []): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#options.post(command, transfer);
    await done;
  }

  #onSizes(sizes: Extract<StorageEvent, { kind: 'segments' }>['sizes']): void {
    const { ledger, onFailure } = this.#options;
    for (const { segment, sizeBytes } of sizes) {
      // What this tenure began is known better than from a listing, which may have met it half made.
      if (segment < this.#firstSegment) ledger.setSize(segment, sizeBytes);
    }
    const missing = ledger.missing();
    if (missing.length === 0) return;
    onFailure(segmentsMissing(missing));
  }
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes.buffer as ArrayBuffer;
  return bytes.slice().buffer as ArrayBuffer;
}
