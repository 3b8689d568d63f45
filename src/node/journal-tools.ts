/**
 * The journal of a store, for people who look into it: `holdfast journal verify` and `dump`. Here
 * the journal, which knows no records, meets the broker's records. Read only, beside running nodes.
 */

import type { DuplicateKey } from '../broker/duplicate-key.js';
import { closesGroup, groupIn } from '../broker/message-groups.js';
import { RecordReader } from '../broker/record-reader.js';
import { QUEUE_KIND, RECORD_TYPE, REMOVAL_REASON } from '../broker/records.js';
import { JournalDirectory } from '../journal/directory.js';
import { dumpJournal } from '../journal/dump.js';
import type { Sequence } from '../journal/format.js';
import { type VerifyReport, verifyJournal } from '../journal/verify.js';
import { errnoOf, HoldfastError, messageOf } from '../platform/errors.js';
import type { FileSystem } from '../platform/ports.js';
import { readLiveDocument } from '../store/known-documents.js';
import type { StoreLayout } from '../store/layout.js';
import { inspectStore } from '../store/store-file.js';

export function verifyStoreJournal(
  fileSystem: FileSystem,
  layout: StoreLayout,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<VerifyReport> {
  return namingFailures(layout, async () => {
    const directory = await openJournal(fileSystem, layout);
    // Read before the journal, which can only have grown since.
    const live = await readLiveDocument(fileSystem, layout);
    const recorded = live.kind === 'valid' ? live.document.position.sequence : 0;
    return verifyJournal({ directory, knownGood: recorded as Sequence, onProgress });
  });
}

/** Resolves with whether nothing was wrong. */
export function dumpStoreJournal(
  fileSystem: FileSystem,
  layout: StoreLayout,
  onLine: (line: string) => void | Promise<void>,
): Promise<boolean> {
  return namingFailures(layout, async () => {
    const directory = await openJournal(fileSystem, layout);
    return dumpJournal({ directory, describeRecords, onLine });
  });
}

async function openJournal(fileSystem: FileSystem, layout: StoreLayout): Promise<JournalDirectory> {
  const state = await inspectStore(fileSystem, layout);
  if (state.kind === 'ready') {
    return new JournalDirectory(fileSystem, layout.journalDirectory, state.store.storeId);
  }
  throw new HoldfastError(
    'STORE_MISSING',
    `${layout.root} has no journal yet: no node has ever run there. Start one with \`holdfast start\`.`,
  );
}

async function namingFailures<Result>(
  layout: StoreLayout,
  task: () => Promise<Result>,
): Promise<Result> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof HoldfastError || errnoOf(error) === undefined) throw error;
    throw new HoldfastError(
      'JOURNAL_IO_FAILED',
      `The journal in ${layout.journalDirectory} could not be read (${messageOf(error)}). ` +
        'That says nothing about its bytes: look at the mount and the file server, then try again.',
      { cause: error },
    );
  }
}

const REASON_NAME = new Map<number, string>(
  Object.entries(REMOVAL_REASON).map(([name, reason]) => [reason, name]),
);
const LISTED_AT_MOST = 20;

/** One line for each record; the last one tells when the rest cannot be read. */
export function describeRecords(payload: Uint8Array): string[] {
  const lines: string[] = [];
  const reader = new RecordReader();
  reader.open(payload, 0, 0);
  try {
    for (let offset = 0; offset < payload.length; offset += reader.length) {
      reader.readHeader(offset);
      lines.push(`${offset}: ${describeRecord(reader)}`);
    }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    lines.push(`${reader.offset}: DAMAGED ${error.message}`);
  }
  return lines;
}

