/**
 * All checks of a simulated cluster in one: it listens to the nodes' threads and to the storage, and
 * says at once when a promise is broken. Reading the store through `truth` resolves within the same
 * event, before anything else happens in virtual time.
 */
import type { Broker } from '../../../src/broker/broker.js';
import type { NodeEnd } from '../../../src/node/node.js';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import type { Role } from '../../../src/ownership/role.js';
import { messageOf } from '../../../src/platform/errors.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import type { NodeObserver } from '../cluster/observer.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { SharedStorage, StorageChange, StorageObserver } from '../storage/shared-storage.js';
import { visitHeaders } from './block-headers.js';
import { Bounds } from './bounds.js';
import type { OnBreach } from './breach.js';
import { describeBroker } from './broker-state.js';
import { Confirmations } from './confirmations.js';
import { ConfirmedChain } from './confirmed-chain.js';
import { Deliveries, type DeliveringNode } from './deliveries.js';
import { type FaultFacts, judgeEnd, noFaults } from './ends.js';
import { JournalChanges } from './journal-changes.js';
import { type CheckedNode, type Live, NodeView } from './node-view.js';
import { ReplayEquality } from './replay-equality.js';
import { readStoredJournal } from './stored-journal.js';

export interface ChecksOptions {
  readonly onBreach: OnBreach;
  readonly random: SeededRandom;
  readonly storage: Pick<SharedStorage, 'profile' | 'truth' | 'stableBytes' | 'bytesReadBy'>;
  readonly layout: StoreLayout;
  readonly freshMs: number;
  readonly segmentBytes: number;
  readonly slackBytes: number;
  /** What the product takes it for: the server refuses writes of a deposed node. */
  readonly isFencedByServer: boolean;
  /** How likely a takeover is compared with a replay; a few replays are what a seed can afford. */
  readonly replayShare: number;
}

/** What the checks ask of a node beyond its messages. */
export interface InspectedNode extends CheckedNode {
  readonly broker: (Pick<Broker, 'snapshot'> & NonNullable<DeliveringNode['broker']>) | null;
}

export class Checks implements NodeObserver, StorageObserver {
  /** Kept by whoever injects the faults, from the moment at which each begins. */
  readonly facts: FaultFacts = noFaults();
  /** When a live node last heard that it still owns the store: the file server answers. Virtual time. */
  lastVerifiedAtMs = 0;
  readonly #options: ChecksOptions;
  readonly #views = new Map<SimulatedProcess, NodeView>();
  readonly #chain: ConfirmedChain;
  readonly #confirmations: Confirmations;
  readonly #deliveries: Deliveries;
  readonly #changes: JournalChanges;
  readonly #bounds: Bounds;
  readonly #replays: ReplayEquality;

