/**
 * A node at the beginning of its tenure in epoch 2, on a real store whose journal has three segments.
 * Time stands still, so nothing is checked but by the beginning itself and by who asks for it.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { Epoch } from '../../../src/journal/format.js';
import type { JournalWriter } from '../../../src/journal/writer.js';
import type { StorageEvent } from '../../../src/node/storage-protocol.js';
import { Tenure } from '../../../src/node/tenure.js';
import { ElectionLock } from '../../../src/ownership/election.js';
import { claimNextEpoch } from '../../../src/ownership/epoch.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { LockfileHeartbeat } from '../../../src/platform/node/heartbeat.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import type { DocumentFile } from '../../../src/store/document-file.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { openLiveFile } from '../../../src/store/known-documents.js';
import { ManualClock } from '../../support/manual-clock.js';
import { makeStore, type TemporaryStore } from '../../support/store-samples.js';
import { append, JournalRig, longText, SEGMENT_BYTES } from '../journal/journal-rig.js';

export const FRESH_MS = 2_000;
const IDENTITY = { host: 'alpha', pid: 4711, bootId: 'boot-of-alpha' };
export const FIRST_SEGMENT = '0000000001-0000000001.segment';

export class TenureRig {
  readonly journal: JournalRig;
  readonly #store: TemporaryStore;
  readonly #lock: ElectionLock;
  readonly writer: JournalWriter;
  readonly #liveFile: DocumentFile<LiveDocument>;
  readonly #heartbeat: LockfileHeartbeat;
  readonly clock = new ManualClock();

  private constructor(
    store: TemporaryStore,
    journal: JournalRig,
    lock: ElectionLock,
    writer: JournalWriter,
    liveFile: DocumentFile<LiveDocument>,
  ) {
    this.#store = store;
    this.journal = journal;
    this.#lock = lock;
    this.writer = writer;
    this.#liveFile = liveFile;
    this.#heartbeat = new LockfileHeartbeat(store.layout.witnessTarget);
  }

  /** `fileSystem`: what the node writes the journal through. */
  static async make(fileSystem: FileSystem = nodeFileSystem): Promise<TenureRig> {
    const store = await makeStore();
    const journal = JournalRig.at(store.layout.journalDirectory);
    const lock = new ElectionLock(nodeFileSystem, store.layout.lockFile);
    assert.equal(await lock.tryAcquire(), true);
    const liveFile = await openLiveFile(nodeFileSystem, store.layout);
    const before = (await journal.takeOver()).writer;
    while (before.cursor.segment < 3) await append(before, longText('block', SEGMENT_BYTES / 2));
    await before.close();
    const { writer } = await journal.takeOver({ fileSystem });
    const rig = new TenureRig(store, journal, lock, writer, liveFile);
    await rig.claimEpoch(2);
    return rig;
  }

  async remove(): Promise<void> {
    await this.#heartbeat.stop();
    await this.writer.close();
    await this.#liveFile.close();
    await this.#lock.release();
    await this.#store.remove();
  }

  async claimEpoch(epoch: number): Promise<void> {
    const claimed = await claimNextEpoch({
      fileSystem: nodeFileSystem,
      epochsDirectory: this.#store.layout.epochsDirectory,
      node: 'a',
      identity: IDENTITY,
      wallMs: 0,
      above: epoch - 1,
    });
    assert.equal(claimed, epoch);
  }

  /** As others see it in the middle of a rewrite. */
  async tearLiveFile(): Promise<void> {
    await writeFile(this.#store.layout.liveFile, 'holdfast-document 1 000');
  }

  get liveFilePath(): string {
    return this.#store.layout.liveFile;
  }

  /** Not begun yet. */
  tenure(fileSystem: FileSystem, post: (event: StorageEvent) => void): Tenure {
    return new Tenure({
      world: { fileSystem, clock: this.clock, heartbeat: this.#heartbeat },
      settings: {
        layout: this.#store.layout,
        name: 'a',
        identity: IDENTITY,
        checkIntervalMs: 1_000,
        freshMs: FRESH_MS,
        statusIntervalMs: 1_000,
      },
      electionLock: this.#lock,
      directory: this.journal.directory(fileSystem),
      takeover: {
        epoch: 2 as Epoch,
        sinceMs: 0,
        writer: this.writer,
        liveFile: this.#liveFile,
      },
      reach: { addresses: {} },
      post,
    });
  }
}
