/** What the storage thread is given: the world behind its ports, and its part of the configuration. */

import type { Heartbeat } from '../platform/heartbeat.js';
import type { Channel, Clock, FileSystem, HostIdentity, Random } from '../platform/ports.js';
import type { StoreLayout } from '../store/layout.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';

/** Calls `onChange` some time after anything below `path` has changed. It may miss changes: it wakes, it never decides. */
type WatchDirectory = (path: string, onChange: () => void) => { close(): Promise<void> };

export interface StorageWorld {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly heartbeat: Heartbeat;
  readonly watchDirectory: WatchDirectory;
  readonly channel: Channel<StorageEvent, StorageCommand>;
}

export interface StorageSettings {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly identity: HostIdentity;
  readonly version: string;
  /** The file server refuses writes through a descriptor whose lock it took away (fence 1). */
  readonly isFencedByServer: boolean;
  /** Other hosts may use the store: its file system is no local one. */
  readonly isSharedByHosts: boolean;
  readonly lockPollIntervalMs: number;
  readonly checkIntervalMs: number;
  readonly freshMs: number;
  /** A node that is to serve or to end gives up on a call that takes longer. */
  readonly storeStallLimitMs: number;
  readonly statusIntervalMs: number;
  readonly handoverTimeoutMs: number;
  readonly segmentBytes: number;
}
