/** The storage thread's part of run-node.ts: puts the real world behind the ports of its engine. */

import { nodeClock, nodeRandom } from '../platform/node/clock.js';
import { LockfileHeartbeat } from '../platform/node/heartbeat.js';
import { killThisProcess, threadData } from '../platform/node/threads.js';
import { watchDirectory } from '../platform/node/watch.js';
import { StorageEngine } from './storage-engine.js';
import type { StorageSettings, StorageWorld } from './storage-world.js';
import { PULSE, Watchdog } from './watchdog.js';

/** What the main thread hands over when it starts this thread. */
export interface StorageThreadData {
  readonly settings: StorageSettings;
  readonly pulses: Int32Array<SharedArrayBuffer>;
}

/** Runs in the storage thread, to its end. What goes to the store and to the main thread is the caller's. */
export async function runStorageThread(
  ways: Pick<StorageWorld, 'fileSystem' | 'channel'>,
): Promise<void> {
  const data = threadData() as StorageThreadData;
  new Watchdog({
    clock: nodeClock,
    pulses: data.pulses,
    mine: PULSE.storage,
    other: PULSE.main,
    limitMs: data.settings.storeStallLimitMs,
    isArmed: () => true,
    onSilence: killThisProcess,
  });
  const world: StorageWorld = {
    ...ways,
    clock: nodeClock,
    random: nodeRandom,
    heartbeat: new LockfileHeartbeat(data.settings.layout.witnessTarget),
    watchDirectory: (path, onChange) =>
      watchDirectory(path, data.settings.isSharedByHosts, onChange),
  };
  await new StorageEngine(world, data.settings).run();
}
