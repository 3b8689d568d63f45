/**
 * A heartbeat that other hosts can see beside a lock: a directory `TARGET.lock`, whose modification
 * time its holder changes again and again.
 */
export interface Heartbeat {
  /** Starts to beat; false while somebody else's is there and not stale yet. */
  tryStart(onLost: (reason: string) => void): Promise<boolean>;
  /** Removes the directory. Idempotent. */
  stop(): Promise<void>;
}

/** Least that the implementation allows; watchers multiply it. */
export const HEARTBEAT_UPDATE_MS = 1_000;
export const HEARTBEAT_STALE_MS = 5_000;
