/**
 * LIKE (Jakarta Messaging 3.1, section 3.8.1.1): `_` is any one character, `%` any number of
 * them. Matching takes at worst the length of the text times that of the pattern, whatever both
 * are; a regular expression could take for ever.
 */

/** Places of a pattern that are no character. */
const ANY_ONE = -1;
const ANY_MANY = -2;
const END = -3;

const FIRST_OF_TWO_UNITS = 0x10000;

export class LikePattern {
  /** Code points and the places above; `END` last. */
  private readonly places: Int32Array;

  /** Throws a RangeError for an escape character with nothing after it. */
  constructor(pattern: string, escapeCharacter: string | null) {
    const places: number[] = [];
    let isEscaped = false;
    for (const character of pattern) {
      if (!isEscaped && character === escapeCharacter) {
        isEscaped = true;
        continue;
      }
      if (!isEscaped && character === '%') {
        // Many after many says nothing new.
        if (places.at(-1) !== ANY_MANY) places.push(ANY_MANY);
      } else if (!isEscaped && character === '_') places.push(ANY_ONE);
      else places.push(character.codePointAt(0) as number);
      isEscaped = false;
    }
    if (isEscaped) throw new RangeError('The pattern ends in its escape character.');
    places.push(END);
    this.places = Int32Array.from(places);
  }

  /**
   * Two places are kept: where the match stands, and where the last `%` could take one more
   * character. When the match fails, only the last `%` needs to grow: what those before it took
   * was the shortest that let the match get here, and a longer one would leave less for the rest.
   */
  matches(text: string): boolean {
    const { places } = this;
    const { length } = text;
    let place = 0;
    let at = 0;
    let retryPlace = -1;
    let retryAt = 0;
    while (at < length) {
      const expected = places[place] as number;
      const character = text.codePointAt(at) as number;
      if (expected === character || expected === ANY_ONE) {
        place += 1;
        at += unitsOf(character);
      } else if (expected === ANY_MANY) {
        place += 1;
        if (places[place] === END) return true;
        retryPlace = place;
        retryAt = at;
      } else if (retryPlace >= 0) {
        place = retryPlace;
        retryAt += unitsOf(text.codePointAt(retryAt) as number);
        at = retryAt;
      } else return false;
    }
    if (places[place] === ANY_MANY) place += 1;
    return places[place] === END;
  }
}

function unitsOf(codePoint: number): number {
  return codePoint < FIRST_OF_TWO_UNITS ? 1 : 2;
}
