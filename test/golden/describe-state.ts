/** Everything that can be told of the state of a broker that has read a journal. */
import { RecordReader } from '../../src/broker/record-reader.js';
import { RECORD_TYPE } from '../../src/broker/records.js';
import { isStoredRedelivered } from '../../src/broker/stored-traits.js';
import type { JournalDirectory } from '../../src/journal/directory.js';
import type { SegmentName, SegmentNumber } from '../../src/journal/format.js';
import { readBlocksAt } from '../../src/journal/reader.js';
import type { ReplayedBroker } from '../support/replayed-broker.js';

interface StoredMessage {
  readonly entryId: number;
  readonly queueId: number;
  readonly place: string;
  readonly expiresAtMs: number;
  readonly failedDeliveries: number;
  readonly isRedelivered: boolean;
  readonly priority: number;
  readonly timestampMs: number;
  readonly headers: string;
  readonly body: string;
}

/** What a golden store's state.json holds. */
export interface StateDescription {
  readonly cursor: unknown;
  readonly queues: unknown;
  readonly messages: readonly StoredMessage[];
  readonly neededBytes: unknown;
  readonly snapshot: readonly string[];
}

/** The whole state as plain values: what a file beside the golden store holds. */
export async function describeState(
  directory: JournalDirectory,
  { broker, usage, cursor }: ReplayedBroker,
): Promise<StateDescription> {
  const snapshot = broker.snapshot();
  const messages: StoredMessage[] = [];
  for (const payload of snapshot) messages.push(...(await readMessages(directory, payload)));
  const queues = broker.statistics().queues.map(({ destination, subscription, ...counts }) => {
    return { destination, subscription, messages: counts.messages, bytes: counts.bytes };
  });
  return {
    cursor,
    queues,
    messages,
    neededBytes: Object.fromEntries(usage.bytes),
    snapshot: snapshot.map((payload) => Buffer.from(payload).toString('hex')),
  };
}

/** The stored entries of a snapshot's payload, with the content that lies in the journal. */
async function readMessages(
  directory: JournalDirectory,
  payload: Uint8Array,
): Promise<StoredMessage[]> {
  const reader = new RecordReader();
  reader.open(payload, 0, 0);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const messages: StoredMessage[] = [];
  for (let offset = 0; offset < payload.length; offset += reader.length) {
    reader.readHeader(offset);
    if (reader.type !== RECORD_TYPE.storedEntries) continue;
    const queueId = reader.readStoredEntries();
    for (let index = 0; index < reader.count; index += 1) {
      const at = reader.storedEntryOffset(index);
      const [segment, block, record] = [16, 20, 24].map((field) =>
        view.getUint32(at + field, true),
      );
      messages.push({
        entryId: reader.entryIdAt(at),
        queueId,
        place: `${segment}/${block}+${record}`,
        expiresAtMs: reader.wholeNumber(at + 8, 'expiry'),
        failedDeliveries: reader.uint16At(at + 32),
        isRedelivered: isStoredRedelivered(reader.uint16At(at + 34)),
        ...(await readContent(directory, segment ?? 0, block ?? 0, record ?? 0)),
      });
    }
  }
  return messages;
}

type Content = Pick<StoredMessage, 'priority' | 'timestampMs' | 'headers' | 'body'>;

async function readContent(
  directory: JournalDirectory,
  segment: number,
  blockOffset: number,
  recordOffset: number,
): Promise<Content> {
  const { segments } = await directory.list();
  const file = segments.find(({ number }) => number === segment) as SegmentName;
  const handle = await directory.fileSystem.open(directory.pathOf(file.name), 'read');
  try {
    const { bytes, blocks } = await readBlocksAt(handle, segment as SegmentNumber, blockOffset, {
      mayBeEnd: false,
    });
    const { payloadStart = 0, payloadLength = 0 } = blocks[0] ?? {};
    const payload = bytes.subarray(payloadStart, payloadStart + payloadLength);
    const reader = new RecordReader();
    reader.open(payload, segment, blockOffset);
    reader.readHeader(recordOffset);
    reader.readMessage();
    const text = (from: number, to: number): string =>
      Buffer.from(payload).toString('utf8', from, to);
    return {
      priority: reader.priority,
      timestampMs: reader.timestampMs,
      headers: text(reader.headersStart, reader.bodyStart),
      body: text(reader.bodyStart, reader.bodyEnd),
    };
  } finally {
    await handle.close();
  }
}
