import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LikePattern } from '../../../src/selector/like-pattern.js';

/** The state of a pattern of 31 places fills a word; longer ones have several. */
const LENGTHS = [29, 30, 31, 32, 33, 62, 63, 64, 65, 100];

const ROWS: readonly [pattern: string, escape: string | null, yes: string[], no: string[]][] = [
  ['', null, [''], ['a', ' ']],
  ['%', null, ['', 'a', 'abc\n'], []],
  ['%%', null, ['', 'a'], []],
  ['_', null, ['a', '%', '\n', '😀', 'é'], ['', 'ab', 'e\u0301']],
  ['__', null, ['ab', '😀😀'], ['😀', 'abc']],
  ['_😀', null, ['😀😀', 'a😀', 'é😀'], ['😀', '😀a']],
  ['é_', null, ['éé', 'éa', 'é😀'], ['é', 'aé']],
  ['%_', null, ['a', 'abc', '😀'], ['']],
  ['_%', null, ['a', 'abc', '😀'], ['']],
  ['a%b', null, ['ab', 'aab', 'abab', 'a\nb'], ['a', 'b', 'abc', 'bab']],
  ['%ab', null, ['ab', 'aab', 'abab'], ['aba', 'a']],
  ['%a%b%', null, ['ab', 'xaxbx', 'bab'], ['ba', 'a']],
  ['%aab%', null, ['aaab', 'aabaab', 'aaaab'], ['aba', 'aa']],
  ['%a_c%', null, ['aabc', 'xabcx', 'a😀c'], ['ac', 'aabbc']],
  ['.*', null, ['.*'], ['', 'ab']],
  ['a!%', '!', ['a%'], ['a', 'ab', 'a!%']],
  ['a!_b', '!', ['a_b'], ['axb']],
  ['a!!b', '!', ['a!b'], ['ab', 'a!!b']],
  ['!a', '!', ['a'], ['!a']],
  ['%%', '%', ['%'], ['', 'a']],
  ['_%_', '%', ['a_', '__'], ['ab', '_']],
  ['😀%', '😀', ['%'], ['😀', 'a']],
];

for (const [pattern, escapeCharacter, yes, no] of ROWS) {
  test(`LIKE '${pattern}'${escapeCharacter === null ? '' : ` ESCAPE '${escapeCharacter}'`}`, () => {
    const like = new LikePattern(pattern, escapeCharacter);
    for (const text of yes) assert.ok(like.matches(text), `matches ${JSON.stringify(text)}`);
    for (const text of no) assert.ok(!like.matches(text), `does not match ${JSON.stringify(text)}`);
  });
}

for (const length of LENGTHS) {
  test(`a pattern of ${length} places`, () => {
    const text = Array.from({ length }, (_, index) => 'abcdefg'[index % 7]).join('');
    const half = Math.floor(length / 2);
    const middle = text.slice(1, -1);
    const yes = [text, `%${text}`, `${text}%`, `${text.slice(0, half)}%${text.slice(half)}`];
    yes.push(`_${middle}_`, `%${middle}_`, `_${'%_'.repeat(length - 1)}`, `%${middle}%`);
    for (const pattern of yes) assert.ok(new LikePattern(pattern, null).matches(text), pattern);
    const no = [`${text}_`, `_${text}`, middle, `%${middle}`, `${text.slice(0, -1)}x`, `x%${text}`];
    for (const pattern of no) assert.ok(!new LikePattern(pattern, null).matches(text), pattern);
    const around = new LikePattern(`%${text}😀%`, null);
    assert.ok(around.matches(`${text}${text}😀${text}`));
    assert.ok(around.matches(`xx${text}😀`), 'and again');
    assert.ok(!around.matches(`${text}é😀${text}`));
  });
}
