/**
 * Clients that send: one message after the other with a window of unconfirmed ones, or several in a
 * transaction. What was not confirmed when a connection ended is sent again on the next.
 */
import { DEFAULT_PRIORITY } from '../../../src/broker/priority.js';
import type { SeededRandom } from '../kernel/random.js';
import { type Role, type Session, whenAnswered } from './client.js';
import type { Ledger } from './ledger.js';
import type { Copy, LedgerTransaction, SentMessage } from './ledger-records.js';
import type { Answer } from './messaging.js';
import type { RolePlan } from './workload-plan.js';

type ProducerPlan = Extract<RolePlan, { kind: 'producer' }>;
type TransactionalPlan = Extract<RolePlan, { kind: 'transactional-producer' }>;

const LEAST_BODY_BYTES = 16;
/** Times to live are short, or longer than any simulated world. */
const SHORT_LIFE_MS = { from: 200, to: 5_000 } as const;
const LONG_LIFE_MS = 3_600_000;
/** How many messages with an id are sent again although they were confirmed. */
const LATELY_CONFIRMED = 5;
/** Where there are groups and priorities: of the messages, those that have one, and that close their group. */
const PRIORITY_SHARE = 0.4;
const GROUPED_SHARE = 0.6;
const CLOSING_SHARE = 0.2;
/** Between two commands of one transaction. */
const STEP_MS = 4;

/** A client that can be asked to send nothing new. */
export interface SendingRole extends Role {
  readonly isIdle: boolean;
  stopProducing(): void;
}

/** Any bytes, a different part of the same for each message. */
const BYTES = makeBytes(8 * 1024);

export function drawBody(random: SeededRandom, mostBytes: number): Uint8Array {
  const size = random.whole(LEAST_BODY_BYTES, mostBytes);
  const start = random.whole(0, BYTES.length - size);
  return BYTES.subarray(start, start + size);
}

/** Sends one copy; the answer is the caller's to wait for. */
export function sendCopy(
  ledger: Ledger,
  { messaging, connection }: Session,
  message: SentMessage,
): { readonly copy: Copy; readonly answer: Promise<Answer> } {
  const copy = ledger.send(connection, message, null);
  return { copy, answer: messaging.send(copy) };
}

export function sendInTransaction(
  ledger: Ledger,
  { messaging, connection }: Session,
  message: SentMessage,
  transaction: LedgerTransaction,
): Copy {
  const copy = ledger.send(connection, message, transaction);
  messaging.sendIn(transaction.name, copy);
  return copy;
}

export class Producer implements SendingRole {
  readonly #name: string;
  readonly #plan: ProducerPlan;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  readonly #unconfirmed = new Set<SentMessage>();
  /** Of messages with an id, what was sent of them and may have to be sent again. */
  readonly #copies = new Map<SentMessage, Copy>();
  /** With an id and confirmed: sent again nevertheless, as by a program that did not save so much. */
  #lately: SentMessage[] = [];
  #left: number;
  #session: Session | null = null;
  #number = 0;
  #leftInBurst = 0;
  #isResting = false;

  constructor(name: string, plan: ProducerPlan, ledger: Ledger, random: SeededRandom) {
    this.#name = name;
    this.#plan = plan;
    this.#ledger = ledger;
    this.#random = random;
    this.#left = plan.messages;
    this.#leftInBurst = plan.burst;
  }

  get isIdle(): boolean {
    return this.#left === 0 && this.#unconfirmed.size === 0;
  }

  stopProducing(): void {
    this.#left = 0;
  }

  onSession(session: Session): void {
    this.#session = session;
    this.#isResting = false;
    for (const message of [...this.#lately, ...this.#unconfirmed]) this.#send(session, message);
    this.#goOn();
  }

  onSessionOver(): void {
    this.#session = null;
  }

  #goOn(): void {
    const session = this.#session;
    if (session === null || this.#isResting) return;
    while (this.#left > 0 && this.#unconfirmed.size < this.#plan.window) {
      if (this.#leftInBurst === 0) {
        this.#rest(session);
        return;
      }
      this.#leftInBurst -= 1;
      this.#left -= 1;
      const message = this.#draw(session);
      this.#unconfirmed.add(message);
      this.#send(session, message);
    }
  }

  #rest(session: Session): void {
    this.#isResting = true;
    session.later(this.#random.between(0, this.#plan.restMs), () => {
      this.#isResting = false;
      this.#leftInBurst = this.#random.whole(1, this.#plan.burst);
      this.#goOn();
    });
  }

  #send(session: Session, message: SentMessage): void {
    const before = this.#copies.get(message);
    if (before !== undefined) {
      const sentAtMs = this.#ledger.options.nowMs();
      whenAnswered(session.messaging.send(before), () => {
        this.#ledger.confirmedAgain(before, session.connection, sentAtMs);
        this.#isConfirmed(message);
      });
      return;
    }
    const { copy, answer } = sendCopy(this.#ledger, session, message);
    if (message.duplicateId !== null) this.#copies.set(message, copy);
    whenAnswered(answer, (kind) => {
      if (kind === 'confirmed') this.#ledger.confirmed(copy);
      this.#isConfirmed(message);
    });
  }

