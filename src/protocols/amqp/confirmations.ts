/** What one connection waits to have confirmed, in the order in which the broker was asked. */
import type { ConfirmationToken } from '../../broker/api.js';
import type { HostedSession } from './session-host.js';

const COMPACT_AT = 1_024;

export class Confirmations {
  /** All transfers have the same: whose turn it is follows from the order. */
  readonly transferToken: ConfirmationToken = 'transfer';
  private sessions: HostedSession[] = [];
  private deliveryIds: number[] = [];
  private head = 0;

  awaits(session: HostedSession, deliveryId: number): void {
    this.sessions.push(session);
    this.deliveryIds.push(deliveryId);
  }

  confirmed(token: ConfirmationToken): void {
    if (token !== this.transferToken) {
      (token as () => void)();
      return;
    }
    const session = this.sessions[this.head];
    // To go on would confirm something that the broker did not (P1).
    if (session === undefined) throw new Error('A transfer was confirmed that nobody awaits.');
    session.confirmed(this.deliveryIds[this.head] as number);
    this.head += 1;
    if (this.head < COMPACT_AT || this.head * 2 < this.sessions.length) return;
    this.sessions.splice(0, this.head);
    this.deliveryIds.splice(0, this.head);
    this.head = 0;
  }
}
