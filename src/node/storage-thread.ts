/** Entry of the storage thread: puts the real world behind the ports of the storage engine. */

import { nodeClock, nodeRandom } from '../platform/node/clock.js';
import { nodeFileSystem } from '../platform/node/file-system.js';
import { LockfileHeartbeat } from '../platform/node/heartbeat.js';
import { killThisProcess, parentChannel, threadData } from '../platform/node/threads.js';
import { watchDirectory } from '../platform/node/watch.js';
import { StorageEngine } from './storage-engine.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';
import type { StorageSettings } from './storage-world.js';
import { PULSE, Watchdog } from './watchdog.js';

/** What the main thread hands over when it starts this thread. */
export interface StorageThreadData {
  readonly settings: StorageSettings;
  readonly isNetworkFileSystem: boolean;
  readonly stallLimitMs: number;
  readonly pulses: Int32Array<SharedArrayBuffer>;
}

const data = threadData() as StorageThreadData;

new Watchdog({
  clock: nodeClock,
  pulses: data.pulses,
  mine: PULSE.storage,
  other: PULSE.main,
  limitMs: data.stallLimitMs,
  isArmed: () => true,
  onSilence: killThisProcess,
});

await new StorageEngine(
  {
    fileSystem: nodeFileSystem,
    clock: nodeClock,
    random: nodeRandom,
    heartbeat: new LockfileHeartbeat(data.settings.layout.witnessTarget),
    watchDirectory: (path, onChange) => watchDirectory(path, data.isNetworkFileSystem, onChange),
    channel: parentChannel<StorageEvent, StorageCommand>(),
  },
  data.settings,
).run();
