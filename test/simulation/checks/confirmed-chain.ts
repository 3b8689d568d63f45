/**
 * P1, P2 and P6 at the journal's level. Blocks are chained by checksum, so two journals that have
 * the same checksum at one sequence are the same up to it. A block counts as confirmed from the moment
 * at which a main thread could tell a client of it, and when a tenure has begun behind it (the new live
 * node acts on it). From then on every later tenure's journal must hold it.
 *
 * Not too strict: a block that was written and never confirmed may be cut off, and whoever followed it
 * is astray until it starts again. Not too weak: nobody begins a tenure astray, no confirmation is
 * given in a tenure that another one has ended, and one epoch has one block for each sequence.
 */
import type { Cursor } from '../../../src/journal/format.js';
import type { BlockIdentity } from './block-headers.js';
import type { OnBreach } from './breach.js';
import type { Live, NodeView } from './node-view.js';
import type { StoredJournal } from './stored-journal.js';

interface Link {
  readonly checksum: number;
  readonly epoch: number;
  readonly isConfirmed: boolean;
}

/** A backup polls a few times a second, and a live node writes a few blocks between two polls. */
const NEARLY_BLOCKS = 8;

export interface ConfirmedChainOptions {
  readonly onBreach: OnBreach;
  /**
   * A follower may read what is lost later: where no server fences a deposed writer, and after the
   * server has lost power.
   */
  readonly mayGoAstray: () => boolean;
}

export class ConfirmedChain {
  readonly #options: ConfirmedChainOptions;
  #links = new Map<number, Link>();
  /** Of the newest tenure that has begun, and the sequence of its first block. */
  #epoch = 0;
  #tenureSequence = 0;
  #lastConfirmed = 0;
  #isDamaged = false;

  constructor(options: ConfirmedChainOptions) {
    this.#options = options;
  }

  /** Links that are kept; for tests of what this costs. */
  get size(): number {
    return this.#links.size;
  }

  /** The follower of the node has posted nearly everything that was ever confirmed. */
  hasCaughtUp(view: NodeView): boolean {
    const { followed } = view;
    return followed !== null && followed.sequence + NEARLY_BLOCKS >= this.#lastConfirmed;
  }

  /** A follower has posted the block to its main thread. */
  followed(view: NodeView, block: BlockIdentity): void {
    const before = view.followed;
    if (before !== null) this.#requireContinues(view, before, block);
    else this.#requireStartsWell(view, block);
    const { sequence, checksum, epoch } = block;
    view.followed = { sequence, checksum, epoch };
    this.#compareFollowed(view, block);
  }

