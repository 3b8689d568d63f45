/**
 * What only a host that is cut off from the file server can show: when the server gives its lock
 * away, and that what it writes afterwards goes nowhere. A person cuts it off; the trial tells when.
 *
 * The holder appends records to a file through its locked descriptor. The watcher asks for the lock
 * all the time, and when it has it appends a record of its own, right where the holder's next one
 * would be: a late write that is let through overwrites it.
 */
import { notShown, type TrialResult } from '../../trial-result.js';
import type { Parties, PeerTrial } from '../ring.js';
import { keepWriting } from './lease-holder.js';
import { LATE_WRITE, LEASE, leaseResults } from './lease-outcome.js';
import { watchForTheLock } from './lease-watcher.js';

export const LEASE_TRIAL: PeerTrial = {
  name: LEASE,
  fence: null,
  // The one of the host that is cut off may be out of its reach, or go with its power.
  place: ({ toBeCut }) => (toBeCut?.role === 'first' ? 'second' : 'first'),
  async run(ring) {
    const obstacle = obstacleTo(ring);
    if (obstacle !== null) return notTried(obstacle);
    const isHolder = ring.toBeCut?.role === ring.role;
    return leaseResults(ring, await (isHolder ? keepWriting(ring) : watchForTheLock(ring)));
  },
};

function obstacleTo(parties: Parties): string | null {
  if (parties.isSameHost)
    return 'both doctors are on one host, which cannot be cut off from itself';
  if (parties.toBeCut !== null) return null;
  return 'a host has to be cut off for it: run both again, one of them with --lease cut';
}

function notTried(why: string): TrialResult[] {
  return [notShown(LEASE, why), notShown(LATE_WRITE, why, { fence: 1 })];
}
