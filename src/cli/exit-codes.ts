/**
 * The exit codes of `holdfast`, in one table, so that scripts and supervisors can rely on them.
 * docs/cli.md explains them to users; a test compares the two.
 */

import type { ErrorCode } from '../platform/errors.js';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  unavailable: 4,
  tenureEnded: 5,
  damaged: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODE_OF_ERROR: { readonly [Code in ErrorCode]: ExitCode } = {
  CONFIG_INVALID: EXIT.usage,
  ADDRESS_EXPOSED: EXIT.usage,
  STORE_MISSING: EXIT.refused,
  STORE_UNWRITABLE: EXIT.refused,
  STORE_INCOMPATIBLE: EXIT.refused,
  STORE_UNSAFE: EXIT.refused,
  NAME_IN_USE: EXIT.refused,
  LOCK_NOT_SHARED: EXIT.refused,
  ADDRESS_IN_USE: EXIT.refused,
  HANDOVER_REFUSED: EXIT.refused,
  LIMIT_EXCEEDED: EXIT.refused,
  NOT_FOUND: EXIT.refused,
  QUEUE_IN_USE: EXIT.refused,
  NOBODY_LIVE: EXIT.unavailable,
  CLIENT_FAILED: EXIT.unavailable,
  CLIENT_ID_IN_USE: EXIT.unavailable,
  DESTINATION_GONE: EXIT.unavailable,
  PEER_MISSING: EXIT.unavailable,
  PEER_GONE: EXIT.unavailable,
  PEER_REFUSED: EXIT.refused,
  ACCESS_DENIED: EXIT.refused,
  UNEXPECTED: EXIT.failed,
  JOURNAL_IO_FAILED: EXIT.tenureEnded,
  OWNERSHIP_LOST: EXIT.tenureEnded,
  STORE_STALLED: EXIT.tenureEnded,
  STORE_DAMAGED: EXIT.damaged,
  JOURNAL_CORRUPT: EXIT.damaged,
};

/**
 * Whether a node that never served and ended so ends `holdfast pair` as well. Starting it again at
 * once would show the same sentence for ever, though some of what these codes stand for (a port or
 * a name in use) can pass by itself.
 */
export function endsPair(exitCode: number | null): boolean {
  return exitCode === EXIT.usage || exitCode === EXIT.refused || exitCode === EXIT.damaged;
}
