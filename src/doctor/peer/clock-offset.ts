/**
 * How far the clocks of two hosts are apart, from words that went both ways. A word is heard after
 * it was said, by any clock: each one bounds the offset from one side, and the truth lies between
 * the narrowest bounds.
 */
import type { Clock } from '../../platform/ports.js';
import type { Conversation } from './conversation.js';

const ROUNDS = 12;

export interface ClockOffset {
  /** What to add to our monotonic clock to have the peer's. */
  readonly peerAheadMs: number;
  /** Of the wall clocks. */
  readonly wallPeerAheadMs: number;
  /** Both are right to within this. */
  readonly uncertaintyMs: number;
}

interface Word {
  readonly wallMs: number;
  readonly monotonicMs: number;
  /** When the peer's last word was heard, by the clock of whoever says this. */
  readonly heardAtMs: number | null;
}

export async function measureOffset(talk: Conversation, clock: Clock): Promise<ClockOffset> {
  let [least, most] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  let heardAtMs: number | null = null;
  let saidAtMs = 0;
  let wallPeerAheadMs = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const mine: Word = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs(), heardAtMs };
    const heard = await talk.exchange<Word>(`round-${round}`, mine);
    const theirs = heard.value;
    if (theirs.heardAtMs !== null) most = Math.min(most, theirs.heardAtMs - saidAtMs);
    least = Math.max(least, heard.saidAtMs - heard.heardAtMs);
    wallPeerAheadMs = theirs.wallMs - theirs.monotonicMs - (mine.wallMs - mine.monotonicMs);
    saidAtMs = mine.monotonicMs;
    heardAtMs = heard.heardAtMs;
  }
  const peerAheadMs = (least + most) / 2;
  return {
    peerAheadMs,
    wallPeerAheadMs: wallPeerAheadMs + peerAheadMs,
    uncertaintyMs: (most - least) / 2,
  };
}

/** A moment of the peer's monotonic clock by ours. */
export function toOurs(offset: ClockOffset, peerMs: number): number {
  return peerMs - offset.peerAheadMs;
}
