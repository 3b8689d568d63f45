/** Entry of the storage thread. */

import { nodeFileSystem } from '../platform/node/file-system.js';
import { parentChannel } from '../platform/node/threads.js';
import { runStorageThread } from './run-storage-thread.js';

await runStorageThread({ fileSystem: nodeFileSystem, channel: parentChannel() });
