/**
 * One run of one node as the checks see it: what its two threads told each other, put together to
 * what each of them knows. It judges nothing.
 */
import type { Cursor } from '../../../src/journal/format.js';
import type { StorageEvent } from '../../../src/node/storage-protocol.js';
import type { Role } from '../../../src/ownership/role.js';
import type { HostClocks } from '../kernel/clock.js';
import type { SimulatedProcess } from '../kernel/process.js';

/** What the checks need of a node; a simulated node has it. One object for each run. */
export interface CheckedNode {
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly host: { readonly name: string; readonly clocks: HostClocks };
}

type EventOf<Kind extends StorageEvent['kind']> = Extract<StorageEvent, { kind: Kind }>;
export type Appended = EventOf<'appended'>;
export type Live = EventOf<'live'>;

export class NodeView {
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly #node: CheckedNode;
  hasEnded = false;

  /** As the storage thread posted it last. */
  role: Role = 'joining';
  /** It has created an epoch's file since it last became a backup, so it may write the journal. */
  hasClaimed = false;
  /** The last block that its follower has posted since it was told to forget everything. */
  followed: { sequence: number; checksum: number; epoch: number } | null = null;
  /** It has read a block that is not part of the journal any more. */
  astraySinceMs: number | null = null;
  /** Bytes posted to the main thread as a follower that it has not said to have applied. */
  unappliedBytes = 0;

  /** The tenure that the main thread serves; null before `live` has arrived and after it quiesced. */
  epoch: number | null = null;
  verifiedBeganMs = Number.NEGATIVE_INFINITY;
  /** A batch was sent to the storage thread and may not be confirmed yet. */
  hasBatchUnderWay = false;
  appended: Appended | null = null;
  /** The last block of which the main thread could tell anybody. */
  confirmed: Cursor | null = null;

  constructor(node: CheckedNode) {
    this.#node = node;
    this.name = node.name;
    this.process = node.process;
  }

  get hostName(): string {
    return this.#node.host.name;
  }

  get monotonicMs(): number {
    return this.process.scheduler.nowMs - this.#node.host.clocks.bootedAtMs;
  }

  get runs(): boolean {
    return this.process.isAlive && !this.hasEnded;
  }

  beginTenure(live: Live): void {
    this.epoch = live.epoch;
    this.verifiedBeganMs = live.verifiedBeganMs;
    this.hasBatchUnderWay = false;
    this.appended = null;
    this.confirmed = live.cursor;
  }

  /** Nothing leaves any more, whatever comes back. */
  endTenure(): void {
    this.epoch = null;
    this.hasBatchUnderWay = false;
    this.appended = null;
  }

  verified(beganMs: number): void {
    this.verifiedBeganMs = Math.max(this.verifiedBeganMs, beganMs);
  }

  /** A confirmation could go out at this moment: it serves, runs, and was the owner recently. */
  canConfirm(freshMs: number): boolean {
    if (this.epoch === null || !this.runs || this.process.isPaused) return false;
    return this.monotonicMs - this.verifiedBeganMs < freshMs;
  }

  /** Nothing is on its way between broker and journal, as far as messages tell. */
  get isQuiet(): boolean {
    return !this.hasBatchUnderWay && this.unappliedBytes === 0;
  }
}
