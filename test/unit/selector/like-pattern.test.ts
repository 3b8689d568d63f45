import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LikePattern } from '../../../src/selector/like-pattern.js';

const ROWS: readonly [pattern: string, escape: string | null, yes: string[], no: string[]][] = [
  ['', null, [''], ['a', ' ']],
  ['%', null, ['', 'a', 'abc\n'], []],
  ['%%', null, ['', 'a'], []],
  ['_', null, ['a', '%', '\n', '😀', 'é'], ['', 'ab', 'e\u0301']],
  ['__', null, ['ab', '😀😀'], ['😀', 'abc']],
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
