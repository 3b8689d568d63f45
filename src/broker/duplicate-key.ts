/**
 * The id by which a sender makes a message recognisable when it comes again, as one string for maps:
 * a letter for its kind, then the id. Text, bytes and numbers are of different kinds, so that the
 * number 5, the text "5" and the byte 0x35 are three ids.
 */

import { HoldfastError } from '../platform/errors.js';
import type { DuplicateId } from './api.js';

export type DuplicateKey = string & { readonly brand: 'DuplicateKey' };

/** As the records say it. Zero is no kind. */
const KEY_KIND = { text: 1, bytes: 2, number: 3 } as const;

const LETTER_OF_KIND: readonly (string | undefined)[] = [undefined, 't', 'b', 'n'];
const MAX_ID_BYTES = 500;
const HIGHEST_ASCII = 0x7f;
const WHOLE_NUMBER = /^(0|-?[1-9][0-9]*)$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws CLIENT_FAILED for what cannot be an id, and LIMIT_EXCEEDED for one that is too long. */
export function duplicateKeyOf(id: DuplicateId): DuplicateKey {
  if (typeof id === 'number' && !Number.isSafeInteger(id)) {
    throw new HoldfastError(
      'CLIENT_FAILED',
      `A duplicate id of ${id} is not possible; give text, bytes or a whole number.`,
    );
  }
  const key = plainKeyOf(id);
  const bytes = contentBytes(key);
  if (bytes >= 1 && bytes <= MAX_ID_BYTES) return key;
  throw new HoldfastError(
    'LIMIT_EXCEEDED',
    `A duplicate id has ${bytes} bytes; it must have 1 to ${MAX_ID_BYTES}.`,
  );
}

function plainKeyOf(id: DuplicateId): DuplicateKey {
  if (typeof id === 'string') return `t${id}` as DuplicateKey;
  if (typeof id !== 'object') return `n${id}` as DuplicateKey;
  // A longer one is refused by its length; it must not become as many arguments.
  return `b${latin1(id.subarray(0, MAX_ID_BYTES + 1))}` as DuplicateKey;
}

/**
 * Writes what follows the letter, as it is stored: UTF-8, the bytes themselves, or decimal digits. Returns
 * the offset behind it.
 */
export function writeKeyContent(slab: Uint8Array, offset: number, key: DuplicateKey): number {
  if (key[0] !== 'b') return writeText(slab, offset, key, 1);
  for (let at = 1; at < key.length; at += 1) slab[offset + at - 1] = key.charCodeAt(at);
  return offset + key.length - 1;
}

/** Writes `text` from the unit `from` on in UTF-8. A short one is nearly always ASCII: then a loop is quicker. */
export function writeText(slab: Uint8Array, offset: number, text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit > HIGHEST_ASCII) {
      return offset + encoder.encodeInto(text.slice(from), slab.subarray(offset)).written;
    }
    slab[offset + at - from] = unit;
  }
  return offset + text.length - from;
}

export function keyKind(key: DuplicateKey): number {
  return LETTER_OF_KIND.indexOf(key[0]);
}

/** Reads back what `keyKind` and `writeKeyContent` say; null for anything that they never say. */
export function readKey(kind: number, content: Uint8Array): DuplicateKey | null {
  const letter = LETTER_OF_KIND[kind];
  if (letter === undefined || content.length === 0) return null;
  if (kind === KEY_KIND.bytes) return (letter + latin1(content)) as DuplicateKey;
  const text = utf8Text(content);
  if (text === null || (kind === KEY_KIND.number && !WHOLE_NUMBER.test(text))) return null;
  return (letter + text) as DuplicateKey;
}

/** At least so many bytes when there are too many. */
function contentBytes(key: DuplicateKey): number {
  const units = key.length - 1;
  const mayBeLonger = key[0] === 't' && units > MAX_ID_BYTES / 3 && units <= MAX_ID_BYTES;
  return mayBeLonger ? encoder.encode(key.slice(1)).length : units;
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function utf8Text(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
