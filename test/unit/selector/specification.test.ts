/** Examples for each clause of Jakarta Messaging 3.1, section 3.8.1. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSelector } from '../../../src/selector/selector.js';
import { check, matches } from './examples.js';

const CAR = {
  JMSType: 'car',
  color: 'blue',
  weight: 2600,
  isNew: true,
  isSold: false,
  price: 9.5,
  id: 9007199254740993n,
  NumberOfOrders: '2',
  quote: "it's",
  empty: '',
};

check('3.8.1.1: string literals are in single quotes, and a quote within is written twice', CAR, [
  ["color = 'blue'", true],
  ["color = 'Blue'", false],
  ["quote = 'it''s'", true],
  ["empty = ''", true],
  ["empty = ''''", false],
  ["color = 'blue '", false],
]);

test('3.8.1.1: a string may have any characters', () => {
  assert.ok(matches("s = 'a\nb\u0000" + '"' + "😀'", { s: 'a\nb\u0000"😀' }));
});

check('3.8.1.1: exact literals have the syntax of Java', { n: 57, low: -(2n ** 63n) }, [
  ['n = 57', true],
  ['n = +57', true],
  ['n = -57', false],
  ['n = 57L', true],
  ['n = 57l', true],
  ['n = 0x39', true],
  ['n = 0X39L', true],
  ['n = 071', true],
  ['0 = 00', true],
  ['low = -9223372036854775808', true],
  ['low = - 9223372036854775808L', true],
  ['low = 0x8000000000000000', true],
  ['-1 = 0xFFFFFFFFFFFFFFFF', true],
  ['4294967295 = 0xFFFFFFFF', true],
  ['9223372036854775807 = 0x7fffffffffffffffL', true],
  ['0x1e+5 = 35', true],
]);

check('3.8.1.1: approximate literals have the syntax of Java', { n: 7, f: Math.fround(0.1) }, [
  ['n = 7.', true],
  ['n = 7.0', true],
  ['n = 7d', true],
  ['n = 7F', true],
  ['n = 07.', true],
  ['n = 70e-1', true],
  ['n = .7E1', true],
  ['n = .7E+1', true],
  ['7E3 = 7000', true],
  ['-57.9E2 = -5790', true],
  ['-95.7 < +6.2', true],
  ['f = 0.1f', true],
  ['f = 0.1', false],
]);

check('3.8.1.1: TRUE and FALSE are literals, and keywords know no case', CAR, [
  ['TRUE', true],
  ['false', false],
  ['isNew = tRuE', true],
  ["color iN ('blue') aNd NoT isSold", true],
]);

test('3.8.1.1: names have the letters and digits of Java, and their case matters', () => {
  for (const name of [
    '_',
    '$',
    'a1',
    'naïve',
    'größe',
    '颜色',
    'x٣',
    '€',
    'a\u0301',
    'ANDY',
    'İN',
  ]) {
    assert.deepEqual(parseSelector(`${name} = 1`).identifiers, [name]);
  }
  assert.ok(matches('Color = 1 AND color = 2', { Color: 1, color: 2 }));
});

test('names in double quotes may be anything', () => {
  for (const name of [
    'order-id',
    'a.b',
    'AND',
    'two words',
    'say "hi"',
    "it's",
    '1st',
    '__proto__',
  ]) {
    const text = `"${name.replaceAll('"', '""')}" = 'x'`;
    assert.deepEqual(parseSelector(text).identifiers, [name]);
    assert.ok(parseSelector(text).matches((asked) => (asked === name ? 'x' : null)));
  }
  assert.ok(matches('"color" = color', { color: 'red' }), 'quotes change nothing');
});

test('the names of a selector are told once each, in the order of their first use', () => {
  const text = "b = 1 AND a LIKE 'x' OR b IN ('y') AND c IS NULL OR d BETWEEN b AND e + f";
  assert.deepEqual(parseSelector(text).identifiers, ['b', 'a', 'c', 'd', 'e', 'f']);
  assert.deepEqual(parseSelector('TRUE').identifiers, []);
});

check('3.8.1.1: a property keeps the type that it was set with', CAR, [
  ['NumberOfOrders > 1', false],
  ['NumberOfOrders = 2', false],
  ["NumberOfOrders = '2'", true],
]);

check('3.8.1.1: white space is that of Java', CAR, [
  ["\t color\f=\r\n'blue'\n", true],
  ["color='blue'AND(weight>2500)", true],
  ["NOT(color='red')", true],
]);

check('3.8.1.1: a selector is a condition, and a property may be one', CAR, [
  ['isNew', true],
  ['isSold', false],
  ['missing', null],
  ['color', false],
  ['weight', false],
  ['(isNew)', true],
  ["JMSType = 'car' AND color = 'blue' AND weight > 2500", true],
]);

check('3.8.1.1: NOT binds more than AND, and AND more than OR', CAR, [
  ['TRUE OR FALSE AND FALSE', true],
  ['(TRUE OR FALSE) AND FALSE', false],
  ['NOT FALSE AND FALSE', false],
  ['NOT (FALSE AND FALSE)', true],
  ['NOT TRUE OR TRUE', true],
  ["NOT color = 'red'", true],
  ['NOT NOT isNew', true],
  ['NOT NOT NOT isNew', false],
]);

check('3.8.1.1: comparison', { n: 5, x: 5.5, big: 2n ** 53n + 1n, nan: Number.NaN }, [
  ['n = 5', true],
  ['n = 6', false],
  ['n = 4.0', false],
  ['big = 5', false],
  ['5.0 = big', false],
  ['n <> 5', false],
  ['n <> 6', true],
  ['n < 5', false],
  ['n <= 5', true],
  ['n > 4', true],
  ['n >= 6', false],
  ['5 = n', true],
  ['4 < n', true],
  ['x > n', true],
  ['n = 5.0', true],
  ['big = 9007199254740993', true],
  ['big = 9007199254740992', false],
  ['big > 9007199254740992.0', true],
  ['big = 9007199254740992.0', false],
  ['big <> 9007199254740992.0', true],
  ['big < 1e300', true],
  ['nan = nan', false],
  ['nan <> nan', true],
  ['nan >= 0', false],
]);

check('3.8.1.1: the comparison of unlike types is false, also <>', CAR, [
  ['color = 5', false],
  ['color <> 5', false],
  ['weight = color', false],
  ['weight <> color', false],
  ['isNew = 1', false],
  ['isNew <> 1', false],
  ["isNew = 'true'", false],
  ["1 = '1'", false],
  ["id <> '9007199254740993'", false],
]);

check('3.8.1.1: strings and booleans are only equal or not', CAR, [
  ["color <> 'red'", true],
  ['isNew <> isSold', true],
  ['isNew = TRUE', true],
  ['color < weight', false],
  ['color < quote', false],
  ['isNew >= isSold', false],
  ["(color = 'blue') = isNew", true],
  ['(weight > 1) <> (weight > 3000)', true],
]);

check('3.8.1.1: arithmetic has the precedence of signs, * and /, + and -', { n: 7, x: 7.5 }, [
  ['n + 2 * 3 = 13', true],
  ['(n + 2) * 3 = 27', true],
  ['10 - 4 - 3 = 3', true],
  ['24 / 4 / 2 = 3', true],
  ['2 * -n = -14', true],
  ['- - n = 7', true],
  ['--n = +7', true],
  ['-n - -n = 0', true],
  ['n+1=8', true],
  ['n-1=6', true],
  ['n * 2 > x + 6', true],
]);

check(
  '3.8.1.1: arithmetic promotes as Java does',
  { n: 7, x: 7.5, zero: 0, minusZero: -0, long: 2n ** 62n },
  [
    ['n / 2 = 3', true],
    ['-n / 2 = -3', true],
    ['n / 2.0 = 3.5', true],
    ['n / 2f = 3.5', true],
    ['2 * x / 2 = 7.5', true],
    ['(x - 0.5) / 2 = 3.5', true],
    ['n * 1.0 / 2 = 3.5', true],
    ['1 / 3 * 3 = 0', true],
    ['long + 1 = 4611686018427387905', true],
    ['long / 3 = 1537228672809129301', true],
    ['9007199254740991 + 2 = 9007199254740993', true],
    ['94906267 * 94906267 = 9007199515875289', true],
    ['9007199254740993 - 9007199254740992 = 1', true],
    ['long * 4 * 4 > 7e19', true],
    ['-(-1 * zero) = 0', true],
    ['1.5 / (0 * -5) > 0', true],
    ['1.5 / -zero > 0', true],
    ['1.5 / -0 > 0', true],
    ['1.5 / -0.0 < 0', true],
    ['1 / minusZero < 0', true],
    ['-(-long * 2) = 9223372036854775808.0', true],
    ['- - (long * 3) = long * 3', true],
  ],
);

check('an exact division by zero is unknown, an approximate one infinite', { n: 7, x: 7.5 }, [
  ['n / 0 = 1', null],
  ['n / (2 - 2) > 0', null],
  ['9223372036854775807 / 0 = 1', null],
  ['n / 0.0 > 1e308', true],
  ['x / 0 > 1e308', true],
  ['0 / 0 = 0', null],
  ['0 / 0.0 = 0', false],
]);

check('arithmetic with what is no number is unknown', CAR, [
  ['color + 1 = 1', null],
  ['-color = 1', null],
  ['+isNew = 1', null],
  ["+color = 'blue'", null],
  ['missing * 0 = 0', null],
]);

check('3.8.1.1: BETWEEN', { age: 15, name: 'x' }, [
  ['age BETWEEN 15 AND 19', true],
  ['age BETWEEN 10 AND 15', true],
  ['age BETWEEN 16 AND 19', false],
  ['age BETWEEN 19 AND 15', false],
  ['age NOT BETWEEN 15 AND 19', false],
  ['age NOT BETWEEN 16 AND 19', true],
  ['age + 1 BETWEEN age AND age * 2', true],
  ['age BETWEEN 1 AND 20 AND FALSE', false],
  ['20 BETWEEN age AND 30', true],
  ['name BETWEEN 1 AND 2', false],
  ['name NOT BETWEEN 1 AND 2', false],
  ['missing BETWEEN 1 AND 2', null],
  ['missing NOT BETWEEN 1 AND 2', null],
  ['age BETWEEN missing AND 10', false],
  ['age BETWEEN missing AND 20', null],
  ['age NOT BETWEEN missing AND 10', true],
]);

check('3.8.1.1: IN', { Country: 'UK', n: 5 }, [
  ["Country IN ('UK', 'US', 'France')", true],
  ["Country IN ('Peru')", false],
  ["Country NOT IN ('UK', 'US', 'France')", false],
  ["Country NOT IN ('Peru')", true],
  ["Country IN ('uk')", false],
  ["missing IN ('UK')", null],
  ["missing NOT IN ('UK')", null],
  ["n IN ('5')", false],
  ["n NOT IN ('5')", true],
]);

check('3.8.1.1: LIKE', { phone: '12993', word: 'lose', under: '_foo', n: 5, percent: '10%' }, [
  ["phone LIKE '12%3'", true],
  ["phone LIKE '12%4'", false],
  ["word LIKE 'l_se'", true],
  ["word LIKE 'l_'", false],
  ["word LIKE 'LOSE'", false],
  ["under LIKE '\\_%' ESCAPE '\\'", true],
  ["word LIKE '\\_%' ESCAPE '\\'", false],
  ["phone NOT LIKE '12%3'", false],
  ["word NOT LIKE '12%3'", true],
  ["percent LIKE '10!%' ESCAPE '!'", true],
  ["phone LIKE '10!%' ESCAPE '!'", false],
  ["word LIKE 'l!o!se' ESCAPE '!'", true],
  ["missing LIKE '%'", null],
  ["missing NOT LIKE '%'", null],
  ["n LIKE '5'", false],
  ["n NOT LIKE '5'", true],
]);

check('3.8.1.1: IS NULL', { set: 'x', nothing: null }, [
  ['set IS NULL', false],
  ['set IS NOT NULL', true],
  ['missing IS NULL', true],
  ['missing IS NOT NULL', false],
  ['nothing IS NULL', true],
  ['"set" is not null', true],
]);

const UNKNOWN = 'missing = 1';
check('3.8.1.2: with null every comparison is unknown', CAR, [
  [UNKNOWN, null],
  ['missing <> 1', null],
  ['missing = missing', null],
  ['missing < 1', null],
  ["'x' <> missing", null],
  ['(missing = 1) = TRUE', null],
]);

check('3.8.1.2: AND, OR and NOT of three values', CAR, [
  [`TRUE AND ${UNKNOWN}`, null],
  [`${UNKNOWN} AND TRUE`, null],
  [`FALSE AND ${UNKNOWN}`, false],
  [`${UNKNOWN} AND FALSE`, false],
  [`${UNKNOWN} AND ${UNKNOWN}`, null],
  [`TRUE OR ${UNKNOWN}`, true],
  [`${UNKNOWN} OR TRUE`, true],
  [`FALSE OR ${UNKNOWN}`, null],
  [`${UNKNOWN} OR FALSE`, null],
  [`${UNKNOWN} OR ${UNKNOWN}`, null],
  [`NOT ${UNKNOWN}`, null],
  [`TRUE AND ${UNKNOWN} AND FALSE`, false],
  [`FALSE OR ${UNKNOWN} OR TRUE`, true],
  [`TRUE AND ${UNKNOWN} AND TRUE`, null],
  [`FALSE OR ${UNKNOWN} OR FALSE`, null],
]);
