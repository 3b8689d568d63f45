/** Notices changes below a directory with chokidar: by inotify, or by polling where inotify sees nothing. */

import { watch } from 'chokidar';

const POLL_INTERVAL_MS = 250;

/**
 * Calls `onChange` some time after a change. It may be late and it may miss some: whoever is woken
 * reads what there is, and looks by itself from time to time as well.
 */
export function watchDirectory(
  path: string,
  isNetworkFileSystem: boolean,
  onChange: () => void,
): { close(): Promise<void> } {
  const watcher = watch(path, {
    usePolling: isNetworkFileSystem,
    interval: POLL_INTERVAL_MS,
    ignoreInitial: true,
    depth: 0,
  });
  watcher.on('all', onChange);
  // The directory vanished or cannot be watched: the reader's own looks remain.
  watcher.on('error', onChange);
  return { close: () => watcher.close() };
}

const FILE_POLL_INTERVAL_MS = 1_000;

/**
 * Calls `onChange` some time after the file at `path` was written or replaced. By polling, which sees what
 * another host does on NFS, and files that a symbolic link is pointed at, as Kubernetes does it.
 */
export function watchFile(path: string, onChange: () => void): { close(): Promise<void> } {
  const watcher = watch(path, {
    usePolling: true,
    interval: FILE_POLL_INTERVAL_MS,
    ignoreInitial: true,
  });
  watcher.on('all', onChange);
  watcher.on('error', onChange);
  // It may have changed since it was read, before anything was watched.
  watcher.on('ready', onChange);
  return { close: () => watcher.close() };
}
