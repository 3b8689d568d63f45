/** In what the kinds of shared storage differ, as a table. */
import type { StorageKind } from './shared-storage.js';

export interface Behaviour {
  /** Clients keep pages, attributes and names, and hear nothing of what other hosts change. */
  readonly hasClientCaches: boolean;
  /**
   * The server keeps account of opens: they wait while it has just restarted, and for an unreachable
   * host that opened the file last.
   */
  readonly tracksOpens: boolean;
  /** A server that restarts has forgotten all locks, and gives them back to their holders at first. */
  readonly hasGrace: boolean;
  /** Each host grants locks by itself, and the server knows nothing of them. */
  readonly locksPerHost: boolean;
  /** A host that has not been heard of for the lease loses its locks to whoever asks. */
  readonly hasLeases: boolean;
  /** What is written through a descriptor after its lock was lost is refused. */
  readonly fencesLostLocks: boolean;
  /** What is not synced yet lies in the memory of the host that wrote it, and not on the server. */
  readonly hostsKeepUnsynced: boolean;
  /** The end of a process shows at the server at once. */
  readonly isLocal: boolean;
  /** A call that needs the server. */
  readonly roundTripMs: number;
  /** A write that is on stable storage when it returns. */
  readonly durableWriteMs: number;
}

/** A call that the host answers by itself. */
export const CACHED_CALL_MS = 0.02;

const NFS: Behaviour = {
  hasClientCaches: true,
  tracksOpens: true,
  hasGrace: true,
  locksPerHost: false,
  hasLeases: true,
  fencesLostLocks: true,
  hostsKeepUnsynced: false,
  isLocal: false,
  roundTripMs: 0.3,
  durableWriteMs: 0.35,
};

export const BEHAVIOUR: { readonly [kind in StorageKind]: Behaviour } = {
  nfs4: NFS,
  'nfs4-local-locks': { ...NFS, locksPerHost: true, hasLeases: false, fencesLostLocks: false },
  nfs3: { ...NFS, tracksOpens: false, hasLeases: false, fencesLostLocks: false },
  cluster: {
    ...NFS,
    hasClientCaches: false,
    tracksOpens: false,
    hasGrace: false,
    fencesLostLocks: false,
    hostsKeepUnsynced: true,
  },
  local: {
    hasClientCaches: false,
    tracksOpens: false,
    hasGrace: false,
    locksPerHost: false,
    hasLeases: false,
    fencesLostLocks: false,
    hostsKeepUnsynced: false,
    isLocal: true,
    roundTripMs: CACHED_CALL_MS,
    durableWriteMs: 0.3,
  },
};
