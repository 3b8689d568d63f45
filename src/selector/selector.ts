/**
 * The selector language of Jakarta Messaging 3.1, section 3.8: a condition on the properties of a
 * message, written as in the WHERE clause of SQL-92. A text is read once, into nested functions,
 * and then asked about any number of messages. Where this differs from the specification, and
 * why, is said in docs/selectors.md.
 */
import { compileCondition } from './compile.js';
import { SELECTOR_LIMITS } from './limits.js';
import { Parser } from './parser.js';
import type { PropertySource } from './property-source.js';
import { selectorError } from './selector-error.js';

export interface Selector {
  readonly text: string;
  /** Every property that the selector names, once, in the order of their first use. */
  readonly identifiers: readonly string[];
  /**
   * Whether the condition is true; one that is false or unknown does not match. Throws only what
   * the source throws.
   */
  matches(propertyOf: PropertySource): boolean;
}

/**
 * Throws CLIENT_FAILED, with the column and how to mend it, for a text that is not a selector. An
 * empty text is refused too: that it stands for no selector at all (section 3.8.1.1) is for the
 * caller to know.
 */
export function parseSelector(text: string): Selector {
  const { maxCharacters } = SELECTOR_LIMITS;
  if (text.length > maxCharacters) {
    throw selectorError(text, {
      at: maxCharacters,
      expected: `at most ${maxCharacters} characters`,
      found: `a selector of ${text.length}`,
      mend: 'set a property in the producer that says the same in fewer words',
    });
  }
  const parser = new Parser(text);
  const condition = compileCondition(parser.parse());
  return {
    text,
    identifiers: Object.freeze([...parser.names]),
    matches: (propertyOf) => condition(propertyOf) === true,
  };
}
