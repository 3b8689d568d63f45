/**
 * The link between the two threads of a process. Messages arrive in order, some time later. Buffers are
 * handed over as they are: that nobody uses a buffer after it was transferred is for the tests with
 * real threads to see.
 */
import type { Channel } from '../../../src/platform/ports.js';
import type { SimulatedThread } from './process.js';
import type { SeededRandom } from './random.js';

const USUAL_DELAY_MS = 0.05;

/** Sees every message when it is posted and when it arrives, before its receiver does. */
export interface ChannelObserver<Message> {
  posted(message: Message): void;
  arrived(message: Message): void;
}

class ChannelEnd<Out, In> implements Channel<Out, In> {
  readonly #thread: SimulatedThread;
  readonly #random: SeededRandom;
  readonly #observer: ChannelObserver<Out>;
  #other: ChannelEnd<In, Out> | null = null;
  #receiver: ((message: In) => void) | null = null;
  /** On their way to the other end: whichever arrival comes first brings the oldest. */
  readonly #underWay: Out[] = [];
  readonly #early: In[] = [];

  constructor(thread: SimulatedThread, random: SeededRandom, observer: ChannelObserver<Out>) {
    this.#thread = thread;
    this.#random = random;
    this.#observer = observer;
  }

  connect(other: ChannelEnd<In, Out>): void {
    this.#other = other;
  }

  post(message: Out): void {
    const { process } = this.#thread;
    if (!process.isAlive) return;
    this.#observer.posted(message);
    this.#underWay.push(message);
    const other = this.#other as ChannelEnd<In, Out>;
    other.#thread.run(this.#random.wait(USUAL_DELAY_MS), () => {
      const oldest = this.#underWay.shift() as Out;
      this.#observer.arrived(oldest);
      other.#take(oldest);
    });
  }

  onMessage(receiver: (message: In) => void): void {
    this.#receiver = receiver;
    for (const message of this.#early.splice(0)) receiver(message);
  }

  /** A thread ends with its process here, so nobody is left to be told. */
  onClose(): void {}

  #take(message: In): void {
    if (this.#receiver === null) this.#early.push(message);
    else this.#receiver(message);
  }
}

/** The ends of a link between two threads of one process. */
export function connectThreads<ToSecond, ToFirst>(
  first: SimulatedThread,
  second: SimulatedThread,
  random: SeededRandom,
  observers: { toSecond: ChannelObserver<ToSecond>; toFirst: ChannelObserver<ToFirst> },
): { first: Channel<ToSecond, ToFirst>; second: Channel<ToFirst, ToSecond> } {
  const firstEnd = new ChannelEnd<ToSecond, ToFirst>(first, random, observers.toSecond);
  const secondEnd = new ChannelEnd<ToFirst, ToSecond>(second, random, observers.toFirst);
  firstEnd.connect(secondEnd);
  secondEnd.connect(firstEnd);
  return { first: firstEnd, second: secondEnd };
}
