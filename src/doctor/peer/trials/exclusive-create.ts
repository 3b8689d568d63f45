/** Whether of two hosts that create one name at the same moment exactly one succeeds. */
import { createsFirst, expect } from '../../attempts.js';
import { pause } from '../../pause.js';
import { passed, type TrialResult } from '../../trial-result.js';
import { toOurs } from '../clock-offset.js';
import type { Ring } from '../ring.js';

const ROUNDS = 40;
const ROUND_MS = 25;
/** Until the first round, so that both know when it is. */
const LEAD_MS = 1_000;

export async function tryExclusiveCreate(ring: Ring): Promise<TrialResult[]> {
  const { talk, clock, names } = ring;
  const hand = await ring.startHand();
  const soonMs = clock.monotonicMs() + LEAD_MS;
  const { value: theirStartMs } = await talk.exchange<number>('start', soonMs);
  const startMs = ring.role === 'first' ? soonMs : toOurs(ring.offset, theirStartMs);
  const mine: boolean[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const path = `${ring.directory}/race-${round}`;
    await pause(clock, Math.max(0, startMs + round * ROUND_MS - clock.monotonicMs()));
    mine.push(await createsFirst(hand.fileSystem, path));
  }
  const { value: theirs } = await talk.exchange<boolean[]>('winners', mine);
  for (const [round, isMine] of mine.entries()) {
    const count = Number(isMine) + Number(theirs[round]);
    expect(count === 1, `of two hosts that created one name, ${count} succeeded`);
  }
  const wins = mine.filter(Boolean).length;
  const firstWins = ring.role === 'first' ? wins : ROUNDS - wins;
  const detail = `one of the two wins, in ${ROUNDS} of ${ROUNDS} races (${names.first} ${firstWins}, ${names.second} ${ROUNDS - firstWins})`;
  return [passed('exclusive create', detail, { fence: 2 })];
}
