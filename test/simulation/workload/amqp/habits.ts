/** What AMQP leaves to a client, drawn for each connection: libraries differ in all of it. */
import type { SeededRandom } from '../../kernel/random.js';

const WIDE_WINDOW = 0x7fffffff;

export interface AmqpHabits {
  readonly usesSasl: boolean;
  /** Of the frames that it takes. */
  readonly maxFrameBytes: number;
  /** Frames that a session of it takes before it says that it has room again. */
  readonly incomingWindow: number;
  /** Sends nothing when it has nothing to say, and is disconnected for that. */
  readonly isSilent: boolean;
  /** Has one link that has no address for all that it sends. */
  readonly usesRelay: boolean;
  /** What it sends in one session, and what it receives in the other. */
  readonly hasTwoSessions: boolean;
  /** Does not wait until the broker has attached its link. */
  readonly givesCreditAtOnce: boolean;
  /** Of the times when it gives credit, those when it wants it back at once. */
  readonly drainShare: number;
  /** Of the deliveries that it sends, those that it begins and takes back before. */
  readonly abortedShare: number;
  /** Largest frame that it sends, where the broker takes larger ones. */
  readonly largestSentBytes: number;
}

export function drawHabits(random: SeededRandom): AmqpHabits {
  return {
    usesSasl: random.chance(0.5),
    maxFrameBytes: random.pick([512, 700, 2_048, 65_536]),
    incomingWindow: random.chance(0.3) ? random.whole(1, 12) : WIDE_WINDOW,
    isSilent: random.chance(0.03),
    usesRelay: random.chance(0.2),
    hasTwoSessions: random.chance(0.5),
    givesCreditAtOnce: random.chance(0.5),
    drainShare: random.chance(0.4) ? 0.1 : 0,
    abortedShare: random.chance(0.2) ? 0.05 : 0,
    largestSentBytes: random.pick([600, 65_536, 65_536]),
  };
}

/** Whether what a broker sends may wait in it until this client has room. */
export function isNarrow({ incomingWindow }: AmqpHabits): boolean {
  return incomingWindow < WIDE_WINDOW;
}
