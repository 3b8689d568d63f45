/**
 * Numbers as Java writes them (Jakarta Messaging 3.1, section 3.8.1.1; Java Language
 * Specification, sections 3.10.1 and 3.10.2): `57`, `0x39`, `071` and `57L` are exact, `7.`,
 * `.5`, `6.2e5`, `7d` and `0.1f` approximate.
 */

/** The magnitude of the lowest long, which only a minus sign makes a long. */
export const LOWEST_LONG_MAGNITUDE = 2n ** 63n;
const BEYOND_UNSIGNED_LONG = 2n ** 64n;
const LONG_BITS = 64;

const HEXADECIMAL = /^0x[0-9a-f]+l?$/i;
const OCTAL = /^0[0-7]+l?$/i;
const DECIMAL = /^(0|[1-9][0-9]*)l?$/i;
/**
 * A point, an exponent or a suffix makes a number approximate: 09 alone is neither octal nor this.
 * No digit can be read in two ways, so a long row of them is tried once.
 */
const APPROXIMATE = /^(?=.*[.efd])([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?[fd]?$/i;

/** A number that may have more letters than it should: whoever finds it wrong can show it whole. */
const LEXEME = /(?:\.[0-9]|[0-9])(?:[eE][+-]?[0-9]|[0-9A-Za-z_$.])*/y;
const HEXADECIMAL_LEXEME = /[0-9A-Za-z_$.]+/y;

export type NumberReading =
  | { readonly value: number | bigint; readonly isExact: boolean }
  | 'malformed'
  | 'out-of-range';

/** The end of what looks like a number at `at`; `at` itself when nothing does. */
export function numberEnd(text: string, at: number): number {
  // In 0x1e+5 the e is a digit, and the sign an operator.
  const lexeme = /^0x/i.test(text.slice(at, at + 2)) ? HEXADECIMAL_LEXEME : LEXEME;
  lexeme.lastIndex = at;
  return lexeme.test(text) ? lexeme.lastIndex : at;
}

export function readNumber(lexeme: string): NumberReading {
  const digits = lexeme.replace(/l$/i, '');
  if (HEXADECIMAL.test(lexeme)) return bitPattern(BigInt(digits));
  if (OCTAL.test(lexeme)) return bitPattern(BigInt(`0o${digits.slice(1)}`));
  if (DECIMAL.test(lexeme)) {
    const value = BigInt(digits);
    return value > LOWEST_LONG_MAGNITUDE ? 'out-of-range' : exact(value);
  }
  if (!APPROXIMATE.test(lexeme)) return 'malformed';
  const double = Number(lexeme.replace(/[fd]$/i, ''));
  const value = /f$/i.test(lexeme) ? Math.fround(double) : double;
  return Number.isFinite(value) ? { value, isExact: false } : 'out-of-range';
}

/** An exact number: a number where that is exact, and a bigint beyond. */
export function compact(value: bigint): number | bigint {
  const short = Number(value);
  return Number.isSafeInteger(short) ? short : value;
}

function exact(value: bigint): NumberReading {
  return { value: compact(value), isExact: true };
}

/** Hexadecimal and octal digits are the bits of a long, so sixteen fs are -1, as in Java. */
function bitPattern(bits: bigint): NumberReading {
  if (bits >= BEYOND_UNSIGNED_LONG) return 'out-of-range';
  return exact(BigInt.asIntN(LONG_BITS, bits));
}
