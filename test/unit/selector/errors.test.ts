/** What is refused, where it is said to be wrong, and what is said of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../../src/platform/errors.js';
import { parseSelector } from '../../../src/selector/selector.js';

function refusal(text: string): string {
  try {
    parseSelector(text);
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, 'CLIENT_FAILED');
    return error.message;
  }
  return assert.fail(`${text} was accepted`);
}

const ROWS: readonly [text: string, column: number, message: RegExp][] = [
  ['', 1, /expected a condition, found the end.* give no selector/],
  [' \n ', 4, /expected a condition, found the end/],
  ["color = = 'red'", 9, /expected a property, a literal or "\(", found "="/],
  ["color == 'red'", 7, /found the character "=" .* write = once/],
  ["color != 'red'", 7, /write <>/],
  ['a = 1 && b = 2', 7, /write AND/],
  ['a = 1 || b = 2', 7, /write OR/],
  ['a = 1;', 6, /leave it out/],
  ['a % 2 = 1', 3, /no remainder operator/],
  ['a\u00a0= 1', 2, /found the character \(U\+00A0\)/],
  ['a = {1}', 5, /found the character "\{" \(U\+007B\)/],
  ["a = 'x", 7, /expected a ' that closes the one at column 5, found the end/],
  ['"a = 1', 7, /expected a " that closes the one at column 1/],
  ["'😀' = 'x", 9, /column 7/],
  ['"" = 1', 1, /expected a name between the double quotes/],
  ['order.id = 1', 6, /found a dot.*in double quotes, as "a\.b"/],
  ['and = 1', 1, /put AND in double quotes/],
  ['a = NULL', 5, /IS NULL/],
  ['a = NOT b', 5, /write NOT before/],
  ['a IS 1', 6, /expected NULL/],
  ['a IS NOT 1', 10, /expected NULL/],
  ['a NOT NULL', 7, /expected BETWEEN, IN or LIKE/],
  ['NOT', 4, /found the end/],
  ['a = 1 AND', 10, /found the end/],
  ['a = 1 b = 2', 7, /expected AND, OR or the end, found "b"/],
  ['a = b = c', 7, /in parentheses/],
  ['a b', 3, /expected an operator or the end, found "b"/],
  ['(a = 1', 7, /expected AND, OR or "\)", found the end/],
  ['(a', 3, /expected an operator or "\)"/],
  ['a = 1)', 6, /expected AND, OR or the end, found "\)"/],
  ['()', 2, /expected a property/],
  ['a BETWEEN 1 OR 2', 13, /expected AND/],
  ["a BETWEEN 1 AND 'x'", 17, /expected a number for BETWEEN, found a string/],
  ['TRUE BETWEEN 1 AND 2', 1, /expected a number for BETWEEN, found a condition/],
  ['a IN ()', 7, /expected a string/],
  ["a IN 'x'", 6, /expected "\("/],
  ["a IN ('x' 'y')", 11, /expected "," or "\)"/],
  ["a IN ('x',)", 11, /expected a string/],
  ['a IN (1, 2)', 7, /for numbers write n = 1 OR n = 2/],
  ["'a' IN ('a')", 1, /expected the name of a property before IN, found a string/],
  ["a + 1 IN ('a')", 1, /found a number/],
  ['a LIKE b', 8, /expected a string/],
  ["1 LIKE 'x'", 1, /expected the name of a property before LIKE/],
  ["a LIKE 'x' ESCAPE 'ab'", 19, /expected one escape character, found "ab"/],
  ["a LIKE 'x' ESCAPE ''", 19, /expected one escape character/],
  ["a LIKE 'x!' ESCAPE '!'", 8, /found a pattern that ends in one/],
  ["'x' IS NULL", 1, /expected the name of a property before IS/],
  ["a > 'x'", 5, /expected a number for >, found a string/],
  ["'x' <= a", 1, /expected a number for <=, found a string/],
  ['a < TRUE', 5, /found a condition/],
  ["a + 'x' = 1", 5, /expected a number for \+/],
  ['TRUE * 2 = 1', 1, /expected a number for \*/],
  ["-'x' = 1", 2, /expected a number for -/],
  ["'x'", 1, /expected a condition, found a string/],
  ['1', 1, /expected a condition, found a number/],
  ['a + 1', 1, /expected a condition, found a number/],
  ["a = 1 OR 'x'", 10, /expected a condition, found a string/],
  ['NOT 1', 5, /expected a condition, found a number/],
  ['a = 9223372036854775808', 5, /range of the type long/],
  ['a = -(9223372036854775808)', 7, /range of the type long/],
  ['a = - +9223372036854775808', 8, /range of the type long/],
  ['a = 9223372036854775809', 5, /range/],
  ['a = 0x10000000000000000', 5, /range/],
  ['a = 1e999', 5, /range/],
  ['a = 1e39f', 5, /range/],
  ['a = 1x', 5, /expected a number, found "1x"/],
  ['a = 09', 5, /octal/],
  ['a = 0x', 5, /expected a number/],
  ['a = 1e', 5, /expected a number/],
  ['a = 1.2.3', 5, /expected a number/],
  ['a = 1_000', 5, /expected a number/],
  ['a = 1AND b', 5, /a space between it and a word/],
  ['a = 5.0L', 5, /expected a number/],
  ['a = 1 -- no comment', 13, /expected AND, OR or the end, found "comment"/],
  ['/* no comment */ a = 1', 1, /expected a property/],
];

for (const [text, column, message] of ROWS) {
  test(`refused: ${JSON.stringify(text)}`, () => {
    const told = refusal(text);
    assert.match(told, message);
    assert.ok(told.startsWith(`The selector is wrong at column ${column}: `), told);
    assert.match(told, / To mend it, /);
  });
}

test('an error shows about 100 characters of a long selector, around what is wrong', () => {
  const told = refusal(`${'a = 1 OR '.repeat(1000)}= 2${' OR a = 3'.repeat(1000)}`);
  assert.match(told, /column 9001:/);
  assert.match(told, /\.\.\.".*OR = 2 OR a = 3 .*"\.\.\.$/);
  assert.ok(told.length < 350, told);
  const name = refusal(`a = 1 ${'x'.repeat(5000)}`);
  assert.ok(name.length < 400, name);
});

test('what a terminal would obey is shown by its number', () => {
  const told = refusal('a = \u001b[31m\u009b\u202e\n');
  assert.doesNotMatch(told, /[\p{Cc}\p{Cf}]/u);
  assert.match(told, /U\+001B/);
});
