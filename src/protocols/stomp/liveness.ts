/**
 * Is the other side still there? One coarse check per connection, a few times per interval,
 * instead of timers per frame: heart-beats both ways, frames that never end, and clients that
 * never read. Pure: time comes in as an argument.
 */
import type { FrameDecoder } from './frame-decoder.js';
import type { HeartBeats } from './negotiation.js';
import { StompError } from './stomp-error.js';

/** A client may be this many times later than it promised. */
const HEART_BEAT_PATIENCE = 2;
const CHECKS_PER_INTERVAL = 4;
const SHORTEST_CHECK_MS = 20;
const LONGEST_CHECK_MS = 5_000;

export interface ConnectionState {
  readonly decoder: FrameDecoder;
  /** The broker holds this client back, so nothing it sent is being read. */
  readonly readingPaused: boolean;
  /** Bytes given to the socket since the beginning, and how many of them it still holds. */
  readonly writtenBytes: number;
  readonly bufferedBytes: number;
}

export const VERDICT = { well: 'well', beat: 'beat', stuck: 'stuck' } as const;
/** An error is for the client to be told; `stuck` means that it would not read even that. */
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT] | StompError;

export class Liveness {
  readonly checkIntervalMs: number;
  private readonly heartBeats: HeartBeats;
  private readonly frameTimeoutMs: number;
  private receivedAtMs: number;
  private sentAtMs: number;
  private checkedAtMs: number;
  private frameBegunAtMs = 0;
  private framesBegun = -1;
  private takenBytes = 0;
  private takenAtMs: number;

  constructor(heartBeats: HeartBeats, frameTimeoutMs: number, nowMs: number) {
    this.heartBeats = heartBeats;
    this.frameTimeoutMs = frameTimeoutMs;
    this.receivedAtMs = nowMs;
    this.sentAtMs = nowMs;
    this.checkedAtMs = nowMs;
    this.takenAtMs = nowMs;
    const intervals = [heartBeats.outgoingMs, heartBeats.incomingMs, frameTimeoutMs];
    const shortest = Math.min(...intervals.filter((interval) => interval > 0));
    this.checkIntervalMs = Math.max(
      SHORTEST_CHECK_MS,
      Math.min(LONGEST_CHECK_MS, shortest / CHECKS_PER_INTERVAL),
    );
  }

  received(nowMs: number, decoder: FrameDecoder): void {
    this.receivedAtMs = nowMs;
    if (!decoder.midFrame) {
      this.framesBegun = -1;
    } else if (decoder.framesBegun !== this.framesBegun) {
      this.framesBegun = decoder.framesBegun;
      this.frameBegunAtMs = nowMs;
    }
  }

  sent(nowMs: number): void {
    this.sentAtMs = nowMs;
  }

  check(nowMs: number, state: ConnectionState): Verdict {
    // When this process itself was stopped or busy, silence says nothing about the client.
    const overslept = nowMs - this.checkedAtMs > this.checkIntervalMs * 2;
    this.checkedAtMs = nowMs;
    if (overslept || state.readingPaused) this.forgiveSilence(nowMs);
    return (
      this.checkOutput(nowMs, state, overslept) ??
      this.checkSilence(nowMs) ??
      this.checkFrame(nowMs, state.decoder) ??
      this.checkHeartBeat(nowMs)
    );
  }

  private forgiveSilence(nowMs: number): void {
    this.receivedAtMs = nowMs;
    this.frameBegunAtMs = nowMs;
  }

  private checkOutput(
    nowMs: number,
    state: ConnectionState,
    overslept: boolean,
  ): Verdict | undefined {
    const takenBytes = state.writtenBytes - state.bufferedBytes;
    if (overslept || state.bufferedBytes === 0 || takenBytes !== this.takenBytes) {
      this.takenBytes = takenBytes;
      this.takenAtMs = nowMs;
      return undefined;
    }
    return nowMs - this.takenAtMs > this.frameTimeoutMs ? VERDICT.stuck : undefined;
  }

  private checkSilence(nowMs: number): Verdict | undefined {
    const { incomingMs } = this.heartBeats;
    if (incomingMs === 0 || nowMs - this.receivedAtMs <= incomingMs * HEART_BEAT_PATIENCE) {
      return undefined;
    }
    return new StompError(
      `No heart-beat for ${HEART_BEAT_PATIENCE} times ${incomingMs} ms`,
      'The client promised to send a frame or an empty line at least that often; it may be overloaded or the network cut.',
    );
  }

  private checkFrame(nowMs: number, decoder: FrameDecoder): Verdict | undefined {
    if (this.framesBegun !== decoder.framesBegun || !decoder.midFrame) return undefined;
    if (nowMs - this.frameBegunAtMs <= this.frameTimeoutMs) return undefined;
    return new StompError(
      `A frame was not complete within ${this.frameTimeoutMs} ms`,
      'A frame ends in NUL, behind as many bytes of body as its content-length says; the limit is set by stomp.frameTimeoutMs.',
      'LIMIT_EXCEEDED',
    );
  }

  private checkHeartBeat(nowMs: number): Verdict {
    const { outgoingMs } = this.heartBeats;
    // Half of the interval, so that the next check cannot come too late.
    const due = outgoingMs > 0 && nowMs - this.sentAtMs >= outgoingMs / 2;
    return due ? VERDICT.beat : VERDICT.well;
  }
}
