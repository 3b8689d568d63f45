/** What can be judged only in the end: what never came, and the order of everything there was. */
import type { LedgerBook } from './ledger-book.js';
import { type Arrival, type Copy, isInPart, nameOf } from './ledger-records.js';

export function finalBreaches(ledger: LedgerBook): void {
  for (const arrival of ledger.open) {
    if (!ledger.isExcused(arrival)) reportOpen(ledger, arrival);
  }
  for (const transaction of ledger.transactions) {
    if (!isInPart(transaction)) continue;
    const sentence = `of ${transaction.name} some messages came and others never did`;
    ledger.breach('transaction-atomic', sentence);
  }
  checkOrderOfConfirmations(ledger);
}

function reportOpen(ledger: LedgerBook, { copy, place, isSeen, state }: Arrival): void {
  const name = nameOf(copy);
  if (!isSeen) {
    const invariant = place.kind === 'durable' ? 'durable-subscription' : 'P1';
    ledger.breach(invariant, `${name} was confirmed and never came to ${place.name}`);
  } else if (state === 'held') {
    ledger.breach('P1', `${name} came to ${place.name} and its consumer never got rid of it`);
  } else {
    ledger.breach('P1', `${name} was given back to ${place.name} and never came again`);
  }
}

/** Ids only grow: what was sent after something else was confirmed has a higher one. */
function checkOrderOfConfirmations(ledger: LedgerBook): void {
  const durable = ledger.copies.filter(({ isDurable }) => isDurable);
  const confirmed = durable.filter(({ confirmedAtMs }) => confirmedAtMs >= 0);
  confirmed.sort((one, other) => one.confirmedAtMs - other.confirmedAtMs);
  durable.sort((one, other) => one.sentAtMs - other.sentAtMs);
  let next = 0;
  let highest: Copy | null = null;
  let highestId = 0;
  for (const copy of durable) {
    for (; next < confirmed.length; next += 1) {
      const before = confirmed[next] as Copy;
      if (before.confirmedAtMs > copy.sentAtMs) break;
      const id = idsOf(before).at(-1) ?? 0;
      if (id <= highestId) continue;
      highestId = id;
      highest = before;
    }
    const id = idsOf(copy)[0];
    if (id === undefined || id > highestId || highest === null) continue;
    const sentence = `${nameOf(copy)} was sent after ${nameOf(highest)} was confirmed, and lies before it`;
    ledger.breach('order', sentence);
  }
}

/** The ids that the broker gave it when it took it, from the lowest. */
function idsOf(copy: Copy): number[] {
  return copy.arrivals
    .filter(({ messageId, place }) => messageId !== 0 && place.kind !== 'dead-letters')
    .map(({ messageId }) => messageId)
    .sort((one, other) => one - other);
}
