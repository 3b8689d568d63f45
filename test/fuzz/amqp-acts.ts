/**
 * What an AMQP client does that knows the protocol: acts as plain data, and a client that carries them out
 * with the ids, credit and transactions that the broker has told it of. Frames at random hardly ever
 * come so far.
 */
import fc from 'fast-check';
import { readFields } from '../../src/protocols/amqp/composite.js';
import { encodedState } from '../../src/protocols/amqp/encoded-state.js';
import {
  ACCEPTED_STATE,
  ATTACH,
  BEGIN,
  COORDINATOR,
  DECLARE,
  DECLARED,
  DETACH,
  DISCHARGE,
  DISPOSITION,
  END,
  FLOW,
  MODIFIED,
  REJECTED,
  RELEASED,
  ROLE,
  SOURCE,
  TARGET,
  TRANSACTIONAL_STATE,
  TRANSFER,
} from '../../src/protocols/amqp/performatives.js';
import { ValueReader } from '../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../src/protocols/amqp/value-writer.js';
import { frameBytes, frameOf, type SentFrame } from '../support/amqp-frames.js';

/** Handles of the links that a session begins with. */
export const LINK = { sender: 0, coordinator: 1, receiver: 2, settled: 3 } as const;
const WIDE_WINDOW = 0x7fffffff;

const OUTCOME = {
  accepted: ACCEPTED_STATE,
  rejected: encodedState(REJECTED, {}),
  released: encodedState(RELEASED, {}),
  failed: encodedState(MODIFIED, { deliveryFailed: true }),
  undeliverable: encodedState(MODIFIED, { undeliverableHere: true }),
} as const;

export type Act =
  | {
      readonly act: 'send';
      /** Frames after the first. */
      readonly cuts: number;
      readonly settled: boolean;
      readonly inTransaction: boolean;
      readonly isAborted: boolean;
      readonly durable: boolean;
      /** One that is no id is a reason to refuse the message. */
      readonly duplicateId: string | boolean | null;
      readonly bodyBytes: number;
    }
  | {
      readonly act: 'credit';
      readonly handle: number;
      readonly credit: number;
      readonly drain: boolean;
      readonly echo: boolean;
    }
  | {
      readonly act: 'settle';
      /** From the oldest that is not settled. */
      readonly from: number;
      readonly count: number;
      readonly outcome: keyof typeof OUTCOME;
      readonly settled: boolean;
      readonly inTransaction: boolean;
    }
  | { readonly act: 'window'; readonly frames: number }
  | { readonly act: 'declare' | 'heartbeat' | 'session' }
  | { readonly act: 'discharge'; readonly fail: boolean }
  | {
      readonly act: 'attach';
      readonly handle: number;
      readonly address: string;
      readonly durable: boolean;
      readonly settles: number;
    }
  | { readonly act: 'detach'; readonly handle: number; readonly closed: boolean };

const flag = fc.boolean();
const seldom = fc.integer({ min: 0, max: 9 }).map((draw) => draw === 9);
const handle = fc.constantFrom(...Object.values(LINK));

export function anyAct(): fc.Arbitrary<Act> {
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        act: fc.constant('send' as const),
        cuts: fc.constantFrom(0, 0, 1, 2),
        settled: flag,
        inTransaction: flag,
        isAborted: seldom,
        durable: flag,
        duplicateId: fc.constantFrom(null, null, null, null, 'one', 'two', true),
        bodyBytes: fc.constantFrom(0, 10, 300, 900, 900, 2_500),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        act: fc.constant('credit' as const),
        handle: fc.constantFrom(LINK.receiver, LINK.receiver, LINK.settled),
        credit: fc.constantFrom(0, 1, 3, 10),
        drain: flag,
        echo: flag,
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        act: fc.constant('settle' as const),
        from: fc.constantFrom(0, 0, 1),
        count: fc.constantFrom(1, 1, 3),
        outcome: fc.constantFrom(...(Object.keys(OUTCOME) as (keyof typeof OUTCOME)[])),
        settled: flag,
        inTransaction: flag,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constant('window' as const),
        frames: fc.constantFrom(0, 1, 2, WIDE_WINDOW),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Act>(
        { act: 'declare' },
        { act: 'declare' },
        { act: 'discharge', fail: false },
        { act: 'discharge', fail: true },
        { act: 'heartbeat' },
        { act: 'session' },
      ),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constant('attach' as const),
        handle,
        address: fc.constantFrom('a', 'b', 'topic://t', 'topic://t.u'),
        durable: flag,
        settles: fc.constantFrom(0, 1, 2),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ act: fc.constant('detach' as const), handle, closed: flag }),
    },
  );
}

