/** Reads a store's status with the real file system, for the commands that show or use it. */

import { nodeClock } from '../../platform/node/clock.js';
import { nodeFileSystem } from '../../platform/node/file-system.js';
import { isProcessAlive, readHostIdentity } from '../../platform/node/host-identity.js';
import { storeLayout } from '../../store/layout.js';
import { readStoreStatus, type StoreStatus } from '../../store/store-status.js';

/** Twice the default interval at which a node rewrites its status. */
export const OBSERVE_OTHER_HOSTS_MS = 2_000;

export interface StoreReader {
  /** `observeMs`: how long to watch nodes of other hosts at most, to tell running ones from dead ones. */
  read(observeMs: number): Promise<StoreStatus>;
}

export function openStoreReader(root: string): StoreReader {
  const options = {
    fileSystem: nodeFileSystem,
    layout: storeLayout(root),
    clock: nodeClock,
    reader: readHostIdentity(),
    isProcessAlive,
  };
  return { read: (observeMs) => readStoreStatus({ ...options, observeMs }) };
}
