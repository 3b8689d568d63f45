/**
 * What a broker has stored, as text that two brokers have in common exactly when they would serve the
 * same: made from its snapshot, independent of the order in which queues came to be.
 */
import { RecordReader } from '../../../src/broker/record-reader.js';
import { RECORD_TYPE } from '../../../src/broker/records.js';

export interface SnapshotSource {
  snapshot(): Uint8Array[];
}

export interface BrokerState {
  /** Of each thing that is stored, by a name of its own. */
  readonly stored: ReadonlyMap<string, string>;
  /** Failed deliveries of entries that have any: the live node knows them a little earlier. */
  readonly failures: ReadonlyMap<string, number>;
}

export function describeBroker(broker: SnapshotSource): BrokerState {
  const stored = new Map<string, string>();
  const failures = new Map<string, number>();
  for (const payload of broker.snapshot()) readPayload(payload, stored, failures);
  return { stored, failures };
}

function readPayload(
  payload: Uint8Array,
  stored: Map<string, string>,
  failures: Map<string, number>,
): void {
  const reader = new RecordReader();
  reader.open(payload, 0, 0);
  for (let offset = 0; offset < payload.length; offset += reader.length) {
    reader.readHeader(offset);
    if (reader.type === RECORD_TYPE.counters) {
      stored.set('counters', JSON.stringify(reader.readCounters()));
    } else if (reader.type === RECORD_TYPE.queueCreated) {
      const queue = reader.readQueueCreated();
      stored.set(`queue ${queue.id}`, JSON.stringify(queue));
    } else {
      readEntries(reader, stored, failures);
    }
  }
}

function readEntries(
  reader: RecordReader,
  stored: Map<string, string>,
  failures: Map<string, number>,
): void {
  const queueId = reader.readStoredEntries();
  for (let index = 0; index < reader.count; index += 1) {
    const at = reader.storedEntryOffset(index);
    const name = `entry ${reader.entryIdAt(at)}`;
    const expiresAtMs = reader.wholeNumber(at + 8, 'expiry');
    const place = `${reader.uint32At(at + 16)}/${reader.uint32At(at + 20)}+${reader.uint32At(at + 24)}`;
    const bytes = reader.uint32At(at + 28);
    const redelivered = reader.uint16At(at + 34);
    stored.set(name, `queue ${queueId} ${place} ${bytes} ${expiresAtMs} ${redelivered}`);
    const failed = reader.uint16At(at + 32);
    if (failed > 0) failures.set(name, failed);
  }
}

/** The first thing that differs, in words; null when nothing does. */
export function firstDifference(
  warm: BrokerState,
  replayed: BrokerState,
  options: { readonly warmIsLive: boolean },
): string | null {
  for (const [name, value] of replayed.stored) {
    const other = warm.stored.get(name);
    if (other !== value)
      return `${name} is "${other ?? 'missing'}" in memory and "${value}" on disk`;
  }
  for (const [name, value] of warm.stored) {
    if (!replayed.stored.has(name)) return `${name} is "${value}" in memory and missing on disk`;
  }
  for (const name of new Set([...warm.failures.keys(), ...replayed.failures.keys()])) {
    const inMemory = warm.failures.get(name) ?? 0;
    const onDisk = replayed.failures.get(name) ?? 0;
    const isAllowed = options.warmIsLive ? inMemory >= onDisk : inMemory === onDisk;
    if (!isAllowed) return `${name} has failed ${inMemory} times in memory and ${onDisk} on disk`;
  }
  return null;
}
