import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import { startFileSystemProcess } from '../../src/platform/node/file-system-process.js';
import { makeTemporaryDirectory } from '../support/temporary-directory.js';
import { describeFileSystem } from './file-system-contract.js';

describeFileSystem('node:fs with fs-ext', async () => {
  const { path, remove } = await makeTemporaryDirectory();
  return {
    fileSystem: nodeFileSystem,
    directory: path,
    startProcess: startFileSystemProcess,
    unlinkedFile: 'nameless',
    hidesOwnUnlinkedFile: false,
    cachesExpire: () => Promise.resolve(),
    dispose: remove,
  };
});
