/**
 * One tenure of this node, from the sealed journal to the released locks: it writes what the main
 * thread sends, verifies ownership, and keeps the `live` file. The first failure of any of it ends
 * the tenure for good. Storage thread.
 */

import { writeCheckpoint } from '../journal/checkpoint.js';
import { isGone, type JournalDirectory } from '../journal/directory.js';
import { BLOCK_TYPE, type Cursor, type Epoch, type SegmentNumber } from '../journal/format.js';
import { removeLeftovers } from '../journal/seal.js';
import { isFull } from '../journal/segment-file.js';
import type { JournalWriter } from '../journal/writer.js';
import type { ElectionLock } from '../ownership/election.js';
import { pruneEpochs } from '../ownership/epoch.js';
import { isFileAtPath } from '../ownership/file-at-path.js';
import { OwnershipCheck } from '../ownership/freshness.js';
import { Witness } from '../ownership/witness.js';
import { HoldfastError, messageOf } from '../platform/errors.js';
import type { DocumentFile } from '../store/document-file.js';
import type { LiveDocument, Reach } from '../store/documents.js';
import { SerialTask } from './serial-task.js';
import type { StorageCommand, StorageEvent, TailFacts } from './storage-protocol.js';
import type { StorageSettings, StorageWorld } from './storage-world.js';
import type { Takeover } from './takeover.js';

export interface TenureOptions {
  readonly world: Pick<StorageWorld, 'fileSystem' | 'clock' | 'heartbeat'>;
  readonly settings: Pick<
    StorageSettings,
    'layout' | 'name' | 'identity' | 'checkIntervalMs' | 'freshMs' | 'statusIntervalMs'
  >;
  readonly electionLock: ElectionLock;
  readonly directory: JournalDirectory;
  readonly takeover: Takeover;
  readonly reach: Reach;
  readonly post: (event: StorageEvent, transfer?: readonly ArrayBuffer[]) => void;
}

type CommandOf<Kind extends StorageCommand['kind']> = Extract<StorageCommand, { kind: Kind }>;

export class Tenure {
  readonly epoch: Epoch;
  readonly #options: TenureOptions;
  readonly #writer: JournalWriter;
  readonly #liveFile: DocumentFile<LiveDocument>;
  readonly #check: OwnershipCheck;
  readonly #witness: Witness;
  readonly #liveDocument: SerialTask;
  readonly #verification: SerialTask;
  #state: LiveDocument['state'] = 'live';
  #successor: string | null = null;
  #reach: Reach;
  #confirmed: Cursor;
  #beat = 0;
  #verifiedAtMs = 0;
  #isOver = false;
  /** What there was no room for, the last time. */
  readonly #roomless = new Set<string>();
  /** Work on the journal beside appending. */
  readonly #underWay = new Set<Promise<void>>();
  readonly #failed: Promise<never>;
  #reject: (error: unknown) => void = () => undefined;

