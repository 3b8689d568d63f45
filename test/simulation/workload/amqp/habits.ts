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
  /** Of the times when it gives credit, those when it takes it back before it gives it again. */
  readonly withdrawShare: number;
  /** Of the times when it leaves a link, those when it ends the session with it. */
  readonly endShare: number;
  /** Attaches again without waiting until it is detached. */
  readonly isImpatient: boolean;
  /** Reads nothing for so long, some time after the connection was opened; 0: never. */
  readonly stallMs: number;
  /** Closes the connection in good order after so long; 0: never. */
  readonly farewellAfterMs: number;
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
    withdrawShare: random.chance(0.3) ? 0.1 : 0,
    endShare: random.chance(0.5) ? 0.5 : 0,
    isImpatient: random.chance(0.5),
    stallMs: random.chance(0.1) ? random.between(200, 4_000) : 0,
    farewellAfterMs: random.chance(0.1) ? random.between(100, 3_000) : 0,
    abortedShare: random.chance(0.2) ? 0.05 : 0,
    largestSentBytes: random.pick([600, 65_536, 65_536]),
  };
}

/** Whether what a broker sends may wait in it until this client has room. */
export function isNarrow({ incomingWindow }: AmqpHabits): boolean {
  return incomingWindow < WIDE_WINDOW;
}
