/**
 * A file system whose every call goes through one function, which may let it happen, refuse it,
 * have a part of it done, or watch. Everything that injects faults stands on it.
 */
import type { FileHandle, FileSystem, OpenMode } from '../../src/platform/ports.js';

export type Operation =
  | `open-${OpenMode}`
  | 'write'
  /** Through a descriptor that was opened with O_DSYNC. */
  | 'write-durable'
  | 'read'
  | 'sync'
  | 'lock'
  | 'close'
  /** Of an open file. */
  | 'stat-open'
  | 'stat'
  | 'list'
  | 'make-directory'
  | 'remove-directory'
  | 'unlink'
  | 'sync-directory'
  | 'free-bytes';

export interface FileSystemCall {
  readonly operation: Operation;
  readonly path: string;
  /** Of a read or a write; null for everything else. */
  readonly position: number | null;
  /** The real file system makes this call synchronously, so that it holds up its whole thread. */
  readonly isSynchronous: boolean;
}

/** `runPart` does that part of a write, and nothing of any other call. */
export type Intercept = <Result>(
  call: FileSystemCall,
  run: () => Promise<Result>,
  runPart: (part: number) => Promise<void>,
) => Promise<Result>;

const SYNCHRONOUS: readonly Operation[] = ['write', 'write-durable', 'lock'];

/** True for calls that change what another process can see of the store. */
export function isChange(operation: Operation): boolean {
  return CHANGES.has(operation);
}

const CHANGES: ReadonlySet<Operation> = new Set([
  'open-create',
  'open-create-new',
  'open-create-new-durable',
  'write',
  'write-durable',
  'sync',
  'make-directory',
  'remove-directory',
  'unlink',
  'sync-directory',
]);

export function interceptedFileSystem(real: FileSystem, intercept: Intercept): FileSystem {
  const plain = <Result>(operation: Operation, path: string, run: () => Promise<Result>) =>
    intercept(callOf(operation, path), run, nothing);
  return {
    open: (path, mode) =>
      plain(`open-${mode}`, path, async () =>
        interceptedHandle(await real.open(path, mode), mode, intercept),
      ),
    stat: (path) => plain('stat', path, () => real.stat(path)),
    list: (path) => plain('list', path, () => real.list(path)),
    makeDirectory: (path) => plain('make-directory', path, () => real.makeDirectory(path)),
    removeDirectory: (path) => plain('remove-directory', path, () => real.removeDirectory(path)),
    unlink: (path) => plain('unlink', path, () => real.unlink(path)),
    syncDirectory: (path) => plain('sync-directory', path, () => real.syncDirectory(path)),
    freeBytes: (path) => plain('free-bytes', path, () => real.freeBytes(path)),
  };
}

function interceptedHandle(handle: FileHandle, mode: OpenMode, intercept: Intercept): FileHandle {
  const { path } = handle;
  const plain = <Result>(operation: Operation, run: () => Promise<Result>) =>
    intercept(callOf(operation, path), run, nothing);
  const writeOperation = mode.endsWith('-durable') ? 'write-durable' : 'write';
  return {
    path,
    write: (bytes, position) =>
      intercept(
        { ...callOf(writeOperation, path), position },
        () => handle.write(bytes, position),
        async (part) => {
          const length = Math.floor(bytes.byteLength * part);
          if (length > 0) await handle.write(bytes.subarray(0, length), position);
        },
      ),
    read: (into, position) =>
      intercept({ ...callOf('read', path), position }, () => handle.read(into, position), nothing),
    sync: () =>
      intercept({ ...callOf('sync', path), isSynchronous: true }, () => handle.sync(), nothing),
    syncInBackground: () => plain('sync', () => handle.syncInBackground()),
    stat: () => plain('stat-open', () => handle.stat()),
    tryLockExclusive: () => plain('lock', () => handle.tryLockExclusive()),
    close: () => plain('close', () => handle.close()),
  };
}

function callOf(operation: Operation, path: string): FileSystemCall {
  return { operation, path, position: null, isSynchronous: SYNCHRONOUS.includes(operation) };
}

async function nothing(): Promise<void> {}

/** As a failed system call throws it. */
export function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
