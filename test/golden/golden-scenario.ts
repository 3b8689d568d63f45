/**
 * The inputs of the golden store of format version 1: three tenures, two segments, a checkpoint,
 * and every type of record, with nothing that depends on time or place. It is what a writer of
 * that version was given; it stays as it is for as long as version 1 is read.
 */
import { CONTENT_KIND } from '../../src/broker/api.js';
import { RecordReader } from '../../src/broker/record-reader.js';
import {
  encodeEntryIdsReserved,
  encodeQueueCreated,
  encodeQueueRemoved,
  type RecordTarget,
  writeDelivered,
  writeFailed,
  writeMessage,
  writeRelocated,
  writeRemoved,
} from '../../src/broker/record-writer.js';
import {
  FIXED_BYTES,
  QUEUE_KIND,
  RECORD_TYPE,
  REMOVAL_REASON,
  STORED_ENTRY_BYTES,
} from '../../src/broker/records.js';
import { writeCheckpoint } from '../../src/journal/checkpoint.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  BLOCK_TYPE,
  type Epoch,
} from '../../src/journal/format.js';
import type { AppendedBlock, JournalWriter } from '../../src/journal/writer.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import type { Clock } from '../../src/platform/ports.js';
import { replayFromCheckpoint } from '../support/replayed-broker.js';
import { JournalRig } from '../unit/journal/journal-rig.js';

const GOLDEN_SEGMENT_BYTES = 8 * 1024;
const TAKEN_AT_MS = 1_700_000_000_000;
const EXPIRES_AT_MS = 1_700_000_060_000;
const FIXED_CLOCK: Clock = { ...nodeClock, wallMs: () => TAKEN_AT_MS };

const encoder = new TextEncoder();

/** The records of one block, as a broker lays them out. */
class Payload implements RecordTarget {
  readonly slab = new Uint8Array(alignToSector(GOLDEN_SEGMENT_BYTES));
  readonly view = new DataView(this.slab.buffer);
  end = BLOCK_HEADER_BYTES;
  count = 0;

  bytes(record: Uint8Array): this {
    this.slab.set(record, this.end);
    return this.wrote(this.end + record.byteLength);
  }

  queue(id: number, name: string): this {
    const texts = { name, topic: '', clientId: '', subscriptionName: '' };
    return this.bytes(encodeQueueCreated({ id, kind: QUEUE_KIND.queue, ...texts }));
  }

  subscription(id: number, clientId: string): this {
    const texts = { name: '', topic: 'prices', clientId, subscriptionName: 'täglich' };
    return this.bytes(encodeQueueCreated({ id, kind: QUEUE_KIND.durableSubscription, ...texts }));
  }

  message(baseEntryId: number, queueIds: readonly number[], body: string, expiresAtMs = 0): this {
    const content = {
      contentKind: CONTENT_KIND.stomp,
      headers: encoder.encode(`destination:/queue/x\nname:${baseEntryId}\n`),
      body: encoder.encode(body),
      priority: baseEntryId % 10,
      expiresAtMs,
    };
    const { end } = this;
    return this.wrote(writeMessage(this, end, content, TAKEN_AT_MS, baseEntryId, queueIds));
  }

  relocated(content: Uint8Array, entryIds: readonly number[], queueIds: readonly number[]): this {
    return this.wrote(writeRelocated(this, this.end, content, entryIds, queueIds));
  }

  removed(reason: keyof typeof REMOVAL_REASON, ids: readonly number[]): this {
    return this.wrote(writeRemoved(this, this.end, REMOVAL_REASON[reason], ids));
  }

  delivered(ids: readonly number[]): this {
    return this.wrote(writeDelivered(this, this.end, ids, ids.length));
  }

  failed(id: number, failures: number): this {
    return this.wrote(writeFailed(this, this.end, id, failures));
  }

  appendTo(writer: JournalWriter): Promise<AppendedBlock> {
    return writer.append(BLOCK_TYPE.records, this.slab, this.end, this.count);
  }

