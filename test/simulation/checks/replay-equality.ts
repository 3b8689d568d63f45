/**
 * The state of a warm broker equals a replay from the bytes in the store, so following, applying one's
 * own batches and a cold start cannot drift apart. Costs a whole replay: for a few moments of a seed
 * and its end. With the replay at hand the size of the journal's directory is judged as well (P7).
 */
import { join } from 'node:path/posix';
import { JournalDirectory } from '../../../src/journal/directory.js';
import type { FileSystem } from '../../../src/platform/ports.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { inspectStore } from '../../../src/store/store-file.js';
import {
  type ReplayedBroker,
  replayFromCheckpoint,
  replayFromStart,
} from '../../support/replayed-broker.js';
import type { OnBreach } from './breach.js';
import { type BrokerState, describeBroker, firstDifference } from './broker-state.js';

/** A replay may be four segments long before a checkpoint is due for its sake alone. */
const WAITING_SEGMENTS = 5;

export interface ReplayEqualityOptions {
  readonly onBreach: OnBreach;
  readonly truth: FileSystem;
  readonly layout: StoreLayout;
  readonly segmentBytes: number;
  /** See SpaceFacts. */
  readonly slackBytes: number;
}

/** A warm broker at one moment, or a checkpoint: its state was described then, and is compared later. */
export interface WarmState {
  readonly name: string;
  readonly state: BrokerState;
  /** The last block that it has applied. */
  readonly sequence: number;
}

export class ReplayEquality {
  readonly #options: ReplayEqualityOptions;

  constructor(options: ReplayEqualityOptions) {
    this.#options = options;
  }

  /** False when the store cannot be replayed up to that block any more: a newer checkpoint took its place. */
  async compare(warm: WarmState): Promise<boolean> {
    const directory = await this.#directory();
    if (directory === null) return false;
    const replayed = await replayFromCheckpoint(directory, warm.sequence);
    if (replayed.cursor.sequence !== warm.sequence) return false;
    this.#compare(warm, replayed, 'a replay from the newest checkpoint');
    if (replayed.checkpointCovers !== null && (await isComplete(directory))) {
      const fromStart = await replayFromStart(directory, warm.sequence);
      this.#compare(warm, fromStart, 'a replay from the first block');
    }
    return true;
  }

  /**
   * P7: twice the needed bytes, the slack and the checkpoint; and what may wait for more traffic,
   * because nothing is compacted before something has settled in the last segment, and no
   * checkpoint is written before it is cheap. Only where no fault was for a while.
   */
  async requireSmallDirectory(): Promise<void> {
    const directory = await this.#directory();
    if (directory === null) return;
    const { truth, layout, segmentBytes, slackBytes, onBreach } = this.#options;
    const { usage } = await replayFromCheckpoint(directory);
    let neededBytes = 0;
    for (const bytes of usage.bytes.values()) neededBytes += bytes;
    let presentBytes = 0;
    let checkpointBytes = 0;
    for (const name of await truth.list(layout.journalDirectory)) {
      const { sizeBytes } = await truth.stat(join(layout.journalDirectory, name));
      presentBytes += sizeBytes;
      if (name.endsWith('.checkpoint')) checkpointBytes = Math.max(checkpointBytes, sizeBytes);
    }
    const waitingBytes = WAITING_SEGMENTS * segmentBytes;
    const allowed = 2 * neededBytes + slackBytes + waitingBytes + checkpointBytes;
    if (presentBytes <= allowed) return;
    onBreach(
      'P7',
      `journal/ takes ${presentBytes} bytes though ${neededBytes} are needed: ${allowed} are allowed`,
    );
  }

  #compare(warm: WarmState, replayed: ReplayedBroker, what: string): void {
    const replayedState = describeBroker(replayed.broker);
    const difference = firstDifference(warm.state, replayedState);
    if (difference === null) return;
    this.#options.onBreach(
      'replay-equality',
      `${warm.name} differs from ${what} at block ${warm.sequence}: ${difference}`,
    );
  }

  async #directory(): Promise<JournalDirectory | null> {
    const { truth, layout } = this.#options;
    const store = await inspectStore(truth, layout);
    if (store.kind !== 'ready') return null;
    return new JournalDirectory(truth, layout.journalDirectory, store.store.storeId);
  }
}

/** No segment was deleted so far. */
async function isComplete(directory: JournalDirectory): Promise<boolean> {
  const numbers = new Set((await directory.list()).segments.map(({ number }) => number as number));
  const highest = Math.max(0, ...numbers);
  return highest > 0 && numbers.size === highest;
}
