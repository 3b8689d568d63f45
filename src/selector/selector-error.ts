/** How a selector is refused: where, what was expected and found, and how to mend it. */
import { HoldfastError } from '../platform/errors.js';

const EXCERPT_CHARACTERS = 100;
/** How much of the excerpt comes before the place of the error, when the text has to be cut. */
const EXCERPT_LEAD = 60;

interface Mistake {
  /** An index into the text. */
  readonly at: number;
  readonly expected: string;
  readonly found: string;
  readonly mend: string;
}

export function selectorError(text: string, { at, expected, found, mend }: Mistake): HoldfastError {
  // Columns are counted as people see them: a character outside the basic plane is one.
  const column = [...text.slice(0, at)].length + 1;
  return new HoldfastError(
    'CLIENT_FAILED',
    `The selector is wrong at column ${column}: expected ${expected}, found ${found}. ` +
      `To mend it, ${mend}. The selector: ${excerpt(text, at)}`,
  );
}

/** Characters that a log or a terminal would obey, or not show. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text of a client in quotes, with escapes for whatever cannot be seen. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    INVISIBLE,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

function excerpt(text: string, at: number): string {
  if (text.length <= EXCERPT_CHARACTERS) return quoted(text);
  const latestStart = text.length - EXCERPT_CHARACTERS;
  const start = Math.max(0, Math.min(at - EXCERPT_LEAD, latestStart));
  const end = start + EXCERPT_CHARACTERS;
  const before = start === 0 ? '' : '...';
  const after = end === text.length ? '' : '...';
  return `${before}${quoted(text.slice(start, end))}${after}`;
}
