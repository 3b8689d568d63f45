/**
 * The half of an AMQP client that sends: messages, transactions, and what is acknowledged in them. One
 * thing goes after the other, and each waits for what it needs: its link, its credit, its transaction.
 */

import { readFields } from '../../../../src/protocols/amqp/composite.js';
import { encodedState } from '../../../../src/protocols/amqp/encoded-state.js';
import { SECTION } from '../../../../src/protocols/amqp/message-sections.js';
import {
  ACCEPTED,
  ATTACH,
  COORDINATOR,
  DECLARE,
  DECLARED,
  DISCHARGE,
  REJECTED,
  ROLE,
  SOURCE,
  TARGET,
  TRANSACTIONAL_STATE,
  TRANSFER,
} from '../../../../src/protocols/amqp/performatives.js';
import { ValueReader } from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import type { SentFrame } from '../../../support/amqp-frames.js';
import type { SeededRandom } from '../../kernel/random.js';
import type { Copy } from '../ledger-records.js';
import type { Answer } from '../messaging.js';
import type { AmqpClient } from './amqp-client.js';
import type { AmqpHabits } from './habits.js';
import { encodeMessage } from './messages.js';

/** Frame header and performative of the longest transfer that this client writes. */
const TRANSFER_ROOM_BYTES = 100;
const PRESETTLED_SHARE = 0.5;
const TO_COORDINATOR = '';
/** On a link without an address. */
const TO_ANYWHERE = '*';

interface OutgoingLink {
  readonly handle: number;
  credit: number;
  deliveryCount: number;
}

interface Task {
  isReady(): boolean;
  run(): void;
}

/** What the broker says of a delivery, by the code of its state. */
type Settle = (code: number, state: Uint8Array) => void;

export class AmqpSender {
  readonly #client: AmqpClient;
  readonly #habits: AmqpHabits;
  readonly #random: SeededRandom;
  readonly #channel: number;
  readonly #newHandle: () => number;
  /** By destination. */
  readonly #links = new Map<string, OutgoingLink>();
  readonly #tasks: Task[] = [];
  readonly #unsettled = new Map<number, Settle>();
  /** Ids by name; null until they are known. */
  readonly #transactions = new Map<string, Uint8Array | null>();
  #nextDeliveryId = 0;

  constructor(options: {
    readonly client: AmqpClient;
    readonly habits: AmqpHabits;
    readonly random: SeededRandom;
    readonly channel: number;
    readonly newHandle: () => number;
  }) {
    this.#client = options.client;
    this.#habits = options.habits;
    this.#random = options.random;
    this.#channel = options.channel;
    this.#newHandle = options.newHandle;
  }

