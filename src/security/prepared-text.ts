/**
 * Names and passwords in one form, however they were typed: the part of SASLprep (RFC 4013) that
 * matters to people, which is normalization form KC and one kind of space. Control characters are refused.
 */
import { HoldfastError } from '../platform/errors.js';

const MAX_PASSWORD_BYTES = 1_024;
const OTHER_SPACES = /\p{Zs}/gu;
const FORBIDDEN = /\p{C}/u;
/** No colon, which HTTP Basic has for itself, and no space. */
const USER_NAME = /^[\p{L}\p{N}._@-]{1,128}$/u;

export function preparedText(text: string): string {
  return text.replace(OTHER_SPACES, ' ').normalize('NFKC');
}

/** Null when no user can have this password. */
export function preparedPassword(password: string): string | null {
  if (password === '' || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return null;
  const prepared = preparedText(password);
  return FORBIDDEN.test(prepared) ? null : prepared;
}

/** The password of a new user. Throws CONFIG_INVALID for one that nobody can have. */
export function requirePassword(password: string): string {
  const prepared = preparedPassword(password);
  if (prepared !== null) return prepared;
  throw new HoldfastError(
    'CONFIG_INVALID',
    `A password has 1 to ${MAX_PASSWORD_BYTES} bytes and no control characters; choose another one.`,
  );
}

export function isUserName(name: string): boolean {
  return USER_NAME.test(name) && preparedText(name) === name;
}
