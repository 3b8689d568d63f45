/** Nothing that a client can write costs more than its length, or overflows a stack. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../../src/platform/errors.js';
import { SELECTOR_LIMITS } from '../../../src/selector/limits.js';
import { parseSelector } from '../../../src/selector/selector.js';
import { matches } from './examples.js';

const FAR_FROM_LINEAR_MS = 4000;
const { maxCharacters, maxDepth, maxPatternCharacters } = SELECTOR_LIMITS;

function inParentheses(text: string, depth: number): string {
  return '('.repeat(depth) + text + ')'.repeat(depth);
}

test('a text may be as long as the limit, and no longer', () => {
  const longest = `a = '${'x'.repeat(maxCharacters - 6)}'`;
  assert.equal(longest.length, maxCharacters);
  assert.equal(matches(longest, { a: 'x' }), false);
  assert.throws(() => parseSelector(`${longest} `), /at most 65536 characters/);
  assert.throws(() => parseSelector('('.repeat(50_000_000)), /at most 65536 characters/);
});

test('parentheses may be as deep as the limit, and no deeper', () => {
  assert.ok(matches(inParentheses('a = 1', maxDepth), { a: 1 }));
  assert.throws(() => parseSelector(inParentheses('a = 1', maxDepth + 1)), /column 201: .*200/);
  assert.throws(() => parseSelector('('.repeat(maxCharacters)), /column 201/);
  const many = Array.from({ length: 1000 }, () => '((a = 1))').join(' AND ');
  assert.ok(matches(many, { a: 1 }), 'beside each other they are not deep');
});

test('every kind of node within every parenthesis still evaluates', () => {
  const wrap = (open: string, inner: string, close: string) =>
    open.repeat(maxDepth) + inner + close.repeat(maxDepth);
  assert.ok(matches(wrap('NOT (', 'a = 1', ')'), { a: 1 }));
  assert.ok(matches(wrap('b = 1 OR b = 2 AND NOT TRUE = (', 'a = 1', ')'), { a: 1, b: 2 }));
  assert.ok(matches(`${wrap('1 - 1 * -(', 'a', ')')} > 0`, { a: 1 }));
});

const LENGTH = 5000;
const chains: readonly [name: string, text: string][] = [
  ['OR', Array.from({ length: LENGTH }, (_, n) => `a=${n}`).join(' OR ')],
  ['AND', Array.from({ length: LENGTH }, (_, n) => `a<>${n}`).join(' AND ')],
  ['AND within OR', Array.from({ length: 3000 }, (_, n) => `a=${n} AND b=1`).join(' OR ')],
  ['+', `a = ${'1+'.repeat(LENGTH)}1`],
  ['*', `a > ${'2*'.repeat(LENGTH)}1`],
  ['NOT', `${'NOT '.repeat(LENGTH)}TRUE`],
  ['signs', `-5 = ${'-'.repeat(LENGTH)}a`],
  ['IN', `a IN (${Array.from({ length: LENGTH }, (_, n) => `'${n}'`).join(',')})`],
];
for (const [name, text] of chains) {
  test(`a chain of ${name} is as long as the text allows`, () => {
    const selector = parseSelector(text);
    for (const a of [-5, LENGTH - 1, LENGTH + 1, '4999', null]) selector.matches(() => a);
  });
}

test('long products do not grow without bounds', () => {
  const text = `a = ${'9223372036854775807 * '.repeat(2900)}1`;
  assert.equal(matches(text, { a: Number.POSITIVE_INFINITY }), true);
});

test('LIKE patterns have a limit of their own, all together', () => {
  const half = 'x'.repeat(maxPatternCharacters / 2);
  const text = `a LIKE '${half}' OR a LIKE '${half}'`;
  assert.ok(matches(text, { a: half }));
  assert.throws(() => parseSelector(`${text} OR a LIKE '%'`), /at most 2048 characters together/);
});

test('a pattern with many ways to fail takes no longer for it', () => {
  const steps = 40;
  const text = 'a'.repeat(200);
  assert.equal(matches(`s LIKE '${'%a'.repeat(steps)}%b'`, { s: text }), false);
  assert.equal(matches(`s LIKE '${'%_'.repeat(steps)}%b'`, { s: text }), false);
  assert.equal(matches(`s LIKE '${'%a'.repeat(steps)}%'`, { s: text }), true);
  const long = 'a'.repeat(maxCharacters);
  const startMs = performance.now();
  assert.equal(matches(`s LIKE '%${'a_'.repeat(1000)}b'`, { s: long }), false);
  assert.ok(performance.now() - startMs < FAR_FROM_LINEAR_MS);
});

const HOSTILE: readonly [part: string, tail: string][] = [
  ['1', 'dx'],
  ['1', '.'],
  ['1', 'e'],
  ['.', ''],
  ['0', '9'],
  ['1e1', ''],
  ['x', '.'],
  ['a\u0301', '!'],
  ["'", ''],
  ['"', ''],
  [' ', '!'],
  ['- ', ''],
  ['NOT ', ''],
  ['😀', ''],
];
for (const [part, tail] of HOSTILE) {
  test(`${JSON.stringify(part)} many times, and then ${JSON.stringify(tail)}, takes no longer than its length`, () => {
    const room = maxCharacters - 'a = '.length - tail.length;
    const text = `a = ${part.repeat(Math.floor(room / part.length))}${tail}`;
    const startMs = performance.now();
    try {
      parseSelector(text);
    } catch (error) {
      assert.ok(error instanceof HoldfastError, String(error));
    }
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < FAR_FROM_LINEAR_MS, `${tookMs} ms`);
  });
}

test('an error of the property source passes through', () => {
  const selector = parseSelector('a = 1');
  assert.throws(() => {
    selector.matches(() => {
      throw new TypeError('no such message');
    });
  }, /no such message/);
});

test('a property source may ask the same selector about another message', () => {
  const selector = parseSelector('a + b / 2 = 8 AND a = 5');
  const inner = () => selector.matches((name) => (name === 'a' ? 5.5 : 5.5));
  const matched = selector.matches((name) => {
    inner();
    return name === 'a' ? 5 : 7;
  });
  assert.equal(matched, true);
});
