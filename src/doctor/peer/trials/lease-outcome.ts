/** What the lease trial can end in, and what the report says of it. The file format of its records. */
import type { Finding } from '../../finding.js';
import { failed, notShown, passed, type TrialResult } from '../../trial-result.js';
import { figuresOf, otherRole, type Parties } from '../ring.js';

export const LEASE = 'lease';
export const LATE_WRITE = 'late write refused';

/** Longer than this, and takeovers after a power cut are slow for no reason. */
const LONG_LEASE_MS = 20_000;

export type LeaseOutcome =
  /** Nobody cut the host off, or it came back before its lock was given away. */
  | { readonly kind: 'not-cut'; readonly why: string }
  /** It was cut off, and nobody was given its lock. */
  | { readonly kind: 'kept'; readonly why: string }
  | {
      readonly kind: 'cut';
      /** From the holder's last write until the watcher had the lock; null when it left before. */
      readonly leaseMs: number | null;
      /** What the holder's writes met after that; null when it did not come back to tell. */
      readonly late: LateWrites | null;
    };

export interface LateWrites {
  readonly answers: readonly string[];
  /** Whether bytes of theirs are in the file; null when nobody looked. */
  readonly landed: boolean | null;
}

export const RECORD_BYTES = 512;

/** Of the holder, with its monotonic clock, or of the watcher. */
export function encodeRecord(writer: 'holder' | 'watcher', atMs: number): Uint8Array {
  const text = `${writer} ${atMs.toFixed(3)}\n`;
  return Buffer.from(text.padEnd(RECORD_BYTES, '\0'), 'latin1');
}

/** When the holder wrote it, or null for a record that is not the holder's. */
export function holderTime(record: Uint8Array): number | null {
  const match = /^holder (\d+\.\d{3})\n/.exec(Buffer.from(record).toString('latin1'));
  return match === null ? null : Number(match[1]);
}

export function leaseResults(parties: Parties, outcome: LeaseOutcome): TrialResult[] {
  if (outcome.kind === 'not-cut') {
    return [notShown(LEASE, outcome.why), notShown(LATE_WRITE, outcome.why, { fence: 1 })];
  }
  if (outcome.kind === 'kept') {
    return [failed(LEASE, outcome.why), notShown(LATE_WRITE, outcome.why, { fence: 1 })];
  }
  return [leaseResult(parties, outcome.leaseMs), lateResult(parties, outcome.late)];
}

function leaseResult(parties: Parties, leaseMs: number | null): TrialResult {
  const cut = parties.toBeCut?.role ?? 'first';
  const { [cut]: holder, [otherRole(cut)]: watcher } = parties.names;
  if (leaseMs === null) return notShown(LEASE, `${watcher} had ended before it could tell`);
  const text = `${(leaseMs / 1_000).toFixed(1)} s`;
  const detail = `${watcher} had the lock ${text} after the last write of ${holder}, which was cut off`;
  const values = { first: null, second: null, [cut]: leaseMs };
  return passed(LEASE, detail, {
    figures: figuresOf(parties, 'leaseMs', values),
    findings: leaseMs > LONG_LEASE_MS ? [longLease(text)] : [],
  });
}

function longLease(text: string): Finding {
  return {
    severity: 'note',
    what: `the server keeps the lock of a host that is gone for ${text}, and so long nobody is live`,
    mend: 'set its lease time and its grace time to 10 s',
  };
}

function lateResult(parties: Parties, late: LateWrites | null): TrialResult {
  const cut = parties.toBeCut?.role ?? 'first';
  const holder = parties.names[cut];
  if (late === null) {
    const why =
      parties.toBeCut?.how === 'power-off'
        ? `${holder} had no power to write with; --lease cut shows it`
        : `${holder} did not come back in time; its own doctor tells when it does`;
    return notShown(LATE_WRITE, why, { fence: 1 });
  }
  const met = `what ${holder} wrote afterwards through its descriptor met ${late.answers.join(', ')}`;
  if (late.landed === true || late.answers.includes('ok')) return letThrough(parties, met, late);
  const found =
    late.landed === null ? 'nobody was left to look into the file' : 'no byte of it is in the file';
  return passed(LATE_WRITE, `${met}; ${found}`, { fence: 1 });
}

function letThrough(parties: Parties, met: string, { landed }: LateWrites): TrialResult {
  const found =
    landed === true ? 'its bytes are in the file of its successor' : 'it was not refused';
  const detail = `${met}; ${found}`;
  if (parties.fence1Enforced) return failed(LATE_WRITE, detail, { fence: 1 });
  const expected: Finding = {
    severity: 'warning',
    what: `the late write of a host that lost its lock was let through: ${detail}`,
    mend: 'nothing to mend: fence 1 is not counted on here; NFS 4 has it',
  };
  return failed(LATE_WRITE, detail, { fence: 1, findings: [expected] });
}
