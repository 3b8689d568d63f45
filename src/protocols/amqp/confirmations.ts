/** What one connection waits to have confirmed, in the order in which the broker was asked. */
import type { ConfirmationToken } from '../../broker/api.js';
import { next } from './serial-number.js';
import type { HostedSession } from './session-host.js';

const COMPACT_AT = 1_024;

/** Deliveries of one session whose ids go up by one: with one sender at a time all are in one run. */
interface Run {
  readonly session: HostedSession;
  /** Whose turn it is. */
  nextId: number;
  lastId: number;
}

export class Confirmations {
  /** All transfers have the same: whose turn it is follows from the order. */
  readonly transferToken: ConfirmationToken = 'transfer';
  private readonly runs: Run[] = [];
  private head = 0;

  awaits(session: HostedSession, deliveryId: number): void {
    const { runs } = this;
    const last = this.head < runs.length ? runs[runs.length - 1] : undefined;
    if (last?.session === session && next(last.lastId) === deliveryId) last.lastId = deliveryId;
    else runs.push({ session, nextId: deliveryId, lastId: deliveryId });
  }

  confirmed(token: ConfirmationToken): void {
    if (token !== this.transferToken) {
      (token as () => void)();
      return;
    }
    const run = this.runs[this.head];
    // To go on would confirm something that the broker did not (P1).
    if (run === undefined) throw new Error('A transfer was confirmed that nobody awaits.');
    const { session, nextId, lastId } = run;
    if (nextId === lastId) this.dropFirst();
    else run.nextId = next(nextId);
    session.confirmed(nextId);
  }

  private dropFirst(): void {
    this.head += 1;
    if (this.head === this.runs.length) this.runs.length = 0;
    else if (this.head < COMPACT_AT || this.head * 2 < this.runs.length) return;
    else this.runs.splice(0, this.head);
    this.head = 0;
  }
}
