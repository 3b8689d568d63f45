/** What must hold of every selector, and of every text that is taken for one. */
import assert from 'node:assert/strict';
import { HoldfastError } from '../../../src/platform/errors.js';
import type { PropertySource } from '../../../src/selector/property-source.js';
import { parseSelector, type Selector } from '../../../src/selector/selector.js';
import type { SelectorCase } from './arbitraries.js';
import { matchesSlowly } from './interpreter.js';
import { printSelector } from './printer.js';
import { type Samples, sampleValue } from './tree.js';

const LONGEST_ERROR = 1500;

function propertiesOf(samples: Samples): PropertySource {
  return (name) => {
    const sample = Object.hasOwn(samples, name) ? samples[name] : undefined;
    return sample === undefined ? null : sampleValue(sample);
  };
}

/** The parsed text and the tree that it was printed from agree about every message. */
export function checkAgreement({ tree, layout, messages }: SelectorCase): void {
  const text = printSelector(tree, layout);
  const selector = parseSelector(text);
  const named = new Set(selector.identifiers);
  for (const samples of messages) {
    const propertyOf = propertiesOf(samples);
    const matches = selector.matches((name) => {
      assert.ok(named.has(name), `${name} is not among the identifiers`);
      return propertyOf(name);
    });
    assert.equal(matches, matchesSlowly(tree, samples), text);
  }
}

/** Any text is a selector, which any message can be held against, or one error that says where. */
export function checkAnyText(text: string): void {
  let selector: Selector;
  try {
    selector = parseSelector(text);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    assert.equal(error.code, 'CLIENT_FAILED');
    assert.match(
      error.message,
      /^The selector is wrong at column [1-9][0-9]*: expected .+, found /,
    );
    assert.ok(error.message.length < LONGEST_ERROR, `${error.message.length} characters`);
    assert.doesNotMatch(error.message, /\p{Cc}/u);
    return;
  }
  for (const value of [null, true, 0, 1.5, 7n, 'a']) selector.matches(() => value);
}
