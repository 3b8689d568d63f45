/** What the rules of the ledger see of it, and whom it tells. */
import type { Arrival, Copy, LedgerTransaction, Place } from './ledger-records.js';
import type { WallOffsets } from './wall-offsets.js';

/** P1 and P3 of the README, and what else a client may rely on. */
export type ClientInvariant =
  | 'P1'
  | 'P3'
  | 'nothing-invented'
  | 'no-doubling'
  | 'order'
  | 'group'
  | 'transaction-atomic'
  | 'acknowledged-stays-gone'
  | 'durable-subscription'
  | 'dead-letter'
  | 'expiry'
  | 'refusal';

export interface LedgerOptions {
  readonly nowMs: () => number;
  readonly onBreach: (invariant: ClientInvariant, sentence: string) => void;
  readonly wallOffsets: WallOffsets;
  /** limits.maxDeliveries of the nodes. */
  readonly maxDeliveries: number;
}

export interface LedgerBook {
  readonly options: LedgerOptions;
  /** By number, from 1. */
  readonly copies: readonly Copy[];
  readonly transactions: readonly LedgerTransaction[];
  /** By message id, which is never given twice. */
  readonly arrivalOf: Map<number, Arrival>;
  /** What still has to come, or to be acknowledged by whoever has it. */
  readonly open: ReadonlySet<Arrival>;
  breach(invariant: ClientInvariant, sentence: string): void;
  addArrival(copy: Copy, place: Place): Arrival;
  setState(arrival: Arrival, state: Arrival['state']): void;
  /** It may have vanished in good order. */
  isExcused(arrival: Arrival): boolean;
}
