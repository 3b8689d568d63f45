/**
 * LIKE (Jakarta Messaging 3.1, section 3.8.1.1): `_` is any one character, `%` any number of
 * them. All ways in which a text could match are followed at once, as bits: bit n of the state
 * says that what was read so far matches the first n places of the pattern. So no text and no
 * pattern make it go back, and a step costs one operation for 32 places. A regular expression
 * could take for ever, and trying each way alone the length of the text times that of the pattern.
 */

const BITS = 32;
const ASCII_CHARACTERS = 128;
const FIRST_OF_TWO_UNITS = 0x10000;

export class LikePattern {
  /** How many words of 32 bits a state takes. */
  private readonly words: number;
  /** For each ASCII character the places that it fits, one state after the other. */
  private readonly ascii: Int32Array;
  /** The same for other characters that the pattern names. */
  private readonly others = new Map<number, Int32Array>();
  /** The places that any character fits. */
  private readonly any: Int32Array;
  /** After these places comes `%`: what got here stays, whatever the next character is. */
  private readonly staying: Int32Array;
  private readonly state: Int32Array;
  private readonly lastWord: number;
  private readonly lastBit: number;

  /** Throws a RangeError for an escape character with nothing after it. */
  constructor(pattern: string, escapeCharacter: string | null) {
    const { places, manyAfter } = placesOf(pattern, escapeCharacter);
    this.lastWord = Math.floor(places.length / BITS);
    this.lastBit = bit(places.length);
    this.words = this.lastWord + 1;
    this.any = new Int32Array(this.words);
    this.staying = new Int32Array(this.words);
    this.state = new Int32Array(this.words);
    for (const place of manyAfter) setBit(this.staying, place);
    places.forEach((character, index) => {
      if (character === null) setBit(this.any, index + 1);
    });
    this.ascii = new Int32Array(ASCII_CHARACTERS * this.words);
    for (let code = 0; code < ASCII_CHARACTERS; code += 1) {
      this.ascii.set(this.any, code * this.words);
    }
    places.forEach((character, index) => {
      if (character !== null) setBit(this.fittingPlaces(character), index + 1);
    });
  }

  matches(text: string): boolean {
    return this.words === 1 ? this.matchesInOneWord(text) : this.matchesInManyWords(text);
  }

  private matchesInOneWord(text: string): boolean {
    const { ascii, lastBit } = this;
    const { length } = text;
    const any = this.any[0] as number;
    const staying = this.staying[0] as number;
    const endsInMany = (staying & lastBit) !== 0;
    let state = 1;
    for (let at = 0; at < length; at += 1) {
      const code = text.codePointAt(at) as number;
      let fitting: number;
      if (code < ASCII_CHARACTERS) fitting = ascii[code] as number;
      else {
        fitting = this.others.get(code)?.[0] ?? any;
        if (code >= FIRST_OF_TWO_UNITS) at += 1;
      }
      state = ((state << 1) & fitting) | (state & staying);
      if (state === 0) return false;
      if (endsInMany && (state & lastBit) !== 0) return true;
    }
    return (state & lastBit) !== 0;
  }

  private matchesInManyWords(text: string): boolean {
    const { words, ascii, any, staying, state, lastWord, lastBit } = this;
    const { length } = text;
    const endsInMany = ((staying[lastWord] as number) & lastBit) !== 0;
    state.fill(0);
    state[0] = 1;
    for (let at = 0; at < length; at += 1) {
      const code = text.codePointAt(at) as number;
      const isAscii = code < ASCII_CHARACTERS;
      const fitting = isAscii ? ascii : (this.others.get(code) ?? any);
      const start = isAscii ? code * words : 0;
      if (code >= FIRST_OF_TWO_UNITS) at += 1;
      let carry = 0;
      let alive = 0;
      for (let word = 0; word < words; word += 1) {
        const before = state[word] as number;
        const moved = ((before << 1) | carry) & (fitting[start + word] as number);
        const after = moved | (before & (staying[word] as number));
        carry = before >>> (BITS - 1);
        state[word] = after;
        alive |= after;
      }
      if (alive === 0) return false;
      if (endsInMany && ((state[lastWord] as number) & lastBit) !== 0) return true;
    }
    return ((state[lastWord] as number) & lastBit) !== 0;
  }

  /** The places that a character of the pattern fits, to be added to. */
  private fittingPlaces(character: string): Int32Array {
    const code = character.codePointAt(0) as number;
    const { words, any, others } = this;
    if (code < ASCII_CHARACTERS) return this.ascii.subarray(code * words, (code + 1) * words);
    const fitting = others.get(code) ?? any.slice();
    others.set(code, fitting);
    return fitting;
  }
}

interface Places {
  /** A character each, or null for any. */
  readonly places: readonly (string | null)[];
  /** After how many places a `%` comes. */
  readonly manyAfter: readonly number[];
}

function placesOf(pattern: string, escapeCharacter: string | null): Places {
  const places: (string | null)[] = [];
  const manyAfter: number[] = [];
  let isEscaped = false;
  for (const character of pattern) {
    if (isEscaped) {
      places.push(character);
      isEscaped = false;
    } else if (character === escapeCharacter) isEscaped = true;
    else if (character === '%') manyAfter.push(places.length);
    else places.push(character === '_' ? null : character);
  }
  if (isEscaped) throw new RangeError('The pattern ends in its escape character.');
  return { places, manyAfter };
}

function bit(index: number): number {
  return 1 << (index % BITS);
}

function setBit(words: Int32Array, index: number): void {
  const word = Math.floor(index / BITS);
  words[word] = (words[word] as number) | bit(index);
}