function describeRecord(reader: RecordReader): string {
  switch (reader.type) {
    case RECORD_TYPE.message:
      return `message ${describeMessage(reader)}`;
    case RECORD_TYPE.relocated:
      return `relocated ${describeMessage(reader)}`;
    case RECORD_TYPE.removed:
      reader.readIdList();
      return `removed (${REASON_NAME.get(reader.variant) ?? reader.variant}) ${listedIds(reader)}`;
    case RECORD_TYPE.delivered:
      reader.readIdList();
      return `delivered ${listedIds(reader)}`;
    case RECORD_TYPE.failed:
      reader.readFailures();
      return `failed ${list(reader.count, (index) => `${reader.failedId(index)} for the ${reader.failedCount(index)}. time`)}`;
    case RECORD_TYPE.queueCreated:
      return describeQueue(reader);
    case RECORD_TYPE.queueRemoved:
      return `queue-removed ${reader.readQueueRemoved()}`;
    case RECORD_TYPE.entryIdsReserved:
      return `entry-ids-reserved below ${reader.readEntryIdsReserved()}`;
    case RECORD_TYPE.storedEntries:
      return describeStoredEntries(reader);
    case RECORD_TYPE.duplicateIds:
      return describeDuplicateIds(reader);
    case RECORD_TYPE.duplicateLimits: {
      const { idsPerAddress, maxBytes } = reader.readDuplicateLimits();
      return `duplicate-limits: ${idsPerAddress} of each address, ${maxBytes} bytes`;
    }
    default: {
      const { highestEntryId, reservedEntryIds, nextQueueId } = reader.readCounters();
      return `counters: highest entry ${highestEntryId}, reserved below ${reservedEntryIds}, next queue ${nextQueueId}`;
    }
  }
}

function describeMessage(reader: RecordReader): string {
  reader.readMessage();
  const headersBytes = reader.bodyStart - reader.headersStart;
  const bodyBytes = reader.bodyEnd - reader.bodyStart;
  const targets = list(
    reader.count,
    (index) => `${reader.targetEntryId(index)} in queue ${reader.targetQueueId(index)}`,
  );
  const expiry = reader.expiresAtMs > 0 ? `, expires ${dateText(reader.expiresAtMs)}` : '';
  return (
    `${targets}: ${headersBytes} bytes of headers, ${bodyBytes} of body, ` +
    `priority ${reader.priority}${groupText(reader.group)}, taken ${dateText(reader.timestampMs)}${expiry}`
  );
}

/** Its number: the id lies in the message. */
function groupText(mark: number): string {
  if (mark === 0) return '';
  return `, ${closesGroup(mark) ? 'last of ' : ''}group ${groupIn(mark)}`;
}

function describeQueue(reader: RecordReader): string {
  const queue = reader.readQueueCreated();
  if (queue.kind === QUEUE_KIND.queue) return `queue-created ${queue.id} "${queue.name}"`;
  return (
    `queue-created ${queue.id} for the durable subscription "${queue.subscriptionName}" ` +
    `of client "${queue.clientId}" to topic "${queue.topic}"`
  );
}

function describeStoredEntries(reader: RecordReader): string {
  const queueId = reader.readStoredEntries();
  const entries = list(reader.count, (index) => {
    const at = reader.storedEntryOffset(index);
    return `${reader.entryIdAt(at)} at ${reader.uint32At(at + 16)}/${reader.uint32At(at + 20)}+${reader.uint32At(at + 24)}`;
  });
  return `stored-entries of queue ${queueId}: ${entries}`;
}

function describeDuplicateIds(reader: RecordReader): string {
  const { address, keys, ownIds } = reader.readDuplicateIds();
  const window = ownIds === null ? '' : `, which remembers ${ownIds}`;
  return `duplicate-ids of ${address}${window}: ${list(keys.length, (index) => describeKey(keys[index] as DuplicateKey))}`;
}

/** The text in quotes, the number, or the bytes in hexadecimal digits. */
function describeKey(key: DuplicateKey): string {
  const content = key.slice(1);
  if (key.startsWith('t')) return JSON.stringify(content);
  return key.startsWith('n') ? content : Buffer.from(content, 'latin1').toString('hex');
}

function listedIds(reader: RecordReader): string {
  return list(reader.count, (index) => String(reader.listedId(index)));
}

function list(count: number, describe: (index: number) => string): string {
  const shown = Array.from({ length: Math.min(count, LISTED_AT_MOST) }, (_, index) =>
    describe(index),
  );
  const rest = count - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}

function dateText(wallMs: number): string {
  const date = new Date(wallMs);
  return Number.isNaN(date.getTime()) ? `at ${wallMs} ms` : date.toISOString();
}
