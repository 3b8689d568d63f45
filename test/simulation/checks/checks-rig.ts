/**
 * A journal in memory, written by the product's own writer, and nodes that are nothing but the messages
 * that their threads would exchange: whoever uses it decides which of them are true.
 */
import { join } from 'node:path/posix';
import { encodeQueueCreated } from '../../../src/broker/record-writer.js';
import { QUEUE_KIND } from '../../../src/broker/records.js';
import { JournalDirectory } from '../../../src/journal/directory.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  BLOCK_TYPE,
  type Cursor,
  type Epoch,
  JOURNAL_START,
} from '../../../src/journal/format.js';
import { JournalReader } from '../../../src/journal/reader.js';
import { sealJournal } from '../../../src/journal/seal.js';
import type { JournalWriter } from '../../../src/journal/writer.js';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import type { Role } from '../../../src/ownership/role.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { storeLayout } from '../../../src/store/layout.js';
import { initialiseStore } from '../../../src/store/store-file.js';
import { MemoryFileSystem } from '../../support/memory-file-system.js';
import { SimulatedProcess } from '../kernel/process.js';
import { SeededRandom } from '../kernel/random.js';
import { Scheduler } from '../kernel/scheduler.js';
import type { StorageChange, StorageProfile } from '../storage/shared-storage.js';
import { Checks, type InspectedNode } from './checks.js';

export const SEGMENT_BYTES = 8 * 1024;
export const FRESH_MS = 1_000;
export const PROFILE: StorageProfile = {
  kind: 'nfs4',
  leaseMs: 10_000,
  graceMs: 10_000,
  endsGraceEarly: false,
  recallMs: 13_000,
  attributeCacheMs: 7_000,
  nameCacheMs: 14_000,
  negativeNameCacheMs: 28_000,
  capacityBytes: 1_000_000,
};
const STORE_ID_BYTES = Uint8Array.from({ length: 16 }, (_, index) => index);
const STORE_ID = Buffer.from(STORE_ID_BYTES).toString('hex');
const LAYOUT = storeLayout('/store');
const NO_SUBSCRIPTION = { topic: '', clientId: '', subscriptionName: '' };

/** A node of which only its messages exist. */
export class MessageNode implements InspectedNode {
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly host: InspectedNode['host'];
  broker: InspectedNode['broker'] = null;
  reader: JournalReader | null = null;
  writer: JournalWriter | null = null;

  constructor(scheduler: Scheduler, name: string) {
    this.name = name;
    this.process = new SimulatedProcess(scheduler, name, 500);
    this.host = { name: `host-${name}`, clocks: { bootedAtMs: 0, wallOffsetMs: 0 } };
  }
}

export class ChecksRig {
  readonly scheduler = new Scheduler();
  readonly fileSystem = new MemoryFileSystem();
  readonly directory = new JournalDirectory(this.fileSystem, LAYOUT.journalDirectory, STORE_ID);
  /** The invariants that broke, in order. */
  readonly breaches: string[] = [];
  readonly sentences: string[] = [];
  readonly checks: Checks;
  /** A file of which nothing is on stable storage. */
  unstablePath: string | null = null;
  bytesRead = 0;
  #epoch = 0;
  #queues = 0;

  private constructor(isFencedByServer: boolean) {
    this.checks = new Checks({
      onBreach: (invariant, sentence) => {
        this.breaches.push(invariant);
        this.sentences.push(sentence);
      },
      random: new SeededRandom(1, 'checks'),
      storage: {
        profile: PROFILE,
        truth: this.fileSystem,
        stableBytes: (path, position, length) => this.#stableBytes(path, position, length),
        bytesReadBy: () => this.bytesRead,
      },
      layout: LAYOUT,
      freshMs: FRESH_MS,
      segmentBytes: SEGMENT_BYTES,
      slackBytes: 2 * SEGMENT_BYTES,
      isFencedByServer,
      replayShare: 0,
    });
  }

  static async make(options: { isFencedByServer?: boolean } = {}): Promise<ChecksRig> {
    const rig = new ChecksRig(options.isFencedByServer ?? true);
    rig.fileSystem.put(join(LAYOUT.root, 'lock'), new Uint8Array(0));
    await initialiseStore({
      fileSystem: rig.fileSystem,
      layout: LAYOUT,
      clock: nodeClock,
      random: { bytes: () => STORE_ID_BYTES },
      createdBy: 'a test',
      isBegun: false,
    });
    return rig;
  }

  start(name: string): MessageNode {
    const node = new MessageNode(this.scheduler, name);
    this.checks.onStarted(node);
    return node;
  }

  posts(node: MessageNode, event: StorageEvent): void {
    this.checks.onEventPosted(node, event);
  }

  arrives(node: MessageNode, event: StorageEvent): void {
    this.checks.onEventArrived(node, event);
  }

  commands(node: MessageNode, command: StorageCommand): void {
    this.checks.onCommandPosted(node, command);
  }

