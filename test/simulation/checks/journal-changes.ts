/**
 * Who changes what in journal/, seen when the server carries it out.
 *
 * P4: only a process that has claimed an epoch and has not become a backup since. A call that was
 * sent before its process died or was paused is its own all the same, so lateness is no breach.
 * P2: blocks are appended through the descriptor that was given the lock. Bytes of a confirmed block
 * never change; a write over them must bring what is there already (a client that sends a request
 * again does that). P1: a live node removes a segment only when a durable checkpoint goes beyond
 * it, and nobody ever removes the last checkpoint that does. What a takeover removes is judged when its
 * tenure begins.
 */
import { basename } from 'node:path/posix';
import { decodeBlock } from '../../../src/journal/block.js';
import { type CheckpointHeader, decodeCheckpointHeader } from '../../../src/journal/file-header.js';
import {
  parseCheckpointName,
  parseSegmentName,
  SECTOR_BYTES,
} from '../../../src/journal/format.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { StorageChange } from '../storage/shared-storage.js';
import type { OnBreach } from './breach.js';
import type { NodeView } from './node-view.js';
import type { StoredJournal } from './stored-journal.js';

export interface JournalChangesOptions {
  readonly onBreach: OnBreach;
  readonly layout: StoreLayout;
  readonly truth: FileSystem;
  readonly stableBytes: (path: string, position: number, length: number) => Uint8Array | null;
  readonly viewOf: (process: SimulatedProcess) => NodeView | undefined;
  /** Confirmed bytes may have been changed: to be compared with what was confirmed. */
  readonly onOverwritten: (sentence: string) => void;
  readonly inThisEvent: (check: Promise<void>) => void;
}

export class JournalChanges {
  readonly #options: JournalChangesOptions;
  readonly #journalPrefix: string;
  readonly #epochPrefix: string;
  /** Up to where each file of the journal holds confirmed blocks. */
  readonly #confirmedEnd = new Map<string, number>();
  /** Of the segments that a live node has removed; 0 when none has. */
  #highestRemoved = 0;

  constructor(options: JournalChangesOptions) {
    this.#options = options;
    this.#journalPrefix = `${options.layout.journalDirectory}/`;
    this.#epochPrefix = `${options.layout.epochsDirectory}/`;
  }

  confirmedUpTo(path: string, end: number): void {
    this.#confirmedEnd.set(path, end);
  }

  tenureBegan(stored: StoredJournal): void {
    this.#confirmedEnd.clear();
    for (const { path, end } of stored.segments) this.#confirmedEnd.set(path, end);
  }

  onChange(change: StorageChange): void {
    const { path, kind } = change;
    if (path.startsWith(this.#epochPrefix)) {
      const view = this.#options.viewOf(change.process);
      if (kind === 'create' && view?.role === 'taking-over') view.hasClaimed = true;
      return;
    }
    if (!path.startsWith(this.#journalPrefix)) return;
    const view = this.#options.viewOf(change.process);
    if (view === undefined) return;
    if (!view.hasClaimed) this.#breachP4(view, change);
    if (kind === 'write' && change.isDurable && !change.hasHeldLock) this.#breachP2(view, change);
    if (kind === 'unlink' && parseCheckpointName(basename(path)) !== null) {
      this.#options.inThisEvent(this.#onCheckpointRemoved(view, path));
    }
    const end = this.#confirmedEnd.get(path);
    if (end === undefined || !change.isLinked) return;
    if (kind === 'unlink') this.#options.inThisEvent(this.#onRemoved(view, path));
    else if (kind === 'write' && change.position < end) {
      this.#options.onOverwritten(
        `${view.name} wrote over confirmed bytes at offset ${change.position} of ${path}`,
      );
    }
  }

  /** The first fence: a server that takes a lock away refuses the writes of that descriptor, and of no other. */
  #breachP2(view: NodeView, { path, position }: StorageChange): void {
    this.#options.onBreach(
      'P2',
      `${view.name} appended at offset ${position} of ${path} through a descriptor that never had its lock`,
    );
  }

  #breachP4(view: NodeView, { kind, path }: StorageChange): void {
    this.#options.onBreach(
      'P4',
      `${view.name} changed the journal (${kind} ${path}) in the role ${view.role}, without an epoch of its own`,
    );
  }

  async #onRemoved(view: NodeView, path: string): Promise<void> {
    this.#confirmedEnd.delete(path);
    if (view.role !== 'live' && view.role !== 'handing-over') return;
    const number = parseSegmentName(basename(path))?.number ?? 0;
    this.#highestRemoved = Math.max(this.#highestRemoved, number);
    const covered = await this.#coveredSegment();
    if (number < covered) return;
    this.#options.onBreach(
      'P1',
      `${view.name} removed segment ${number}, and the newest durable checkpoint ends in segment ${covered}`,
    );
  }

  async #onCheckpointRemoved(view: NodeView, path: string): Promise<void> {
    if (this.#highestRemoved === 0) return;
    const covered = await this.#coveredSegment();
    if (this.#highestRemoved < covered) return;
    this.#options.onBreach(
      'P1',
      `${view.name} removed ${basename(path)}: segment ${this.#highestRemoved} is gone, and the newest durable checkpoint ends in segment ${covered}`,
    );
  }

  /** In which the newest durable checkpoint ends; 0 without any. */
  async #coveredSegment(): Promise<number> {
    const { layout, truth, stableBytes } = this.#options;
    let covered = 0;
    for (const name of await truth.list(layout.journalDirectory)) {
      if (parseCheckpointName(name) === null) continue;
      const path = `${this.#journalPrefix}${name}`;
      const { sizeBytes } = await truth.stat(path);
      const header = durableCheckpoint(stableBytes(path, 0, sizeBytes), path);
      covered = Math.max(covered, header?.covers.segment ?? 0);
    }
    return covered;
  }
}

/** The header of a checkpoint of which every block is there. */
function durableCheckpoint(bytes: Uint8Array | null, path: string): CheckpointHeader | null {
  if (bytes === null || bytes.byteLength < SECTOR_BYTES) return null;
  const header = decodeCheckpointHeader(bytes.subarray(0, SECTOR_BYTES), path);
  if (header === null) return null;
  let at = SECTOR_BYTES;
  let checksum = 0;
  for (let sequence = 1; sequence <= header.blockCount; sequence += 1) {
    const block = decodeBlock(bytes, at);
    if (block?.sequence !== sequence || block.previousChecksum !== checksum) return null;
    checksum = block.checksum;
    at += block.lengthBytes;
  }
  return checksum === header.lastChecksum ? header : null;
}