  constructor(options: TenureOptions) {
    const { world, settings, electionLock, takeover } = options;
    this.#options = options;
    this.#reach = options.reach;
    this.epoch = takeover.epoch;
    this.#writer = takeover.writer;
    this.#liveFile = takeover.liveFile;
    this.#confirmed = takeover.writer.cursor;
    this.#check = new OwnershipCheck({
      fileSystem: world.fileSystem,
      clock: world.clock,
      layout: settings.layout,
      electionLock,
      node: settings.name,
      epoch: takeover.epoch,
    });
    this.#witness = new Witness({
      clock: world.clock,
      heartbeat: world.heartbeat,
      onTrouble: (reason) =>
        options.post({
          kind: 'log',
          level: 'warn',
          event: 'witness-troubled',
          fields: { reason },
          sentence: `The witness beside the lock has trouble: ${reason}`,
        }),
    });
    this.#liveDocument = new SerialTask(() => this.#writeLiveDocument());
    this.#verification = new SerialTask(() => this.#verify());
    this.#failed = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    this.#failed.catch(() => undefined);
  }

  /** Rejects with the first failure; never resolves. */
  get failed(): Promise<never> {
    return this.#failed;
  }

  get cursor(): Cursor {
    return this.#writer.cursor;
  }

  get tail(): TailFacts {
    const { tail, cursor, spareBytes } = this.#writer;
    return {
      segment: cursor.segment,
      usedBytes: cursor.offset,
      sizeBytes: tail.sizeBytes,
      spareBytes,
    };
  }

  get verifiedBeganMs(): number {
    return this.#check.lastGoodBeganMs;
  }

  /** Publishes the tenure and makes the first ownership check; then serves until `release`. */
  async begin(): Promise<void> {
    await this.#liveDocument.run();
    await this.#verification.run();
    this.#witness.start();
    void this.#repeat(this.#options.settings.checkIntervalMs, () => this.#verification.run());
    void this.#repeat(this.#options.settings.statusIntervalMs, () => this.#liveDocument.run());
    void this.#inBackground(() => this.#keepHouse(() => this.#cleanUp()));
  }

  async append(command: CommandOf<'append'>): Promise<void> {
    await this.#guard(async () => {
      this.#requireTenure();
      const { slab, end, recordCount } = command;
      await this.#writer.makeRoom(end);
      await this.#untilFresh();
      const bytes = new Uint8Array(slab);
      const { clock } = this.#options.world;
      const beganMs = clock.monotonicMs();
      const { segment, offset, cursor } = await this.#writer.write(
        BLOCK_TYPE.records,
        bytes,
        end,
        recordCount,
      );
      const writeMs = clock.monotonicMs() - beganMs;
      const { tail, verifiedBeganMs } = this;
      this.#options.post(
        { kind: 'appended', slab, segment, offset, cursor, tail, verifiedBeganMs, writeMs },
        [slab],
      );
    });
  }

  confirmed(cursor: Cursor): void {
    this.#confirmed = cursor;
  }

  async setReach(reach: Reach): Promise<void> {
    this.#reach = reach;
    await this.#guard(() => this.#liveDocument.run());
  }

  async setState(state: LiveDocument['state'], successor: string | null): Promise<void> {
    this.#state = state;
    this.#successor = successor;
    await this.#liveDocument.run();
  }

  /** A full disk costs a checkpoint, not the tenure. */
  async checkpoint(command: CommandOf<'checkpoint'>): Promise<void> {
    const { directory, world } = this.#options;
    const { covers } = command;
    const payloads = command.payloads.map((payload) => new Uint8Array(payload));
    await this.#keepHouse(async () => {
      const bytes = await this.#unlessFull('a checkpoint', () =>
        writeCheckpoint(directory, world.clock, this.epoch, covers, payloads),
      );
      this.#options.post({ kind: 'checkpoint-written', covers, bytes: bytes ?? -1 });
    });
  }

  async deleteSegments(segments: readonly SegmentNumber[]): Promise<void> {
    const { directory } = this.#options;
    await this.#keepHouse(async () => {
      const listing = await directory.list();
      const names = listing.segments.filter(({ number }) => segments.includes(number));
      for (const { name } of names) await directory.unlink(name);
      this.#options.post({ kind: 'segments-deleted', segments });
    });
  }

  async prepareSegment(command: CommandOf<'prepare-segment'>): Promise<void> {
    await this.#keepHouse(async () => {
      const prepare = async (): Promise<true> => {
        await this.#writer.prepareNext(command.after);
        return true;
      };
      const lacksRoom = (await this.#unlessFull('the next segment', prepare)) === null;
      this.#options.post({ kind: 'segment-prepared', tail: this.tail, lacksRoom });
    });
  }

  /** For whoever has seen what a successor may have left. Fails the tenure when there is one; does nothing when it is over anyway. */
  async verifyOwnership(): Promise<void> {
    await this.#keepHouse(() => this.#proveOwnership());
  }

  /** Ends the tenure in good order. No append may be under way; what else is gets finished, for a backup changes nothing (P4). */
  async release(): Promise<void> {
    if (this.#isOver) await this.#failed;
    this.#isOver = true;
    await Promise.all(this.#underWay);
    await this.setState('released', this.#successor);
    await this.#stopWitness();
    await this.#writer.close();
    await this.#liveFile.close();
    await this.#options.electionLock.release();
  }

  /** It decides nothing, so its troubles do not spoil a good end. */
  async #stopWitness(): Promise<void> {
    try {
      await this.#witness.stop();
    } catch (error) {
      this.#options.post({
        kind: 'log',
        level: 'warn',
        event: 'witness-troubled',
        fields: { reason: messageOf(error) },
        sentence: `The witness beside the lock could not be removed: ${messageOf(error)}`,
      });
    }
  }

  async #verify(): Promise<void> {
    const verdict = await this.#check.run({
      name: this.#writer.tail.name,
      isInPlace: () => this.#isTailInPlace(),
    });
    if (verdict === 'rewrite-live-file') {
      await this.#liveDocument.run();
      return;
    }
    this.#verifiedAtMs = this.#options.world.clock.wallMs();
    this.#options.post({ kind: 'verified', beganMs: this.#check.lastGoodBeganMs });
  }

  /**
   * A block that waited behind a call which hung may come after a takeover. The server would refuse
   * it, but the kernel's NFS client may then try it for ever (docs/decisions/0008-write-only-segments.md).
   */
  async #untilFresh(): Promise<void> {
    while (!this.#check.isFresh(this.#options.settings.freshMs)) await this.#verification.run();
    // Something else may have failed meanwhile, and after a first failure nothing more is written.
    this.#requireTenure();
  }

  #requireTenure(): void {
    if (!this.#isOver) return;
    throw new HoldfastError('OWNERSHIP_LOST', 'The tenure of this node is over.');
  }

  /** Resolves when a check that began after this call has found this node the owner; one that finds `live` torn finds nothing. */
  async #proveOwnership(): Promise<void> {
    const sinceMs = this.#options.world.clock.monotonicMs();
    do await this.#verification.run();
    while (this.#check.lastGoodBeganMs < sinceMs);
  }

  /** The writer may go on to the next segment, and close and delete this one, while a call is under way. */
  async #isTailInPlace(): Promise<boolean> {
    const { world, directory } = this.#options;
    for (;;) {
      const { handle, name } = this.#writer.tail;
      const isStillTail = (): boolean => this.#writer.tail.handle === handle;
      try {
        const isInPlace = await isFileAtPath(world.fileSystem, handle, directory.pathOf(name));
        if (isInPlace || isStillTail()) return isInPlace;
      } catch (error) {
        if (isStillTail()) throw error;
      }
    }
  }

  async #writeLiveDocument(): Promise<void> {
    const { settings, takeover } = this.#options;
    const { segment, offset, sequence } = this.#confirmed;
    this.#beat += 1;
    await this.#liveFile.write({
      epoch: this.epoch,
      node: settings.name,
      ...settings.identity,
      sinceMs: takeover.sinceMs,
      ...this.#reach,
      position: { segment, offset, sequence },
      beat: this.#beat,
      verifiedAtMs: this.#verifiedAtMs,
      state: this.#state,
      successor: this.#successor,
    });
  }

  /** What a takeover leaves behind does not hurt, so it is cleared away while clients are served. */
  async #cleanUp(): Promise<void> {
    const { directory, world, settings, post } = this.#options;
    await removeLeftovers(directory, this.epoch, this.#writer.tail.number);
    await pruneEpochs(world.fileSystem, settings.layout.epochsDirectory);
    const sizes = await segmentSizes(directory);
    // A successor deletes what it needs no more: what is missed here is damage only if there was none when this node looked.
    await this.#proveOwnership();
    post({ kind: 'segments', sizes });
  }

  async #repeat(intervalMs: number, task: () => Promise<void>): Promise<void> {
    const { clock } = this.#options.world;
    while (!this.#isOver) {
      await new Promise<void>((resolve) => clock.after(intervalMs, resolve));
      if (!this.#isOver) await this.#inBackground(task);
    }
  }

  /** Null on a full disk, which is told once until there is room again: nothing confirmed depends on it. */
  async #unlessFull<Result>(what: string, task: () => Promise<Result>): Promise<Result | null> {
    try {
      const result = await task();
      this.#roomless.delete(what);
      return result;
    } catch (error) {
      if (!isFull(error)) throw error;
      if (!this.#roomless.has(what)) this.#tellNoRoom(what, messageOf(error));
      this.#roomless.add(what);
      return null;
    }
  }

  #tellNoRoom(what: string, reason: string): void {
    this.#options.post({
      kind: 'log',
      level: 'warn',
      event: 'no-room',
      fields: { what, reason },
      sentence: `The store has no room for ${what} (${reason}): producers may have to wait until there is some`,
    });
  }

  /** None begins when the tenure is over, and `release` waits for what has begun. */
  async #keepHouse(task: () => Promise<void>): Promise<void> {
    if (this.#isOver) return;
    const work = this.#guard(task);
    this.#underWay.add(work);
    try {
      await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  async #inBackground(task: () => Promise<void>): Promise<void> {
    try {
      await this.#guard(task);
    } catch {
      // `failed` has it: the owner of the tenure ends it.
    }
  }

  async #guard(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      if (!this.#isOver) this.#reject(error);
      this.#isOver = true;
      throw error;
    }
  }
}

/** The size of every segment, by number; of two files of one number the newer one's. */
async function segmentSizes(
  directory: JournalDirectory,
): Promise<{ segment: SegmentNumber; sizeBytes: number }[]> {
  const { segments } = await directory.list();
  const sizes: { segment: SegmentNumber; sizeBytes: number }[] = [];
  for (const { name, number } of segments) {
    try {
      const { sizeBytes } = await directory.fileSystem.stat(directory.pathOf(name));
      sizes.push({ segment: number, sizeBytes });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return sizes;
}