  private wrote(end: number): this {
    this.end = end;
    this.count += 1;
    return this;
  }
}

/** Writes the journal into an empty directory. */
export async function writeGoldenJournal(path: string): Promise<void> {
  const rig = JournalRig.at(path);
  const topicMessage = await firstTenure(rig);
  await secondTenure(rig);
  await thirdTenure(rig, topicMessage);
}

async function takeOver(rig: JournalRig): Promise<JournalWriter> {
  const options = { segmentBytes: GOLDEN_SEGMENT_BYTES, clock: FIXED_CLOCK };
  return (await rig.takeOver(options)).writer;
}

/** Returns the content of the topic's message, for its relocation. */
async function firstTenure(rig: JournalRig): Promise<Uint8Array> {
  const writer = await takeOver(rig);
  await new Payload()
    .queue(1, 'orders')
    .subscription(2, 'client-1')
    .subscription(3, 'client-2')
    .message(1, [1], 'first')
    .appendTo(writer);
  const topic = new Payload().message(2, [2, 3], 'to two subscriptions');
  const targetBytes = 8;
  const content = topic.slab.slice(BLOCK_HEADER_BYTES, topic.end - targetBytes);
  await topic.appendTo(writer);
  await new Payload()
    .message(4, [1], 'expires', EXPIRES_AT_MS)
    .bytes(encodeEntryIdsReserved(1000))
    .delivered([1, 4])
    .failed(1, 1)
    .appendTo(writer);
  await writer.prepareNext();
  await new Payload()
    .message(1000, [1], 'in the second segment: \u00e4 \u0000 \u{1f512}')
    .removed('acknowledged', [1])
    .appendTo(writer);
  await writer.close();
  return content;
}

async function secondTenure(rig: JournalRig): Promise<void> {
  const writer = await takeOver(rig);
  await new Payload()
    .removed('expired', [4])
    .queue(4, 'DLQ.orders')
    .message(1001, [4], 'moved')
    .removed('deadLettered', [1000])
    .appendTo(writer);
  await new Payload().message(1002, [1], '').failed(1002, 2).appendTo(writer);
  const { broker } = await replayFromCheckpoint(rig.directory());
  const covers = writer.cursor;
  const payloads = broker.snapshot().map(asBeforePriorities);
  await writeCheckpoint(rig.directory(), FIXED_CLOCK, 2 as Epoch, covers, payloads);
  await writer.close();
}

async function thirdTenure(rig: JournalRig, topicMessage: Uint8Array): Promise<void> {
  const writer = await takeOver(rig);
  await new Payload().queue(5, 'short-lived').message(1003, [5], 'purged').appendTo(writer);
  await new Payload().removed('purged', [1003]).bytes(encodeQueueRemoved(5)).appendTo(writer);
  await new Payload().relocated(topicMessage, [2, 3], [2, 3]).appendTo(writer);
  await new Payload().message(1004, [1], 'long '.repeat(200)).delivered([1002]).appendTo(writer);
  await writer.close();
}

/** A checkpoint's payload as it was before entries had priorities there: ordered by their ids alone. */
function asBeforePriorities(payload: Uint8Array): Uint8Array {
  const before = payload.slice();
  const view = new DataView(before.buffer);
  const reader = new RecordReader();
  reader.open(payload, 0, 0);
  for (let offset = 0; offset < payload.length; offset += reader.length) {
    reader.readHeader(offset);
    if (reader.type !== RECORD_TYPE.storedEntries) continue;
    reader.readStoredEntries();
    const starts = Array.from({ length: reader.count }, (_, at) => reader.storedEntryOffset(at));
    starts.sort((one, two) => reader.entryIdAt(one) - reader.entryIdAt(two));
    for (const [index, start] of starts.entries()) {
      const at = offset + FIXED_BYTES.storedEntries + STORED_ENTRY_BYTES * index;
      before.set(payload.subarray(start, start + STORED_ENTRY_BYTES), at);
      view.setUint16(at + 34, reader.uint16At(start + 34) & 1, true);
    }
  }
  return before;
}