  constructor(options: ChecksOptions) {
    this.#options = options;
    const { onBreach, storage, layout, freshMs, segmentBytes, isFencedByServer } = options;
    const { slackBytes } = options;
    const { truth } = storage;
    const { journalDirectory } = layout;
    const stableBytes: SharedStorage['stableBytes'] = (path, position, length) =>
      storage.stableBytes(path, position, length);
    const isFenced = isFencedByServer && storage.profile.kind !== 'nfs4-local-locks';
    const mayGoAstray = (): boolean => !isFenced || this.facts.serverPowerCut;
    this.#chain = new ConfirmedChain({ onBreach, mayGoAstray });
    this.#confirmations = new Confirmations({
      onBreach,
      freshMs,
      journalDirectory,
      stableBytes,
      onConfirmed: (view, cursor, path) => {
        this.#chain.confirmed(view, cursor);
        this.#changes.confirmedUpTo(path, cursor.offset);
      },
    });
    this.#deliveries = new Deliveries({ onBreach, freshMs });
    this.#changes = new JournalChanges({
      onBreach,
      layout,
      truth,
      stableBytes,
      viewOf: (process) => this.#views.get(process),
      onOverwritten: (sentence) => this.#inThisEvent(this.#requireWhole(sentence)),
      inThisEvent: (check) => this.#inThisEvent(check),
    });
    const bytesReadBy = (process: SimulatedProcess): number => storage.bytesReadBy(process);
    this.#bounds = new Bounds({ onBreach, segmentBytes, bytesReadBy });
    this.#replays = new ReplayEquality({ onBreach, truth, layout, segmentBytes, slackBytes });
  }

  onStarted(node: CheckedNode): void {
    this.#views.set(node.process, new NodeView(node));
  }

  onEventPosted(node: CheckedNode, event: StorageEvent): void {
    const view = this.#viewOf(node);
    switch (event.kind) {
      case 'role':
        this.#onRole(view, event.role);
        return;
      case 'reset':
        view.followed = null;
        view.astraySinceMs = null;
        this.#bounds.startedAgain(view);
        return;
      case 'restore':
        this.#bounds.posted(view, event.payload.byteLength);
        return;
      case 'blocks':
        this.#bounds.posted(view, event.fileBytes);
        visitHeaders(event.bytes, event.blocks, (block) => this.#chain.followed(view, block));
        return;
      case 'live':
        this.#inThisEvent(this.#onTenure(view, event));
        return;
    }
  }

  onEventArrived(node: InspectedNode, event: StorageEvent): void {
    const view = this.#viewOf(node);
    this.#deliveries.judge(node, view);
    this.#confirmations.arrived(view, event);
    this.#deliveries.watch(node, view);
    if (event.kind === 'verified') this.lastVerifiedAtMs = node.process.scheduler.nowMs;
    if (event.kind !== 'live' || node.broker === null || this.facts.damage) return;
    if (!this.#options.random.chance(this.#options.replayShare)) return;
    // The receiver has not seen it yet: what its broker has is what it followed.
    const state = describeBroker(node.broker);
    const { sequence } = event.cursor;
    this.#inThisEvent(this.#replays.compare({ name: view.name, state, sequence }));
  }

  onCommandPosted(node: InspectedNode, command: StorageCommand): void {
    const view = this.#viewOf(node);
    if (command.kind === 'applied') this.#bounds.applied(view, command.bytes);
    else this.#confirmations.commanded(view, command);
    if (command.kind === 'quiesced') this.#deliveries.ended(node, view);
    if (command.kind === 'checkpoint') this.#onCheckpoint(view, command);
  }

  /** What it holds is taken in the middle of work, and must not be ahead of the journal. */
  #onCheckpoint(view: NodeView, command: Extract<StorageCommand, { kind: 'checkpoint' }>): void {
    if (this.facts.damage) return;
    const payloads = command.payloads.map((bytes) => new Uint8Array(bytes));
    const state = describeBroker({ snapshot: () => payloads });
    const { sequence } = command.covers;
    const name = `the checkpoint of ${view.name}`;
    this.#inThisEvent(this.#replays.compare({ name, state, sequence }));
  }

  onLog(): void {}

  onEnded(node: InspectedNode, end: NodeEnd | null): void {
    const view = this.#viewOf(node);
    this.#deliveries.ended(node, view);
    view.hasEnded = true;
    this.#confirmations.ended(view);
    this.#inThisEvent(this.#judgeEnd(view, end));
  }

  async #judgeEnd(view: NodeView, end: NodeEnd | null): Promise<void> {
    const { onBreach, storage } = this.#options;
    // Only then: a node is also said to have ended in the middle of the power cut that ends it.
    const refuses = end?.exitCodeReason === 'JOURNAL_CORRUPT';
    const lostWhatItRead = refuses && this.facts.serverPowerCut && (await this.#isAstray(view));
    const facts = { ...this.facts, kind: storage.profile.kind, lostWhatItRead };
    judgeEnd(view.name, end, facts, onBreach);
  }

  /** The last block that it has read is in the store no longer. */
  async #isAstray({ followed, astraySinceMs }: NodeView): Promise<boolean> {
    if (followed === null || astraySinceMs !== null) return astraySinceMs !== null;
    const { storage, layout } = this.#options;
    const stored = await readStoredJournal(storage.truth, layout.journalDirectory);
    if (followed.sequence <= (stored.checkpoint?.covers.sequence ?? 0)) return false;
    return stored.blocks.get(followed.sequence)?.checksum !== followed.checksum;
  }

  onChange(change: StorageChange): void {
    this.#changes.onChange(change);
  }

  /** A fault has changed a byte at rest of the journal, with a whole block behind it. */
  onDamage(): void {
    this.facts.anyFault = true;
    this.facts.damage = true;
    this.#chain.damaged();
  }

  /** A sector of a segment cannot be read any more. */
  onUnreadable(): void {
    this.facts.anyFault = true;
    this.facts.storageFault = true;
    this.facts.damage = true;
    this.#chain.damaged();
  }

  /** An operator has deleted all segments; a checkpoint holds what was up to block `kept`. */
  onSegmentsRemoved(kept: number, atMs: number): void {
    this.facts.segmentsRemoved = true;
    this.onDamage();
    this.#chain.cutDown(kept);
    this.#confirmations.segmentsRemoved(atMs);
  }

  /**
   * Compares the broker of a node with a replay, when it can be compared at this moment: nothing of
   * it is under way. Resolves with whether it was.
   */
  async compareWithReplay(node: InspectedNode): Promise<boolean> {
    const view = this.#viewOf(node);
    const { sequence } = (view.epoch === null ? view.followed : view.confirmed) ?? {};
    const canCompare = view.runs && view.isQuiet && view.astraySinceMs === null;
    if (!canCompare || sequence === undefined || node.broker === null) return false;
    const state = describeBroker(node.broker);
    return this.#replays.compare({ name: view.name, state, sequence });
  }

  /** When all faults have ended, and the queues have drained, and some time has passed. */
  async finish(nodes: readonly InspectedNode[]): Promise<void> {
    if (!this.facts.damage) await this.#requireWhole('the end of the seed');
    for (const node of nodes) {
      const view = this.#viewOf(node);
      if (view.runs && view.astraySinceMs !== null) {
        const forMs = Math.round(node.process.scheduler.nowMs - view.astraySinceMs);
        const sentence = `${view.name} follows what is no part of the journal, for ${forMs} ms`;
        this.#options.onBreach('P2', sentence);
      }
      if (!this.facts.damage) await this.compareWithReplay(node);
    }
    if (!this.facts.damage) await this.#replays.requireSmallDirectory();
  }

  #onRole(view: NodeView, role: Role): void {
    view.role = role;
    if (role === 'backup') view.hasClaimed = false;
    if (role === 'taking-over' && this.#chain.hasCaughtUp(view)) {
      this.#bounds.warmTakeoverBegan(view);
    }
  }

  async #onTenure(view: NodeView, live: Live): Promise<void> {
    const { storage, layout } = this.#options;
    const stored = await readStoredJournal(storage.truth, layout.journalDirectory);
    this.#chain.tenureBegan(view, live, stored);
    this.#changes.tenureBegan(stored);
    this.#bounds.tenureBegan(view, live.tail.sizeBytes, stored.segments.length);
  }

  async #requireWhole(where: string): Promise<void> {
    const { storage, layout } = this.#options;
    const stored = await readStoredJournal(storage.truth, layout.journalDirectory);
    this.#chain.requireWhole(stored, where);
  }

  /** All of it happens before the next event does, because `truth` answers at once. */
  #inThisEvent(check: Promise<unknown>): void {
    check.catch((error: unknown) => {
      if (this.facts.damage) return;
      this.#options.onBreach('P6', `the store cannot be read by a check: ${messageOf(error)}`);
    });
  }

  #viewOf(node: CheckedNode): NodeView {
    const view = this.#views.get(node.process);
    if (view === undefined) throw new Error(`node ${node.name} was never said to have started`);
    return view;
  }
}
