/** Entry of the storage thread of a faulty node. */
import { runStorageThread, type StorageThreadData } from '../../../src/node/run-storage-thread.js';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { parentChannel, threadData } from '../../../src/platform/node/threads.js';
import { decodeFaults, FAULTS_VARIABLE } from './fault.js';
import { FaultInjector } from './fault-injector.js';

const { settings } = threadData() as StorageThreadData;
const faults = decodeFaults(process.env[FAULTS_VARIABLE]);
const injector = new FaultInjector(settings.layout.root, faults);

await runStorageThread({
  fileSystem: injector.fileSystem(nodeFileSystem),
  channel: injector.channel(parentChannel<StorageEvent, StorageCommand>()),
});
