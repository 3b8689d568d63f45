/** The stored form of headers (stored-headers.ts) as text, for those that write or read it rarely. */
import { COLON, LINE_FEED, textOf } from './bytes.js';
import { escapeHeader, unescapeHeader } from './escaping.js';
import { VERSION } from './version.js';

export function storedHeaderLine(name: string, value: string): string {
  return `${escapeHeader(name, VERSION.v12)}:${escapeHeader(value, VERSION.v12)}\n`;
}

/** Names and values, unescaped, in their order. */
export function* storedHeaderLines(
  bytes: Uint8Array,
  start: number,
  end: number,
): IterableIterator<readonly [string, string]> {
  for (let at = start; at < end; ) {
    const lineEnd = bytes.indexOf(LINE_FEED, at);
    const nameEnd = bytes.indexOf(COLON, at);
    yield [
      unescapeHeader(textOf(bytes, at, nameEnd), VERSION.v12),
      unescapeHeader(textOf(bytes, nameEnd + 1, lineEnd), VERSION.v12),
    ];
    at = lineEnd + 1;
  }
}
