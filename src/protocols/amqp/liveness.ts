/**
 * Is the other side still there, and does it hear that this one is? One check a few times per idle-time-out
 * (OASIS AMQP 1.0, part 2, 2.4.5). Pure: time comes in as an argument.
 */
import { AmqpError, CONDITION } from './amqp-error.js';

export interface ConnectionState {
  /** This side does not read. */
  readonly isPaused: boolean;
  /** It does not because producers are held back. */
  readonly isHeld: boolean;
  /** Bytes given to the socket since the beginning, and how many of them it still holds. */
  readonly writtenBytes: number;
  readonly bufferedBytes: number;
}

/** `quiet`: nothing was said since the last check, nor has it to be. */
export const VERDICT = { well: 'well', quiet: 'quiet', beat: 'beat', stuck: 'stuck' } as const;
/** An error is for the client to be told; `stuck` means that it would not read even that. */
type Verdict = (typeof VERDICT)[keyof typeof VERDICT] | AmqpError;

export class Liveness {
  /** Between checks; null when neither side has a time-out. */
  checkIntervalMs: number | null = null;
  private readonly idleTimeoutMs: number;
  /** What the client wants to hear something within; 0 when it does not mind. */
  private remoteIdleMs = 0;
  private receivedAtMs: number;
  private writtenBytes = 0;
  private takenBytes = 0;

  /** `idleTimeoutMs`: this side's, 0 when it has none. */
  constructor(idleTimeoutMs: number, nowMs: number) {
    this.idleTimeoutMs = idleTimeoutMs;
    this.receivedAtMs = nowMs;
  }

  /** The client has said what it expects. */
  opened(remoteIdleMs: number): void {
    this.remoteIdleMs = remoteIdleMs;
    // It has to be seen in time, and the timer may be late.
    const intervals = [remoteIdleMs / 4, this.idleTimeoutMs / 2].filter((each) => each > 0);
    if (intervals.length === 0) return;
    this.checkIntervalMs = Math.max(1, Math.floor(Math.min(...intervals)));
  }

  received(nowMs: number): void {
    this.receivedAtMs = nowMs;
  }

  check(nowMs: number, state: ConnectionState): Verdict {
    const { idleTimeoutMs } = this;
    const takenBytes = state.writtenBytes - state.bufferedBytes;
    // A client that is slow is not silent.
    if (state.isPaused && takenBytes > this.takenBytes) this.receivedAtMs = nowMs;
    this.takenBytes = takenBytes;
    const silentMs = nowMs - this.receivedAtMs;
    const isOverdue = idleTimeoutMs > 0 && silentMs > 2 * idleTimeoutMs;
    if (isOverdue && state.isPaused && !state.isHeld) return VERDICT.stuck;
    if (isOverdue && !state.isPaused) {
      return new AmqpError(
        'connection',
        CONDITION.resourceLimitExceeded,
        `Nothing came for ${Math.round(silentMs)} ms; the idle-time-out is ${idleTimeoutMs} ms (amqp.idleTimeoutMs)`,
      );
    }
    if (state.writtenBytes !== this.writtenBytes) return VERDICT.well;
    return this.remoteIdleMs > 0 ? VERDICT.beat : VERDICT.quiet;
  }

  /** Everything up to here is said, with what a check brought. */
  said(writtenBytes: number): void {
    this.writtenBytes = writtenBytes;
  }
}
