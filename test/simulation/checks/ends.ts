/**
 * P5 and P6: why a node may end by itself. A refusal needs a reason in the world: one that a fault
 * gave it. What needs no fault (a stop in good order) is always allowed; what no fault explains
 * (a defect, a store that is called damaged while nobody damaged it) never is.
 */
import type { NodeEnd } from '../../../src/node/node.js';
import type { ErrorCode } from '../../../src/platform/errors.js';
import type { StorageKind } from '../storage/shared-storage.js';
import type { OnBreach } from './breach.js';

/** What has happened to the world so far; whoever injects the faults keeps it. */
export interface FaultFacts {
  /** Any fault at all, handovers and stops not counted. */
  anyFault: boolean;
  /** Calls failed or hung, a host was cut off from the storage, the server restarted, the store was full. */
  storageFault: boolean;
  /** The server has lost power: what a node had read may be gone. */
  serverPowerCut: boolean;
  /** Bytes at rest were changed. */
  damage: boolean;
  /** Somebody deleted what was confirmed: clients miss it, and get again what they acknowledged. */
  segmentsRemoved: boolean;
}

export function noFaults(): FaultFacts {
  return {
    anyFault: false,
    storageFault: false,
    serverPowerCut: false,
    damage: false,
    segmentsRemoved: false,
  };
}

type Needs =
  | 'anyFault'
  | 'anyFault or local locks'
  | 'storageFault, segmentsRemoved or local locks'
  | 'storageFault'
  | 'damage or lostWhatItRead'
  | 'damage'
  | 'never';

interface EndFacts extends FaultFacts {
  readonly kind: StorageKind;
  /** Not by its own mistake: the server has lost power, and a block that the node had read. */
  readonly lostWhatItRead: boolean;
}

const NEEDS: { readonly [code in ErrorCode]: Needs } = {
  STORE_MISSING: 'never',
  STORE_UNWRITABLE: 'storageFault',
  STORE_INCOMPATIBLE: 'never',
  STORE_DAMAGED: 'damage',
  STORE_UNSAFE: 'never',
  // A dead run's lock goes some time after it; the supervisor starts the node again.
  NAME_IN_USE: 'anyFault',
  // Who followed a block which the server then lost finds the file not as it was.
  JOURNAL_CORRUPT: 'damage or lostWhatItRead',
  // There a deposed node also meets ESTALE, where its segment was replaced; and the next segment may be deleted while it is made.
  JOURNAL_IO_FAILED: 'storageFault, segmentsRemoved or local locks',
  // Where locks are not shared, two that start at once find out by the epochs.
  OWNERSHIP_LOST: 'anyFault or local locks',
  // After a lease has ended the old node's heartbeat may go on for a moment.
  LOCK_NOT_SHARED: 'anyFault or local locks',
  STORE_STALLED: 'storageFault',
  CONFIG_INVALID: 'never',
  ADDRESS_IN_USE: 'never',
  ADDRESS_EXPOSED: 'never',
  HANDOVER_REFUSED: 'never',
  NOBODY_LIVE: 'never',
  PEER_MISSING: 'never',
  PEER_GONE: 'never',
  PEER_REFUSED: 'never',
  LIMIT_EXCEEDED: 'never',
  UNEXPECTED: 'never',
  CLIENT_FAILED: 'never',
  CLIENT_ID_IN_USE: 'never',
  DESTINATION_GONE: 'never',
  NOT_FOUND: 'never',
  QUEUE_IN_USE: 'never',
  ACCESS_DENIED: 'never',
};

/** `end` is null for a node that was killed. */
export function judgeEnd(
  name: string,
  end: NodeEnd | null,
  facts: EndFacts,
  onBreach: OnBreach,
): void {
  const code = end?.exitCodeReason ?? null;
  if (end === null || code === null || isExplained(NEEDS[code], facts)) return;
  onBreach(
    'P5',
    `${name} ended with ${code}, and nothing that happened explains it: ${end.sentence}`,
  );
}

function isExplained(needs: Needs, facts: EndFacts): boolean {
  switch (needs) {
    case 'never':
      return false;
    case 'anyFault or local locks':
      return facts.anyFault || facts.kind === 'nfs4-local-locks';
    case 'storageFault, segmentsRemoved or local locks':
      return facts.storageFault || facts.segmentsRemoved || facts.kind === 'nfs4-local-locks';
    case 'damage or lostWhatItRead':
      return facts.damage || facts.lostWhatItRead;
    default:
      return facts[needs];
  }
}
