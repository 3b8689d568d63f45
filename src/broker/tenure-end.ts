/** Makes an index again what the journal says, when a node stops serving: only that is left. */

import type { MessageIndex } from './message-index.js';
import { ENTRY_FLAG, ENTRY_STATE, NONE } from './message-table.js';

/** It waits for the time that its sender gave it, and not for another attempt. */
function isAsSent(index: MessageIndex, slot: number): boolean {
  const isScheduled = index.table.stateOf(slot) === ENTRY_STATE.scheduled;
  return isScheduled && index.deliveryTimes.bySenderOf(slot) > 0;
}

/** Consumers must be forgotten already, and their lists empty. */
export function forgetLiveState(index: MessageIndex): void {
  const { table, queues } = index;
  const held: number[] = [];
  for (const queue of queues.all()) queue.groups = null;
  for (let slot = 0; slot < table.slotLimit; slot += 1) {
    const state = table.stateOf(slot);
    if (state === ENTRY_STATE.free) continue;
    if (table.hasFlag(slot, ENTRY_FLAG.volatile)) index.removeEntry(slot);
    else if (state !== ENTRY_STATE.ready && !isAsSent(index, slot)) held.push(slot);
    table.clearFlag(slot, ENTRY_FLAG.noted | ENTRY_FLAG.triesAgain);
    table.forgetUnstoredFailures(slot);
  }
  held.sort(
    (one, two) => table.queueOf(one) - table.queueOf(two) || (table.isBefore(one, two) ? -1 : 1),
  );
  let hint = NONE;
  for (const slot of held) {
    const sameQueue = hint !== NONE && table.queueOf(hint) === table.queueOf(slot);
    index.putBack(slot, sameQueue ? hint : NONE);
    hint = slot;
  }
  for (const queue of queues.all()) if (!queue.created) index.removeQueue(queue);
  for (const queue of queues.all()) {
    queue.arrivingMessages = 0;
    queue.arrivingBytes = 0;
    queue.unacknowledged = 0;
    queue.loading = false;
    queue.isPaused = false;
    queue.dirty = false;
    if (queue.removed) queues.publish(queue);
  }
  index.arrivingMessages = 0;
  index.arrivingBytes = 0;
  index.arrivingMemoryBytes = 0;
  index.arrivingDuplicates.clear();
  index.dirtyQueues.length = 0;
  index.deliveryTimes.forgetAttempts();
}
