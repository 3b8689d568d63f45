/** Failed system calls, as Node reports them. */

export type Errno =
  | 'EBADF'
  | 'EDQUOT'
  | 'EEXIST'
  | 'EIO'
  | 'EISDIR'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENOTDIR'
  | 'ENOTEMPTY'
  | 'ESTALE';

class SystemError extends Error {
  readonly code: Errno;
  readonly syscall: string;
  readonly path: string;

  constructor(code: Errno, syscall: string, path: string) {
    super(`${code}: ${syscall} '${path}'`);
    this.code = code;
    this.syscall = syscall;
    this.path = path;
  }
}

/** Without a stack: it would show the scheduler, and nodes that poll for a missing file make thousands. */
export function systemError(code: Errno, syscall: string, path: string): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new SystemError(code, syscall, path);
  } finally {
    Error.stackTraceLimit = limit;
  }
}
