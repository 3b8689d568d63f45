/** Copies what is still needed of an old block into the open batch, so that its segment can go. */

import type { BatchBuilder } from './batch-builder.js';
import type { BlockPosition } from './host.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, ENTRY_STATE, NONE } from './message-table.js';
import { RecordReader } from './record-reader.js';
import { RECORD_TYPE } from './records.js';

/** Returns the bytes of the records that it appended. */
export function relocateBlock(
  index: MessageIndex,
  batches: BatchBuilder,
  payload: Uint8Array,
  position: BlockPosition,
): number {
  const reader = new RecordReader();
  reader.open(payload, position.segment, position.blockOffset);
  let appendedBytes = 0;
  for (let offset = 0; offset < payload.length; offset += reader.length) {
    reader.readHeader(offset);
    if (reader.type !== RECORD_TYPE.message && reader.type !== RECORD_TYPE.relocated) continue;
    reader.readMessage();
    const entryIds: number[] = [];
    const queueIds: number[] = [];
    for (let target = 0; target < reader.count; target += 1) {
      const entryId = reader.targetEntryId(target);
      if (!isNeededFrom(index, entryId, position, offset)) continue;
      entryIds.push(entryId);
      queueIds.push(reader.targetQueueId(target));
    }
    if (entryIds.length === 0) continue;
    const content = payload.subarray(offset, reader.targetsStart);
    appendedBytes += batches.addRelocated(content, entryIds, queueIds);
  }
  return appendedBytes;
}

/** Whether the entry exists, its record is the one at this place, and it is not being removed. */
function isNeededFrom(
  index: MessageIndex,
  entryId: number,
  position: BlockPosition,
  recordOffset: number,
): boolean {
  const { table, queues } = index;
  const slot = table.find(entryId);
  return (
    slot !== NONE &&
    !table.hasFlag(slot, ENTRY_FLAG.volatile) &&
    table.segmentOf(slot) === position.segment &&
    table.blockOffsetOf(slot) === position.blockOffset &&
    table.recordOffsetOf(slot) === recordOffset &&
    table.stateOf(slot) !== ENTRY_STATE.removing &&
    !queues.at(table.queueOf(slot)).removed
  );
}
