/**
 * One JSON document in one block of 4,096 bytes, rewritten in place by a single write. A first
 * line of fixed width says what it is, so that `head FILE` shows a document to an operator:
 *
 *     holdfast-document 1 00000123 89abcdef      (version, bytes of JSON, CRC-32 of the JSON)
 *
 * Then come the JSON, a line feed, and zeros. What a killed writer leaves behind is a value here,
 * never an exception: the reader knows best what it means.
 */
import { crc32 } from 'node:zlib';
import { HoldfastError } from '../platform/errors.js';

export const DOCUMENT_BLOCK_BYTES = 4096;
const DOCUMENT_VERSION = 1;
const ZEROS = Buffer.alloc(DOCUMENT_BLOCK_BYTES);

const PREFIX = 'holdfast-document ';
const FIRST_LINE = /^holdfast-document ([1-9]\d{0,3}) (\d{8}) ([0-9a-f]{8})\n/;
const LONGEST_FIRST_LINE_BYTES = PREFIX.length + '9999 12345678 12345678\n'.length;

export type DecodedBlock =
  | { readonly kind: 'valid'; readonly document: unknown }
  /** Created, but nothing was written yet. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'other-version'; readonly version: number }
  /** Half a write, or not one of our documents. */
  | { readonly kind: 'unreadable'; readonly why: string };

export function encodeDocumentBlock(document: object): Uint8Array {
  const json = Buffer.from(JSON.stringify(document), 'utf8');
  const length = String(json.byteLength).padStart(8, '0');
  const firstLine = Buffer.from(`${PREFIX}${DOCUMENT_VERSION} ${length} ${checksum(json)}\n`);
  const usedBytes = firstLine.byteLength + json.byteLength + 1;
  if (usedBytes > DOCUMENT_BLOCK_BYTES) {
    throw new HoldfastError(
      'LIMIT_EXCEEDED',
      `A document of the store would take ${usedBytes} bytes, and ${DOCUMENT_BLOCK_BYTES} is the ` +
        'most: use shorter names and fewer listener addresses.',
    );
  }
  const block = Buffer.alloc(DOCUMENT_BLOCK_BYTES);
  firstLine.copy(block);
  json.copy(block, firstLine.byteLength);
  block.write('\n', usedBytes - 1);
  return block;
}

export function decodeDocumentBlock(bytes: Uint8Array): DecodedBlock {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isZero(block)) return { kind: 'empty' };
  const match = FIRST_LINE.exec(block.toString('latin1', 0, LONGEST_FIRST_LINE_BYTES));
  if (match === null) return unreadable('it does not begin like a document of a Holdfast store');
  const version = Number(match[1]);
  if (version !== DOCUMENT_VERSION) return { kind: 'other-version', version };
  if (block.byteLength !== DOCUMENT_BLOCK_BYTES) {
    return unreadable(`it has ${block.byteLength} bytes instead of ${DOCUMENT_BLOCK_BYTES}`);
  }
  const start = match[0].length;
  const end = start + Number(match[2]);
  if (end >= DOCUMENT_BLOCK_BYTES) return unreadable('its length does not fit its block');
  const json = block.subarray(start, end);
  if (checksum(json) !== match[3]) return unreadable('its checksum does not match');
  if (block[end] !== 0x0a || !isZero(block.subarray(end + 1))) {
    return unreadable('something follows its end');
  }
  return parse(json);
}

function parse(json: Buffer): DecodedBlock {
  try {
    return { kind: 'valid', document: JSON.parse(json.toString('utf8')) as unknown };
  } catch (error) {
    return unreadable(`its checksum matches, but it is not JSON: ${String(error)}`);
  }
}

function unreadable(why: string): DecodedBlock {
  return { kind: 'unreadable', why };
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/** Compared natively: every node does this several times a second, for most of a block. */
function isZero(bytes: Uint8Array): boolean {
  return ZEROS.subarray(0, bytes.byteLength).equals(bytes);
}
