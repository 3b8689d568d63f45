/** The link on which a client declares and discharges its local transactions (OASIS AMQP 1.0, part 4, 4.2 and 4.3). */
import { HoldfastError } from '../../platform/errors.js';
import { AmqpError, CONDITION, decodeError, isOfConnection } from './amqp-error.js';
import { type Read, readFields } from './composite.js';
import { transactionName } from './delivery-state.js';
import { encodedState } from './encoded-state.js';
import { SECTION, sectionCode } from './message-sections.js';
import { ACCEPTED_STATE, DECLARE, DECLARED, DISCHARGE, REJECTED } from './performatives.js';
import { next } from './serial-number.js';
import type { SessionHost } from './session-host.js';
import type { TransferFields } from './transfer-reader.js';
import { ValueReader } from './value-reader.js';

/** Declarations and discharges that may be under way; each is answered before long. */
const CREDIT = 100;

/** Tells the client what became of its declare or discharge. */
export type Answer = (deliveryId: number, state: Uint8Array) => void;

export class CoordinatorLink {
  readonly name: string;
  readonly handle: number;
  credit = 0;
  deliveryCount: number;
  private readonly host: SessionHost;
  private readonly answer: Answer;
  /** Declared on this link and not discharged; they roll back when it goes. */
  private readonly open = new Set<string>();

  constructor(
    host: SessionHost,
    attach: {
      readonly name: string;
      readonly handle: number;
      readonly initialDeliveryCount: number | null;
    },
    answer: Answer,
  ) {
    this.host = host;
    this.name = attach.name;
    this.handle = attach.handle;
    this.deliveryCount = attach.initialDeliveryCount ?? 0;
    this.answer = answer;
  }

  /** Whether it is time to give new credit, which is then given. */
  replenish(): boolean {
    if (this.credit > CREDIT / 2) return false;
    this.credit = CREDIT;
    return true;
  }

  take(transfer: TransferFields, bytes: Uint8Array, start: number, end: number): void {
    const { deliveryId } = transfer;
    if (deliveryId === null || transfer.more || this.credit === 0) {
      throw new AmqpError(
        'link',
        CONDITION.notAllowed,
        'A message to the coordinator is one transfer with a delivery-id, within its credit',
      );
    }
    this.credit -= 1;
    this.deliveryCount = next(this.deliveryCount);
    try {
      this.carryOut(deliveryId, new ValueReader(bytes, start, end));
    } catch (error) {
      if (!(error instanceof HoldfastError) || isOfConnection(error)) throw error;
      const condition =
        error instanceof AmqpError ? error.condition : CONDITION.transactionRollback;
      const rejected = { error: { condition, description: error.message } };
      this.answer(deliveryId, encodedState(REJECTED, rejected));
    }
  }

  /** The link is gone. */
  close(): void {
    for (const name of this.open) {
      this.host.openTransactions.end(name);
      this.host.broker.rollback(name, null);
    }
    this.open.clear();
  }

  private carryOut(deliveryId: number, reader: ValueReader): void {
    let section = sectionCode(reader);
    for (; section !== SECTION.amqpValue; section = sectionCode(reader)) reader.skip();
    const descriptor = reader.descriptor();
    if (descriptor === DECLARE.code || descriptor === 'amqp:declare:list') {
      this.declare(deliveryId, readFields(reader, DECLARE));
    } else if (descriptor === DISCHARGE.code || descriptor === 'amqp:discharge:list') {
      this.discharge(deliveryId, readFields(reader, DISCHARGE));
    } else {
      throw decodeError(`${descriptor} is neither declare nor discharge`);
    }
  }

  private declare(deliveryId: number, { globalId }: Read<typeof DECLARE>): void {
    if (globalId !== null) {
      throw new AmqpError(
        'link',
        CONDITION.notImplemented,
        'Distributed transactions are not offered',
      );
    }
    const txnId = this.host.openTransactions.newId();
    const name = transactionName(txnId);
    this.host.broker.begin(name);
    this.open.add(name);
    this.host.openTransactions.begin(name);
    this.answer(deliveryId, encodedState(DECLARED, { txnId }));
  }

  private discharge(deliveryId: number, { txnId, fail }: Read<typeof DISCHARGE>): void {
    const name = transactionName(txnId);
    if (!this.open.delete(name)) {
      throw new AmqpError(
        'link',
        CONDITION.unknownTransaction,
        `No transaction ${name} is open on link "${this.name}"`,
      );
    }
    const hasFailed = this.host.openTransactions.end(name);
    if (hasFailed && !fail) {
      this.host.broker.rollback(name, null);
      throw new AmqpError(
        'link',
        CONDITION.transactionRollback,
        `Transaction ${name} lacks a message that was refused, and is rolled back`,
      );
    }
    const token = this.host.tokenFor(() => this.answer(deliveryId, ACCEPTED_STATE));
    if (fail) this.host.broker.rollback(name, token);
    else this.host.broker.commit(name, token);
  }
}
