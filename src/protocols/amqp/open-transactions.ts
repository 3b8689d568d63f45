/**
 * The local transactions of one connection that are declared and not discharged (OASIS AMQP 1.0, part 4),
 * by their names for the broker. All sessions of the connection may use them.
 */
import { AmqpError, CONDITION, type ErrorScope } from './amqp-error.js';
import type { TransactionReference } from './delivery-state.js';

const TXN_ID_BYTES = 8;

export class OpenTransactions {
  /** What failed can only be rolled back. */
  private readonly states = new Map<string, 'open' | 'failed'>();
  private declared = 0;

  /** Different from every other one of this connection. */
  newId(): Uint8Array {
    this.declared += 1;
    const id = Buffer.alloc(TXN_ID_BYTES);
    id.writeUInt32BE(this.declared, TXN_ID_BYTES - 4);
    return id;
  }

  begin(name: string): void {
    this.states.set(name, 'open');
  }

  /** Returns whether one of its sends or settlements has failed. */
  end(name: string): boolean {
    const hasFailed = this.states.get(name) === 'failed';
    this.states.delete(name);
    return hasFailed;
  }

  /** Without one of its sends or settlements it must not be committed. */
  fail(transaction: TransactionReference | null): void {
    if (transaction === null || !this.states.has(transaction.name)) return;
    this.states.set(transaction.name, 'failed');
  }

  /** Throws an error of this scope for one that is not open. */
  require(transaction: TransactionReference | null, scope: ErrorScope): void {
    if (transaction === null || this.states.has(transaction.name)) return;
    throw new AmqpError(
      scope,
      CONDITION.unknownTransaction,
      `No transaction ${transaction.name} is open on this connection`,
    );
  }
}
