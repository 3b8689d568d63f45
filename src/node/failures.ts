/** How what was thrown is told when it ends a node, on either thread: what has no code gets one. */

import { errnoOf, HoldfastError, messageOf } from '../platform/errors.js';

/** What has no code is a defect: UNEXPECTED, with its stack. */
export function asHoldfastError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new HoldfastError('UNEXPECTED', `An unexpected failure ended this node: ${detail}`, {
    cause: error,
  });
}

/** As `asHoldfastError`, of the storage thread: there a system call that fails is one of the store's. */
export function asStorageFailure(error: unknown): HoldfastError {
  if (error instanceof HoldfastError || errnoOf(error) === undefined) return asHoldfastError(error);
  return new HoldfastError(
    'JOURNAL_IO_FAILED',
    `The file system failed (${messageOf(error)}). What was confirmed is safe; look at the mount and the ` +
      'file server, then start this node again.',
    { cause: error },
  );
}
