/** A broker that has read a journal from its bytes, as a cold node would. */
import { inMemory } from '../../src/broker/api.js';
import { Broker } from '../../src/broker/broker.js';
import { newestCheckpoint, readCheckpoint } from '../../src/journal/checkpoint.js';
import type { JournalDirectory } from '../../src/journal/directory.js';
import { BLOCK_TYPE, type Cursor, JOURNAL_START } from '../../src/journal/format.js';
import { JournalReader } from '../../src/journal/reader.js';
import { messageContents } from '../../src/node/content-kinds.js';
import { LIMITS, UsageMap } from '../unit/broker/broker-rig.js';

export interface ReplayedBroker {
  readonly broker: Broker;
  readonly usage: UsageMap;
  readonly cursor: Cursor;
  readonly checkpointCovers: Cursor | null;
}

/** From the newest checkpoint. What lies behind block `upTo` is left out. */
export async function replayFromCheckpoint(
  directory: JournalDirectory,
  upTo = Number.POSITIVE_INFINITY,
): Promise<ReplayedBroker> {
  const { broker, usage } = emptyBroker();
  const found = await newestCheckpoint(directory);
  if (found !== null) {
    await readCheckpoint(directory, found, async (payload) => broker.restore(payload));
  }
  const checkpointCovers = found?.header.covers ?? null;
  const cursor = await applyFrom(directory, broker, checkpointCovers ?? JOURNAL_START, upTo);
  return { broker, usage, cursor, checkpointCovers };
}

/** From the first block, as if there were no checkpoint. */
export async function replayFromStart(
  directory: JournalDirectory,
  upTo = Number.POSITIVE_INFINITY,
): Promise<ReplayedBroker> {
  const { broker, usage } = emptyBroker();
  const cursor = await applyFrom(directory, broker, JOURNAL_START, upTo);
  return { broker, usage, cursor, checkpointCovers: null };
}

function emptyBroker(): { broker: Broker; usage: UsageMap } {
  const usage = new UsageMap();
  const broker = new Broker({
    limits: LIMITS,
    maxBatchBytes: 4096,
    bodies: {
      cached: () => undefined,
      load: () => undefined,
      hold: (_segment, _blockOffset, payload) => inMemory(payload),
    },
    usage,
    wallMs: () => 0,
    mayDeliver: () => true,
    onPending: () => undefined,
    allocateSlab: (minimumBytes) => new Uint8Array(minimumBytes),
    contents: messageContents,
    later: () => undefined,
  });
  return { broker, usage };
}

async function applyFrom(
  directory: JournalDirectory,
  broker: Broker,
  from: Cursor,
  upTo: number,
): Promise<Cursor> {
  let applied = from;
  const reader = new JournalReader(directory, from);
  try {
    for (let run = await reader.next(); run !== null; run = await reader.next()) {
      for (const block of run.blocks) {
        const { segment, offset, sequence, checksum, epoch } = block;
        if (sequence > upTo) return applied;
        applied = { segment, offset: offset + block.lengthBytes, sequence, checksum, epoch };
        if (block.type !== BLOCK_TYPE.records) continue;
        const end = block.payloadStart + block.payloadLength;
        const payload = run.bytes.subarray(block.payloadStart, end);
        broker.apply(payload, block.recordCount, { segment, blockOffset: offset });
      }
    }
    return reader.cursor;
  } finally {
    await reader.close();
  }
}
