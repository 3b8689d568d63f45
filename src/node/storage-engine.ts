/**
 * The life of a node as the storage thread sees it: join the store, follow it as a backup while
 * polling for the lock, take over, serve a tenure, hand over or end. The role table says which
 * step may follow which. It ends with exactly one `ended` event.
 */

import { JournalDirectory } from '../journal/directory.js';
import type { Cursor } from '../journal/format.js';
import { ElectionLock } from '../ownership/election.js';
import { nextRole, type Role, type RoleEvent } from '../ownership/role.js';
import { errnoOf, HoldfastError } from '../platform/errors.js';
import type { FileSystem } from '../platform/ports.js';
import type { Reach } from '../store/documents.js';
import { CallWatch } from './call-watch.js';
import { asStorageFailure } from './failures.js';
import { Follower } from './follower.js';
import { HandoverDesk } from './handover-desk.js';
import { InterruptibleWaits } from './interruptible-waits.js';
import { joinStore } from './join-store.js';
import { LiveWatch } from './live-watch.js';
import { type LoadContext, loadBlocks, loadPart } from './load-blocks.js';
import { LockTurn } from './lock-turn.js';
import { type NodeFacts, NodeStatus } from './node-status.js';
import { OperatorDesk } from './operator-desk.js';
import { SegmentHandles } from './segment-handles.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';
import type { StorageSettings, StorageWorld } from './storage-world.js';
import { takeOver } from './takeover.js';
import { Tenure } from './tenure.js';

const FREE_BYTES_INTERVAL_MS = 1_000;
/** A backup that is further behind is not ready. */
const READY_LAG_BYTES = 16 * 1024 * 1024;
/** For the last words of a node that fails. */
const LAST_WORDS_LIMIT_MS = 1_000;

