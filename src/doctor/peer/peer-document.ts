/**
 * What two doctors tell each other: one checksummed block each, in its own work directory, rewritten
 * in place by its owner and read by a fresh open, because that is what another host sees soonest.
 */
import type { HostIdentity } from '../../platform/ports.js';
import {
  type DocumentShape,
  isCount,
  isName,
  isPositive,
  isString,
  isTime,
  orNull,
} from '../../store/document-shapes.js';

export const PEER_FILE = 'peer';

/** `cut`: its network, for a while. `power-off`: it does not come back. */
export const CUTS = ['cut', 'power-off'] as const;
export type Cut = (typeof CUTS)[number];

/** What every version of the doctor tells, so that two different ones can say so. */
export interface Introduction extends HostIdentity {
  /** The name of its work directory. */
  readonly id: string;
  readonly version: string;
  /** One higher with every rewrite: whoever sees it change knows that its writer runs. */
  readonly beat: number;
  /** The `id` of the doctor that this one has chosen. */
  readonly peer: string | null;
}

export interface PeerDocument extends Introduction {
  /** This host is the one that is taken away from the file server in the lease trial. */
  readonly toBeCut: Cut | null;
  /** The latest ones, oldest first. */
  readonly said: readonly Said[];
  /** Why it ended before the end, or null. */
  readonly farewell: string | null;
}

export interface Said {
  readonly key: string;
  readonly value: unknown;
  /** By the monotonic clock of whoever said it, just before the rewrite. */
  readonly saidAtMs: number;
}

export const INTRODUCTION_SHAPE: DocumentShape<Introduction> = {
  id: isName,
  host: isName,
  pid: isPositive,
  bootId: isName,
  version: isName,
  beat: isCount,
  peer: orNull(isName),
};

export const PEER_SHAPE: DocumentShape<PeerDocument> = {
  ...INTRODUCTION_SHAPE,
  toBeCut: orNull((value) => CUTS.some((cut) => cut === value)),
  said: (value) => Array.isArray(value) && value.every(isSaid),
  farewell: orNull(isString),
};

function isSaid(value: unknown): boolean {
  const said = value as Partial<Said> | null;
  return isName(said?.key) && isTime(said?.saidAtMs);
}

/** One kernel: nothing between two hosts can be tried out. */
export function isSameHost(one: HostIdentity, other: HostIdentity): boolean {
  const boot = ({ bootId }: HostIdentity) => bootId.split('/')[0];
  return boot(one) === boot(other);
}
