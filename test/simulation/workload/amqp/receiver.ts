/** A link on which an AMQP client receives: its credit, what comes in several frames, and how it is settled. */
import type { AckMode } from '../../../../src/client/stomp-client.js';
import type { Given } from '../../../../src/protocols/amqp/composite.js';
import { encodedState } from '../../../../src/protocols/amqp/encoded-state.js';
import {
  ACCEPTED_STATE,
  ATTACH,
  DETACH,
  DISPOSITION,
  END,
  FLOW,
  MODIFIED,
  RECEIVER_SETTLES,
  REJECTED,
  RELEASED,
  ROLE,
  SENDER_SETTLES,
  SOURCE,
  TARGET,
} from '../../../../src/protocols/amqp/performatives.js';
import type { SentFrame } from '../../../support/amqp-frames.js';
import type { SeededRandom } from '../../kernel/random.js';
import type { DeliveredFrame } from '../delivery-rules.js';
import type { Rejection } from '../ledger-records.js';
import type { Answer, Delivery, SubscribeRequest } from '../messaging.js';
import type { AmqpClient } from './amqp-client.js';
import type { AmqpHabits } from './habits.js';
import { decodeMessage } from './messages.js';
import type { AmqpSender } from './sender.js';

const USUAL_PREFETCH = { from: 3, to: 30 } as const;
const DURABLE = { durable: 2, expiryPolicy: 'never' } as const;
const OUTCOMES: readonly (readonly [Rejection, Uint8Array])[] = [
  ['failed', encodedState(MODIFIED, { deliveryFailed: true })],
  ['failed', encodedState(MODIFIED, { deliveryFailed: true })],
  ['released', encodedState(RELEASED, {})],
  ['released', encodedState(MODIFIED, {})],
  ['poison', encodedState(REJECTED, {})],
  ['poison', encodedState(MODIFIED, { undeliverableHere: true })],
];

/** What the links of one session have in common. */
export class ReceivingSession {
  readonly client: AmqpClient;
  readonly channel: number;
  readonly habits: AmqpHabits;
  readonly random: SeededRandom;
  readonly sender: AmqpSender;
  isEnding = false;
  /** Deliveries that this client has settled and the broker has to settle, with what to do then. */
  readonly #unsettled = new Map<number, () => void>();
  #nextDeliveryId = 0;
  #receivedFrames = 0;
  #window: number;

  constructor(options: {
    readonly client: AmqpClient;
    readonly channel: number;
    readonly habits: AmqpHabits;
    readonly random: SeededRandom;
    readonly sender: AmqpSender;
  }) {
    this.client = options.client;
    this.channel = options.channel;
    this.habits = options.habits;
    this.random = options.random;
    this.sender = options.sender;
    this.#window = options.habits.incomingWindow;
  }

  /** Nothing more is sent in it until the broker has ended it too. */
  end(): void {
    this.isEnding = true;
    this.client.send(this.channel, END, {});
  }

  beginAgain(): void {
    this.isEnding = false;
    this.#nextDeliveryId = 0;
    this.#receivedFrames = 0;
    this.#window = this.habits.incomingWindow;
    this.#unsettled.clear();
  }

  /** Deliveries of a session are counted, without a gap. */
  begins(deliveryId: number): void {
    if (deliveryId !== this.#nextDeliveryId) {
      throw new Error(`delivery ${deliveryId} came instead of ${this.#nextDeliveryId}`);
    }
    this.#nextDeliveryId += 1;
  }

