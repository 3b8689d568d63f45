/** A connection that speaks AMQP 1.0: one session or two, with links as roles need them. */
import type { HoldfastError } from '../../../../src/platform/errors.js';
import type { Socket } from '../../../../src/platform/ports.js';
import { BEGIN, ROLE } from '../../../../src/protocols/amqp/performatives.js';
import type { SentFrame } from '../../../support/amqp-frames.js';
import type { SeededRandom } from '../../kernel/random.js';
import type { Copy } from '../ledger-records.js';
import type {
  Answer,
  Messaging,
  MessagingOptions,
  Subscribed,
  SubscribeRequest,
} from '../messaging.js';
import { AmqpClient, descriptionOf } from './amqp-client.js';
import { type AmqpHabits, drawHabits, isNarrow } from './habits.js';
import { AmqpReceiver, ReceivingSession } from './receiver.js';
import { AmqpSender } from './sender.js';

const WIDE_WINDOW = 0x7fffffff;
const SENDING_CHANNEL = 0;

/** Resolves when the broker has opened its side. */
export function openAmqp(socket: Socket, options: MessagingOptions): Promise<Messaging> {
  return new Promise((resolve, reject) => {
    const messaging: AmqpMessaging = new AmqpMessaging(socket, options, {
      resolve: () => resolve(messaging),
      reject,
    });
  });
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (reason: HoldfastError) => void;
}

class AmqpMessaging implements Messaging {
  readonly returnsAtRollback = true;
  readonly closed: Promise<Error | null>;
  readonly #client: AmqpClient;
  readonly #habits: AmqpHabits;
  readonly #random: SeededRandom;
  readonly #sender: AmqpSender;
  readonly #receiving: ReceivingSession;
  /** By handle. */
  readonly #receivers = new Map<number, AmqpReceiver>();
  readonly #waiting = new Set<Waiting>();
  #nextHandle = 0;
  #resolveClosed!: (reason: HoldfastError) => void;

  constructor(socket: Socket, options: MessagingOptions, opened: Waiting) {
    const { random, connection } = options;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#habits = drawHabits(random);
    this.#random = random;
    if (isNarrow(this.#habits)) connection.holdsBack = true;
    this.#waiting.add(opened);
    this.#client = new AmqpClient(socket, {
      clock: options.clock,
      containerId: options.clientId ?? options.client,
      habits: this.#habits,
      openTimeoutMs: options.connectTimeoutMs,
      idleTimeoutMs: options.heartbeatMs,
      onOpen: (node) => {
        options.onNode(node);
        this.#begin();
        const { farewellAfterMs } = this.#habits;
        if (farewellAfterMs > 0) {
          options.clock.after(farewellAfterMs, () => this.#client.sayFarewell());
        }
        this.#waiting.delete(opened);
        opened.resolve();
      },
      onFrame: (frame) => this.#onFrame(frame),
      onClosed: (reason) => this.#onClosed(reason),
    });
    const common = { client: this.#client, habits: this.#habits, random };
    const newHandle = (): number => this.#newHandle();
    this.#sender = new AmqpSender({ ...common, channel: SENDING_CHANNEL, newHandle });
    const channel = this.#habits.hasTwoSessions ? 1 : SENDING_CHANNEL;
    this.#receiving = new ReceivingSession({ ...common, channel, sender: this.#sender });
  }

  send(copy: Copy): Promise<Answer> {
    return this.#answered((done: (answer: Answer) => void) => this.#sender.send(copy, done));
  }

  sendIn(transaction: string, copy: Copy): void {
    this.#sender.sendIn(transaction, copy);
  }

  begin(transaction: string): void {
    this.#sender.begin(transaction);
  }

  commit(transaction: string): Promise<void> {
    return this.#answered((done: () => void) => this.#sender.discharge(transaction, false, done));
  }

  rollback(transaction: string): Promise<void> {
    return this.#answered((done: () => void) => this.#sender.discharge(transaction, true, done));
  }

  subscribe(request: SubscribeRequest): Promise<Subscribed> {
    return this.#answered((done: (subscribed: Subscribed) => void) => {
      const handle = this.#newHandle();
      const receiver = new AmqpReceiver(this.#receiving, handle, request, (answer) =>
        done({ answer, leave: () => this.#leave(receiver) }),
      );
      this.#receivers.set(handle, receiver);
    });
  }

  #leave(receiver: AmqpReceiver): Promise<Answer> {
    const { hasTwoSessions, endShare, isImpatient } = this.#habits;
    return this.#answered((done: (answer: Answer) => void) => {
      const left = (): void => {
        this.#receivers.delete(receiver.handle);
        done('answered');
      };
      if (hasTwoSessions && this.#random.chance(endShare)) {
        receiver.leaveWithSession(left);
        return;
      }
      receiver.leave(left);
      if (isImpatient) done('answered');
    });
  }

  /** As this client has asked for; the session begins anew at once. */
  #onEnd(channel: number): void {
    for (const receiver of this.#receivers.values()) receiver.onDetach();
    this.#receiving.beginAgain();
    this.#beginOn(channel);
  }

  /** A promise that the end of the connection breaks. */
  #answered<Value>(ask: (done: (value: Value) => void) => void): Promise<Value> {
    const { failure } = this.#client;
    if (failure !== null) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { resolve: () => undefined, reject };
      this.#waiting.add(waiting);
      ask((value) => {
        this.#waiting.delete(waiting);
        resolve(value);
      });
    });
  }

  #newHandle(): number {
    this.#nextHandle += 1;
    return this.#nextHandle - 1;
  }

  #begin(): void {
    for (const channel of this.#habits.hasTwoSessions ? [0, 1] : [0]) this.#beginOn(channel);
  }

  #beginOn(channel: number): void {
    const { incomingWindow } = this.#habits;
    this.#client.send(channel, BEGIN, {
      nextOutgoingId: 0,
      incomingWindow,
      outgoingWindow: WIDE_WINDOW,
    });
  }

  #onFrame(frame: SentFrame): void {
    const { name, channel, fields } = frame;
    const handle = fields.handle as number | null;
    const receiver = handle === null ? undefined : this.#receivers.get(handle);
    switch (name) {
      case 'begin':
        return;
      case 'attach':
        // What is refused is attached to nothing, and detached next.
        if (fields.source !== null) receiver?.onAttach();
        return;
      case 'transfer':
        this.#receiving.countFrame();
        if (receiver === undefined) throw new Error(`a message came on handle ${handle}`);
        receiver.onTransfer(frame);
        return;
      case 'flow':
        if (receiver !== undefined) receiver.onFlow(frame);
        else if (handle !== null) this.#sender.onFlow(frame);
        return;
      case 'disposition':
        if (fields.role === ROLE.receiver) this.#sender.onDisposition(frame);
        else this.#receiving.onDisposition(frame);
        return;
      case 'detach':
        if (receiver?.onDetach() !== true) this.#client.refuse(descriptionOf(frame));
        return;
      case 'end':
        if (this.#receiving.isEnding) this.#onEnd(channel);
        else this.#client.refuse(`session ${channel} has ended: ${descriptionOf(frame)}`);
        return;
      default:
        this.#client.refuse(`${name} on channel ${channel}: ${descriptionOf(frame)}`);
    }
  }

  #onClosed(reason: HoldfastError): void {
    for (const { reject } of this.#waiting) reject(reason);
    this.#waiting.clear();
    this.#resolveClosed(reason);
  }
}
