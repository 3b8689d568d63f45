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
