/** Tables of selectors with what they are to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PropertyValue } from '../../../src/selector/property-source.js';
import { parseSelector } from '../../../src/selector/selector.js';

export type Properties = { readonly [name: string]: PropertyValue };

export function matches(text: string, properties: Properties): boolean {
  return parseSelector(text).matches((name) =>
    Object.hasOwn(properties, name) ? (properties[name] as PropertyValue) : null,
  );
}

/**
 * Whether a condition is true, false or unknown: of the last neither it nor its opposite matches.
 */
function truthOf(text: string, properties: Properties): boolean | null {
  const isTrue = matches(text, properties);
  const isFalse = matches(`NOT (${text})`, properties);
  assert.ok(!(isTrue && isFalse), `${text} and its opposite both match`);
  return isTrue ? true : isFalse ? false : null;
}

type Row = readonly [text: string, expected: boolean | null];

/** Every row for itself, so that a failure names all that are wrong. */
export function check(clause: string, properties: Properties, rows: readonly Row[]): void {
  test(clause, async (context) => {
    for (const [text, expected] of rows) {
      await context.test(text, () => assert.equal(truthOf(text, properties), expected));
    }
  });
}