  /** What nobody but memory keeps may be sent without an answer. */
  send(copy: Copy, done: (answer: Answer) => void): void {
    const link = this.#linkTo(copy.destination);
    const settled = !copy.isDurable && this.#random.chance(PRESETTLED_SHARE);
    this.#do({
      isReady: () => link.credit > 0,
      run: () => {
        this.#maybeAbort(link);
        const id = this.#transfer(link, this.#encode(copy), { settled, state: null });
        if (settled) done('answered');
        else
          this.#unsettled.set(
            id,
            this.#onAccepted(() => done('confirmed')),
          );
      },
    });
  }

  sendIn(transaction: string, copy: Copy): void {
    const link = this.#linkTo(copy.destination);
    const settled = this.#random.chance(0.1);
    this.#do({
      isReady: () => link.credit > 0 && this.#idOf(transaction) !== null,
      run: () => {
        const state = this.stateIn(transaction, null);
        const id = this.#transfer(link, this.#encode(copy), { settled, state });
        if (!settled)
          this.#unsettled.set(
            id,
            this.#onAccepted(() => undefined),
          );
      },
    });
  }

  begin(name: string): void {
    const link = this.#linkTo(TO_COORDINATOR);
    this.#transactions.set(name, null);
    this.#do({
      isReady: () => link.credit > 0,
      run: () => {
        const id = this.#transfer(link, amqpValue(encodedState(DECLARE, {})), UNSETTLED);
        this.#unsettled.set(id, (code, state) => {
          if (code !== DECLARED.code) return this.#refuse(state);
          const reader = new ValueReader(state);
          reader.descriptor();
          this.#transactions.set(name, readFields(reader, DECLARED).txnId.slice());
          this.#goOn();
        });
      },
    });
  }

  /** When the id of the transaction is known, and all that was asked for before is under way. */
  inTransaction(name: string, task: () => void): void {
    this.#do({ isReady: () => this.#idOf(name) !== null, run: task });
  }

  discharge(name: string, fail: boolean, done: () => void): void {
    const link = this.#linkTo(TO_COORDINATOR);
    this.#do({
      isReady: () => link.credit > 0 && this.#idOf(name) !== null,
      run: () => {
        const txnId = this.#idOf(name) as Uint8Array;
        const discharge = amqpValue(encodedState(DISCHARGE, { txnId, fail }));
        const id = this.#transfer(link, discharge, UNSETTLED);
        this.#transactions.delete(name);
        this.#unsettled.set(id, this.#onAccepted(done));
      },
    });
  }

  stateIn(transaction: string, outcome: Uint8Array | null): Uint8Array {
    const txnId = this.#idOf(transaction) as Uint8Array;
    return encodedState(TRANSACTIONAL_STATE, { txnId, outcome });
  }

  /** Whether the link of this handle is one that sends. */
  owns(handle: number): boolean {
    return [...this.#links.values()].some((link) => link.handle === handle);
  }

  onFlow({ fields }: SentFrame): void {
    const { handle, deliveryCount, linkCredit } = fields as { [name: string]: number };
    for (const link of this.#links.values()) {
      if (link.handle !== handle) continue;
      const underWay = link.deliveryCount - (deliveryCount as number);
      link.credit = Math.max(0, (linkCredit as number) - underWay);
    }
    this.#goOn();
  }

  onDisposition({ fields }: SentFrame): void {
    const { first, last, state } = fields as {
      first: number;
      last: number | null;
      state: Uint8Array;
    };
    const code = new ValueReader(state).descriptor() as number;
    for (let id = first; id <= (last ?? first); id += 1) {
      const settle = this.#unsettled.get(id);
      if (settle === undefined)
        throw new Error(`delivery ${id} was settled, and nobody waits for that`);
      this.#unsettled.delete(id);
      settle(code, state);
    }
  }

  #do(task: Task): void {
    this.#tasks.push(task);
    if (this.#tasks.length === 1) this.#goOn();
  }

  #goOn(): void {
    for (let task = this.#tasks[0]; task?.isReady(); task = this.#tasks[0]) {
      this.#tasks.shift();
      task.run();
    }
  }

  #idOf(transaction: string): Uint8Array | null {
    return this.#transactions.get(transaction) ?? null;
  }

  #onAccepted(done: () => void): Settle {
    return (code, state) => {
      const isAccepted = code === ACCEPTED.code || code === TRANSACTIONAL_STATE.code;
      if (isAccepted) done();
      else this.#refuse(state);
    };
  }

  #refuse(state: Uint8Array): void {
    const reader = new ValueReader(state);
    const code = reader.descriptor();
    const error = code === REJECTED.code ? readFields(reader, REJECTED).error : null;
    this.#client.refuse(error?.description ?? `a state of ${code}`);
  }

  #linkTo(destination: string): OutgoingLink {
    const isMessage = destination !== TO_COORDINATOR;
    const target = isMessage && this.#habits.usesRelay ? TO_ANYWHERE : destination;
    let link = this.#links.get(target);
    if (link === undefined) {
      link = this.#attach(target);
      this.#links.set(target, link);
    }
    return link;
  }

  #attach(target: string): OutgoingLink {
    const handle = this.#newHandle();
    const address = target === TO_ANYWHERE ? null : target;
    this.#client.send(this.#channel, ATTACH, {
      name: `to ${target} ${handle}`,
      handle,
      role: ROLE.sender,
      source: encodedState(SOURCE, {}),
      target:
        target === TO_COORDINATOR
          ? encodedState(COORDINATOR, {})
          : encodedState(TARGET, { address }),
      initialDeliveryCount: 0,
    });
    return { handle, credit: 0, deliveryCount: 0 };
  }

  #encode(copy: Copy): Uint8Array {
    const to = this.#habits.usesRelay ? copy.destination : null;
    return encodeMessage(copy, to, this.#random);
  }

  /** Begins something that nobody must ever see. */
  #maybeAbort(link: OutgoingLink): void {
    if (!this.#random.chance(this.#habits.abortedShare) || link.credit < 2) return;
    const first = {
      handle: link.handle,
      deliveryId: this.#takeId(link),
      deliveryTag: Uint8Array.of(0),
    };
    this.#client.send(this.#channel, TRANSFER, { ...first, more: true }, amqpValue(ANYTHING));
    this.#client.send(this.#channel, TRANSFER, { handle: link.handle, aborted: true });
  }

  #takeId(link: OutgoingLink): number {
    link.credit -= 1;
    link.deliveryCount += 1;
    this.#nextDeliveryId += 1;
    return this.#nextDeliveryId - 1;
  }

  /** In as many frames as it needs; returns its id. */
  #transfer(
    link: OutgoingLink,
    payload: Uint8Array,
    { settled, state }: { readonly settled: boolean; readonly state: Uint8Array | null },
  ): number {
    const { handle } = link;
    const deliveryId = this.#takeId(link);
    const { largestSentBytes } = this.#habits;
    const room = Math.min(this.#client.maxFrameBytes, largestSentBytes) - TRANSFER_ROOM_BYTES;
    for (let start = 0; start < payload.length; start += room) {
      const more = start + room < payload.length;
      const part = payload.subarray(start, start + room);
      if (state === null) {
        this.#client.transfer(this.#channel, { handle, deliveryId, settled, more }, part);
      } else {
        const isFirst = start === 0;
        const first = isFirst ? { deliveryId, deliveryTag: Uint8Array.of(1), state } : {};
        const given = { handle, ...first, settled, more };
        this.#client.send(this.#channel, TRANSFER, given, part);
      }
    }
    return deliveryId;
  }
}

const UNSETTLED = { settled: false, state: null } as const;
const ANYTHING = Uint8Array.of(0x40);

function amqpValue(value: Uint8Array): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(SECTION.amqpValue);
  writer.raw(value);
  return writer.written.slice();
}
