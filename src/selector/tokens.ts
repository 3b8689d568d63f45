/** The words of a selector (Jakarta Messaging 3.1, section 3.8.1.1), read one after the other. */
import { numberEnd, readNumber } from './number-literal.js';
import { quoted, selectorError } from './selector-error.js';

const KEYWORDS: ReadonlySet<string> = new Set([
  ...['AND', 'OR', 'NOT', 'BETWEEN', 'IN', 'LIKE', 'ESCAPE', 'IS', 'NULL', 'TRUE', 'FALSE'],
]);

/** As Character.isJavaIdentifierStart and isJavaIdentifierPart, but without control characters. */
const NAME = /[\p{L}\p{Nl}\p{Sc}\p{Pc}][\p{L}\p{Nl}\p{Sc}\p{Pc}\p{Nd}\p{Mc}\p{Mn}\p{Cf}]*/uy;
/** White space of Java, and no other: a no-break space is more likely a text editor's mistake. */
const WHITE_SPACE = /[ \t\f\r\n]*/y;
const SYMBOL = /<>|<=|>=|=(?!=)|[<>()+\-*/,]/y;
/** What people of other languages write, and what it is here. */
const FOREIGN_SYMBOLS: { readonly [symbol: string]: string } = {
  '=': 'write = once',
  '!': 'write <> for "not equal", or NOT',
  '&': 'write AND',
  '|': 'write OR',
  '%': 'leave it out: there is no remainder operator',
  ';': 'leave it out',
  '`': 'put names in double quotes, and strings in single quotes',
};

export interface Token {
  /** A `name` is that of a property, a `word` one of the language. */
  readonly kind: 'name' | 'word' | 'symbol' | 'string' | 'number' | 'end';
  /** The name or string without quotes, the word in capitals; else as it is in the selector. */
  readonly text: string;
  readonly at: number;
  readonly end: number;
  /** Of a number; 0 and true for anything else. */
  readonly value: number | bigint;
  readonly isExact: boolean;
}

export class Tokens {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The next token; after the last one always `end`. */
  next(): Token {
    this.at = this.endOf(WHITE_SPACE) ?? this.at;
    const first = this.text[this.at];
    if (first === undefined) return this.token('end', this.at, '');
    if (first === "'") return this.quotedToken('string', "'");
    if (first === '"') return this.nameInQuotes();
    const afterNumber = numberEnd(this.text, this.at);
    if (afterNumber > this.at) return this.number(afterNumber);
    const afterName = this.endOf(NAME);
    if (afterName !== undefined) return this.name(afterName);
    const afterSymbol = this.endOf(SYMBOL);
    if (afterSymbol !== undefined) return this.token('symbol', afterSymbol);
    throw this.unexpectedCharacter();
  }

  private endOf(pattern: RegExp): number | undefined {
    pattern.lastIndex = this.at;
    return pattern.test(this.text) ? pattern.lastIndex : undefined;
  }

  private token(kind: Token['kind'], end: number, text = this.text.slice(this.at, end)): Token {
    const { at } = this;
    this.at = end;
    return { kind, text, at, end, value: 0, isExact: true };
  }

  private name(end: number): Token {
    // A name with a dot would otherwise be an odd number after a name.
    if (this.text[end] === '.') {
      throw this.error(end, {
        expected: 'the end of the name',
        found: 'a dot',
        mend: 'put a name that is more than letters, digits, _ and $ in double quotes, as "a.b"',
      });
    }
    const word = this.text.slice(this.at, end);
    const capitals = word.length <= 'BETWEEN'.length ? word.toUpperCase() : word;
    // Only ASCII letters make keywords; some others have ASCII capitals.
    if (/^[A-Za-z]+$/.test(word) && KEYWORDS.has(capitals)) {
      return this.token('word', end, capitals);
    }
    return this.token('name', end);
  }

  private number(end: number): Token {
    const { at } = this;
    const lexeme = this.text.slice(at, end);
    const reading = readNumber(lexeme);
    if (reading === 'malformed') {
      throw this.error(at, {
        expected: 'a number',
        found: shortened(lexeme),
        mend: 'write 57, 0x39, 071 (octal), 57L, 5.7 or 5.7e3, and a space between it and a word',
      });
    }
    if (reading === 'out-of-range') {
      throw this.error(at, {
        expected: 'a number in the range of the type long or double of Java',
        found: shortened(lexeme),
        mend: 'write a smaller one, or an approximate one as 1e30',
      });
    }
    return { ...this.token('number', end), ...reading };
  }

  private nameInQuotes(): Token {
    const token = this.quotedToken('name', '"');
    if (token.text === '') {
      throw this.error(token.at, {
        expected: 'a name between the double quotes',
        found: 'nothing',
        mend: "write the name of a property, or '' for the empty string",
      });
    }
    return token;
  }

  /** A quote within quotes is written twice. */
  private quotedToken(kind: 'string' | 'name', quote: string): Token {
    const { text, at } = this;
    let end = at + 1;
    for (;;) {
      end = text.indexOf(quote, end);
      if (end < 0) {
        throw this.error(text.length, {
          expected: `a ${quote} that closes the one at column ${[...text.slice(0, at)].length + 1}`,
          found: 'the end',
          mend: `close it, and write a ${quote} that belongs to the text twice`,
        });
      }
      if (text[end + 1] !== quote) break;
      end += 2;
    }
    const inner = text.slice(at + 1, end).replaceAll(quote + quote, quote);
    return this.token(kind, end + 1, inner);
  }

  private unexpectedCharacter(): Error {
    const character = String.fromCodePoint(this.text.codePointAt(this.at) as number);
    const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
    const isVisible = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character);
    return this.error(this.at, {
      expected: 'a name, a literal or an operator',
      found: `the character ${isVisible ? `${quoted(character)} ` : ''}(U+${code})`,
      mend:
        FOREIGN_SYMBOLS[character] ??
        'take it out, or put the string that it belongs to in single quotes, or the name in double ones',
    });
  }

  private error(
    at: number,
    mistake: { readonly expected: string; readonly found: string; readonly mend: string },
  ): Error {
    return selectorError(this.text, { at, ...mistake });
  }
}

const SHOWN_CHARACTERS = 30;

/** A piece of the selector for an error. */
export function shortened(piece: string): string {
  if (piece.length <= SHOWN_CHARACTERS) return quoted(piece);
  return `${quoted(piece.slice(0, SHOWN_CHARACTERS))}...`;
}