export class StorageEngine {
  readonly #world: StorageWorld;
  readonly #settings: StorageSettings;
  readonly #calls: CallWatch;
  /** For what may wait for a dead host: to open a file that it opened last can take as long as its lease. */
  readonly #unwatched: FileSystem;
  readonly #electionLock: ElectionLock;
  readonly #turn: LockTurn;
  readonly #live: LiveWatch;
  readonly #waits: InterruptibleWaits;
  #role: Role = 'joining';
  #directory: JournalDirectory | null = null;
  #follower: Follower | null = null;
  #tenure: Tenure | null = null;
  #handles: SegmentHandles | null = null;
  #status: NodeStatus | null = null;
  #handover: HandoverDesk | null = null;
  readonly #operators: OperatorDesk;
  #reach: Reach = { addresses: {} };
  /** Of its last tenure. */
  #ownEpoch = 0;
  #lockPolls = 0;
  #isStopping = false;
  #isOver = false;
  #failure: HoldfastError | null = null;
  #hasPostedEnd = false;
  #beginNow: () => void = () => undefined;
  /** The listeners are bound, or the node is to stop: one that cannot serve does not touch the store. */
  readonly #mayBegin = new Promise<void>((resolve) => {
    this.#beginNow = resolve;
  });
  #quiesced: (applied: Cursor) => void = () => undefined;

  constructor(world: StorageWorld, settings: StorageSettings) {
    this.#settings = settings;
    this.#calls = new CallWatch({
      clock: world.clock,
      limitMs: settings.storeStallLimitMs,
      onStall: (call, silentMs) => this.#onStall(call, silentMs),
      onSlow: (slowest) => this.#post({ kind: 'slow-call', slowest }),
    });
    this.#unwatched = world.fileSystem;
    const fileSystem = this.#calls.fileSystem(world.fileSystem);
    const heartbeat = this.#calls.heartbeat(world.heartbeat);
    this.#world = { ...world, fileSystem, heartbeat };
    this.#electionLock = new ElectionLock(fileSystem, settings.layout.lockFile);
    this.#operators = new OperatorDesk(world, settings, () => this.#onHandoverRequest());
    this.#waits = new InterruptibleWaits(world.clock);
    this.#turn = new LockTurn({ clock: world.clock, node: settings.name, ...settings });
    this.#live = new LiveWatch({
      ...this.#world,
      ...settings,
      turn: this.#turn,
      post: (event) => this.#post(event),
      onHandover: () => this.#waits.wake(),
    });
  }

  async run(): Promise<void> {
    this.#world.channel.onMessage((command) => this.#receive(command));
    this.#calls.start();
    try {
      await this.#mayBegin;
      await this.#join();
      while (!this.#isStopping) await this.#cycle();
      await this.#stopCleanly();
      this.#end(null, 'The node was stopped.');
    } catch (error) {
      await this.#failWithLastWords(error);
    }
  }

  async #join(): Promise<void> {
    const { fileSystem, clock } = this.#world;
    const { layout, lockPollIntervalMs } = this.#settings;
    const store = await joinStore({
      ...this.#world,
      ...this.#settings,
      electionLock: this.#electionLock,
      isStopping: () => this.#isStopping,
    });
    if (store === null) return;
    this.#directory = new JournalDirectory(fileSystem, layout.journalDirectory, store.storeId);
    this.#handles = new SegmentHandles(this.#directory);
    this.#follower = new Follower({
      directory: this.#directory,
      clock,
      pollIntervalMs: lockPollIntervalMs,
      post: (event, transfer) => this.#post(event, transfer),
    });
    this.#status = await NodeStatus.claim(this.#world, this.#settings, () => this.#statusFacts());
    const unwatched = { ...this.#world, fileSystem: this.#unwatched };
    this.#handover = new HandoverDesk(unwatched, this.#settings, () => this.#onHandoverRequest());
    await this.#change('store-ready', '');
    void this.#repeat(this.#settings.statusIntervalMs, () => required(this.#status).write());
    void this.#repeat(this.#settings.statusIntervalMs, () => this.#watchPeers());
    void this.#repeat(lockPollIntervalMs, () => this.#watchLive());
    void this.#repeat(FREE_BYTES_INTERVAL_MS, () => this.#reportFreeBytes());
  }

  /** Backup, then one tenure, or nothing when the takeover was declined. */
  async #cycle(): Promise<void> {
    const follower = required(this.#follower);
    const following = follower.run();
    following.catch(() => this.#waits.wake());
    await Promise.race([this.#waitForLock(), following]);
    follower.stop();
    await following;
    if (this.#isStopping) return;
    await this.#change('lock-acquired', '');
    const takeover = await takeOver({
      world: this.#world,
      settings: this.#settings,
      electionLock: this.#electionLock,
      follower,
      directory: required(this.#directory),
    });
    if (takeover === null) {
      await this.#electionLock.release();
      await this.#change('takeover-declined', 'another node claimed the epoch at the same moment');
      return;
    }
    this.#ownEpoch = takeover.epoch;
    this.#tenure = new Tenure({
      world: this.#world,
      settings: this.#settings,
      electionLock: this.#electionLock,
      directory: required(this.#directory),
      takeover,
      reach: this.#reach,
      post: (event, transfer) => this.#post(event, transfer),
    });
    await this.#serve(this.#tenure);
  }

  async #serve(tenure: Tenure): Promise<void> {
    await tenure.begin();
    const follower = required(this.#follower);
    this.#post({
      kind: 'live',
      epoch: tenure.epoch,
      cursor: tenure.cursor,
      tail: tenure.tail,
      checkpointCovers: follower.checkpoint.covers,
      checkpointBytes: follower.checkpoint.bytes,
      verifiedBeganMs: tenure.verifiedBeganMs,
    });
    await this.#change('takeover-complete', '');
    const successor = await Promise.race([this.#untilHandover(), tenure.failed]);
    await this.#release(tenure, successor);
  }

  /** Resolves with the successor's name, or null when this node just stops. */
  async #untilHandover(): Promise<string | null> {
    const desk = required(this.#handover);
    const { statusIntervalMs } = this.#settings;
    let isOver = false;
    let answer: Promise<string | null> = Promise.resolve(null);
    while (!this.#isStopping) {
      answer = desk.takeRequest(() => !isOver);
      const accepted = await this.#waits.orStop(answer);
      if (accepted !== null) return accepted;
      if (!this.#isStopping) await this.#waits.sleep(statusIntervalMs);
    }
    // Both may wait for a host that is dead.
    const looks = await this.#waits.atMost(
      statusIntervalMs,
      Promise.all([answer, desk.watchPeers()]),
    );
    isOver = true;
    return looks?.[0] ?? desk.readyBackup(null);
  }

  async #release(tenure: Tenure, successor: string | null): Promise<void> {
    if (successor !== null) {
      await this.#change('handover-started', `handing over to ${successor}`);
      await tenure.setState('handing-over', successor);
    }
    const quiesced = new Promise<Cursor>((resolve) => {
      this.#quiesced = resolve;
    });
    this.#post({ kind: 'quiesce', why: successor === null ? 'stopping' : 'handing over' });
    const applied = await Promise.race([quiesced, tenure.failed]);
    await tenure.release();
    this.#tenure = null;
    await required(this.#handles).close();
    if (successor === null) return;
    await this.#change('handover-complete', `handed over to ${successor}`);
    required(this.#follower).resumeAt(applied);
    this.#turn.handedOver(tenure.epoch);
  }

  async #waitForLock(): Promise<void> {
    while (!this.#isStopping && !this.#isOver) {
      if (this.#turn.isMine() && (await this.#tryLock())) {
        // From here on a call that hangs keeps everybody else from the lock.
        this.#calls.arm();
        // The tenure before may have been handed over to another node in this very moment.
        await this.#live.read();
        if (this.#turn.isMine()) return;
        await this.#electionLock.release();
        if (!this.#isStopping) this.#calls.disarm();
      }
      await this.#waits.sleep(this.#turn.pollIntervalMs);
    }
  }

  #tryLock(): Promise<boolean> {
    this.#lockPolls += 1;
    return this.#electionLock.tryAcquire();
  }

  #onHandoverRequest(): void {
    this.#turn.handoverAsked();
    this.#waits.wake();
  }

  /** Apart from the lock polling, because an open() can hang much longer than a lock call. */
  async #watchLive(): Promise<void> {
    if (this.#tenure !== null) return;
    await this.#live.read();
    if (this.#role === 'backup') this.#live.tellSilence();
  }

  async #watchPeers(): Promise<void> {
    const desk = required(this.#handover);
    await desk.watchPeers();
    this.#post({ kind: 'peers', peers: desk.peers });
  }

  async #reportFreeBytes(): Promise<void> {
    const bytes = await this.#world.fileSystem.freeBytes(this.#settings.layout.root);
    const lagBytes = this.#tenure === null ? this.#lagBytes() : 0;
    this.#post({ kind: 'free-bytes', bytes, lockPolls: this.#lockPolls, lagBytes });
  }

  #receive(command: StorageCommand): void {
    this.#carryOut(command).catch((error: unknown) => this.#fail(error));
  }

  async #carryOut(command: StorageCommand): Promise<void> {
    const tenure = this.#tenure;
    switch (command.kind) {
      case 'append':
        return required(tenure).append(command);
      case 'checkpoint':
        return tenure?.checkpoint(command);
      case 'delete-segments':
        await this.#handles?.forget(command.segments);
        return tenure?.deleteSegments(command.segments);
      case 'prepare-segment':
        return tenure?.prepareSegment(command);
      case 'confirmed':
        return tenure?.confirmed(command.cursor);
      case 'applied':
        return this.#follower?.applied(command.bytes);
      case 'load':
        return this.#post(...(await loadBlocks(this.#loadContext(), command)));
      case 'load-part':
        return this.#post(...(await loadPart(this.#loadContext(), command)));
      case 'reach':
        this.#reach = command.reach;
        this.#beginNow();
        await tenure?.setReach(command.reach);
        return this.#status?.write();
      case 'quiesced':
        return this.#quiesced(command.cursor);
      case 'ask':
        return this.#post(await this.#operators.answer(command));
      case 'stop':
        this.#isStopping = true;
        if (!this.#isOver) this.#calls.arm();
        this.#beginNow();
        this.#waits.stop();
        return;
    }
  }

  #loadContext(): LoadContext {
    const tenure = this.#tenure;
    return {
      handles: required(this.#handles),
      segmentBytes: this.#settings.segmentBytes,
      verifyOwnership: async () => tenure?.verifyOwnership(),
      isTenureOver: () => this.#tenure !== tenure,
    };
  }

  #statusFacts(): NodeFacts {
    const tenure = this.#tenure;
    const follower = this.#follower;
    const cursor = tenure?.cursor ?? required(follower).cursor;
    const { segment, offset, sequence } = cursor;
    return {
      role: this.#role,
      addresses: this.#reach.addresses,
      position: { segment, offset, sequence },
      lagBytes: tenure === null ? this.#lagBytes() : 0,
      ready: this.#role === 'backup' && this.#couldTakeOver(),
    };
  }

  /** What is left to read takes a fraction of a second. */
  #couldTakeOver(): boolean {
    const hasCaughtUp = this.#follower?.hasCaughtUp ?? false;
    return hasCaughtUp && this.#lagBytes() <= READY_LAG_BYTES;
  }

  #lagBytes(): number {
    return this.#live.lagBytes(required(this.#follower).cursor, this.#settings.segmentBytes);
  }

  /** Of this node's tenure; without one, the last that it knows of. */
  get #epoch(): number {
    return Math.max(this.#ownEpoch, this.#live.epoch);
  }

  async #change(event: RoleEvent, detail: string): Promise<void> {
    const next = nextRole(this.#role, event);
    if (next === null) throw new Error(`role ${this.#role} does not know the event ${event}`);
    if (next === this.#role) return;
    this.#role = next;
    if (next !== 'backup') this.#calls.arm();
    else if (!this.#isStopping) this.#calls.disarm();
    this.#post({ kind: 'role', role: next, epoch: this.#epoch, detail });
    await this.#status?.change(detail);
  }

  async #stopCleanly(): Promise<void> {
    await this.#change('stop-requested', 'stopped');
    this.#isOver = true;
    await this.#electionLock.release();
    await this.#follower?.close();
    await this.#handles?.close();
    await this.#handover?.close();
    await this.#status?.close();
  }

  /** The main thread hears of nothing that comes after it, and ends the process. */
  #fail(error: unknown): void {
    if (this.#hasPostedEnd) return;
    const { code, message } = this.#firstFailure(error);
    this.#end(code, message);
  }

  /**
   * Only for what ended the life of this node itself: beside another failure, as of a status, a takeover would go on
   * meanwhile. Who confirmed something, or has a store that does not answer, ends at once.
   */
  async #failWithLastWords(error: unknown): Promise<void> {
    if (this.#tenure === null && !this.#hasPostedEnd) {
      const { code, message } = this.#firstFailure(error);
      if (code !== 'STORE_STALLED') {
        await this.#waits.atMost(LAST_WORDS_LIMIT_MS, this.#sayLastWords(message));
      }
    }
    this.#fail(error);
  }

  #firstFailure(error: unknown): HoldfastError {
    if (this.#failure !== null) return this.#failure;
    const failure = asStorageFailure(error);
    this.#failure = failure;
    this.#isOver = true;
    const { code, message } = failure;
    const event: RoleEvent = code === 'OWNERSHIP_LOST' ? 'ownership-lost' : 'storage-failed';
    this.#role = nextRole(this.#role, event) ?? 'stopped';
    this.#post({ kind: 'role', role: this.#role, epoch: this.#epoch, detail: message });
    return failure;
  }

  /** For people who look at the store. It may well fail where the rest did, or another node has the name by now. */
  async #sayLastWords(detail: string): Promise<void> {
    try {
      await this.#status?.change(detail);
      await this.#status?.close();
    } catch (error) {
      if (errnoOf(error) === undefined && !(error instanceof HoldfastError)) throw error;
    }
  }

  #onStall(call: string, silentMs: number): void {
    const limit = `${Math.round(silentMs / 1000)} s (ownership.storeStallLimitMs)`;
    const sentence = `${call} has not been answered for ${limit}: this node ends now`;
    this.#fail(new HoldfastError('STORE_STALLED', sentence));
  }

  #end(code: HoldfastError['code'] | null, sentence: string): void {
    this.#isOver = true;
    this.#calls.stop();
    if (this.#hasPostedEnd) return;
    this.#hasPostedEnd = true;
    this.#world.channel.post({ kind: 'ended', code, sentence });
  }

  async #repeat(intervalMs: number, task: () => Promise<void>): Promise<void> {
    const { clock } = this.#world;
    while (!this.#isOver) {
      await new Promise<void>((resolve) => clock.after(intervalMs, resolve));
      if (this.#isOver) return;
      try {
        await task();
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #post(event: StorageEvent, transfer: readonly ArrayBuffer[] = []): void {
    this.#world.channel.post(event, transfer);
  }
}

function required<Value>(value: Value | null): Value {
  if (value === null)
    throw new Error('the storage engine was asked before it had joined the store');
  return value;
}
