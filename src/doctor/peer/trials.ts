/** What two doctors try out together, in this order. */
import type { Finding } from '../finding.js';
import { passed, type TrialResult } from '../trial-result.js';
import type { ClockOffset } from './clock-offset.js';
import type { Parties, PeerTrial } from './ring.js';
import { tryCaches } from './trials/caches.js';
import { tryExclusiveCreate } from './trials/exclusive-create.js';
import { LEASE_TRIAL } from './trials/lease.js';
import { tryExclusion, tryKillRelease } from './trials/lock.js';
import { tryReplacedFile } from './trials/replaced-file.js';
import { trySpeed } from './trials/speed.js';

const inDirectoryOfFirst = () => 'first' as const;

export const PEER_TRIALS: readonly PeerTrial[] = [
  { name: 'lock excludes', fence: 1, place: inDirectoryOfFirst, run: tryExclusion },
  { name: 'kill-release', fence: null, place: inDirectoryOfFirst, run: tryKillRelease },
  { name: 'exclusive create', fence: 2, place: inDirectoryOfFirst, run: tryExclusiveCreate },
  { name: 'replaced file', fence: 3, place: inDirectoryOfFirst, run: tryReplacedFile },
  { name: 'caches', fence: 4, place: inDirectoryOfFirst, run: tryCaches },
  { name: 'synchronous writes', fence: null, place: inDirectoryOfFirst, run: trySpeed },
  LEASE_TRIAL,
];

/** More than this, and what one host says of times is no use on the other. */
const SKEW_LIMIT_MS = 1_000;

/** What came of measuring the offset, which all trials need. */
export function wallClockResult(parties: Parties, offset: ClockOffset): TrialResult {
  const { wallPeerAheadMs, uncertaintyMs } = offset;
  const secondAheadMs = parties.role === 'first' ? wallPeerAheadMs : -wallPeerAheadMs;
  const { first, second } = parties.names;
  const [ahead, behind] = secondAheadMs >= 0 ? [second, first] : [first, second];
  const text = `${ahead} is ${(Math.abs(secondAheadMs) / 1_000).toFixed(3)} s ahead of ${behind}`;
  const detail = `the clock of ${text}, give or take ${(uncertaintyMs / 1_000).toFixed(3)} s`;
  const skewed: Finding = {
    severity: 'note',
    what: `the clock of ${text}: messages expire by the clock of the live node`,
    mend: 'run NTP on both; no ownership depends on it',
  };
  const isSkewed = Math.abs(secondAheadMs) - uncertaintyMs > SKEW_LIMIT_MS;
  return passed('clock skew', detail, {
    figures: [
      { what: 'aheadMs', host: second, value: Math.round(secondAheadMs) },
      { what: 'uncertaintyMs', host: null, value: Math.round(uncertaintyMs) },
    ],
    findings: isSkewed ? [skewed] : [],
  });
}
