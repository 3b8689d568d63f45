/**
 * The closed set of errors that a user can meet. Each has a code that stays the same for ever, and
 * a sentence that says what is wrong, where, and how to mend it.
 */
export const ERROR_CODES = {
  STORE_MISSING: 'The store directory does not exist or is not a directory.',
  STORE_UNWRITABLE: 'The store directory cannot be written.',
  STORE_INCOMPATIBLE: 'The store was made by another version, or for another kind of lock.',
  STORE_DAMAGED: 'A file of the store other than the journal cannot be read as what it should be.',
  STORE_UNSAFE: 'The file system cannot keep two nodes apart.',
  NAME_IN_USE: 'Another running node uses the same name on this store.',
  JOURNAL_CORRUPT: 'The journal is damaged somewhere other than its unfinished end.',
  JOURNAL_IO_FAILED: 'The file system failed a read or a write of the journal.',
  OWNERSHIP_LOST: 'This node is no longer the live node.',
  LOCK_NOT_SHARED: 'The lock was given to this node while another host still uses the store.',
  STORE_STALLED: 'The file server has not answered for too long.',
  CONFIG_INVALID: 'The configuration has an unknown key or a value that is not allowed.',
  ADDRESS_IN_USE: 'A listener could not be bound.',
  ADDRESS_EXPOSED: 'A listener would be open to other hosts without users being configured.',
  HANDOVER_REFUSED: 'The live role cannot be handed over now.',
  NOBODY_LIVE: 'No node is live on this store.',
  LIMIT_EXCEEDED: 'A limit was reached.',
  PEER_MISSING: 'No other doctor came to try the directory out together.',
  PEER_GONE: 'The other doctor ended, or was not heard of any more, before the trials were over.',
  PEER_REFUSED: 'These doctors cannot work together.',
  UNEXPECTED: 'Something happened that the program does not foresee: a defect. Please report it.',
  NOT_FOUND: 'There is no queue, message, connection or node of that name.',
  QUEUE_IN_USE: 'The queue has consumers or messages, so it is not deleted.',
  CLIENT_ID_IN_USE: 'Another connection has the client id for itself.',
  DESTINATION_GONE: 'A temporary queue or topic is gone with the client that made it.',
  ACCESS_DENIED: 'The user is not known, or has no right to do this.',
  CLIENT_FAILED: 'The broker refused a command, or the connection to it failed.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error with a code from the table. `message` is one sentence for the operator. */
export class HoldfastError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'HoldfastError';
    this.code = code;
  }
}

/**
 * Errors of a file system that libuv has no name for: Node tells of them as
 * `Unknown system error -116`. The numbers are those of Linux.
 */
const UNNAMED_ERRORS: { readonly [errno: string]: { name: string; meaning: string } } = {
  '-37': { name: 'ENOLCK', meaning: 'no locks available' },
  '-116': { name: 'ESTALE', meaning: 'stale file handle' },
  '-122': { name: 'EDQUOT', meaning: 'disk quota exceeded' },
};
const UNNAMED_CODE = /^Unknown system error (-\d+)$/;

/** The errno name (`EIO`, `ESTALE`, ...) of a failed system call, or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return undefined;
  const unnamed = UNNAMED_CODE.exec(code)?.[1];
  if (unnamed !== undefined) return UNNAMED_ERRORS[unnamed]?.name ?? `ERRNO${unnamed.slice(1)}`;
  // UNKNOWN: an NFSv4.0 client answers a write whose lock was lost with a number that is none of Linux's.
  return /^(E[A-Z0-9]+|UNKNOWN)$/.test(code) ? code : undefined;
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(/(?:Unknown system error (-\d+)(?:: )?)+/, (text, errno: string) => {
    const known = UNNAMED_ERRORS[errno];
    return known === undefined ? text : `${known.name}: ${known.meaning}`;
  });
}