/** Keeps what a client has to know, and makes frames of what it does. */
export class ActingClient {
  #nextDeliveryId = 0;
  #receivedFrames = 0;
  readonly #sendCredit = new Map<number, number>();
  readonly #deliveryCount = new Map<number, number>();
  #unsettled: number[] = [];
  #transaction: Uint8Array | null = null;
  #hasSession = false;
  readonly #attached = new Set<number>();
  #window = WIDE_WINDOW;

  /** A session with a link of each kind. */
  begin(incomingWindow: number): readonly Uint8Array[] {
    this.#window = incomingWindow;
    return this.#begin();
  }

  /** `attach` of a link of the usual kind for its handle. */
  #attach(act: Omit<Extract<Act, { act: 'attach' }>, 'act'>): Uint8Array {
    const { handle, address, durable, settles } = act;
    const receives = handle === LINK.receiver || handle === LINK.settled;
    const target =
      handle === LINK.coordinator
        ? encodedState(COORDINATOR, {})
        : encodedState(TARGET, receives ? {} : { address });
    this.#deliveryCount.set(handle, 0);
    this.#sendCredit.set(handle, 0);
    this.#attached.add(handle);
    return frameOf(0, ATTACH, {
      name: `link ${handle}`,
      handle,
      role: receives ? ROLE.receiver : ROLE.sender,
      sndSettleMode: handle === LINK.settled ? 1 : settles,
      source: encodedState(SOURCE, receives ? { address, durable: durable ? 2 : 0 } : {}),
      target,
      ...(receives ? {} : { initialDeliveryCount: 0 }),
    });
  }

  /** Frames of what it does now; none when it cannot do that. */
  framesOf(act: Act): readonly Uint8Array[] {
    if (!this.#hasSession) return this.#begin();
    switch (act.act) {
      case 'send':
        return this.#send(act);
      case 'credit':
        return this.#attached.has(act.handle) ? [this.#credit(act)] : [];
      case 'settle':
        return this.#settle(act);
      case 'window':
        this.#window = act.frames;
        return [frameOf(0, FLOW, this.#sessionFlow())];
      case 'declare':
        return this.#coordinate(encodedState(DECLARE, {}));
      case 'discharge':
        return this.#discharge(act.fail);
      case 'heartbeat':
        return [frameBytes(0, new Uint8Array(0))];
      case 'session':
        return [frameOf(0, END, {}), ...this.#begin()];
      case 'attach':
        return this.#attached.has(act.handle) ? [] : [this.#attach(act)];
      case 'detach':
        this.#sendCredit.set(act.handle, 0);
        if (!this.#attached.delete(act.handle)) return [];
        return [frameOf(0, DETACH, { handle: act.handle, closed: act.closed })];
    }
  }

  /** What the broker has sent. */
  hear(frame: SentFrame): void {
    const { name, fields } = frame;
    const handle = fields.handle as number;
    if (name === 'flow' && handle !== null) {
      this.#sendCredit.set(handle, fields.linkCredit as number);
    } else if (name === 'transfer') {
      this.#receivedFrames += 1;
      const id = fields.deliveryId as number;
      if (fields.settled === false && !this.#unsettled.includes(id)) this.#unsettled.push(id);
      if (fields.more === false) this.#count(handle);
    } else if (name === 'disposition' && fields.role === ROLE.receiver) {
      this.#hearState(fields.state as Uint8Array | null);
    } else if (name === 'detach' && fields.error !== null) {
      this.#attached.delete(handle);
      this.#sendCredit.set(handle, 0);
    } else if (name === 'end' && fields.error !== null) {
      this.#hasSession = false;
    }
  }

  #hearState(state: Uint8Array | null): void {
    if (state === null) return;
    const reader = new ValueReader(state);
    if (reader.descriptor() !== DECLARED.code) return;
    this.#transaction = readFields(reader, DECLARED).txnId.slice();
  }

  #send(act: Extract<Act, { act: 'send' }>): readonly Uint8Array[] {
    const handle = LINK.sender;
    if (!this.#takeCredit(handle)) return [];
    const { cuts, settled, isAborted, inTransaction } = act;
    const payload = messageOf(act);
    const size = Math.ceil(payload.length / (cuts + 1));
    const frames: Uint8Array[] = [];
    for (let start = 0; start < payload.length; start += size) {
      const isFirst = start === 0;
      const more = start + size < payload.length || isAborted;
      const state = isFirst && inTransaction ? this.#stateOf(null) : null;
      const first = isFirst ? { deliveryId: this.#takeId(), deliveryTag: Uint8Array.of(1) } : {};
      const given = { handle, ...first, settled, more, state };
      frames.push(frameOf(0, TRANSFER, given, payload.subarray(start, start + size)));
    }
    if (isAborted) frames.push(frameOf(0, TRANSFER, { handle, aborted: true }));
    return frames;
  }

  #credit({ handle, credit, drain, echo }: Extract<Act, { act: 'credit' }>): Uint8Array {
    return frameOf(0, FLOW, {
      ...this.#sessionFlow(),
      handle,
      deliveryCount: this.#deliveryCount.get(handle) ?? 0,
      linkCredit: credit,
      drain,
      echo,
    });
  }

  #settle(act: Extract<Act, { act: 'settle' }>): readonly Uint8Array[] {
    const { from, count, settled, outcome, inTransaction } = act;
    const [first, ...rest] = this.#unsettled.slice(from, from + count);
    if (first === undefined) return [];
    this.#unsettled.splice(from, count);
    const state = inTransaction ? this.#stateOf(OUTCOME[outcome]) : OUTCOME[outcome];
    const last = rest.at(-1) ?? null;
    return [frameOf(0, DISPOSITION, { role: ROLE.receiver, first, last, settled, state })];
  }

  #discharge(fail: boolean): readonly Uint8Array[] {
    const txnId = this.#transaction;
    if (txnId === null) return [];
    this.#transaction = null;
    return this.#coordinate(encodedState(DISCHARGE, { txnId, fail }));
  }

  #coordinate(value: Uint8Array): readonly Uint8Array[] {
    const handle = LINK.coordinator;
    if (!this.#takeCredit(handle)) return [];
    const given = { handle, deliveryId: this.#takeId(), deliveryTag: Uint8Array.of(1) };
    return [
      frameOf(
        0,
        TRANSFER,
        given,
        section(0x77, (to) => to.raw(value)),
      ),
    ];
  }

  #begin(): readonly Uint8Array[] {
    this.#hasSession = true;
    this.#nextDeliveryId = 0;
    this.#receivedFrames = 0;
    this.#unsettled = [];
    this.#transaction = null;
    const links = Object.values(LINK).map((handle) =>
      this.#attach({ handle, address: 'a', durable: false, settles: 0 }),
    );
    const windows = { incomingWindow: this.#window, outgoingWindow: WIDE_WINDOW };
    return [frameOf(0, BEGIN, { nextOutgoingId: 0, ...windows }), ...links];
  }

  #stateOf(outcome: Uint8Array | null): Uint8Array | null {
    const txnId = this.#transaction;
    return txnId === null ? outcome : encodedState(TRANSACTIONAL_STATE, { txnId, outcome });
  }

  #sessionFlow() {
    return {
      nextIncomingId: this.#receivedFrames,
      incomingWindow: this.#window,
      nextOutgoingId: 0,
      outgoingWindow: WIDE_WINDOW,
    };
  }

  #takeCredit(handle: number): boolean {
    const credit = this.#sendCredit.get(handle) ?? 0;
    if (credit === 0) return false;
    this.#sendCredit.set(handle, credit - 1);
    return true;
  }

  #takeId(): number {
    this.#nextDeliveryId += 1;
    return this.#nextDeliveryId - 1;
  }

  #count(handle: number): void {
    this.#deliveryCount.set(handle, (this.#deliveryCount.get(handle) ?? 0) + 1);
  }
}

function messageOf(act: Extract<Act, { act: 'send' }>): Uint8Array {
  const { durable, duplicateId, bodyBytes } = act;
  const header = section(0x70, (to) => {
    const start = to.beginList();
    to.boolean(durable);
    to.endCompound(start, 1);
  });
  const properties = section(0x74, (to) => {
    const start = to.beginMap();
    to.string('_AMQ_DUPL_ID');
    to.value(duplicateId);
    to.endCompound(start, 2);
  });
  const body = section(0x75, (to) => to.binary(new Uint8Array(bodyBytes)));
  return Buffer.concat([header, ...(duplicateId === null ? [] : [properties]), body]);
}

function section(code: number, write: (writer: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(code);
  write(writer);
  return writer.written.slice();
}
