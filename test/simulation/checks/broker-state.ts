/**
 * What a broker has stored, as text that two brokers have in common exactly when they would serve the
 * same: made from its snapshot, independent of the order in which queues came to be.
 */
import { RecordReader } from '../../../src/broker/record-reader.js';
import { RECORD_TYPE } from '../../../src/broker/records.js';

export interface SnapshotSource {
  snapshot(): Uint8Array[];
}

/** Of each thing that is stored what it is, by a name of its own. */
export type BrokerState = ReadonlyMap<string, string>;

export function describeBroker(broker: SnapshotSource): BrokerState {
  const stored = new Map<string, string>();
  for (const payload of broker.snapshot()) readPayload(payload, stored);
  return stored;
}

function readPayload(payload: Uint8Array, stored: Map<string, string>): void {
  const reader = new RecordReader();
  reader.open(payload, 0, 0);
  for (let offset = 0; offset < payload.length; offset += reader.length) {
    reader.readHeader(offset);
    if (reader.type === RECORD_TYPE.counters) {
      stored.set('counters', JSON.stringify(reader.readCounters()));
    } else if (reader.type === RECORD_TYPE.queueCreated) {
      const queue = reader.readQueueCreated();
      stored.set(`queue ${queue.id}`, JSON.stringify(queue));
    } else if (reader.type === RECORD_TYPE.duplicateLimits) {
      stored.set('duplicate limits', JSON.stringify(reader.readDuplicateLimits()));
    } else if (reader.type === RECORD_TYPE.duplicateIds) {
      const { address, keys, ownIds } = reader.readDuplicateIds();
      // Several records of one address follow each other.
      const name = `duplicate ids of ${address}, ${ownIds ?? 'as many as the limits say'}`;
      stored.set(name, `${stored.get(name) ?? ''} ${keys.join(' ')}`);
    } else {
      readEntries(reader, stored);
    }
  }
}

function readEntries(reader: RecordReader, stored: Map<string, string>): void {
  const queueId = reader.readStoredEntries();
  for (let index = 0; index < reader.count; index += 1) {
    const at = reader.storedEntryOffset(index);
    const name = `entry ${reader.entryIdAt(at)}`;
    const expiresAtMs = reader.wholeNumber(at + 8, 'expiry');
    const place = `${reader.uint32At(at + 16)}/${reader.uint32At(at + 20)}+${reader.uint32At(at + 24)}`;
    const bytes = reader.uint32At(at + 28);
    const redelivered = reader.uint16At(at + 34);
    const failed = reader.uint16At(at + 32);
    stored.set(
      name,
      `queue ${queueId} ${place} ${bytes} ${expiresAtMs} ${redelivered} failed ${failed}`,
    );
  }
}

/** The first thing that differs, in words; null when nothing does. */
export function firstDifference(warm: BrokerState, replayed: BrokerState): string | null {
  for (const name of new Set([...warm.keys(), ...replayed.keys()])) {
    const inMemory = warm.get(name) ?? 'missing';
    const onDisk = replayed.get(name) ?? 'missing';
    if (inMemory !== onDisk) return `${name} is "${inMemory}" in memory and "${onDisk}" on disk`;
  }
  return null;
}
