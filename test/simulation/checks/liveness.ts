/**
 * P5: by when somebody must be live. Pure: the runner keeps the facts, and asks from the moment at
 * which the last fault has ended. The bound is the sum of what a takeover may wait for, each once
 * for every node that might have to try; it is generous, because a stranded pair waits for ever.
 */
import { HEARTBEAT_UPDATE_MS } from '../../../src/platform/heartbeat.js';
import { BEHAVIOUR } from '../storage/behaviour.js';
import type { StorageProfile } from '../storage/shared-storage.js';

/** As in src/node/takeover.ts and src/ownership/witness.ts. */
const LOCK_TRAIL_LIMIT_MS = 15_000;
const SEEN_LATE_MS = 500;
const WITNESS_OBSERVE_MS = 2.5 * HEARTBEAT_UPDATE_MS;
/** Reading a simulated journal, sealing it, and all the round trips. */
const WORK_MS = 2_000;

export interface LivenessFacts {
  readonly profile: StorageProfile;
  readonly isFencedByServer: boolean;
  readonly lockPollIntervalMs: number;
  readonly checkIntervalMs: number;
  readonly freshMs: number;
  readonly statusIntervalMs: number;
  readonly storeStallLimitMs: number;
  readonly handoverTimeoutMs: number;
  readonly restartAfterMs: number;
  /** Nodes whose hosts have power and whose supervisors start them. */
  readonly nodesUp: number;
  /** With NFSv3 the lock of a host that lost power stays until that host has booted again. */
  readonly deadHostMayHoldLock: boolean;
  /** Confirmed bytes were damaged: to refuse is right (P6). */
  readonly isDamaged: boolean;
}

/** How long after the live node has fallen silent another one is live, when nothing else goes wrong. */
export function usualTakeoverMs(
  facts: Pick<LivenessFacts, 'profile' | 'lockPollIntervalMs' | 'freshMs' | 'restartAfterMs'>,
): number {
  const { profile, freshMs, lockPollIntervalMs, restartAfterMs } = facts;
  const { fencesLostLocks, locksPerHost } = BEHAVIOUR[profile.kind];
  const freeMs = locksPerHost
    ? restartAfterMs + WITNESS_OBSERVE_MS
    : profile.leaseMs + lockPollIntervalMs;
  return freeMs + (fencesLostLocks ? 0 : freshMs + SEEN_LATE_MS);
}

/**
 * Somebody must be live within so many milliseconds after the last fault has ended; null when
 * nobody need be.
 */
export function mustBeLiveWithinMs(facts: LivenessFacts): number | null {
  if (facts.nodesUp === 0 || facts.isDamaged) return null;
  const { profile } = facts;
  if (profile.kind === 'nfs3' && facts.deadHostMayHoldLock) return null;
  // A node that hangs ends itself first; one that was fenced ends at its next check.
  const oldEndsMs = facts.storeStallLimitMs + facts.checkIntervalMs + profile.recallMs;
  const lockFreeMs = Math.max(profile.leaseMs, profile.graceMs) + profile.recallMs;
  const tryMs =
    facts.restartAfterMs +
    10 * facts.lockPollIntervalMs +
    2 * facts.statusIntervalMs +
    WITNESS_OBSERVE_MS +
    (facts.isFencedByServer ? 0 : facts.freshMs + SEEN_LATE_MS) +
    WORK_MS;
  // A first try may end in a refusal: a lock that trails, a name in use, a file not as it was.
  const triesMs = (facts.nodesUp + 1) * tryMs + LOCK_TRAIL_LIMIT_MS;
  return oldEndsMs + lockFreeMs + triesMs + facts.handoverTimeoutMs;
}
