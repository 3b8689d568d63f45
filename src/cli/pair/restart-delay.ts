/** How long `holdfast pair` waits before it starts a node again. Pure. */

const SHORTEST_MS = 200;
const LONGEST_MS = 10_000;
/** A node that lived for less has died at once, and would do so again. */
const DIED_AT_ONCE_MS = 3_000;

export function restartDelayMs(previousDelayMs: number, uptimeMs: number): number {
  return uptimeMs >= DIED_AT_ONCE_MS || previousDelayMs === 0
    ? SHORTEST_MS
    : Math.min(LONGEST_MS, previousDelayMs * 2);
}