  #isConfirmed(message: SentMessage): void {
    const isNews = this.#unconfirmed.delete(message);
    if (isNews && message.duplicateId !== null) {
      this.#lately.push(message);
      this.#lately = this.#lately.slice(-LATELY_CONFIRMED);
    }
    this.#goOn();
  }

  #draw(session: Session): SentMessage {
    const random = this.#random;
    const { destinations, mostBodyBytes, expiringShare, isDurable, hasIds } = this.#plan;
    this.#number += 1;
    const name = `${this.#name}/${this.#number}`;
    return {
      message: name,
      duplicateId: hasIds ? name : null,
      destination: random.pick(destinations),
      body: drawBody(random, mostBodyBytes),
      isDurable,
      expiresAtMs: random.chance(expiringShare) ? this.#drawExpiry(session) : 0,
      ...this.#drawGroup(),
    };
  }

  #drawGroup(): Pick<SentMessage, 'priority' | 'group' | 'closesGroup'> {
    const { groups } = this.#plan;
    if (groups === 0) return {};
    const random = this.#random;
    const priority = random.chance(PRIORITY_SHARE) ? random.whole(0, 9) : DEFAULT_PRIORITY;
    if (!random.chance(GROUPED_SHARE)) return { priority };
    const group = `group ${random.whole(1, groups)}`;
    return { priority, group, closesGroup: random.chance(CLOSING_SHARE) };
  }

  #drawExpiry(session: Session): number {
    const { from, to } = SHORT_LIFE_MS;
    const lifeMs = this.#random.chance(0.7) ? this.#random.between(from, to) : LONG_LIFE_MS;
    return Math.floor(session.clock.wallMs() + lifeMs);
  }
}

export class TransactionalProducer implements SendingRole {
  readonly #name: string;
  readonly #plan: TransactionalPlan;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  #left: number;
  #session: Session | null = null;
  #number = 0;
  /** What is to be committed, until it is. */
  #work: SentMessage[] | null = null;
  /** With ids: what was begun for it before, and sent of it. */
  #attempt: LedgerTransaction | null = null;
  readonly #copies = new Map<SentMessage, Copy>();

  constructor(name: string, plan: TransactionalPlan, ledger: Ledger, random: SeededRandom) {
    this.#name = name;
    this.#plan = plan;
    this.#ledger = ledger;
    this.#random = random;
    this.#left = plan.transactions;
  }

  get isIdle(): boolean {
    return this.#left === 0 && this.#work === null;
  }

  stopProducing(): void {
    this.#left = 0;
  }

  onSession(session: Session): void {
    this.#session = session;
    this.#next();
  }

  onSessionOver(): void {
    this.#session = null;
  }

  #next(): void {
    const session = this.#session;
    if (session === null) return;
    if (this.#work === null) {
      if (this.#left === 0) return;
      this.#left -= 1;
      this.#work = this.#draw();
      this.#attempt = null;
      this.#copies.clear();
    }
    const transaction = this.#begin(session);
    session.messaging.begin(transaction.name);
    this.#step(session, transaction, this.#work, 0);
  }

  #begin({ connection }: Session): LedgerTransaction {
    if (this.#attempt !== null) {
      this.#ledger.beginAgain(this.#attempt, connection);
      return this.#attempt;
    }
    this.#number += 1;
    const transaction = this.#ledger.begin(connection, `${this.#name}-${this.#number}`);
    if (this.#plan.hasIds) this.#attempt = transaction;
    return transaction;
  }

  #step(
    session: Session,
    transaction: LedgerTransaction,
    work: readonly SentMessage[],
    done: number,
  ): void {
    const message = work[done];
    if (message === undefined) {
      this.#finish(session, transaction);
      return;
    }
    this.#send(session, transaction, message);
    const delayMs = this.#random.chance(0.3) ? this.#random.wait(STEP_MS) : 0;
    if (delayMs === 0) this.#step(session, transaction, work, done + 1);
    else session.later(delayMs, () => this.#step(session, transaction, work, done + 1));
  }

  #send(session: Session, transaction: LedgerTransaction, message: SentMessage): void {
    const before = this.#copies.get(message);
    if (before !== undefined) {
      session.messaging.sendIn(transaction.name, before);
      return;
    }
    const copy = sendInTransaction(this.#ledger, session, message, transaction);
    if (message.duplicateId !== null) this.#copies.set(message, copy);
  }

  #finish(session: Session, transaction: LedgerTransaction): void {
    const sentAtMs = this.#ledger.options.nowMs();
    if (this.#random.chance(this.#plan.abortShare)) {
      this.#ledger.aborting(transaction);
      whenAnswered(session.messaging.rollback(transaction.name), () => {
        this.#ledger.barrier(session.connection, sentAtMs);
        this.#next();
      });
      return;
    }
    this.#ledger.committing(transaction);
    whenAnswered(session.messaging.commit(transaction.name), () => {
      this.#ledger.committed(transaction, sentAtMs);
      this.#work = null;
      const restMs = this.#random.chance(0.5) ? 0 : this.#random.between(0, this.#plan.restMs);
      session.later(restMs, () => this.#next());
    });
  }

  #draw(): SentMessage[] {
    const random = this.#random;
    const { destinations, mostMessages, mostBodyBytes, hasIds } = this.#plan;
    const count = random.whole(1, mostMessages);
    return Array.from({ length: count }, (_, index) => {
      const message = `${this.#name}/${this.#left}.${index + 1}`;
      return {
        message,
        destination: random.pick(destinations),
        body: drawBody(random, mostBodyBytes),
        isDurable: true,
        expiresAtMs: 0,
        duplicateId: hasIds ? message : null,
      };
    });
  }
}

/** The same in every world. */
function makeBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  let state = 0x2545f491;
  for (let at = 0; at < count; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}
