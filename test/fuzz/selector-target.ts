/** Selectors: what they mean, and what becomes of a text that is none. */
import { type SelectorCase, selectorCase, selectorText } from '../support/selectors/arbitraries.js';
import { checkAgreement, checkAnyText } from '../support/selectors/checks.js';
import { defineTarget } from './target.js';

export const selector = defineTarget<SelectorCase>({
  name: 'selector',
  promise: 'a selector matches what a slow interpreter of the specification says, however written',
  inputsInTests: 300,
  inputs: selectorCase,
  check: checkAgreement,
});

export const selectorTexts = defineTarget<string>({
  name: 'selector-text',
  promise: 'any text is a selector that can be evaluated, or one error that says where and why not',
  inputsInTests: 300,
  inputs: selectorText,
  check: checkAnyText,
});
