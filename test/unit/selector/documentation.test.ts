/** What docs/selectors.md shows is so. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HoldfastError } from '../../../src/platform/errors.js';
import { SELECTOR_LIMITS } from '../../../src/selector/limits.js';
import { parseSelector } from '../../../src/selector/selector.js';
import { repositoryRoot } from '../../support/repository-root.js';

const page = readFileSync(join(repositoryRoot(), 'docs', 'selectors.md'), 'utf8');

test('the examples are selectors', () => {
  const examples = /```selector\n([^`]+)```/.exec(page)?.[1]?.trim().split('\n') ?? [];
  assert.ok(examples.length >= 5);
  for (const example of examples) assert.ok(parseSelector(example).identifiers.length > 0);
});

test('the limits are these', () => {
  for (const limit of Object.values(SELECTOR_LIMITS)) {
    assert.ok(page.includes(`| ${limit.toLocaleString('en-US')}`), `the page lacks ${limit}`);
  }
});

test('the error is this', () => {
  try {
    parseSelector('n IN (1, 2)');
  } catch (error) {
    assert.ok(error instanceof HoldfastError);
    assert.ok(page.includes(error.message), error.message);
    return;
  }
  assert.fail('it was accepted');
});

test('what the page calls refused is refused', () => {
  for (const text of [
    ...["price > 'cheap'", "'a' + 1 = 2", 'color = NULL', "'red'", '5', 'a = 1_000', 'a = 0b11'],
    ...['a = 0x1p3', 'a = b = c', 'a % 2 = 1', "XPATH 'a'", 'a IN (1)', '\u0001a = 1'],
  ]) {
    assert.throws(() => parseSelector(text), HoldfastError, text);
  }
});
