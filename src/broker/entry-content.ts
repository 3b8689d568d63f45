/** The message of an entry: where its bytes are, and how they get there when they are not in memory. */

import type { SelectableMessage } from './api.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG } from './message-table.js';
import type { RecordReader } from './record-reader.js';
import type { MessageContent } from './records.js';
import { segmentsMissing } from './segments-missing.js';
import type { BrokerServices } from './services.js';

export interface EntryContent {
  /** Its bytes are parts of the payload that it was read from. */
  readonly message: MessageContent;
  /** Wall-clock milliseconds at which a broker first took it. */
  readonly timestampMs: number;
  readonly durable: boolean;
  /** The topic that it was sent to, where the message says so. */
  readonly topic: string | null;
}

/** `payload`: as `payloadOf` gave it. The reader is on the message afterwards. */
export function readContent(
  { table, deliveryTimes }: MessageIndex,
  reader: RecordReader,
  slot: number,
  payload: Uint8Array,
): EntryContent {
  const durable = !table.hasFlag(slot, ENTRY_FLAG.volatile);
  reader.open(payload, durable ? table.segmentOf(slot) : 0, table.blockOffsetOf(slot));
  reader.readHeader(durable ? table.recordOffsetOf(slot) : 0);
  reader.readMessage();
  const { contentKind, priority, expiresAtMs, timestampMs, group } = reader;
  return {
    message: {
      contentKind,
      headers: payload.subarray(reader.headersStart, reader.bodyStart),
      body: payload.subarray(reader.bodyStart, reader.bodyEnd),
      priority,
      expiresAtMs,
      deliverAtMs: deliveryTimes.bySenderOf(slot),
      group,
    },
    timestampMs,
    durable,
    topic: reader.topic(),
  };
}

/** What holds the entry's message, or undefined when it has to be loaded. */
export function payloadOf(
  { table, volatile }: MessageIndex,
  { bodies }: Pick<BrokerServices, 'bodies'>,
  slot: number,
): Uint8Array | undefined {
  if (table.hasFlag(slot, ENTRY_FLAG.volatile)) return volatile.recordAt(table.blockOffsetOf(slot));
  return bodies.cached(table.segmentOf(slot), table.blockOffsetOf(slot));
}

/**
 * Calls back when `payloadOf` knows it. The entry may be gone by then, or relocated, and has to be looked for
 * again; where it still lies in the same block and that is not there, the journal lacks it, which is thrown.
 */
export function loadPayload(
  { table }: MessageIndex,
  { bodies }: Pick<BrokerServices, 'bodies'>,
  slot: number,
  loaded: () => void,
  isOver: () => boolean,
): void {
  const id = table.idOf(slot);
  const segment = table.segmentOf(slot);
  const blockOffset = table.blockOffsetOf(slot);
  bodies.load(segment, blockOffset, () => {
    if (isOver()) return;
    const isThere =
      table.find(id) === slot &&
      table.segmentOf(slot) === segment &&
      table.blockOffsetOf(slot) === blockOffset;
    if (isThere && bodies.cached(segment, blockOffset) === undefined) {
      throw segmentsMissing([segment]);
    }
    loaded();
  });
}

/** As selectors see it. */
export function selectableOf(
  { table }: MessageIndex,
  slot: number,
  { message, timestampMs, durable }: EntryContent,
): SelectableMessage {
  return { ...message, timestampMs, durable, failedDeliveries: table.failedDeliveriesOf(slot) };
}
