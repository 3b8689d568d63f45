import type { FileSystem } from '../../src/platform/ports.js';

/** A file system that passes every call on, except those that are replaced. */
export function delegatingFileSystem(
  fileSystem: FileSystem,
  replaced: Partial<FileSystem>,
): FileSystem {
  return {
    open: (path, mode) => fileSystem.open(path, mode),
    stat: (path) => fileSystem.stat(path),
    list: (path) => fileSystem.list(path),
    makeDirectory: (path) => fileSystem.makeDirectory(path),
    removeDirectory: (path) => fileSystem.removeDirectory(path),
    unlink: (path) => fileSystem.unlink(path),
    syncDirectory: (path) => fileSystem.syncDirectory(path),
    freeBytes: (path) => fileSystem.freeBytes(path),
    ...replaced,
  };
}
