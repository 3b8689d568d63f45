/**
 * Header escaping, which differs per version: none in 1.0; `\n`, `\c`, `\\` in 1.1 ("Value
 * Encoding"); also `\r` in 1.2. Any other escape is a fatal error there.
 */
import { BACKSLASH } from './bytes.js';
import { StompError } from './stomp-error.js';
import { type StompVersion, VERSION } from './version.js';

const PLAIN_OF_ESCAPE: Readonly<Record<string, string>> = {
  '\\n': '\n',
  '\\r': '\r',
  '\\c': ':',
  '\\\\': '\\',
};

const ESCAPE_OF_PLAIN: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  ':': '\\c',
  '\\': '\\\\',
};

/** Throws for an escape that `version` does not define, in the name or the value of a header. */
export function checkEscapes(
  bytes: Uint8Array,
  start: number,
  end: number,
  version: StompVersion,
): void {
  for (let index = start; index < end; index++) {
    if (bytes[index] !== BACKSLASH) continue;
    index += 1;
    const escaped = index < end ? (bytes[index] as number) : 0;
    const character = String.fromCharCode(escaped);
    const defined = 'nc\\'.includes(character) || (character === 'r' && version >= VERSION.v12);
    if (escaped !== 0 && defined) continue;
    throw new StompError(
      'Undefined escape in a header',
      'A backslash in a header must be followed by n, c or a backslash' +
        (version >= VERSION.v12 ? ', or r.' : '; \\r exists from STOMP 1.2.') +
        ' Write a backslash itself as two.',
    );
  }
}

export function unescapeHeader(text: string, version: StompVersion): string {
  if (version === VERSION.v10 || !text.includes('\\')) return text;
  return text.replace(/\\[nrc\\]/g, (escaped) => PLAIN_OF_ESCAPE[escaped] ?? escaped);
}

/**
 * The text as it may stand in a header line. 1.0 has no escapes, and 1.1 none for a carriage
 * return; there a line break becomes a space, so that no value can end its line.
 */
export function escapeHeader(text: string, version: StompVersion): string {
  if (version === VERSION.v10) return text.replace(/[\r\n]/g, ' ');
  if (version === VERSION.v11) {
    return text.replace(/[\n:\\]/g, (plain) => ESCAPE_OF_PLAIN[plain] ?? plain);
  }
  return text.replace(/[\r\n:\\]/g, (plain) => ESCAPE_OF_PLAIN[plain] ?? plain);
}
