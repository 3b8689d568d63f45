/**
 * Random selectors, written in random ways, against an interpreter that shares nothing with the
 * parser; and text that is none. `npm run fuzz -- --target selector` does the same for longer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { selectorCase, selectorText } from '../../support/selectors/arbitraries.js';
import { checkAgreement, checkAnyText } from '../../support/selectors/checks.js';
import { matchesSlowly } from '../../support/selectors/interpreter.js';

test('a selector matches what the slow interpreter says, however it is written', () => {
  fc.assert(fc.property(selectorCase, checkAgreement), { numRuns: 10_000 });
});

test('any text is a selector, or one error that says where and how to mend it', () => {
  fc.assert(fc.property(selectorText, checkAnyText), { numRuns: 1000 });
});

test('the random selectors are worth something: many match, and many do not', () => {
  const results = fc
    .sample(selectorCase, { numRuns: 1000, seed: 1 })
    .flatMap(({ tree, messages }) => messages.map((message) => matchesSlowly(tree, message)));
  const share = results.filter((result) => result).length / results.length;
  assert.ok(share > 0.1 && share < 0.9, `${share} of them match`);
});