  countFrame(): void {
    if (this.#window <= 0 && !this.isEnding)
      throw new Error('a frame came for which there was no window');
    this.#receivedFrames += 1;
    this.#window -= 1;
    if (this.#window <= this.habits.incomingWindow / 2) this.flow({});
  }

  flow(more: Partial<Given<typeof FLOW>>): void {
    if (this.isEnding) return;
    this.#window = this.habits.incomingWindow;
    this.client.send(this.channel, FLOW, {
      nextIncomingId: this.#receivedFrames,
      incomingWindow: this.#window,
      nextOutgoingId: 0,
      outgoingWindow: 0x7fffffff,
      ...more,
    });
  }

  awaitSettled(id: number, settled: () => void): void {
    this.#unsettled.set(id, settled);
  }

  onDisposition({ fields }: SentFrame): void {
    const { first, last } = fields as { first: number; last: number | null };
    for (let id = first; id <= (last ?? first); id += 1) {
      const settled = this.#unsettled.get(id);
      this.#unsettled.delete(id);
      settled?.();
    }
  }
}

export class AmqpReceiver {
  readonly handle: number;
  readonly #session: ReceivingSession;
  readonly #request: SubscribeRequest;
  readonly #prefetch: number;
  readonly #onAttached: (answer: Answer) => void;
  readonly #unsettled = new Set<number>();
  #parts: Uint8Array[] = [];
  /** Of the delivery that is coming. */
  #deliveryId = -1;
  #deliveryCount = 0;
  #credit = 0;
  #isDraining = false;
  /** It has taken its credit back, and waits until the broker knows. */
  #isWithdrawing = false;
  #isAttached = false;
  #onDetached: (() => void) | null = null;

  constructor(
    session: ReceivingSession,
    handle: number,
    request: SubscribeRequest,
    onAttached: (answer: Answer) => void,
  ) {
    const { random } = session;
    this.handle = handle;
    this.#session = session;
    this.#request = request;
    const { from, to } = USUAL_PREFETCH;
    this.#prefetch = request.prefetch === 0 ? random.whole(from, to) : request.prefetch;
    this.#onAttached = onAttached;
    this.#attach();
    if (session.habits.givesCreditAtOnce) this.#giveCredit();
  }

  get acknowledgement(): AckMode {
    return this.#request.acknowledgement;
  }

  onAttach(): void {
    this.#isAttached = true;
    // One that is durable is told of when it is on stable storage.
    this.#onAttached(this.#request.durable === null ? 'answered' : 'confirmed');
    if (this.#credit === 0) this.#giveCredit();
  }

  onTransfer({ fields, payload }: SentFrame): void {
    const { deliveryId, settled, more } = fields as {
      deliveryId: number;
      settled: boolean;
      more: boolean;
    };
    if (!this.#isAttached) throw new Error('a message came on a link that is not attached');
    if (this.#parts.length === 0) this.#begin(deliveryId);
    this.#parts.push(payload);
    if (more) return;
    const frame = decodeMessage(Buffer.concat(this.#parts));
    this.#parts = [];
    const isAutomatic = this.acknowledgement === 'auto';
    if (settled !== isAutomatic) throw new Error('a message came in another mode than was agreed');
    if (!isAutomatic) this.#unsettled.add(this.#deliveryId);
    this.#request.onMessage(new AmqpDelivery(this, this.#deliveryId, frame));
    this.#giveCredit();
  }

  /** All credit is used up, or taken back, as this client has asked. */
  onFlow({ fields }: SentFrame): void {
    const { deliveryCount, linkCredit, drain } = fields as {
      deliveryCount: number;
      linkCredit: number;
      drain: boolean;
    };
    const isAnswer = this.#isDraining ? drain : this.#isWithdrawing;
    if (!isAnswer) return;
    const usedUp = this.#isDraining ? this.#credit : 0;
    if (linkCredit !== 0 || deliveryCount !== this.#deliveryCount + usedUp) {
      const its = `${linkCredit} and ${deliveryCount} deliveries`;
      throw new Error(`a link without credit has ${its} instead of ${this.#deliveryCount}`);
    }
    this.#isDraining = false;
    this.#isWithdrawing = false;
    this.#deliveryCount = deliveryCount;
    this.#credit = 0;
    this.#giveCredit(false);
  }

  /** A durable subscription stays. Calls `left` when nothing more comes. */
  leave(left: () => void): void {
    this.#onDetached = left;
    const { client, channel } = this.#session;
    const closed = this.#request.durable === null;
    client.send(channel, DETACH, { handle: this.handle, closed });
  }

  /** As `leave`, with the whole session. */
  leaveWithSession(left: () => void): void {
    this.#onDetached = left;
    this.#session.end();
  }

  /** Returns whether this client had asked for it. */
  onDetach(): boolean {
    this.#onDetached?.();
    return this.#onDetached !== null;
  }

  acknowledge(id: number, transaction: string | undefined): void {
    const { sender, random } = this.#session;
    if (transaction === undefined) {
      this.#settle(this.#idsUpTo(id), { settled: true, state: ACCEPTED_STATE });
      return;
    }
    sender.inTransaction(transaction, () => {
      const state = sender.stateIn(transaction, ACCEPTED_STATE);
      this.#settle([id], { settled: random.chance(0.8), state });
    });
  }

  acknowledgeConfirmed(id: number): Promise<void> {
    const ids = this.#idsUpTo(id);
    return new Promise((resolve) => {
      let left = ids.length;
      const settled = (): void => {
        left -= 1;
        if (left === 0) resolve();
      };
      for (const each of ids) this.#session.awaitSettled(each, settled);
      this.#settle(ids, { settled: false, state: ACCEPTED_STATE });
    });
  }

  reject(id: number): Rejection {
    const { random } = this.#session;
    const [rejection, state] = random.pick(OUTCOMES);
    this.#settle([id], { settled: random.chance(0.7), state });
    return rejection;
  }

  #attach(): void {
    const { destination, durable } = this.#request;
    const { client, channel, random } = this.#session;
    const isAutomatic = this.acknowledgement === 'auto';
    client.send(channel, ATTACH, {
      name: durable ?? `from ${destination} ${this.handle}`,
      handle: this.handle,
      role: ROLE.receiver,
      sndSettleMode: isAutomatic ? SENDER_SETTLES.settled : SENDER_SETTLES.unsettled,
      rcvSettleMode: random.chance(0.5) ? RECEIVER_SETTLES.second : RECEIVER_SETTLES.first,
      source: encodedState(SOURCE, {
        address: destination,
        ...(durable === null ? {} : DURABLE),
      }),
      target: encodedState(TARGET, {}),
    });
  }

  #begin(deliveryId: number): void {
    if (this.#credit === 0) throw new Error('a message came for which there was no credit');
    this.#session.begins(deliveryId);
    this.#deliveryId = deliveryId;
    this.#credit -= 1;
    this.#deliveryCount += 1;
  }

  /** As much as it takes besides what it has not settled yet; and sometimes only for what is there. */
  #giveCredit(mayDrain = true): void {
    const wanted = this.#prefetch - this.#unsettled.size;
    const isWorthIt = this.#credit < wanted && this.#credit <= this.#prefetch / 2;
    const isBusy = this.#isDraining || this.#isWithdrawing || this.#onDetached !== null;
    if (isBusy || !isWorthIt) return;
    const { random, habits } = this.#session;
    if (mayDrain && this.#credit > 0 && random.chance(habits.withdrawShare)) {
      this.#isWithdrawing = true;
      this.#flow({ linkCredit: 0, echo: true });
      return;
    }
    this.#credit = wanted;
    this.#isDraining = mayDrain && random.chance(habits.drainShare);
    this.#flow({ linkCredit: wanted, drain: this.#isDraining });
  }

  #flow(more: Partial<Given<typeof FLOW>>): void {
    const { handle } = this;
    this.#session.flow({ handle, deliveryCount: this.#deliveryCount, ...more });
  }

  /** The modes as those of STOMP: what came before is acknowledged with it, or not. */
  #idsUpTo(id: number): number[] {
    if (this.acknowledgement !== 'client') return [id];
    return [...this.#unsettled].filter((each) => each <= id);
  }

  #settle(
    ids: readonly number[],
    { settled, state }: { readonly settled: boolean; readonly state: Uint8Array },
  ): void {
    const { client, channel } = this.#session;
    const [first] = ids;
    const last = ids.at(-1);
    if (first === undefined || last === undefined) return;
    for (const id of ids) this.#unsettled.delete(id);
    client.send(channel, DISPOSITION, { role: ROLE.receiver, first, last, settled, state });
    this.#giveCredit();
  }
}

class AmqpDelivery implements Delivery {
  readonly frame: DeliveredFrame;
  readonly #receiver: AmqpReceiver;
  readonly #id: number;

  constructor(receiver: AmqpReceiver, id: number, frame: DeliveredFrame) {
    this.#receiver = receiver;
    this.#id = id;
    this.frame = frame;
  }

  acknowledge(transaction?: string): void {
    this.#receiver.acknowledge(this.#id, transaction);
  }

  acknowledgeConfirmed(): Promise<void> {
    return this.#receiver.acknowledgeConfirmed(this.#id);
  }

  reject(): Rejection {
    return this.#receiver.reject(this.#id);
  }
}