  becomes(node: MessageNode, role: Role): void {
    this.posts(node, { kind: 'role', role, epoch: this.#epoch, detail: '' });
  }

  /** Moves virtual time on. */
  async pass(ms: number): Promise<void> {
    const until = this.scheduler.nowMs + ms;
    this.scheduler.schedule(ms, () => undefined);
    await this.scheduler.run(() => false, until);
  }

  change(
    node: MessageNode,
    change: Pick<StorageChange, 'kind' | 'path'> & {
      readonly at?: number;
      readonly isLocked?: boolean;
    },
  ): void {
    this.checks.onChange({
      process: node.process,
      host: node.host.name,
      kind: change.kind,
      path: change.path,
      position: change.at ?? 0,
      bytes: null,
      isDurable: true,
      hasHeldLock: change.isLocked ?? true,
      isLinked: true,
    });
  }

  /** Reads and applies what the journal has, as a backup does. */
  async follow(node: MessageNode): Promise<void> {
    if (node.reader === null) this.posts(node, { kind: 'reset' });
    node.reader ??= new JournalReader(this.directory, JOURNAL_START);
    for (let run = await node.reader.next(); run !== null; run = await node.reader.next()) {
      const fileBytes = run.bytes.byteLength;
      const blocks = run.blocks.map((block) => ({
        start: block.payloadStart,
        length: block.payloadLength,
        recordCount: block.recordCount,
        hasRecords: block.type === BLOCK_TYPE.records,
        segment: block.segment,
        offset: block.offset,
      }));
      const event: StorageEvent = { kind: 'blocks', bytes: run.bytes.buffer, blocks, fileBytes };
      this.posts(node, event);
      this.arrives(node, event);
      this.commands(node, { kind: 'applied', bytes: fileBytes });
    }
  }

  /** Follows, and becomes live, as a node that does all of it right. */
  async takeOver(node: MessageNode): Promise<void> {
    await this.follow(node);
    this.becomes(node, 'taking-over');
    await this.seal(node);
    await this.goLive(node);
  }

  /** Up to the new file of the journal. */
  async seal(node: MessageNode): Promise<void> {
    this.#epoch += 1;
    this.change(node, { kind: 'create', path: join(LAYOUT.epochsDirectory, `${this.#epoch}`) });
    const { cursor, file } = node.reader ?? { cursor: JOURNAL_START, file: null };
    node.writer = await sealJournal({
      directory: this.directory,
      clock: nodeClock,
      epoch: this.#epoch as Epoch,
      segmentBytes: SEGMENT_BYTES,
      cursor,
      oldFile: file,
      // Not locked either: a deposed node of a test can go on writing.
      closeOldFile: async () => undefined,
      end: 'clean-end',
      node: { name: node.name, host: node.host.name, pid: 1 },
    });
  }

  async goLive(node: MessageNode): Promise<void> {
    const event = this.liveEvent(node);
    this.posts(node, event);
    this.becomes(node, 'live');
    await this.settle();
    this.arrives(node, event);
  }

  liveEvent(node: MessageNode): Extract<StorageEvent, { kind: 'live' }> {
    const { cursor } = this.#writerOf(node);
    return {
      kind: 'live',
      epoch: cursor.epoch,
      cursor,
      tail: this.#tailOf(node),
      checkpointCovers: null,
      checkpointBytes: 0,
      verifiedBeganMs: this.scheduler.nowMs,
    };
  }

  /** A batch that goes all the way: it creates the queue `name`. Resolves with its block's end. */
  async confirm(node: MessageNode, name: string): Promise<Cursor> {
    this.sendBatch(node);
    const appended = await this.append(node, name);
    this.arrives(node, appended);
    return appended.cursor;
  }

  sendBatch(node: MessageNode): void {
    this.commands(node, { kind: 'append', slab: new ArrayBuffer(0), end: 0, recordCount: 1 });
  }

  /** The block is written; the main thread has not heard of it. */
  async append(
    node: MessageNode,
    name: string,
    verifiedBeganMs = this.scheduler.nowMs,
  ): Promise<Extract<StorageEvent, { kind: 'appended' }>> {
    this.#queues += 1;
    const queue = { id: this.#queues, kind: QUEUE_KIND.queue, name, ...NO_SUBSCRIPTION };
    const payload = encodeQueueCreated(queue);
    const end = BLOCK_HEADER_BYTES + payload.byteLength;
    const bytes = new Uint8Array(alignToSector(end));
    bytes.set(payload, BLOCK_HEADER_BYTES);
    const written = await this.#writerOf(node).append(BLOCK_TYPE.records, bytes, end, 1);
    const event: Extract<StorageEvent, { kind: 'appended' }> = {
      kind: 'appended',
      writeMs: 1,
      slab: bytes.buffer,
      ...written,
      tail: this.#tailOf(node),
      verifiedBeganMs,
    };
    this.posts(node, event);
    return event;
  }

  /** The file that a node writes. */
  tailPath(node: MessageNode): string {
    return this.directory.pathOf(this.#writerOf(node).tail.name);
  }

  /** Lets checks that read the store come to their end. */
  async settle(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #tailOf(node: MessageNode): Extract<StorageEvent, { kind: 'live' }>['tail'] {
    const { cursor, tail, spareBytes } = this.#writerOf(node);
    const { sizeBytes } = tail;
    return { segment: cursor.segment, usedBytes: cursor.offset, sizeBytes, spareBytes };
  }

  #writerOf(node: MessageNode): JournalWriter {
    if (node.writer === null) throw new Error(`${node.name} has not taken over`);
    return node.writer;
  }

  #stableBytes(path: string, position: number, length: number): Uint8Array | null {
    const bytes = path === this.unstablePath ? undefined : this.fileSystem.contents().get(path);
    return bytes?.subarray(position, position + length) ?? null;
  }
}
