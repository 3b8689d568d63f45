import { STORAGE_KINDS, type StorageKind } from '../simulation/storage/shared-storage.js';
import { StorageRig } from '../simulation/storage/storage-rig.js';
import { describeFileSystem, type FileSystemWorld } from './file-system-contract.js';

const DIRECTORY = '/store';
/** Longer than any lifetime of a cache. */
const CACHES_EXPIRE_MS = 30_000;
/** By then the kernel of another host has closed what a killed process had open. */
const KILL_SHOWS_MS = 200;

/** Where locks keep only processes of one host apart, the other process is on the same. */
const ONE_HOST: readonly StorageKind[] = ['local', 'nfs4-local-locks'];
const UNLINKED_FILE: { readonly [kind in StorageKind]: FileSystemWorld['unlinkedFile'] } = {
  nfs4: 'nameless',
  'nfs4-local-locks': 'hidden',
  nfs3: 'stale',
  cluster: 'nameless',
  local: 'nameless',
};

for (const kind of STORAGE_KINDS) {
  describeFileSystem(`the simulated storage '${kind}'`, async (): Promise<FileSystemWorld> => {
    const rig = new StorageRig({ kind });
    await rig.storage.truth.makeDirectory(DIRECTORY);
    let isDone = false;
    const running = rig.runOn(() => isDone);
    const wait = (delayMs: number): Promise<void> =>
      new Promise((resolve) => rig.scheduler.schedule(delayMs, resolve));
    return {
      fileSystem: rig.startProcess('broker-a').fileSystem,
      directory: DIRECTORY,
      startProcess: async () => {
        const { process, fileSystem } = rig.startProcess(
          ONE_HOST.includes(kind) ? 'broker-a' : 'broker-b',
        );
        return {
          pid: process.pid,
          fileSystem,
          kill: async () => {
            process.die();
            await wait(KILL_SHOWS_MS);
          },
        };
      },
      unlinkedFile: UNLINKED_FILE[kind],
      hidesOwnUnlinkedFile: kind.startsWith('nfs'),
      cachesExpire: () => wait(CACHES_EXPIRE_MS),
      dispose: async () => {
        isDone = true;
        await running;
      },
    };
  });
}