  /** The main thread of the node could tell clients of everything up to `cursor`. */
  confirmed(view: NodeView, cursor: Cursor): void {
    const { sequence, checksum, epoch } = cursor;
    if (epoch < this.#epoch) {
      this.#breach(
        'P1',
        `${view.name} could confirm block ${sequence} in epoch ${epoch}, after epoch ${this.#epoch} had begun without it`,
      );
      return;
    }
    const known = this.#links.get(sequence);
    if (known !== undefined && known.checksum !== checksum) {
      if (known.epoch === epoch) this.#twoBlocks(view, sequence, epoch);
      else if (known.isConfirmed || known.epoch > epoch) this.#lost(sequence, known, view.name);
    }
    this.#links.set(sequence, { checksum, epoch, isConfirmed: true });
    this.#lastConfirmed = Math.max(this.#lastConfirmed, sequence);
    view.followed = { sequence, checksum, epoch };
  }

  /**
   * The storage thread has posted `live`; `stored` is the journal in the store at that moment. A node
   * that was held up right before it may be late: then a later tenure is there already, and all that
   * matters is that nothing is confirmed any more.
   */
  tenureBegan(view: NodeView, live: Live, stored: StoredJournal): void {
    const { epoch, cursor } = live;
    if (epoch === this.#epoch) {
      this.#breach('P2', `${view.name} begins a second tenure in epoch ${epoch}`);
      return;
    }
    if (epoch < this.#epoch) return;
    if (this.#isDamaged) {
      this.#tenureOverDamage(view, live, stored);
      return;
    }
    this.#beginWhole(view, cursor, stored);
    const { sequence, checksum } = cursor;
    view.followed = { sequence, checksum, epoch };
    view.astraySinceMs = null;
  }

  /**
   * The store cannot be read whole any more, but a node that has read it before the damage, or whose
   * host still has the good bytes cached, knows all of it. One that does not must have refused (P6).
   */
  #tenureOverDamage(view: NodeView, { epoch, cursor }: Live, stored: StoredJournal): void {
    const replayed = view.followed ?? stored.checkpoint?.covers ?? null;
    const known = replayed === null ? undefined : this.#links.get(replayed.sequence);
    const hasAll =
      replayed !== null &&
      replayed.sequence >= this.#lastConfirmed &&
      (known === undefined || known.checksum === replayed.checksum);
    if (!hasAll) {
      this.#breach(
        'P6',
        `${view.name} begins its tenure in epoch ${epoch} over a damaged journal, having replayed ${replayed?.sequence ?? 0} of ${this.#lastConfirmed} blocks`,
      );
    }
    const { sequence, checksum } = cursor;
    this.#links.set(sequence, { checksum, epoch, isConfirmed: true });
    this.#epoch = epoch;
    this.#tenureSequence = sequence;
    this.#lastConfirmed = sequence;
    view.followed = { sequence, checksum, epoch };
    view.astraySinceMs = null;
  }

  #beginWhole(view: NodeView, cursor: Cursor, stored: StoredJournal): void {
    const { epoch } = cursor;
    const first = stored.blocks.get(cursor.sequence);
    if (first === undefined || first.checksum !== cursor.checksum) {
      this.#breach(
        'P2',
        `${view.name} begins its tenure with block ${cursor.sequence}, which a reader of the store does not find (it comes to ${stored.last?.sequence ?? 0})`,
      );
    }
    const isLonger = (stored.last?.sequence ?? 0) > cursor.sequence;
    if (isLonger && (stored.last?.epoch ?? 0) <= epoch) {
      this.#breach(
        'P2',
        `${view.name} begins its tenure with block ${cursor.sequence}, and the store goes on to block ${stored.last?.sequence}`,
      );
    }
    this.#requireReplayed(view, cursor, stored);
    this.requireWhole(stored, `the tenure of ${view.name} in epoch ${epoch}`);
    this.#startOver(cursor, stored);
  }

  /** Everything confirmed so far is in `stored`, or covered by its checkpoint. Of a damaged journal nothing is asked. */
  requireWhole(stored: StoredJournal, where: string): void {
    if (this.#isDamaged) return;
    const covers = stored.checkpoint?.covers ?? null;
    const covered = covers?.sequence ?? 0;
    for (const [sequence, link] of this.#links) {
      if (!link.isConfirmed) continue;
      const block = stored.blocks.get(sequence);
      // Where nothing fences late writes, a deposed node's copy may come when the segment was deleted.
      const isLeftover = sequence <= covered && block !== undefined && block.epoch < link.epoch;
      if (isLeftover) continue;
      const found =
        block?.checksum ?? (covers?.sequence === sequence ? covers.checksum : undefined);
      if (found === undefined ? sequence > covered : found !== link.checksum) {
        this.#lost(sequence, link, where);
        return;
      }
    }
    const last = stored.last?.sequence ?? covered;
    for (let sequence = covered + 1; sequence <= last; sequence += 1) {
      if (stored.blocks.has(sequence)) continue;
      this.#breach(
        'P1',
        `${where}: the journal lacks block ${sequence}, and neither a checkpoint (up to ${covered}) nor its end (${last}) explains it`,
      );
      return;
    }
  }

  /**
   * Bytes at rest have changed with a whole block behind them, or cannot be read any more: nothing may be
   * passed over. Whether that whole block was confirmed is all the same, for a reader cannot know it. Only
   * changed bytes of the very last block in the store could be taken for an unfinished write.
   */
  damaged(): void {
    this.#isDamaged = true;
  }

  /** Somebody deleted all blocks behind `kept`. Nobody can have them, and what is confirmed from now on counts. */
  cutDown(kept: number): void {
    for (const sequence of this.#links.keys()) if (sequence > kept) this.#links.delete(sequence);
    this.#lastConfirmed = Math.min(this.#lastConfirmed, kept);
  }

  #requireContinues(
    view: NodeView,
    before: { sequence: number; checksum: number; epoch: number },
    block: BlockIdentity,
  ): void {
    const continues =
      block.sequence === before.sequence + 1 &&
      block.previousChecksum === before.checksum &&
      block.epoch >= before.epoch;
    if (continues) return;
    this.#breach(
      'P2',
      `${view.name} replays block ${block.sequence} of epoch ${block.epoch} behind block ${before.sequence} of epoch ${before.epoch}, which it does not continue`,
    );
  }

  /** After a checkpoint: it must end with a block of this journal. */
  #requireStartsWell(view: NodeView, block: BlockIdentity): void {
    const covered = this.#links.get(block.sequence - 1);
    if (covered === undefined || !covered.isConfirmed) return;
    if (covered.checksum === block.previousChecksum) return;
    this.#breach(
      'P2',
      `${view.name} starts with block ${block.sequence}, which does not continue block ${block.sequence - 1} as it was confirmed`,
    );
  }

  #compareFollowed(view: NodeView, block: BlockIdentity): void {
    const { sequence, checksum, epoch } = block;
    const known = this.#links.get(sequence);
    const isCutOff = epoch < this.#epoch && sequence >= this.#tenureSequence;
    if (isCutOff || (known !== undefined && known.epoch > epoch && known.checksum !== checksum)) {
      this.#wentAstray(view, block);
      return;
    }
    if (known !== undefined && known.checksum !== checksum) {
      if (known.epoch === epoch) this.#twoBlocks(view, sequence, epoch);
      if (known.isConfirmed) this.#lost(sequence, known, `what ${view.name} follows`);
    } else if (known !== undefined) return;
    this.#links.set(sequence, { checksum, epoch, isConfirmed: false });
  }

  #wentAstray(view: NodeView, { sequence, epoch }: BlockIdentity): void {
    view.astraySinceMs ??= view.process.scheduler.nowMs;
    if (this.#options.mayGoAstray()) return;
    this.#breach(
      'P2',
      `${view.name} replays block ${sequence} of epoch ${epoch}, which epoch ${this.#epoch} has cut off`,
    );
  }

  /** The index of the new live node comes from the blocks right before its tenure. */
  #requireReplayed(view: NodeView, cursor: Cursor, stored: StoredJournal): void {
    const { followed } = view;
    const expected = cursor.sequence - 1;
    const covered = stored.checkpoint?.covers.sequence ?? 0;
    if (followed === null) {
      if (expected === covered) return;
    } else if (followed.sequence === expected) {
      const found = stored.blocks.get(expected)?.checksum ?? this.#links.get(expected)?.checksum;
      if (found === undefined || found === followed.checksum) return;
    }
    const upTo = followed === null ? covered : followed.sequence;
    this.#breach(
      'P2',
      `${view.name} begins its tenure with block ${cursor.sequence}, having replayed up to block ${upTo} of ${followed === null ? 'a checkpoint' : 'another journal or another end'}`,
    );
  }

  #startOver(cursor: Cursor, stored: StoredJournal): void {
    const { epoch, sequence: tenureSequence } = cursor;
    const covered = stored.checkpoint?.covers.sequence ?? 0;
    const keptLink = this.#links.get(covered);
    this.#links = new Map();
    if (keptLink !== undefined) this.#links.set(covered, keptLink);
    for (const [sequence, block] of stored.blocks) {
      if (sequence < covered) continue;
      const { checksum } = block;
      const isConfirmed = sequence <= tenureSequence;
      this.#links.set(sequence, { checksum, epoch: block.epoch, isConfirmed });
    }
    this.#epoch = epoch;
    this.#tenureSequence = tenureSequence;
    this.#lastConfirmed = tenureSequence;
  }

  #twoBlocks(view: NodeView, sequence: number, epoch: number): void {
    this.#breach(
      'P2',
      `${view.name} has another block ${sequence} of epoch ${epoch} than was seen before`,
    );
  }

  #lost(sequence: number, link: Link, where: string): void {
    this.#breach(
      this.#isDamaged ? 'P6' : 'P1',
      `block ${sequence} of epoch ${link.epoch} was confirmed and is not in ${where}`,
    );
  }

  #breach(invariant: 'P1' | 'P2' | 'P6', sentence: string): void {
    this.#options.onBreach(invariant, sentence);
  }
}
